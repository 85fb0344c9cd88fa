/*
 * multiqueue: a queue is served as if it were alone, and so are all of them.
 *
 * Mode 0, independence: queue 0 is polite; the others have pages and sectors of
 * their own and do with their rings what they like: impossible indices,
 * nonsense in slots, operations of the disk that never end.  Played with and
 * without the records of the others, queue 0 has the same answers, data and
 * pace.  Mode 1, queue count: requests that never meet, over several queues
 * and over one, have the same statuses and leave the same disk and memory.
 *
 * The input chooses who runs, which completion arrives on which queue, and when
 * the clock moves.  Aims at what queues might share: vbd.c, queue.c,
 * persistent.c, submit.c.  Input: fuzz/script.h; device mode.
 */

#include "fuzz/oracle/compare.h"
#include "fuzz/scripted.h"

/* What may be in front of the sector number in both layouts. */
#define HEAD_BYTES 12u

struct plays {
	struct outcome first, second;
	struct player_result result;
};

/* The others' nonsense must not name pages or sectors of queue 0. */
static void keep_in_head(struct script_record *r)
{
	uint8_t at = script_u8(r, RAW_AT) % HEAD_BYTES;

	r->byte[RAW_AT] = at;
	r->byte[RAW_LENGTH] =
		(uint8_t)(script_u8(r, RAW_LENGTH) % (HEAD_BYTES - at));
}

static void be_polite(struct script *script)
{
	unsigned int queues = 0;

	script->device.byte[DEVICE_QUEUES] |= 1; /* 2 or 4 */
	queues = 1u + script_u8(&script->device, DEVICE_QUEUES) % GUEST_QUEUES;
	bend_faults_away(script);
	for (unsigned int i = 0; i < script->operations; i++) {
		struct script_record *r = &script->operation[i];
		enum script_kind kind = script_kind(r);

		if (kind == SCRIPT_RAW)
			keep_in_head(r);
		/* When it strikes depends on who runs. */
		if (kind == SCRIPT_FLIP_AT)
			r->byte[0] = SCRIPT_RUN;
		if (kind == SCRIPT_ATTACH) {
			r->byte[ATTACH_QUEUES] = (uint8_t)(queues - 1);
			r->byte[ATTACH_FRESH] = 1;
			r->byte[ATTACH_WRONG] = 0;
		}
		if ((kind == SCRIPT_RAW || kind == SCRIPT_INDEX) &&
		    script_u8(r, ANY_QUEUE) % queues == 0)
			r->byte[ANY_QUEUE]++;
	}
}

static void compare_alone(struct plays *plays, struct script *script)
{
	struct bend bend = {.place = PLACE_HALVES, .alone = true};

	be_polite(script);
	scripted_outcome(script, &bend, &plays->result, &plays->second);
	bend.alone = false;
	scripted_outcome(script, &bend, &plays->result, &plays->first);
	independence_check(&plays->first, &plays->second);
}

static void compare_one(struct plays *plays, struct script *script)
{
	struct bend bend = {.place = PLACE_STRAIGHT, .queues = 1};

	bend_straight(script);
	scripted_outcome(script, &bend, &plays->result, &plays->second);
	bend.queues = 2 + script_u8(&script->device, DEVICE_QUEUES) %
				  (GUEST_QUEUES - 1);
	scripted_outcome(script, &bend, &plays->result, &plays->first);
	queue_count_check(&plays->first, &plays->second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct plays plays;
	struct script script;

	script_decode(data, size, &script);
	if (script_u8(&script.device, DEVICE_MODE) % 2 == 0)
		compare_alone(&plays, &script);
	else
		compare_one(&plays, &script);
	scripted_report(&plays.result, 0);
	return 0;
}
