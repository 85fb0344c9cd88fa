/*
 * Oracles: who decides that a play went wrong.
 *
 * Each is a file of its own, can be switched off (XENBLK_ORACLES=-memory, or
 * XENBLK_ORACLES=grants,work for these alone) to see what it alone catches, and
 * fails by a line that starts with its name and abort().  An oracle never
 * guesses: where the protocol leaves the outcome free (two requests in flight
 * that touch the same sector), it accepts every outcome; see model.h.
 */
#pragma once

#include <stdbool.h>

enum oracle {
	ORACLE_RESPONSES, /* one answer per request, the right one */
	ORACLE_MEMORY,	  /* guest pages, byte for byte */
	ORACLE_STORAGE,	  /* the disk, byte for byte, and who asked for it */
	ORACLE_FLUSH,	  /* what a flush promised is durable */
	ORACLE_ORDER,	  /* a barrier is alone on the disk */
	ORACLE_RING,	  /* the shared page: only what a backend may write */
	ORACLE_GRANTS,	  /* mappings: none forgotten, none pulled away */
	ORACLE_RESOURCES, /* ports, handles, heap: as before */
	ORACLE_PROGRESS,  /* nothing waits while everybody sleeps */
	ORACLE_EVENTS,	  /* the guest is woken as it asked */
	ORACLE_WORK,	  /* one turn does a bounded amount */
	ORACLE_ATTACH,	  /* a connection succeeds, or is refused, as it must */
	ORACLE_DECODE,	  /* the pure decoder against the plain reference */
	ORACLE_INDEPENDENCE, /* a queue alone, and beside others */
	ORACLE_QUEUES,	     /* the same requests over several queues or one */
	ORACLE_ABI,	     /* the same requests in both layouts */
	ORACLE_WAYS,	     /* the same data copied, mapped, staged */
	ORACLE_UNTOUCHED,    /* what is refused costs no grants */
	ORACLE_WAKES,	     /* the guest is not woken without asking */
	ORACLE_LOG,	     /* a bounded number of lines */
	ORACLE_TRANSFERS,    /* the rest of a short transfer, and no more */
	ORACLE_REFETCH,	     /* no byte of the guest's is looked at twice */
	ORACLE_RECORDS,	     /* what a worker records is what it did */
	ORACLE_STATES,	     /* the backend's state node: legal steps */
	ORACLE_NODES,	     /* all that belongs to a state, with it */
	ORACLE_READS,	     /* a frontend's nodes: once, none later */
	ORACLE_BUDGET,	     /* what one cause costs the supervisor */
	ORACLE_REMOVED,	     /* a directory that was removed stays away */
	ORACLE_TALK,	     /* what a worker is told */
	ORACLE_READING,	     /* a connection follows from what was read */
	ORACLE_DAEMON,	     /* xenblkd lives, answers, ends in order */
	ORACLE_PAGE,	     /* the page of metrics: one that collectors take */
	ORACLE_COUNT,
};

/** oracle_name() - as in the environment variable and in reports. */
const char *oracle_name(enum oracle oracle);

/** oracle_enabled() - XENBLK_ORACLES, read at the first call. */
bool oracle_enabled(enum oracle oracle);

/**
 * oracle_fail() - say what is wrong and abort, unless this oracle is off.
 *
 * Returns only when the oracle is off: callers then go on as if the finding
 * were legal.
 */
void oracle_fail(enum oracle oracle, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
