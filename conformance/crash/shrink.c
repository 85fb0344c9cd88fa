/* Shorter histories: see shrink.h. */
#include "conformance/crash/shrink.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "conformance/crash/apart.h"

/* Whether it breaks; -errno. */
static int breaks(const struct history *history, struct played *outcome)
{
	const int error = apart_play(history, NULL, outcome);

	return error != 0 ? error : outcome->broken;
}

static void leave_out(struct history *history, unsigned int at,
		      unsigned int count)
{
	memmove(&history->step[at], &history->step[at + count],
		(history->count - at - count) * sizeof(history->step[0]));
	history->count -= count;
}

/* One round: runs of so many steps, from the end, where most are idle. */
static int try_runs(struct history *history, unsigned int length,
		    struct played *outcome)
{
	int left_out = 0;

	for (unsigned int at = history->count; at >= length;) {
		struct history shorter = *history;
		struct played of_shorter;
		int broken;

		at -= length;
		leave_out(&shorter, at, length);
		broken = breaks(&shorter, &of_shorter);
		if (broken < 0)
			return broken;
		if (broken == 0)
			continue;
		*history = shorter;
		*outcome = of_shorter;
		left_out++;
		if (at > history->count)
			at = history->count;
	}
	return left_out;
}

static bool is_simple(const struct step *step)
{
	return !step->indirect && !step->fails && !step->quick &&
	       step->choice == 0 && step->first == 0 &&
	       (step->kind != STEP_REQUEST || step->part == CRASH_LENGTH);
}

/* One step made simpler, if it still breaks. */
static int try_simpler(struct history *history, unsigned int at,
		       struct played *outcome)
{
	struct history simpler = *history;
	struct step *step = &simpler.step[at];
	struct played of_simpler;
	int broken;

	if (is_simple(step))
		return 0;
	step->indirect = step->fails = step->quick = false;
	step->choice = 0;
	step->first = 0;
	step->part = CRASH_LENGTH;
	broken = breaks(&simpler, &of_simpler);
	if (broken > 0) {
		*history = simpler;
		*outcome = of_simpler;
	}
	return broken;
}

int shrink_history(struct history *history, struct played *outcome)
{
	int result = breaks(history, outcome);

	if (result <= 0)
		return result < 0 ? result : -ENOENT;
	for (unsigned int length = history->count / 2; length > 0;) {
		result = try_runs(history, length, outcome);
		if (result < 0)
			return result;
		if (result == 0 || length > 1)
			length /= 2;
	}
	for (unsigned int i = 0; i < history->count; i++) {
		result = try_simpler(history, i, outcome);
		if (result < 0)
			return result;
	}
	return 0;
}
