/*
 * ring: whatever a guest does to its rings, grants and events, and however the
 * disk behaves meanwhile, every request is answered once and rightly, nothing
 * but what was asked for changes in guest memory or on the disk, and nothing is
 * left when the guest has gone.
 *
 * Aims at backend/worker: vbd.c, queue.c, ring.c, abi.c, request.c, submit.c,
 * grants.c, persistent.c, pages.c, channel.c.  Input: fuzz/script.h.
 */
#include <stdio.h>

#include "fuzz/scripted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct player *player = scripted_player();
	struct player_result result;

	player_play(player, data, size, &result);
	scripted_report(&result, 0);
	return 0;
}
