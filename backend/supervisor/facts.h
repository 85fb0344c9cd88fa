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
	bool discard; /* the toolstack does not forbid it (E1) */
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

/**
 * facts_params() - the node params alone, which a toolstack rewrites when it
 * changes a medium.
 * @params: STORE_VALUE_BYTES
 * @sentence: what is wrong, for -EINVAL
 *
 * Return: as facts_read().
 */
int facts_params(struct store *store, const char *directory, char *params,
		 char *sentence);

/**
 * facts_no_medium() - whether they name a drive without a medium (K16).
 */
bool facts_no_medium(const struct facts *facts);

/**
 * facts_number() - a node with a decimal number, which may be absent.
 * @value: set only when there is one
 *
 * Return: 0, also when the node is absent; -ERANGE when it is no number from 0
 * to @max; or -errno of xenstore, which is never that.
 */
int facts_number(struct store *store, const char *directory, const char *key,
		 uint64_t max, uint64_t *value);

/** facts_online() - whether the toolstack wants the disk to stay (P7). */
bool facts_online(struct store *store, const char *directory);
