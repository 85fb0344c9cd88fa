/*
 * One operation on a store of whole blocks, step by step.
 *
 * piece.c carries it out; blocks.c, the only caller, owns channels and images.
 * Called by the thread of the operation's queue alone, but for the inbox.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>

#include "backend/image/blocks.h"
#include "backend/image/busy.h"

enum step {
	STEP_FREE,
	STEP_THROUGH, /* the store works on the caller's memory */
	STEP_HEAD,    /* reads the first block of the piece, or all of it */
	STEP_TAIL,    /* reads its last block */
	STEP_WRITE,
	STEP_READ,
};

struct blocks_channel;

struct operation {
	struct image_io io; /* the caller's; its vector is not changed here */
	struct blocks_channel *channel;
	struct operation *next; /* in one list at a time */
	struct busy_entry entry;
	enum step step;
	uint32_t tag;	     /* the caller's */
	unsigned char *room; /* NULL: passed through, or waits for one */
	struct iovec part;   /* of the room: what the store works on */
	uint64_t at, end;    /* bytes of the disk that are left */
	uint64_t piece_end;
	uint32_t segment; /* of the vector: where `at` lies */
	size_t segment_offset;
	int32_t result;
};

struct list {
	struct operation *first, *last;
};

/* Only `granted` and the event are others'. */
struct inbox {
	_Alignas(64) _Atomic(struct operation *) granted;
	int event_fd;
	int poller;   /* the event, and what the store has */
	int64_t owed; /* events for what was taken that were not read yet */
};

struct blocks_image {
	struct image image; /* first */
	struct blocks_store store;
	struct image_info info;
	struct busy *busy;
	struct inbox inbox[LIMIT_QUEUES];
};

struct blocks_channel {
	struct image_channel channel; /* first */
	struct blocks_image *blocks;
	struct image_channel *below;
	struct inbox *inbox;
	struct list free;     /* operations */
	struct list wanting;  /* a room */
	struct list ready;    /* got their blocks from this thread */
	struct list finished; /* not collected yet */
	unsigned char *rooms;
	unsigned int room_count; /* free ones */
	unsigned char *room[LIMIT_BLOCK_ROOMS];
	bool submitted; /* to the store, since it was last polled */
	unsigned int in_flight;
	unsigned int depth;
	struct operation operation[];
};

/* Lists, first in, first out. */
static inline void piece_append(struct list *list, struct operation *op)
{
	op->next = NULL;
	if (list->last != NULL)
		list->last->next = op;
	else
		list->first = op;
	list->last = op;
}

/* NULL: it is empty. */
static inline struct operation *piece_take(struct list *list)
{
	struct operation *op = list->first;

	if (op == NULL)
		return NULL;
	list->first = op->next;
	if (list->first == NULL)
		list->last = NULL;
	return op;
}

/* The length of a room. */
static inline size_t piece_room_bytes(const struct blocks_image *blocks)
{
	return blocks->store.block_bytes > LIMIT_BLOCK_ROOM_BYTES
		       ? blocks->store.block_bytes
		       : LIMIT_BLOCK_ROOM_BYTES;
}

/** piece_take_blocks() - whether the blocks of these bytes are its own now; else
 * piece_granted() has to be called later. */
bool piece_take_blocks(struct operation *op, uint64_t first, uint64_t end);

/** piece_below() - hand something on to the store. */
void piece_below(struct operation *op, const struct image_io *io);

/** piece_discard() - of its range the whole blocks; no others meet it: what of a
 * discard is not done is kept, as it may be (K7). */
void piece_discard(struct operation *op);

/** piece_begin() - the first piece of one that has got a room. */
void piece_begin(struct operation *op);

/** piece_granted() - it has its blocks, after waiting for them. */
void piece_granted(struct operation *op);

/** piece_advance() - the store has done what it was asked for. */
void piece_advance(struct operation *op, int32_t result);
