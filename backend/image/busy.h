/*
 * Blocks that are being written: who may write them next.
 *
 * A table for one disk, used by the threads of all its queues.  Two writes that
 * touch one block take turns, in the order in which they came; all others do not
 * meet.  Only for stores whose blocks are longer than a sector (blocks.c): there
 * a write may carry its neighbours' bytes along.
 *
 * Nothing is allocated after busy_create(): an entry is part of the operation
 * that needs it.  Nobody waits inside: who cannot have its blocks yet gets them
 * from the busy_give() of the last one before it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* An entry's blocks lie in one group of so many. */
#define BUSY_GROUP_BLOCKS 1024u

struct busy_entry {
	uint64_t first, last;	    /* blocks; set by the caller */
	unsigned int before;	    /* entries that came earlier and overlap */
	struct busy_entry *earlier; /* in the same shard, by arrival */
	struct busy_entry *later;
	struct busy_entry *granted; /* in the list that busy_give() returns */
	bool in;
};

struct busy;

/** busy_create() - a table without entries; 0 or -errno. */
int busy_create(struct busy **busy);

/** busy_destroy() - free it; no entry may be in it; NULL is fine. */
void busy_destroy(struct busy *busy);

/** busy_take() - whether the blocks are the entry's now; else they will be. */
bool busy_take(struct busy *busy, struct busy_entry *entry);

/**
 * busy_give() - let go of what busy_take() or a grant gave.
 *
 * Return: those that have theirs now, linked by their field granted.
 */
struct busy_entry *busy_give(struct busy *busy, struct busy_entry *entry);
