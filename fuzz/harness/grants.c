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

#include "fuzz/oracle/compare.h"
#include "fuzz/scripted.h"

struct plays {
	struct outcome copied, other;
	struct player_result result;
};

/* Ring games are another harness's: they become what changes grants. */
static void hostile(struct plays *plays, struct script *script)
{
	struct player *player = scripted_player();
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
	player->bend = (struct bend){0};
	player_script(player, script, &plays->result);
}

static void three_ways(struct plays *plays, struct script *script)
{
	struct bend bend = {.place = PLACE_STRAIGHT, .persistent = BEND_NO};

	bend_straight(script);
	scripted_outcome(script, &bend, &plays->result, &plays->copied);
	bend.persistent = BEND_YES;
	bend.staged = BEND_NO;
	scripted_outcome(script, &bend, &plays->result, &plays->other);
	ways_check(&plays->copied, &plays->other, "mapped");
	bend.staged = BEND_YES;
	scripted_outcome(script, &bend, &plays->result, &plays->other);
	ways_check(&plays->copied, &plays->other, "staged");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct plays plays;
	struct script script;

	script_decode(data, size, &script);
	if (script_u8(&script.device, DEVICE_MODE) % 2 == 0)
		hostile(&plays, &script);
	else
		three_ways(&plays, &script);
	scripted_report(&plays.result, 0);
	return 0;
}
