/*
 * Queues of a disk whose store takes whole blocks, and what each operation must
 * come to.
 *
 * queues.c plays the records of a script, each queue as its thread would, and is
 * the oracle.  Called by the harness blocks only.
 */
#pragma once

#include <stdint.h>

#include "fuzz/script.h"

enum queues_kind {
	BLOCKS_READ, /* 1 queue, 2 sector (16 bits), 4 sectors, 5 where in memory,
			6 how often, 7 sectors further each time */
	BLOCKS_WRITE,
	BLOCKS_DISCARD,
	BLOCKS_FLUSH,
	BLOCKS_COMPLETE, /* 2 which, 3 how, 4 how many */
	BLOCKS_COLLECT,	 /* 2 room */
	/* Of those above; the rest is for the thread of a script alone. */
	BLOCKS_STORE, /* 2 holds, 3 the k-th is refused, 4 the k-th fails */
	BLOCKS_AGAIN, /* the queue ends and begins anew; 2 depth */
	BLOCKS_MEET,  /* 1 and 4 ..: of a record; 2 places before; 3 its kind */
	BLOCKS_KIND_COUNT,
};

/* Of a read or write: 2, sectors are whole blocks; the rest names how. */
#define BLOCKS_WHOLE 0x80u
/* From here on it is done more than once. */
#define BLOCKS_OFTEN 0xc0u

/** queues_begin() - a disk is opened; 0, or what went wrong, -errno. */
int queues_begin(const struct script_record *device);

void queues_act(const struct script_record *record);

struct queues_sum {
	uint64_t hash, asked, okay;
};

/** queues_end() - everything comes to an end; the disk closes. */
struct queues_sum queues_end(void);
