/*
 * The in-flight region: what must outlive a worker.
 *
 * Memory in a file, one per virtual disk, that the supervisor makes.  It holds,
 * per queue, the counters and the table of requests that were taken from the
 * ring and whose answer the guest may not have seen.  The worker writes it;
 * the supervisor reads only the counters and the header, and when a worker has
 * died it hands the region to the next one, which goes on from there.
 *
 * A slot is private memory of ours: nothing in it is ever read from the guest
 * again.  Its state says who may touch it.
 *
 *   FREE      nobody's; inflight_take() leads to TAKEN
 *   TAKEN     decoded, waits for its pages
 *   ISSUED    the image works on it
 *   FLUSHING  the image makes durable what was written: a flush's or barrier's
 *             data, or before a barrier's data whatever came before it
 *   DONE      finished, its status is known
 *   ANSWERED  its response stands in the ring; FREE once that was pushed
 *
 * The table is right at every instant, because each step is one store of one
 * word, after everything that it speaks of was stored:
 *
 *   a request is consumed    when its slot leaves FREE
 *   a push is intended       when rsp_pushing moves away from rsp_prod
 *   a push has happened      when the ring's own rsp_prod says so
 *   a push is over           when rsp_prod follows rsp_pushing, and every slot
 *                            that was ANSWERED is FREE
 *
 * So at any moment req_cons = rsp_prod + slots that are not FREE, with the
 * ANSWERED ones left out while a push has happened and is not over.  The words
 * are stored by one thread and read when it is dead: the order in which the
 * program stores them is all that is needed, and release stores keep it.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/limits.h"
#include "backend/base/link.h"
#include "backend/base/stats.h"

/* As a descriptor stands in a guest's page, too. */
struct segment {
	uint32_t gref;
	uint8_t first_sector; /* within the page, inclusive */
	uint8_t last_sector;  /* within the page, inclusive */
	uint16_t zero;	      /* padding; a guest's means nothing */
};

enum request_kind {
	REQUEST_READ,
	REQUEST_WRITE,
	REQUEST_FLUSH,
	REQUEST_BARRIER, /* flush, its data if any, flush: order.h */
	REQUEST_DISCARD,
	REQUEST_KIND_COUNT,
};

/* A request as decoded: every field was checked, units are 512-byte sectors. */
struct request {
	uint64_t id;	   /* the guest's, echoed */
	uint64_t sector;   /* first sector on the disk */
	uint32_t sectors;  /* that its segments hold */
	uint8_t operation; /* as the response must carry it */
	uint8_t kind;	   /* enum request_kind */
	uint16_t segments;
	uint32_t indirect; /* 0 or 1: its segments are in pages of the guest;
			      sectors is 0 until they were read */
	union {
		struct segment segment[LIMIT_SEGMENTS];
		uint32_t descriptors[LIMIT_DESCRIPTOR_PAGES]; /* grants */
		uint64_t extent; /* of a discard: its sectors */
	};
};

enum inflight_state {
	INFLIGHT_FREE,
	INFLIGHT_TAKEN,
	INFLIGHT_ISSUED,
	INFLIGHT_FLUSHING,
	INFLIGHT_DONE,
	INFLIGHT_ANSWERED,
	INFLIGHT_STATE_COUNT,
};

struct inflight_slot {
	_Atomic uint32_t state; /* enum inflight_state */
	uint32_t next;	/* of a free or answered slot: index + 1, or 0 */
	uint32_t index; /* which request of the ring it was */
	int16_t status; /* from DONE on: what its response carries */
	struct request request;
};

struct inflight_queue {
	struct stats stats __attribute__((aligned(64)));
	uint32_t slots;		   /* in this table, 1 .. LIMIT_RING_SLOTS */
	uint32_t free;		   /* index of the first free slot + 1, or 0 */
	uint32_t answered;	   /* ... of the first ANSWERED one */
	uint32_t used;		   /* slots that are not FREE */
	_Atomic uint32_t req_cons; /* next request index to take */
	_Atomic uint32_t rsp_prod; /* responses whose push is over */
	_Atomic uint32_t rsp_pushing; /* where a push leads; else rsp_prod */
	struct inflight_slot slot[LIMIT_RING_SLOTS];
};

