/*
 * What a sector may hold, whoever wrote to it and when.
 *
 * Every write fills its sectors with what no other write does, so that a sector
 * tells whose it is.  A sector may hold what was written last; where writes were
 * under way together, what either wrote; what of it was discarded, zeroes, too.
 * Called by queues.c only, which tells of each beginning and end.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fuzz/disk.h"

/** model_begin() - a disk that nobody has written to; writes count from here. */
void model_begin(void);

/** model_now() - counts beginnings and ends. */
uint32_t model_now(void);

/* Sectors that are being written or given back, which makes one number. */
struct model_range {
	uint32_t sector, sectors;
	bool discard;
};

#define MODEL_NUMBERS 1024u /* of a play */

/** model_start() - it is under way; its number, from 1 on. */
uint32_t model_start(const struct model_range *range);

/** model_over() - it is over; sectors are its own if it ended well. */
void model_over(uint32_t number, bool well);

/** model_fill() - what the write of this number writes to a sector. */
void model_fill(uint32_t number, uint32_t sector, uint8_t bytes[SECTOR_BYTES]);

/** model_since() - who looks at the sector from now on sees nothing that was over
 * before this time. */
uint32_t model_since(uint32_t sector);

/** model_allows() - whether it may hold this, for who began to look at @since. */
bool model_allows(uint32_t sector, const uint8_t bytes[SECTOR_BYTES],
		  uint32_t since);
