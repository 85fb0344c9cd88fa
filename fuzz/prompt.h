/*
 * A prompt play: the backend is done with everything before the guest goes on.
 *
 * That is how a script can be played on a backend that runs by itself: what
 * depends on who runs when, or on a disk, a clock or calls that fail at the
 * script's will, is taken out and counted; after each operation that is left
 * the guest waits until nothing moves.  What several requests of one push do to
 * each other stays free, as ever (model.h).
 *
 * A req_prod that ends the ring ends the connection, as it does under the
 * daemon; what follows waits for the next ATTACH.
 */
#pragma once

#include <stdbool.h>

#include "fuzz/script.h"

struct player;

/* What was taken out of a script; the words are prompt_left_out(). */
enum prompt_left {
	PROMPT_TURNS,  /* RUN: who runs, and for how long */
	PROMPT_DISK,   /* DISK, COMPLETE: its order and its errors */
	PROMPT_CLOCK,  /* CLOCK */
	PROMPT_FAULTS, /* FAIL: calls of the backend that fail */
	PROMPT_QUIET,  /* pushes without the event that is due */
	PROMPT_TORN,   /* grants overwritten while they are mapped */
	PROMPT_SIZE,   /* a disk of no sectors */
	PROMPT_OTHER,  /* any other kind of record */
	PROMPT_AFTER,  /* what comes when the model can tell nothing more */
	PROMPT_LEFT_COUNT,
};

const char *prompt_left_out(enum prompt_left what);

/** prompt_bend() - take out what no guest can cause, and count it. */
void prompt_bend(struct script *script, unsigned int left[PROMPT_LEFT_COUNT]);

/**
 * prompt_settle() - after each record: the backend comes to rest.
 *
 * Return: false when the model can tell nothing more and the play is over.
 */
bool prompt_settle(struct player *player);
