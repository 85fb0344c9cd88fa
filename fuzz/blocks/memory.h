/*
 * The memory of one operation: where its sectors lie, and what lies beside them.
 *
 * Laid out as guests do: in one piece, in pages, in sectors with gaps, and in
 * blocks, at their borders or not.  Knows what it was, so that whoever wrote where
 * he must not is seen.  Called by queues.c only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "backend/base/limits.h"

#define MEMORY_SECTORS 320u /* of one operation: some pieces of a room */

struct memory {
	struct iovec iov[MEMORY_SECTORS]; /* the backend's to use up */
	uint16_t at[MEMORY_SECTORS];	  /* of each sector, from the start */
	uint32_t count, sectors, length;  /* pieces; sectors; with gaps */
	uint32_t number, first;		  /* of what is written; 0: a read */
	uint8_t *start;
};

/** memory_begin() - none is in use. */
void memory_begin(void);

/** memory_lay() - room for so many sectors; false: none is left. */
bool memory_lay(struct memory *memory, uint32_t block_bytes, uint32_t sectors,
		uint8_t how);

/** memory_fill() - what is to be written, model_fill() of it. */
void memory_fill(struct memory *memory, uint32_t number, uint32_t sector);

/** memory_sector() - what its n-th sector holds. */
void memory_sector(const struct memory *memory, uint32_t n,
		   uint8_t bytes[SECTOR_BYTES]);

/** memory_is_kept() - whether nobody wrote to it but to what is read. */
bool memory_is_kept(const struct memory *memory);
