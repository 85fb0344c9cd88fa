/*
 * The in-flight region: what must outlive a worker.
 *
 * A memfd that the supervisor makes, one per virtual disk.  It holds, per
 * queue, the counters and the table of requests that were taken from the ring
 * and not yet answered.  The worker writes it; the supervisor only reads the
 * counters (and, when a worker has died, hands the region to the next one).
 *
 * A slot is private memory of ours: nothing in it is ever read from the guest
 * again.  Its state says who may touch it.
 *
 *   FREE      nobody's; inflight_take() leads to TAKEN
 *   TAKEN     decoded, waits for its pages
 *   ISSUED    the image works on it
 *   FLUSHING  its data is written, the image makes it durable
 *   DONE      finished, its response is not yet on the ring; leads to FREE
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/limits.h"
#include "backend/base/stats.h"

struct segment {
	uint32_t gref;
	uint8_t first_sector; /* within the page, inclusive */
	uint8_t last_sector;  /* within the page, inclusive */
};

enum request_kind {
	REQUEST_READ,
	REQUEST_WRITE,
	REQUEST_FLUSH,
	REQUEST_KIND_COUNT,
};

/* A request as decoded: every field was checked, units are 512-byte sectors. */
struct request {
	uint64_t id;	 /* the guest's, echoed */
	uint64_t sector; /* first sector on the disk */
	uint32_t sectors;
	uint8_t operation; /* as the response must carry it */
	uint8_t kind;	   /* enum request_kind */
	uint16_t segments;
	struct segment segment[LIMIT_SEGMENTS];
};

enum inflight_state {
	INFLIGHT_FREE,
	INFLIGHT_TAKEN,
	INFLIGHT_ISSUED,
	INFLIGHT_FLUSHING,
	INFLIGHT_DONE,
	INFLIGHT_STATE_COUNT,
};

struct inflight_slot {
	uint32_t state; /* enum inflight_state; set by inflight_set_state() */
	uint32_t next;	/* index of the next free slot + 1, or 0 */
	struct request request;
};

struct inflight_queue {
	struct stats stats __attribute__((aligned(64)));
	uint32_t slots; /* in this table, 1 .. LIMIT_RING_SLOTS */
	uint32_t free;	/* index of the first free slot + 1, or 0 */
	uint32_t used;
	uint32_t req_cons; /* next request index to take from the ring */
	struct inflight_slot slot[LIMIT_RING_SLOTS];
};

struct inflight_region {
	uint32_t magic;
	uint32_t queues;
	struct inflight_queue queue[];
};

/**
 * inflight_create() - a new region for so many queues, as a memfd.
 *
 * Pages are only used once a queue is attached.  Return: descriptor or -errno.
 */
int inflight_create(unsigned int queues);

/**
 * inflight_map() - map a region; checks size and magic.
 *
 * Return: 0 or -errno (-EINVAL when it is no region of that many queues).
 */
int inflight_map(int fd, unsigned int queues, struct inflight_region **region);

/**
 * inflight_unmap() - give back what inflight_map() mapped for so many queues.
 */
void inflight_unmap(struct inflight_region *region, unsigned int queues);

/** inflight_region_bytes() - size of a region for so many queues. */
size_t inflight_region_bytes(unsigned int queues);

/** inflight_reset() - an empty table of so many slots; the counters stay. */
void inflight_reset(struct inflight_queue *queue, unsigned int slots);

/**
 * inflight_take() - a free slot in state TAKEN.
 *
 * There is always one: a ring never has more unanswered requests than slots.
 */
struct inflight_slot *inflight_take(struct inflight_queue *queue);

/** inflight_release() - back to FREE; the slot must be DONE. */
void inflight_release(struct inflight_queue *queue, struct inflight_slot *slot);

/**
 * inflight_set_state() - the one setter; CHECKs that the transition is legal.
 */
void inflight_set_state(struct inflight_slot *slot, enum inflight_state to);

/** inflight_index() - which slot of the table this is. */
unsigned int inflight_index(const struct inflight_queue *queue,
			    const struct inflight_slot *slot);

/** inflight_check() - CHECK all relations in a table (costs a walk). */
void inflight_check(const struct inflight_queue *queue);
