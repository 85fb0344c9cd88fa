/*
 * handshake: whatever nodes a frontend writes, removes and changes, also between
 * any two looks of the supervisor, what its worker is told to attach is what one
 * reading of the values that were read says.  A wrong one ends in Closing, with
 * an error node that names it, and nothing is attached; and then a frontend that
 * does it right is connected.
 *
 * Aims at backend/supervisor: connection.c, handshake.c, opening.c, announce.c,
 * publish.c, store.c, rescue.c.  Input: records of fuzz/script.h with the kinds
 * of fuzz/handshake/front.h; the stage and the oracles are those of lifecycle.
 */
#include <stdio.h>

#include "backend/supervisor/host.h"
#include "fuzz/handshake/front.h"
#include "fuzz/lifecycle/life.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/target.h"

static bool is_kind(const struct script_record *r, enum front_kind kind)
{
	return script_u8(r, 0) % FRONT_KIND_COUNT == kind;
}

static void restart_if_lost(void)
{
	if (host_lost(life.host))
		life_restart();
}

/* Return: whether more than a frontend had a hand in it. */
static bool play(const struct script *script)
{
	bool meddled = false;

	for (unsigned int i = 0; i < script->operations; i++) {
		const struct script_record *r = &script->operation[i];

		meddled |= is_kind(r, FRONT_WORKER) || is_kind(r, FRONT_FAIL) ||
			   is_kind(r, FRONT_AGAIN);
		if (is_kind(r, FRONT_BETWEEN) && i + 1 < script->operations)
			life_plan(1u + script_u16(r, FRONT_BETWEEN_LOOK) % 290,
				  LIFE_KEY_LOOKS, &script->operation[++i]);
		else
			front_acts(r);
		meddled |= is_kind(&script->operation[i], FRONT_WORKER) ||
			   is_kind(&script->operation[i], FRONT_FAIL);
		restart_if_lost();
	}
	return meddled;
}

/* What nobody may keep a disk from, whatever was before. */
static void expect_good(struct life_disk *disk, uint8_t which)
{
	char path[LIFE_PATH_BYTES + 32], sentence[64];

	front_is_good(which);
	life_expect(disk, "with a frontend that does everything right", "4");
	snprintf(path, sizeof(path),
		 "/local/domain/0/error/backend/vbd/%u/%u/error", disk->domid,
		 disk->devid);
	if (life_get(path, sentence, sizeof(sentence)))
		oracle_fail(ORACLE_NODES,
			    "a disk is Connected, and its error node says "
			    "\"%s\"",
			    sentence);
}

static void end(struct life_disk *disk, bool meddled, uint8_t which)
{
	life_forget_plans();
	workers_behave();
	life_rest();
	life_expect_known();
	/* Workers that die, and a store that fails, may cost the disk. */
	if (meddled) {
		life_remove(disk);
		life_rest();
		life_create(disk, "null:1M", false);
		life_rest();
	}
	/* What another daemon has left does not count against it, either. */
	if (which >= SCRIPT_ODD)
		life_restart();
	expect_good(disk, which);
	life_remove_all();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct script script;
	struct life_limits limits = {.rescues = 3};
	struct held before, after;
	uint64_t hash;

	script_decode(data, size, &script);
	limits.queues =
		1 + script_u8(&script.device, LIFE_QUEUES) % LIMIT_QUEUES;
	limits.order =
		script_u8(&script.device, LIFE_ORDER) % (LIMIT_RING_ORDER + 1);
	life_begin(&limits);
	life.touch = front_touches;
	held_take(&before);
	life_create(&life.disk[0], "null:1M", false);
	life_settle();
	end(&life.disk[0], play(&script),
	    script_u8(&script.device, FRONT_DEVICE_LAST));
	hash = life.calls * 31 + life.connected;
	/* Without the last one, which always succeeds. */
	target_report(hash, life.tried - 1, life.connected - 1);
	held_take(&after);
	held_check(&before, &after);
	life_finish();
	return 0;
}
