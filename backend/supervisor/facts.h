/*
 * What the toolstack wrote into a disk's backend directory.
 *
 * Read by device.c when the directory appears and again when the disk starts
 * anew.  These nodes are dom0's; still every one is bounded and checked, and
 * nothing is taken from the frontend's directory that belongs here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/supervisor/store.h"

#define FACTS_SENTENCE_BYTES 512u

struct facts {
	char params[STORE_VALUE_BYTES];
	char frontend[STORE_PATH_BYTES]; /* its directory */
	unsigned int state;		 /* of the backend, as found */
	bool readonly;
	bool cdrom;
	bool removable;
};

/**
 * facts_read() - all of a disk's facts.
 * @sentence: what is wrong, for -EINVAL
 *
 * Return: 0; -ENOENT when there is no such disk; -EAGAIN when the toolstack has
 * not written everything yet; -EINVAL; or -errno of xenstore.
 */
int facts_read(struct store *store, const char *directory, uint32_t domid,
	       struct facts *facts, char *sentence);

/**
 * facts_state() - an xenbus state node: 0 .. 8; 0 also for garbage.
 *
 * Return: the state, -ENOENT when the node is absent, or -errno.
 */
int facts_state(struct store *store, const char *directory);

/** facts_online() - whether the toolstack wants the disk to stay (P7). */
bool facts_online(struct store *store, const char *directory);
