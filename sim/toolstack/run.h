/*
 * xenblk-sim run: a world around one command.
 *
 * Three kinds of processes: the one that was called waits and passes signals
 * on; its child, the keeper, owns everything that runs in the world and ends it
 * all, also when the first one is killed; the keeper's children are the broker,
 * the store daemon and the command.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sim/toolstack/place.h"

struct run_options {
	const char *directory; /* NULL: a private one under $TMPDIR */
	const char *xenstored; /* NULL: the newest installed one */
	bool keep;	       /* leave the directory behind */
	char **command;
};

enum {
	RUN_USAGE = 2,
	RUN_NOTHING = 3,
	RUN_TOOL = 4,
};

/**
 * run_world() - make a world, run the command in it; the exit status to use.
 */
int run_world(const struct run_options *options);

/**
 * keeper_run() - the keeper's whole life, in a process of its own.
 * @parent: whose death ends the world
 *
 * Return: the exit status of the command, or RUN_TOOL.
 */
int keeper_run(const struct place *place, const struct run_options *options,
	       pid_t parent);

/* --- what the keeper starts: store.c --- */

/**
 * store_find() - the C xenstored to use.
 *
 * Return: 0, or -ENOENT with a sentence on standard error.
 */
int store_find(const char *wanted, char *path, size_t bytes);

/** store_start() - start it on the world's broker; its process id or -errno. */
pid_t store_start(const struct place *place, const char *path,
		  const char *library);

/**
 * store_prepare() - wait until it answers, write what dom0's start-up writes.
 * @store: its process id: its end is a failure
 *
 * Return: 0, or -errno with a sentence on standard error.
 */
int store_prepare(const struct place *place, pid_t store);

/* --- ends.c: how to end what was started --- */

/* Children that may go on; 0 for none. */
struct ends_spared {
	pid_t first, second;
};

/**
 * ends_descendants() - end every other child of this process, and what they
 * leave behind, politely first; reaps them all.
 */
void ends_descendants(struct ends_spared spared);
