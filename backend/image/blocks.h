/*
 * An image over a store that takes whole blocks only.
 *
 * A guest's sector has 512 bytes whatever the store's has (K1).  What is not a
 * whole number of blocks, or lies in memory in smaller pieces, is
 * carried out on whole blocks in memory of ours: a write reads the blocks at its
 * edges first and puts its own bytes over them.  Writes to one block take turns,
 * from whatever queue (busy.h), or one would put back what another has just
 * replaced.
 *
 * Used by worker.c, and only for such a store: others never pay for it.
 */
#pragma once

#include "backend/image/image.h"

struct blocks_store {
	struct image *image;  /* owned from here on, if all goes well */
	uint32_t block_bytes; /* power of two, 2 sectors .. LIMIT_STORE_BLOCK */
	unsigned int queues;  /* channels at most */
};

/** blocks_open() - the image over it; its capacity must be whole blocks; 0 or
 * -errno. */
int blocks_open(const struct blocks_store *store, struct image **image);
