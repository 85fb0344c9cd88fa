/*
 * Scripts of the harness lifecycle as tables: what life_seeds.c and
 * trouble_seeds.c, which are such tables, share.
 *
 * A step is a kind and three fields; the disk is the first one unless its kind
 * has SECOND, and everybody acts after it unless it has LATER.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "fuzz/lifecycle/life.h"

#define STEPS  28u
#define SECOND 0x100u
#define LATER  0x200u
#define TABLES 0x80u /* beside the number of rescues */

struct life_step {
	unsigned int kind;
	uint8_t a, b, c;
};

struct life_seed {
	const char *name;
	uint8_t queues, order, rescues;
	struct life_step step[STEPS]; /* END ends it */
};

/* Places in the table of states of acts.c. */
enum {
	INITIALISING,
	INITWAIT,
	INITIALISED,
	CONNECTED,
	CLOSING,
	CLOSED
};
#define EMPTY 15
/* Fields of LIFE_BACK_STATE from here on name a state, too. */
#define STATE(n) (220 + (n))

#define UP                                                                     \
	{LIFE_CREATE, 0, 0, 0}, {LIFE_KEYS, 0, 0, 0},                          \
		{LIFE_FRONT_STATE, INITIALISED, 0, 0},                         \
	{                                                                      \
		LIFE_FRONT_STATE, CONNECTED, 0, 0                              \
	}
#define DOWN                                                                   \
	{LIFE_FRONT_STATE, CLOSING, 0, 0},                                     \
	{                                                                      \
		LIFE_FRONT_STATE, CLOSED, 0, 0                                 \
	}
#define UNPLUG                                                                 \
	{LIFE_ONLINE, 0, 0, 0},                                                \
	{                                                                      \
		LIFE_BACK_STATE, 0, 0, 0                                       \
	}
#define END                                                                    \
	{                                                                      \
		LIFE_KIND_COUNT, 0, 0, 0                                       \
	}

/** life_troubles() - the table of trouble_seeds.c. */
const struct life_seed *life_troubles(size_t *count);
