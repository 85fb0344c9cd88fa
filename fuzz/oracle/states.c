/*
 * The backend's state node: which states the backend may write after which.
 * Where the toolstack wrote last, it alone is to blame for where that leads
 * from, so only the values are judged.  Connected is repeated only to tell of
 * another capacity, which is written together with it.
 */
#include <string.h>

#include "backend/base/checked.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/oracle/supervisor.h"

#define TO(state) (1u << (state))

/* Initialising, InitWait, Initialised, Connected, Closing, Closed. */
static const unsigned int legal[7] = {
	[1] = TO(2) | TO(5),	     [2] = TO(2) | TO(4) | TO(5) | TO(6),
	[4] = TO(5) | TO(6),	     [5] = TO(5) | TO(6),
	[6] = TO(2) | TO(5) | TO(6),
};

void states_begin(struct turnabout *turn)
{
	*turn = (struct turnabout){0};
}

void states_toolstack(struct turnabout *turn, unsigned int state)
{
	/* Initialising is where every disk begins, whoever wrote it. */
	*turn = (struct turnabout){.last = state, .ours = state == 1};
}

/* From what stands there, or from a state that the store did not take: on a busy
 * one a transaction is given up in the end, and the backend goes on. */
static bool may_follow(const struct turnabout *turn, unsigned int state)
{
	bool may = (legal[turn->last] & TO(state)) != 0 ||
		   (turn->resized && turn->last == 4 && state == 4);

	for (unsigned int from = 1; from < ARRAY_SIZE(legal); from++)
		if ((turn->lost & TO(from)) != 0)
			may |= state == from || (legal[from] & TO(state)) != 0;
	return may;
}

void states_resized(struct turnabout *turn)
{
	turn->resized = true;
}

void states_lost(struct turnabout *turn, const char *text)
{
	const unsigned int state = (unsigned int)(text[0] - '0');

	if (state < ARRAY_SIZE(legal))
		turn->lost |= TO(state);
}

void states_unknown(struct turnabout *turn)
{
	turn->ours = false;
}

void states_backend(struct turnabout *turn, const char *text)
{
	unsigned int state = (unsigned int)(text[0] - '0');

	if (strlen(text) != 1 || state > 6 || state < 2 || state == 3) {
		oracle_fail(ORACLE_STATES, "the backend's state is \"%s\"",
			    text);
		state = 0;
	} else if (turn->ours && !may_follow(turn, state)) {
		oracle_fail(ORACLE_STATES,
			    "the backend goes from state %u to state %u",
			    turn->last, state);
	}
	*turn = (struct turnabout){.last = state, .ours = true};
}
