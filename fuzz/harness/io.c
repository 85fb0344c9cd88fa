/*
 * io: however storage behaves, a guest's request ends once, with what storage
 * said of it, and with all of its bytes or an error.
 *
 * The real engine of files (backend/image/file.c) on an io_uring whose kernel
 * is the script's: completions in any order, held back, in pieces of any
 * length, with errors, at the end of a file that has become shorter, with a
 * request to try again; submissions refused for a moment or taken in part; a
 * kernel that knows no flags (mode 1).  Under all oracles, and one that looks
 * at what is asked of the kernel: after a short transfer exactly the rest.
 *
 * Aims at file.c and the completions of submit.c.  Input: fuzz/script.h.
 */

#include "fuzz/scripted.h"
#include "fuzz/uring.h"

/* What is wrong with requests and grants is for others. */
static void bend_record(struct script_record *r)
{
	if (script_kind(r) == SCRIPT_DISK && script_u8(r, DISK_PIECE) == 0)
		r->byte[DISK_PIECE] = script_u8(r, DISK_HOLD) >> 1;
	if (script_kind(r) == SCRIPT_REQUEST &&
	    script_u8(r, REQUEST_OPERATION) < SCRIPT_ODD)
		r->byte[REQUEST_TWIST] = r->byte[REQUEST_GRANT] = 0;
}

static void bend_script(struct script *script)
{
	bend_kinds(script,
		   BEND_KIND(SCRIPT_REQUEST) | BEND_KIND(SCRIPT_RUN) |
			   BEND_KIND(SCRIPT_RUN_ALL) | BEND_KIND(SCRIPT_DISK) |
			   BEND_KIND(SCRIPT_COMPLETE) |
			   BEND_KIND(SCRIPT_CLOCK) | BEND_KIND(SCRIPT_PUSH) |
			   BEND_KIND(SCRIPT_MEMORY) | BEND_KIND(SCRIPT_ATTACH),
		   SCRIPT_DISK);
	for (unsigned int i = 0; i < script->operations; i++)
		bend_record(&script->operation[i]);
	/* A file has at least one sector. */
	if (script_u8(&script->device, DEVICE_SIZE) % 8 == 7)
		script->device.byte[DEVICE_SIZE] = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct player *player = scripted_player();
	struct player_result result;
	struct script script;

	script_decode(data, size, &script);
	bend_script(&script);
	uring_old_kernel(script_u8(&script.device, DEVICE_MODE) % 2 != 0);
	player->bend = (struct bend){.open_image = uring_open};
	player_script(player, &script, &result);
	scripted_report(&result, 0);
	return 0;
}
