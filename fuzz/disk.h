/*
 * A disk whose every completion is the script's choice.
 *
 * An image engine (backend/image/image.h) over memory of its own.  It can hold
 * completions back, deliver them in any order, fail them, and refuse to take
 * operations; data moves at the moment of completion, the latest that a real
 * disk could choose, so that a page which was given away too early is noticed.
 *
 * It records what it was asked and what it answered; the oracles read the
 * record after each call into the backend.  Owned by the player; the backend
 * only sees its struct image.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/image/image.h"

#define DISK_MAX_SECTORS 2048u
#define DISK_MAX_QUEUES	 4u
#define DISK_MAX_PENDING (DISK_MAX_QUEUES * LIMIT_RING_SLOTS)
#define DISK_RECORD	 1024u

enum disk_event_kind {
	DISK_SUBMITTED,
	DISK_REFUSED,	/* not taken: submit() returned an error */
	DISK_DELIVERED, /* handed out by poll() */
};

struct disk_event {
	enum disk_event_kind kind;
	enum image_operation operation;
	uint32_t queue;
	uint32_t sectors;
	uint64_t sector;
	int result;
	uint64_t write_number; /* writes delivered so far, this one included */
};

struct disk_operation {
	struct image_io io;
	uint32_t queue;
	bool decided; /* the script let it finish with this result: */
	int result;
	uint64_t seen_writes; /* delivered when it was submitted */
};

struct disk_channel {
	struct image_channel base;
	struct disk *disk;
	uint32_t queue;
	uint32_t depth;
	uint32_t in_flight;
	bool open;
};

struct disk {
	struct image base;
	uint64_t sectors;
	bool readonly;
	bool hold;			  /* nothing finishes by itself */
	unsigned int refuse_at, error_at; /* k-th from now; 0: never */
	/* For an engine between the backend and this disk (uring.c). */
	unsigned int again_at; /* k-th completion says: try again */
	uint64_t piece;	       /* bytes that a transfer moves at most; 0: all */
	uint64_t moved;	       /* bytes, by disk_move() */
	bool (*ready)(struct disk *disk, unsigned int queue);
	uint64_t writes_delivered;
	uint64_t writes_durable; /* of those, by flushes that were delivered */
	unsigned int pending;
	unsigned int events;
	struct disk_channel channel[DISK_MAX_QUEUES];
	struct disk_operation operation[DISK_MAX_PENDING];
	struct disk_event event[DISK_RECORD];
	uint64_t touched[DISK_MAX_SECTORS / 64]; /* differ from the pattern */
	uint8_t bytes[DISK_MAX_SECTORS * SECTOR_BYTES];
};

struct disk_options {
	uint64_t sectors; /* at most DISK_MAX_SECTORS */
	bool readonly;
	bool hold;
};

/** disk_pattern() - what a sector holds before anybody writes it. */
void disk_pattern(uint64_t sector, uint8_t bytes[SECTOR_BYTES]);

/** disk_init() - once per process; the memory need not be cleared. */
void disk_init(struct disk *disk);

/** disk_reset() - a new disk with the pattern on it; costs what was touched. */
void disk_reset(struct disk *disk, const struct disk_options *options);

/* Which pending operation finishes, and how. */
struct disk_choice {
	unsigned int which; /* modulo those that are pending */
	int error;
	bool one_queue; /* of that queue alone: */
	unsigned int queue;
};

/** disk_complete() - let one pending operation finish; false: there is none. */
bool disk_complete(struct disk *disk, const struct disk_choice *choice);

/** disk_release() - everything pending finishes well, and later ones at once.
 */
void disk_release(struct disk *disk);

/** disk_ready() - whether poll() has something for this queue. */
bool disk_ready(struct disk *disk, uint32_t queue);

/* --- for an engine that hands operations on to this disk, piece by piece --- */

int disk_submit(struct disk *disk, unsigned int queue,
		const struct image_io *io);
void disk_close_channel(struct disk *disk, unsigned int queue);

/** disk_tags() - operations of a queue that are pending, in their order. */
unsigned int disk_tags(const struct disk *disk, unsigned int queue,
		       uint32_t tag[LIMIT_RING_SLOTS]);

/** disk_finished() - whether the script lets this operation finish. */
bool disk_finished(struct disk *disk, unsigned int queue, uint32_t tag);

/** disk_says_again() - whether it is to be tried again first. */
bool disk_says_again(struct disk *disk, unsigned int queue, uint32_t tag);

/** disk_result() - what it will end with: 0 or an error. */
int disk_result(struct disk *disk, unsigned int queue, uint32_t tag);

/** disk_move() - so many bytes between a vector and the disk. */
void disk_move(struct disk *disk, const struct image_io *io, uint64_t offset,
	       uint64_t bytes);

/** disk_discard() - whole pages of the range are zeroes, the rest stays. */
void disk_discard(struct disk *disk, uint64_t sector, uint64_t sectors);

/** disk_finish() - it is over, and its data was moved. */
void disk_finish(struct disk *disk, unsigned int queue, uint32_t tag,
		 int result);
