/*
 * The performance: a tape carried out, record by record, and compared.
 *
 * Does what the tape's guest did and judges what there is to see: one response
 * for each request with its id, operation and a legal status, zeroes in its
 * padding; nothing of a ring written but indices and responses; the bytes of
 * reads; no other byte of any page; events that were due; connections accepted
 * and refused as they must be; all of it within a bounded time.
 *
 * Ends at the first thing that is wrong.  Called by main.c, in a process of its
 * own.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "frontend/front.h"
#include "fuzz/play/door.h"
#include "fuzz/play/ground.h"
#include "fuzz/play/reel.h"

#define PERFORM_REASON 400u

/* What the tape says of one sector of the disk at its end. */
enum perform_sector {
	SECTOR_UNTOUCHED,
	SECTOR_UNCERTAIN,
	SECTOR_CERTAIN, /* with the hash beside it */
};

struct perform_disk {
	uint8_t what[2048]; /* enum perform_sector */
	uint64_t hash[2048];
};

struct perform {
	struct door_options door;
	struct ground ground;
	struct reel *reel;
	bool connected;
	bool blind; /* the tape ended early: nothing more is certain */
	struct perform_disk disk;
	/* what happened */
	unsigned int connections, refused, halts, rests;
	uint64_t answered, okay;
	/* what went wrong first */
	const char *oracle;
	char reason[PERFORM_REASON];
};

/** perform_tape() - all of it; 0, or -1 with oracle and reason. */
int perform_tape(struct perform *perform);

/** perform_find() - note what is wrong, if it is the first; always -1. */
int perform_find(struct perform *perform, const char *oracle,
		 const char *format, ...) __attribute__((format(printf, 3, 4)));

/* rest.c */
/** rest_compare() - TAPE_REST and what follows it; 0 or -1. */
int rest_compare(struct perform *perform, const struct tape_head *rest,
		 const uint8_t *rsp_prod);
