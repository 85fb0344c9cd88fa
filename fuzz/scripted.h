/*
 * What every harness that plays scripts does around its property: one player
 * for the whole process, plays that leave an outcome, a report at the end.
 *
 * Included by fuzz/harness/ alone; what a script means is player.c's.
 */
#pragma once

#include <stdlib.h>

#include "fuzz/outcome.h"
#include "fuzz/player.h"
#include "fuzz/target.h"

/** scripted_player() - made at the first input; no input can do without it. */
static inline struct player *scripted_player(void)
{
	static struct player *player;

	if (player == NULL)
		player = player_create();
	if (player == NULL)
		abort();
	return player;
}

/** scripted_outcome() - one play, bent so, and what it left behind. */
static inline void scripted_outcome(const struct script *script,
				    const struct bend *bend,
				    struct player_result *result,
				    struct outcome *outcome)
{
	struct player *player = scripted_player();

	player->bend = *bend;
	player_script(player, script, result);
	outcome_take(player, outcome);
}

/** scripted_report() - of the last play, with @more in its hash. */
static inline void scripted_report(const struct player_result *result,
				   uint64_t more)
{
	target_report(result->trace ^ result->responses ^ more,
		      result->answered, result->answered_okay);
}
