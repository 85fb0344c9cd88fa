/*
 * A store of whole blocks, whose every completion is the script's choice.
 *
 * The disk of fuzz/disk.h, seen through a window: it lies at the end of a store
 * that may be as large as one likes, so that a border of whatever kind can lie
 * inside it.  Notes what came to a bad end; fails for what is no whole block.
 * Called by queues.c and, as an image, by the backend.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fuzz/disk.h"

struct below_plan {
	uint32_t block_bytes;
	uint64_t first;	  /* sector of the store where the disk begins */
	uint32_t sectors; /* of the disk */
	bool readonly, hold;
	bool silent; /* it has no descriptors */
};

/** below_begin() - the store, new. */
struct image *below_begin(const struct below_plan *plan);

/** below_disk() - what is behind it, for the script. */
struct disk *below_disk(void);

/** below_wakes() - its descriptors say who has something to collect; false: it has
 * none, and @queue has. */
bool below_wakes(unsigned int queue);

/* What is over of a queue. */
struct below_sums {
	unsigned int flushes, discards; /* well */
	unsigned int failures;
};

const struct below_sums *below_sums(unsigned int queue);

/* Something that ended badly, or was not taken; sectors of the disk. */
struct below_failure {
	enum image_operation operation;
	unsigned int queue;
	uint32_t sector, sectors;
	int error;
	uint32_t when; /* model_now() */
};

/** below_failures() - all of them; how many. */
unsigned int below_failures(const struct below_failure **first);

/** below_end() - whether all was closed, and how often. */
void below_end(bool owned);
