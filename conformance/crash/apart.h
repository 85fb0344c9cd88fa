/*
 * Histories in a process of their own: the backend may end that by a CHECK, or
 * never come back, and what dead workers leave goes with it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "conformance/crash/play.h"

/** apart_play() - one history; 0, or -errno when there was no process for it. */
int apart_play(const struct history *history, FILE *journal,
	       struct played *outcome);

/* Many, from seeds that follow each other. */
struct apart_many {
	uint64_t seed;
	uint64_t count;
	bool deaths;
	struct played outcome; /* sums; of the first that broke, its words */
	uint64_t broken_seed;  /* only if outcome.broken */
};

/** apart_play_many() - until one breaks; 0 or -errno. */
int apart_play_many(struct apart_many *many);
