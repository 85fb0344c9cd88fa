/*
 * How a harness bends a play: what it takes away from the script.
 *
 * A harness of its own property reads the same scripts as all others; it
 * replaces the kinds of records that its property has no use for, and lays down
 * what two plays that it compares must differ in.  All zero bends nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fuzz/disk.h"
#include "fuzz/guest.h"
#include "fuzz/script.h"

/* A choice that is the script's, or not. */
enum bend_choice {
	BEND_AS_SCRIPT,
	BEND_NO,
	BEND_YES,
};

/* Where the requests of a play lie. */
enum bend_place {
	PLACE_APART,	/* in flight, they meet only if the script says so */
	PLACE_STRAIGHT, /* they never meet, whoever runs when: straight.h */
	PLACE_HALVES,	/* queue 0 has one half of pages and disk, the other
			   queues have the other one */
};

struct bend {
	enum bend_place place;
	unsigned int queues; /* 0: the script's choice */
	enum bend_choice packed, persistent, staged;
	uint32_t abi;	 /* what the backend is told of it; 0: the truth */
	bool alone;	 /* queue 0 plays, records of the others are left out */
	bool prompt;	 /* at rest after each operation: prompt.h */
	bool fine_sizes; /* a disk of any size, not of eight */
	/* An engine between the backend and the disk; NULL: none. */
	int (*open_image)(struct disk *disk, struct image **image);
};

/** bend_shape() - a connection as the harness wants it. */
void bend_shape(const struct bend *bend, struct guest_shape *shape);

static inline bool bend_bool(enum bend_choice choice, bool script)
{
	return choice == BEND_AS_SCRIPT ? script : choice == BEND_YES;
}

#define BEND_KIND(kind) (UINT64_C(1) << (kind))

/**
 * bend_kinds() - records of other kinds than these become @instead.
 * @wanted: BEND_KIND() of each
 */
void bend_kinds(struct script *script, uint64_t wanted,
		enum script_kind instead);

/** bend_straight() - for a straight play: no kind or field of chance. */
void bend_straight(struct script *script);

/** bend_faults_away() - nothing fails but what the guest does wrong itself. */
void bend_faults_away(struct script *script);
