/*
 * What the parts of a queue share: queue.c and turn.c, submit.c, io.c and
 * indirect.c.
 *
 * Nobody else may include it: who uses a queue or a submit looks at queue.h or
 * submit.h.  One thread runs them all.
 */
#pragma once

#include <stdatomic.h>

#include "backend/base/log.h"
#include "backend/worker/failure.h"
#include "backend/worker/meter.h"
#include "backend/worker/order.h"
#include "backend/worker/queue.h"
#include "backend/worker/request.h"
#include "backend/worker/ring.h"
#include "backend/worker/submit.h"
#include "backend/worker/throttle.h"

struct queue {
	struct vbd_options options;
	unsigned int index;
	_Atomic int state; /* enum queue_state; written by queue_set_state() */
	_Atomic int refusal; /* enum refusal: why it is BROKEN */
	struct inflight_queue *table;
	struct stats *stats;
	struct grants *grants;
	struct recorder *recorder; /* NULL: nothing is recorded */
	struct channel *channel;
	struct ring ring;
	void SHARED *ring_memory;
	uint32_t ring_gref[LIMIT_RING_PAGES]; /* of what is mapped there */
	unsigned int ring_pages;
	struct submit *submit;
	struct request_rules rules;
	struct log_limit log_limit;
	struct meter meter;
	struct share share;	   /* of the disk's limits */
	struct lane lane;	   /* in the order of barriers */
	struct failures *failures; /* of the disk's store */
	int wake_fd;		   /* of its thread; -1: it has none */
	uint64_t busy_ns;	   /* when something last happened */
};

/** queue_set_state() - the one setter; CHECKs that the transition is legal. */
void queue_set_state(struct queue *queue, enum queue_state to);

/** queue_answer() - into the ring, where nobody sees it before the next push. */
void queue_answer(struct queue *queue, struct inflight_slot *slot,
		  enum refusal refusal);

/** queue_begin() - a request that was taken is on its way. */
void queue_begin(struct queue *queue, struct inflight_slot *slot);

struct indirect;
struct indirect_unit;
struct pages;
struct persistent;
struct persistent_entry;

/* The private half of a slot: never shared, rebuilt for every request. */
struct io {
	struct io *next;	    /* in one list at a time */
	struct inflight_slot *slot; /* from submit_add() on */
	uint8_t refusal;
	uint16_t held;	     /* segments whose page we hold */
	uint16_t bounced;    /* of those, copied: without an entry */
	uint16_t copy_first; /* index of its first segment in the copy batch */
	bool written;	     /* a barrier: its data is on its way or there */
	/* Of each segment; its own below, or those of its unit. */
	const struct segment *segment;
	struct iovec *iov;
	void **page;			 /* of the pool; NULL: straight */
	struct persistent_entry **entry; /* NULL: copied */
	struct indirect_unit *unit;	 /* of an indirect request; else NULL */
	struct iovec own_iov[LIMIT_SEGMENTS];
	void *own_page[LIMIT_SEGMENTS];
	struct persistent_entry *own_entry[LIMIT_SEGMENTS];
};

struct io_list {
	struct io *first;
	struct io **last;
};

struct submit {
	struct inflight_queue *table;
	struct stats *stats;
	struct grants *grants;
	struct pages *pages;
	struct persistent *persistent; /* NULL: copy everything */
	struct indirect *indirect;     /* NULL: there are no such requests */
	struct recorder *recorder;     /* NULL: nothing is recorded */
	struct failures *failures;
	struct request_rules rules;
	bool staged;
	struct image_channel *channel;
	unsigned int busy;
	unsigned int indirects; /* of those, indirect */
	uint64_t now_ns;
	struct io_list unread;	 /* TAKEN, indirect: segments not known yet */
	struct io_list reading;	 /* ... and being copied in */
	struct io_list waiting;	 /* TAKEN, no pages yet */
	struct io_list arriving; /* being copied in, or ready to be issued */
	struct io_list leaving;	 /* read, being copied out */
	struct io_list finished; /* DONE */
	struct io *barrier;	 /* TAKEN, it is not its turn yet */
	struct io io[];
};

/**
 * io_hold_pages() - a page for every segment.
 *
 * What cannot be mapped is copied, and the copy decides whether the grant is
 * good.  Return: false when the pool is short of pages; then nothing is held.
 */
bool io_hold_pages(struct submit *s, struct io *io);

/** io_release_pages() - give back whatever it holds. */
void io_release_pages(struct submit *s, struct io *io);

/** io_collect_copies() - its bounced segments into the copy batch, one way. */
void io_collect_copies(struct submit *s, struct io *io, bool in);

/** io_stage() - between the guest's mapped pages and ours, for segments that
 * are staged. */
void io_stage(struct submit *s, struct io *io, bool in);

/** io_use_own() - the room of a direct request. */
void io_use_own(struct io *io);

/**
 * indirect_create() - room for requests of so many segments at most; 0 or
 * -errno.
 * @slots: of the ring: there are never more requests than that
 */
int indirect_create(unsigned int segments, unsigned int slots,
		    struct indirect **indirect);

/** indirect_destroy() - NULL is fine. */
void indirect_destroy(struct indirect *indirect);

/** indirect_units() - how many requests there is room for; none in NULL. */
unsigned int indirect_units(const struct indirect *indirect);

/** indirect_take() - a unit for this request; false when there is none. */
bool indirect_take(struct submit *s, struct io *io);

/** indirect_give() - it is over. */
void indirect_give(struct submit *s, struct io *io);

/**
 * indirect_read() - its descriptors into its unit: what is cached now, the rest
 * when the batch of copies runs.
 */
void indirect_read(struct submit *s, struct io *io);

/** indirect_judge() - after that: whether it can be carried out. */
enum refusal indirect_judge(struct submit *s, struct io *io);
