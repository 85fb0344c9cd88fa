/*
 * Plays one history: the real disk of a worker (vbd.c and all below it) on the
 * in-process simulator, with the crash checker's guest in front and its disk
 * behind, in one thread; and asks rules.c at every point where more became
 * possible.
 *
 * A CHECK of the backend ends the process: apart.c plays in another one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "conformance/crash/history.h"
#include "conformance/crash/rules.h"

/* What came of it; sums of many, too. */
struct play_counts {
	uint64_t histories;
	uint64_t okay[CRASH_OPERATIONS]; /* answered so */
	uint64_t errors;		 /* answered otherwise */
	uint64_t with_data;		 /* flushes and barriers, okay */
	uint64_t deaths;
	uint64_t crash_points;
	uint64_t volatile_points; /* of those, where something could be lost */
};

struct played {
	bool broken;
	char words[RULES_WORDS];
	struct play_counts counts;
};

/**
 * play_history() - from the first step until everything is answered.
 * @journal: what happens, line by line; NULL: nobody wants to know
 * @outcome: counts are added to what it has
 */
void play_history(const struct history *history, FILE *journal,
		  struct played *outcome);
