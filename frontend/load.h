/*
 * The load generator: keeps a number of requests in flight on every queue of a
 * connected frontend, checks what it reads, measures what it waits for.
 *
 * Called by xenblk-front, the bench and the tests.  It uses a thread per queue
 * (or one thread in turn, when the frontend's waiting was replaced), allocates
 * everything before the first request, and makes no system call per request
 * but a notification that the backend asked for and a wait with nothing to do.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "frontend/front.h"

/* The largest request; with more than 11 pages its segments are indirect. */
#define LOAD_MAX_BLOCK_BYTES (FRONT_MAX_INDIRECT * FRONT_PAGE_BYTES)
#define LOAD_MAX_SIZES	     16u
#define LOAD_MAX_DEPTH	     512u
/* How often a sector may be told to have been written. */
#define LOAD_MAX_GENERATION 0x3fffffffu

/* One size of a mix and how often it is taken, relative to the others. */
struct load_size {
	uint32_t bytes; /* a multiple of 512, up to LOAD_MAX_BLOCK_BYTES */
	uint32_t weight;
};

struct load_options {
	unsigned int queues; /* how many of the device's; 0: all */
	unsigned int
		depth; /* in flight per queue, up to the ring's slots; 0: 32 */
	uint32_t
		block_bytes; /* of every request; 0: 4096; ignored with a mix */
	struct load_size size[LOAD_MAX_SIZES]; /* the mix */
	unsigned int sizes; /* entries of it; 0: block_bytes only */
	/* Of all requests, 0 .. 100 together; what the backend offers. */
	unsigned int flush_percent, barrier_percent, discard_percent;
	unsigned int write_percent; /* of the others; the rest are reads */
	bool sequential; /* each queue goes through its part in order; else
			    random */
	uint64_t region_start;	 /* first sector that may be used */
	uint64_t region_sectors; /* how many from there; 0: up to the disk's end
				  */
	double seconds;		 /* ends after this time ... */
	uint64_t operations; /* ... or after so many requests (all queues); 0:
				no bound */
	bool verify; /* writes carry a pattern, reads are compared with it */
	uint32_t expect;  /* generation that every sector holds already; 0:
			     unknown */
	uint64_t seed;	  /* of positions, sizes and patterns */
	uint64_t spin_ns; /* look at the ring for so long before sleeping;
			     UINT64_MAX: never sleep */
	unsigned int event_after; /* ask for an event after so many responses;
				     0, 1: the next */
	const int *cpus;	/* thread i is pinned to cpus[i % cpu_count] */
	unsigned int cpu_count; /* 0: not pinned */
	atomic_bool *stop; /* set by somebody else: finish early; may be NULL */
};

/* Sums over all queues. */
struct load_result {
	uint64_t operations, reads, bytes;
	uint64_t writes; /* barriers among them */
	uint64_t barriers, flushes, discards;
	uint64_t errors; /* responses with another status than OKAY */
	uint64_t
		mismatches; /* sectors read that do not hold what was written */
	uint64_t verified;  /* sectors compared */
	uint64_t protocol;  /* responses with an unknown id or another operation
			     */
	double seconds;	    /* first request to last response */
	double cpu_seconds; /* user + system of the threads that drove the
			       queues */
	double mean_ns;
	uint64_t p50_ns, p99_ns, p999_ns, max_ns;
	uint64_t pushes;   /* times requests were published */
	uint64_t notifies; /* of these, times the backend had asked to be
			      notified */
	uint64_t wakeups;  /* times a queue slept */
	unsigned int queues, depth;
	char complaint[160]; /* the first error, mismatch or protocol violation
			      */
};

/**
 * load_run() - drive the device as the options say, wait for the last response.
 *
 * Run it once to warm up and again to measure: it leaves the connection as it
 * found it, with nothing in flight.
 * Return: 0 when it ran (look at errors and mismatches); -EINVAL when the
 * options do not fit the disk or the ring (complaint says why); -ETIMEDOUT when
 * responses stayed away; another -errno.
 */
int load_run(struct front *front, const struct load_options *options,
	     struct load_result *result);
