/*
 * A piece of a session as a script for the ring harness (fuzz/script.h).
 *
 * Owns the script under construction and what it has shown; knows records only
 * through the functions below.  Called by recorded.c, one piece for each disk.
 */
#pragma once

#include <stdbool.h>

#include "conformance/recording/reader.h"
#include "fuzz/recorded/novelty.h"
#include "fuzz/script.h"

/* What libFuzzer gives the harness at most, in records. */
#define PIECE_OPERATIONS 120u
#define PIECE_BYTES	 ((PIECE_OPERATIONS + 1) * SCRIPT_RECORD)
#define PIECE_QUEUES	 4u
#define PIECE_WAITING	 512u

/* How the frontend was connected. */
struct piece_shape {
	uint32_t queues;
	uint32_t ring_order;
	uint32_t abi;
	uint32_t persistent;
	bool readonly;
	uint64_t sectors; /* 0: not known */
};

/* Each queue has ids of its own. */
struct piece_request {
	unsigned int queue;
	uint64_t id;
};

struct piece_queue {
	unsigned int batch; /* requests placed, not yet published */
	unsigned int last;  /* operation that placed the last of them */
	bool event;	    /* the frontend kicked since the last batch */
	uint64_t touched_ns;
};

struct piece {
	struct piece_shape shape;
	uint64_t shape_feature;
	unsigned int operations;
	unsigned int requests;
	bool novel;
	uint64_t next_sector; /* behind the last request */
	uint16_t wanted;      /* as the last request's field said */
	struct piece_queue queue[PIECE_QUEUES];
	unsigned int waiting; /* requests that the disk works on, in order */
	struct piece_request waiting_request[PIECE_WAITING];
	uint8_t byte[PIECE_BYTES];
};

/** piece_begin() - an empty script for a connection of this shape. */
void piece_begin(struct piece *piece, const struct piece_shape *shape);

/** piece_add() - what this record of a queue means in the script. */
void piece_add(struct piece *piece, struct novelty *novelty,
	       const struct item *item);

/** piece_full() - no room for another turn: time to end it. */
bool piece_full(const struct piece *piece);

/**
 * piece_end() - the script.
 *
 * Return: its bytes, 0 when it has no request.
 */
size_t piece_end(struct piece *piece);
