/*
 * One queue under load: its slots, its part of the disk, its figures.
 *
 * Private to the load generator: load.c makes drivers and sums them up, a
 * thread (or load.c in turn) drives them.  Nothing is shared between two
 * drivers.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "frontend/latency.h"
#include "frontend/load.h"

struct driver_slot {
	struct front_request request;
	struct front_page *page; /* as many as the largest block has */
	struct front_page list;	 /* of descriptors, if that are more than 11 */
	uint64_t issued_ns;
	uint64_t unit; /* first unit of the region that it covers */
	uint32_t bytes;
	unsigned int last;   /* its last segment, which may be a part */
	uint32_t generation; /* that a write brings, with verification */
	uint8_t operation;   /* DRIVER_READ and so on, however it is sent */
	bool used;
};

struct driver {
	struct front_queue *queue;
	const struct load_options *options;
	struct driver_slot *slot;
	struct front_page *page; /* of all slots */
	unsigned int pages;	 /* of one */
	uint16_t *free;		 /* a stack of slots */
	unsigned int free_count, depth, in_flight, index;
	uint64_t start;	     /* first sector of this driver's part */
	uint64_t units;	     /* how many units it has */
	uint32_t unit_bytes; /* positions and sizes are multiples of it */
	uint32_t weights;    /* sum of the mix */
	uint32_t *state;     /* per unit: generation and flags; verification */
	uint64_t random;
	uint64_t cursor;
	uint64_t quota; /* requests still to issue; UINT64_MAX: no bound */
	uint64_t begin_ns, end_ns, stop_ns, idle_ns;
	double cpu_seconds;
	int error;
	struct latency latency;
	struct load_result result; /* of this queue */
};

/* Beside a unit's generation. */
#define DRIVER_BUSY    0x80000000u
#define DRIVER_UNKNOWN 0x40000000u /* discarded, or half written */
#define DRIVER_FLAGS   (DRIVER_BUSY | DRIVER_UNKNOWN)
_Static_assert(DRIVER_FLAGS == ~LOAD_MAX_GENERATION, "nothing overlaps");

/* BLKIF_OP_READ and so on: Xen's header wants much for six numbers. */
enum {
	DRIVER_READ = 0,
	DRIVER_WRITE = 1,
	DRIVER_BARRIER = 2,
	DRIVER_FLUSH = 3,
	DRIVER_DISCARD = 5,
	DRIVER_INDIRECT = 6,
};

static inline bool driver_writes(uint8_t operation)
{
	return operation == DRIVER_WRITE || operation == DRIVER_BARRIER;
}

/* How many units of the region a request covers. */
static inline uint64_t driver_slot_units(const struct driver *driver,
					 const struct driver_slot *slot)
{
	return slot->bytes / driver->unit_bytes;
}

/** driver_segment() - a segment of a slot, both as the ring and as a page names
 * it; it begins at its page's begin. */
void driver_segment(struct driver_slot *slot, unsigned int i,
		    uint8_t last_sector);

/**
 * driver_pick() - the next request; false when all that was tried is in flight.
 */
bool driver_pick(struct driver *driver, struct driver_slot *slot);

/**
 * driver_stamp() - before a request is issued: fill what it writes, mark it
 * busy.
 */
void driver_stamp(struct driver *driver, struct driver_slot *slot);

/**
 * driver_check() - after its response: compare what it read, note what it
 * wrote.
 */
void driver_check(struct driver *driver, const struct driver_slot *slot,
		  bool okay);

/**
 * driver_init() - pages and tables; everything that a run needs. 0 or -errno.
 */
int driver_init(struct driver *driver);
void driver_fini(struct driver *driver);

/** driver_start() - note the time and fill the ring. */
void driver_start(struct driver *driver);

/**
 * driver_step() - take responses, issue requests; whether there was anything.
 */
bool driver_step(struct driver *driver);

/** driver_run() - start, step and sleep until everything is answered. */
void driver_run(struct driver *driver);

/** driver_now() - CLOCK_MONOTONIC in nanoseconds. */
uint64_t driver_now(void);
