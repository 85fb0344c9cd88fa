/*
 * pages: whatever a script does to its rings, the machine code of the worker
 * reads no byte of a request twice, though the source may read it once and the
 * compiler know better.
 *
 * Aims at the objects that ship, so it is built without any sanitizer and only
 * replays: the inputs are those of the harness "ring", all oracles judge, and
 * reads are caught by page protection (fuzz/trap.h).
 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz/scripted.h"
#include "fuzz/trap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool watched;
	struct player *player = scripted_player();
	const uint64_t before = trap_reads();
	struct player_result result;

	if (!watched)
		trap_install();
	watched = true;
	player_play(player, data, size, &result);
	if (result.answered > 0 && trap_reads() == before) {
		fprintf(stderr, "pages: requests were answered, and no read of "
				"a ring was caught\n");
		abort();
	}
	scripted_report(&result, 0);
	return 0;
}
