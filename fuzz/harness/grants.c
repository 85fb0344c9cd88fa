/*
 * grants: whatever becomes of a guest's grants, its bytes go where they belong,
 * and nothing of it stays mapped beyond what the cache may keep.
 *
 * Mode 0: grants are ended, moved, made read-only, overwritten in use and
 * granted again, calls of the grant library fail, time passes, the connection
 * is made anew; under all oracles, the grant ledger and byte-exact memory
 * above all.  Mode 1: the same requests, never meeting, are played with data
 * that is copied, mapped for good, and staged between both; statuses, disk and
 * memory are the same each time.
 *
 * Aims at grants.c, persistent.c, pages.c, submit.c.  Input: fuzz/script.h;
 * device mode.
 */
#include <stdlib.h>

#include "fuzz/oracle/compare.h"
#include "fuzz/player.h"
#include "fuzz/target.h"

struct plays {
	struct player *player;
	struct outcome copied, other;
	struct player_result result;
};

/* Ring games are another harness's: they become what changes grants. */
static void hostile(struct plays *plays, struct script *script)
{
	unsigned int turn = 0;

	for (unsigned int i = 0; i < script->operations; i++) {
		struct script_record *r = &script->operation[i];
		enum script_kind kind = script_kind(r);

		if (kind == SCRIPT_RAW || kind == SCRIPT_INDEX ||
		    kind == SCRIPT_EVENTS)
			r->byte[0] =
				turn++ % 2 == 0 ? SCRIPT_GRANT : SCRIPT_FAIL;
		/* Only the calls that deal with grants fail. */
		if (script_kind(r) == SCRIPT_FAIL)
			r->byte[FAIL_CALL] = script_u8(r, FAIL_CALL) % 4;
	}
	plays->player->bend = (struct bend){0};
	player_script(plays->player, script, &plays->result);
}

static void play(struct plays *plays, const struct script *script,
		 const struct bend *bend, struct outcome *outcome)
{
	plays->player->bend = *bend;
	player_script(plays->player, script, &plays->result);
	outcome_take(plays->player, outcome);
}

static void three_ways(struct plays *plays, struct script *script)
{
	struct bend bend = {.place = PLACE_STRAIGHT, .persistent = BEND_NO};

	bend_straight(script);
	play(plays, script, &bend, &plays->copied);
	bend.persistent = BEND_YES;
	bend.staged = BEND_NO;
	play(plays, script, &bend, &plays->other);
	ways_check(&plays->copied, &plays->other, "mapped");
	bend.staged = BEND_YES;
	play(plays, script, &bend, &plays->other);
	ways_check(&plays->copied, &plays->other, "staged");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct plays plays;
	struct script script;

	if (plays.player == NULL)
		plays.player = player_create();
	if (plays.player == NULL)
		abort();
	script_decode(data, size, &script);
	if (script_u8(&script.device, DEVICE_MODE) % 2 == 0)
		hostile(&plays, &script);
	else
		three_ways(&plays, &script);
	target_report(plays.result.trace ^ plays.result.responses,
		      plays.result.answered, plays.result.answered_okay);
	return 0;
}
