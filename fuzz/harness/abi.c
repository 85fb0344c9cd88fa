/*
 * abi: the layout of the slots is all that the two ABIs differ in.
 *
 * One script, no two requests in flight meeting, is played by a frontend of
 * x86_64 and by one of x86_32: statuses, disk, guest memory, the pace of each
 * queue and the calls to the Xen libraries are the same.  What the backend
 * takes the layout for comes from the real parser of the frontend's keys; the
 * second of the two either names its protocol or leaves it to the default, as
 * native frontends of 32 bits do (K3).
 *
 * Aims at abi.c, ring.c and the protocol key of handshake.c.  Input:
 * fuzz/script.h; device mode 1: the default.
 */
#include <string.h>

#include "backend/supervisor/handshake.h"
#include "fuzz/oracle/compare.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/scripted.h"

struct plays {
	struct outcome unpacked, packed;
	struct player_result result;
};

static bool get(void *context, const char *key, struct handshake_value *value)
{
	static const char *const keys[][2] = {{"ring-ref", "8"},
					      {"event-channel", "5"}};
	const char *text = NULL;

	for (unsigned int i = 0; i < 2; i++)
		if (strcmp(key, keys[i][0]) == 0)
			text = keys[i][1];
	if (strcmp(key, "protocol") == 0)
		text = context;
	if (text == NULL)
		return false;
	*value = (struct handshake_value){text, strlen(text)};
	return true;
}

/* What the backend makes of that key; NULL: there is none. */
static enum link_abi agreed(char *protocol)
{
	const struct handshake_source source = {get, protocol};
	const struct handshake_offer offer = {.max_queues = 1};
	struct handshake_fault fault;
	struct link_attach attach;

	if (handshake_parse(&source, &offer, &attach, &fault) != HANDSHAKE_OK)
		oracle_fail(ORACLE_ABI, "protocol \"%s\" is refused",
			    protocol ? protocol : "");
	return (enum link_abi)attach.abi;
}

static void play(struct plays *plays, const struct script *script, bool packed,
		 char *protocol)
{
	struct outcome *outcome = packed ? &plays->packed : &plays->unpacked;
	const struct bend bend = {
		.place = PLACE_STRAIGHT,
		.packed = packed ? BEND_YES : BEND_NO,
		.abi = agreed(protocol),
	};

	scripted_outcome(script, &bend, &plays->result, outcome);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char unpacked[] = "x86_64-abi", packed[] = "x86_32-abi";
	static struct plays plays;
	struct script script;

	script_decode(data, size, &script);
	bend_straight(&script);
	play(&plays, &script, false, unpacked);
	play(&plays, &script, true,
	     script_u8(&script.device, DEVICE_MODE) % 2 != 0 ? NULL : packed);
	layouts_check(&plays.unpacked, &plays.packed);
	scripted_report(&plays.result, 0);
	return 0;
}
