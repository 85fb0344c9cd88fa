/*
 * A history: what guest, scheduler and disk do to a backend, step by step, all
 * of it made from one seed before anything is played.
 *
 * play.c plays it, shrink.c leaves steps out of it.  A step names nothing that
 * another one made, so that a history with any of its steps left out is one as
 * well.  Pure: no clock, no state.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CRASH_QUEUES   4u
#define CRASH_SECTORS  32u /* of the disk: few, so that writes overlap */
#define CRASH_LENGTH   8u  /* of a request, in sectors, at most */
#define CRASH_REQUESTS 64u /* of a history; a set of them is a word */
#define CRASH_STEPS    256u

enum request_operation {
	CRASH_READ,
	CRASH_WRITE,
	CRASH_FLUSH,   /* with data if it has sectors */
	CRASH_BARRIER, /* the same */
	CRASH_OPERATIONS,
};

enum step_kind {
	STEP_REQUEST, /* the guest puts one into a ring */
	STEP_TURN,    /* a queue of the backend has a turn */
	STEP_DONE,    /* the disk is through with one operation */
	STEP_DEATH,   /* the worker dies in a turn, another one goes on */
	STEP_KINDS,
};

struct step {
	uint8_t kind;
	uint8_t queue;
	uint8_t operation;
	uint8_t sector, sectors;
	uint8_t part;  /* sectors of each segment, at most */
	uint8_t first; /* where in its page a segment begins */
	bool indirect;
	bool quick;	/* what this turn submits is done within it */
	bool fails;	/* the disk answers with an error */
	uint8_t moment; /* the worker dies at the so manieth one of a turn */
	uint32_t choice;
};

struct history {
	uint64_t seed;
	unsigned int queues;
	bool persistent;
	bool barriers; /* the backend offers them */
	unsigned int count;
	struct step step[CRASH_STEPS];
};

/** history_make() - the history of a seed; with deaths of the worker or not. */
void history_make(struct history *history, uint64_t seed, bool deaths);

/** history_number() - one of 0 .. n - 1 from a sequence; moves it on. */
uint32_t history_number(uint64_t *sequence, uint32_t n);

/** history_operation_name() - in words. */
const char *history_operation_name(unsigned int operation);
