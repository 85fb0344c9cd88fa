/*
 * ops: every operation byte has the answer that this backend's offer gives it,
 * at every size of the disk and on a read-only one, and what is refused touches
 * nothing.
 *
 * What is offered: read, write, flush, and barriers, discards and indirect
 * requests if the script's device says so.  What is not offered and what nobody
 * knows are answered EOPNOTSUPP, whatever else their slots hold.  Disks of
 * 4096-byte sectors and a change of size under requests get their meaning here
 * together with the backend's feature; until then this file plays none of that.
 *
 * Mode 0: a disk of any size; mode 1: one that a single request may exceed.
 * Slots are changed before they are taken, so that each operation meets what
 * belongs to another.  Aims at request.c and how queue.c refuses.  Input:
 * fuzz/script.h.
 */

#include "fuzz/scripted.h"

#define SMALL_SECTORS 96u /* a request has 88 at most */

/* Operations of the protocol that have a number, and one beyond them. */
static const uint8_t operations[] = {0, 1, 2, 0xe2, 0xe4, 0xe5, 0xe6, 0xe7};

static void bend_device(struct script_record *device)
{
	unsigned int sectors = script_u16(device, DEVICE_FINE);

	if (script_u8(device, DEVICE_MODE) % 2 != 0)
		sectors %= SMALL_SECTORS;
	device->byte[DEVICE_FINE] = (uint8_t)sectors;
	device->byte[DEVICE_FINE + 1] = (uint8_t)(sectors >> 8);
}

/* A request in three is of an operation by number, most sectors are near one of
 * the ends. */
static void bend_request(struct script_record *r)
{
	uint8_t operation = script_u8(r, REQUEST_OPERATION);

	if (operation % 3 == 0)
		r->byte[REQUEST_OPERATION] =
			operations[operation / 3 % sizeof(operations)];
	if (script_u8(r, REQUEST_TWIST) >= 0x80 &&
	    script_u8(r, REQUEST_TWIST) < SCRIPT_ODD)
		r->byte[REQUEST_TWIST] =
			SCRIPT_ODD + 3 + script_u8(r, REQUEST_TWIST) % 2;
}

static void bend_script(struct script *script)
{
	bend_kinds(script,
		   BEND_KIND(SCRIPT_REQUEST) | BEND_KIND(SCRIPT_RUN) |
			   BEND_KIND(SCRIPT_RUN_ALL) | BEND_KIND(SCRIPT_PUSH) |
			   BEND_KIND(SCRIPT_RAW) | BEND_KIND(SCRIPT_DISK) |
			   BEND_KIND(SCRIPT_COMPLETE) |
			   BEND_KIND(SCRIPT_ATTACH),
		   SCRIPT_REQUEST);
	bend_faults_away(script);
	bend_device(&script->device);
	for (unsigned int i = 0; i < script->operations; i++) {
		struct script_record *r = &script->operation[i];

		if (script_kind(r) == SCRIPT_REQUEST)
			bend_request(r);
		/* Operation and count, mostly. */
		if (script_kind(r) == SCRIPT_RAW &&
		    script_u8(r, RAW_AT) < SCRIPT_ODD)
			r->byte[RAW_AT] %= 2;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct player *player = scripted_player();
	struct player_result result;
	struct script script;

	script_decode(data, size, &script);
	bend_script(&script);
	player->bend = (struct bend){.fine_sizes = true};
	player_script(player, &script, &result);
	scripted_report(&result, 0);
	return 0;
}
