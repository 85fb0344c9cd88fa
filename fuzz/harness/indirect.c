/*
 * indirect: a request is what its descriptors said when they were read, once,
 * whatever becomes of their page, of its grant or of the calls that fetch it.
 *
 * Indirect requests are always offered.  What other harnesses do to the rings
 * becomes more of them, and only calls that deal with grants fail.  Pages of
 * descriptors are data pages: they are read into, written from, granted anew,
 * named by two requests, shown read-only, or not granted at all.  Under all
 * oracles: the plain reference reads the same page and says what must follow,
 * and a byte of it may be looked at as often as requests name it (refetch).
 *
 * Aims at indirect.c, request_describe(), submit.c, abi.c.  Input:
 * fuzz/script.h.
 */

#include "fuzz/scripted.h"

static void bend(struct script *script)
{
	script->device.byte[DEVICE_OFFERS] = 1;
	for (unsigned int i = 0; i < script->operations; i++) {
		struct script_record *r = &script->operation[i];
		const enum script_kind kind = script_kind(r);

		if (kind == SCRIPT_RAW || kind == SCRIPT_INDEX ||
		    kind == SCRIPT_EVENTS || kind == SCRIPT_KICK)
			r->byte[0] = SCRIPT_INDIRECT;
		if (kind == SCRIPT_FAIL)
			r->byte[FAIL_CALL] = script_u8(r, FAIL_CALL) % 4;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct player_result result;
	struct player *player = scripted_player();
	struct script script;

	script_decode(data, size, &script);
	bend(&script);
	player->bend = (struct bend){0};
	player_script(player, &script, &result);
	scripted_report(&result, 0);
	return 0;
}
