/* Plays on a backend that runs by itself.  See prompt.h. */
#include "fuzz/prompt.h"

#include "backend/base/check.h"
#include "fuzz/player.h"
#include "fuzz/taping.h"

const char *prompt_left_out(enum prompt_left what)
{
	static const char *const words[] = {
		[PROMPT_TURNS] = "turns", [PROMPT_DISK] = "disk",
		[PROMPT_CLOCK] = "clock", [PROMPT_FAULTS] = "faults",
		[PROMPT_QUIET] = "quiet", [PROMPT_TORN] = "torn",
		[PROMPT_SIZE] = "size",	  [PROMPT_OTHER] = "other",
		[PROMPT_AFTER] = "after",
	};

	CHECK(what < PROMPT_LEFT_COUNT);
	return words[what];
}

static void take_out(struct script_record *r, unsigned int *count)
{
	r->byte[0] = SCRIPT_RUN_ALL;
	++*count;
}

static void bend_record(struct script_record *r,
			unsigned int left[PROMPT_LEFT_COUNT])
{
	/* Kinds that come later are left out until somebody says otherwise. */
	switch ((unsigned int)script_kind(r)) {
	case SCRIPT_RUN:
		take_out(r, &left[PROMPT_TURNS]);
		break;
	case SCRIPT_DISK:
	case SCRIPT_COMPLETE:
		take_out(r, &left[PROMPT_DISK]);
		break;
	case SCRIPT_CLOCK:
		take_out(r, &left[PROMPT_CLOCK]);
		break;
	case SCRIPT_FAIL:
		take_out(r, &left[PROMPT_FAULTS]);
		break;
	case SCRIPT_EVENTS:
		r->byte[0] = SCRIPT_KICK; /* the fields stand alike */
		break;
	case SCRIPT_PUSH:
		left[PROMPT_QUIET] += script_u8(r, PUSH_QUIET) >= SCRIPT_ODD;
		r->byte[PUSH_QUIET] = 0;
		break;
	case SCRIPT_REQUEST:
		left[PROMPT_QUIET] += script_u8(r, REQUEST_THEN) % 4 == 2;
		/* It settles anyway, and then the guest has told. */
		if (script_u8(r, REQUEST_THEN) % 4 >= 2)
			r->byte[REQUEST_THEN] = 0;
		break;
	case SCRIPT_GRANT:
		left[PROMPT_TORN] += script_u8(r, GRANT_ACTION) >= SCRIPT_ODD;
		r->byte[GRANT_ACTION] %= 4;
		break;
	case SCRIPT_RUN_ALL:
	case SCRIPT_KICK:
	case SCRIPT_RAW:
	case SCRIPT_MEMORY:
	case SCRIPT_INDEX:
	case SCRIPT_ATTACH:
		break;
	default:
		take_out(r, &left[PROMPT_OTHER]);
		break;
	}
}

void prompt_bend(struct script *script, unsigned int left[PROMPT_LEFT_COUNT])
{
	uint8_t *device = script->device.byte;

	if (device[DEVICE_HOLD] % 2 != 0)
		left[PROMPT_DISK]++;
	device[DEVICE_HOLD] = 0;
	if (device[DEVICE_SIZE] % 8 == 7) {
		device[DEVICE_SIZE] = 0;
		left[PROMPT_SIZE]++;
	}
	for (unsigned int i = 0; i < script->operations; i++)
		bend_record(&script->operation[i], left);
}

/* Whatever req_event says, and whatever the guest did to it. */
static void tell_all(struct player *player)
{
	for (unsigned int i = 0; i < player->guest.shape.queues; i++)
		if (player->guest.queue[i].owed_kick)
			guest_kick(&player->guest, i);
}

static bool any_halted(const struct player *player)
{
	for (unsigned int i = 0; i < player->guest.shape.queues; i++)
		if (player->model.queue[i].halted)
			return true;
	return false;
}

bool prompt_settle(struct player *player)
{
	if (!player->attached)
		return true;
	tell_all(player);
	turns_run_all(player);
	if (player->model.blind) {
		taping_blind(&player->guest);
		return false;
	}
	if (any_halted(player)) {
		taping_halt(&player->guest);
		connection_detach(player);
	}
	return true;
}
