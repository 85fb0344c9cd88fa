/*
 * The disk of the crash checker: one with a volatile write cache, as unkind as
 * the contract of image.h lets it be.
 *
 * An operation is carried out when device_complete() says so, in any order.  A
 * write may be found after a crash from the moment of its submission, and is
 * sure to be found only when a flush is through that was submitted after the
 * backend had seen the write's completion: one that is done, but not yet seen
 * by the backend, need not be covered.  What a crash leaves is, for every sector
 * by itself, any one of what device_after_crash() tells: the sectors of one
 * write are not kept or lost together.
 *
 * It knows no rule of ordering; rules.c judges.  Whoever watches is told of each
 * submission, as that is when more becomes possible.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/image/image.h"
#include "conformance/crash/history.h"

#define DEVICE_OPS    (CRASH_QUEUES * 32u)
#define DEVICE_TRACES 192u

/* What a sector may hold after a crash: numbers of writes, 0 for what was there
 * before all of them. */
struct may_hold {
	unsigned int count;
	uint32_t write[DEVICE_TRACES + 1];
};

/* A write's mark on one sector, while no flush has settled it. */
struct trace {
	uint32_t write;
	uint32_t op;	  /* who made it */
	uint64_t applied; /* when it got into the cache; 0: not yet */
	uint64_t seen;	  /* when the backend saw its completion; 0: not yet */
};

struct cell {
	uint32_t durable;
	uint64_t durable_applied;
	unsigned int count;
	struct trace trace[DEVICE_TRACES];
};

struct device_op {
	struct image_io io;
	uint32_t number; /* unique */
	unsigned int queue;
	uint64_t submitted;
	bool done;
	int32_t result;
	uint32_t write; /* whose data it is; 0: none */
};

struct device;

struct device_channel {
	struct image_channel channel; /* first */
	struct device *device;
	unsigned int queue;
};

struct device_watch {
	void *context;
	/* the worker is about to call the disk, or is back from there */
	void (*called)(void *context);
	void (*submitted)(void *context, const struct device_op *op);
	void (*completed)(void *context, const struct device_op *op);
	/* what it was given to write is not what any request says */
	void (*strange)(void *context, uint64_t sector, const char *what);
};

struct device {
	struct image image; /* first */
	struct device_watch watch;
	struct device_channel channel[CRASH_QUEUES];
	struct device_op op[DEVICE_OPS]; /* as submitted */
	unsigned int count;
	uint32_t numbers;
	uint64_t now;
	bool quick; /* what is submitted is done when it is looked at */
	uint32_t quick_choice; /* in which order */
	struct cell cell[CRASH_SECTORS];
};

/** device_reset() - a disk on which nothing was ever written. */
void device_reset(struct device *device, const struct device_watch *watch);

/** device_flying() - operations that are not done yet. */
unsigned int device_flying(const struct device *device);

/** device_complete() - the i-th of those is done, or fails. */
void device_complete(struct device *device, unsigned int i, bool fails,
		     uint32_t choice);

/** device_orphan() - the worker is dead: what was under way came to an end, or
 * not. */
void device_orphan(struct device *device, uint32_t choice);

/** device_after_crash() - what each sector may hold, if the power fails now. */
void device_after_crash(const struct device *device,
			struct may_hold may[CRASH_SECTORS]);

/* A sector's bytes name the write that they are of. */
void device_stamp(void *sector_bytes, uint32_t write, uint64_t sector);

/** device_stamped() - which write; false for what is no stamp of this sector. */
bool device_stamped(const void *sector_bytes, uint64_t sector, uint32_t *write);