#define INFLIGHT_BOOT_BYTES 40u

/* Which connection a region belongs to.  The supervisor's: it compares this
 * with xenstore before it has anybody go on from the tables. */
struct inflight_connection {
	uint32_t live; /* 1 from Connected until the rings are let go */
	uint32_t domid;
	uint32_t devid;
	uint32_t padding;
	uint64_t sectors;
	char boot[INFLIGHT_BOOT_BYTES]; /* of this host */
	struct link_attach attach;
};

struct inflight_region {
	uint32_t magic;
	uint32_t version; /* of the layout, with the sizes */
	uint32_t queues;
	uint32_t queue_bytes;
	struct inflight_connection connection;
	struct inflight_queue queue[];
};

/**
 * inflight_create() - a new region for so many queues, as a memfd.
 *
 * Pages are only used once a queue is attached.  Return: descriptor or -errno.
 */
int inflight_create(unsigned int queues);

/**
 * inflight_format() - make an empty file a region; 0 or -errno.
 */
int inflight_format(int fd, unsigned int queues);

/**
 * inflight_examine() - whether a file is a region of so many queues, of this
 * version: 0, -EINVAL, or -errno.
 */
int inflight_examine(int fd, unsigned int queues);

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

/** inflight_stats_offset() - where in a region a queue's counters stand. */
size_t inflight_stats_offset(unsigned int queue);

/**
 * inflight_reset() - an empty table of so many slots; the counters stay.
 * @index: of the first request to take, and of the first response to write
 */
void inflight_reset(struct inflight_queue *queue, unsigned int slots,
		    uint32_t index);

/**
 * inflight_recover() - make a table whole again that a dead worker has left.
 * @slots: that the ring has
 * @rsp_prod: what stands in the ring: the guest may have written it
 *
 * Slots that were answered become FREE, those that are finished DONE, all
 * others TAKEN.  May itself be cut off at any instant and begun again.
 * Return: false when table and ring do not belong together, or the table is
 * none that a worker of ours can leave; then it must not be used.
 */
bool inflight_recover(struct inflight_queue *queue, unsigned int slots,
		      uint32_t rsp_prod);

/**
 * inflight_oldest() - of the slots that are not FREE, the next in ring order.
 * @after: the one before; NULL for the first
 */
struct inflight_slot *inflight_oldest(struct inflight_queue *queue,
				      const struct inflight_slot *after);

/**
 * inflight_take() - a request is consumed: a slot in state TAKEN.
 *
 * There is always one: a ring never has more unanswered requests than slots.
 */
struct inflight_slot *inflight_take(struct inflight_queue *queue,
				    const struct request *request);

/**
 * inflight_take_refused() - a request is consumed that is not carried out: a
 * slot in state DONE, of which only id and operation mean anything.
 */
struct inflight_slot *inflight_take_refused(struct inflight_queue *queue,
					    const struct request *request,
					    int16_t status);

/** inflight_finish() - DONE, with what the response shall carry. */
void inflight_finish(struct inflight_slot *slot, int16_t status);

/** inflight_answer() - its response stands in the ring, not yet pushed. */
void inflight_answer(struct inflight_queue *queue, struct inflight_slot *slot);

/** inflight_push() - all that is ANSWERED will now be pushed, up to rsp_prod. */
void inflight_push(struct inflight_queue *queue, uint32_t rsp_prod);

/** inflight_pushed() - it was: what was ANSWERED is FREE. */
void inflight_pushed(struct inflight_queue *queue);

/** inflight_state() - a look at a slot's state. */
static inline enum inflight_state inflight_state(
	const struct inflight_slot *slot)
{
	return (enum inflight_state)atomic_load_explicit(&slot->state,
							 memory_order_relaxed);
}

/**
 * inflight_set_state() - the one setter; CHECKs that the transition is legal.
 */
void inflight_set_state(struct inflight_slot *slot, enum inflight_state to);

/** inflight_index() - which slot of the table this is. */
unsigned int inflight_index(const struct inflight_queue *queue,
			    const struct inflight_slot *slot);

/** inflight_check() - CHECK all relations in a table (costs a walk). */
void inflight_check(const struct inflight_queue *queue);
