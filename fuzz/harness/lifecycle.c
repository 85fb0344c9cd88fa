/*
 * lifecycle: whatever frontend, toolstack, workers and xenstore do, and in
 * whatever order, the supervisor moves a disk through legal states, publishes
 * them with all that belongs to them, reads a frontend's nodes once, writes a
 * bounded amount, brings nothing back that was removed, serves the next
 * frontend, and holds nothing when all disks are gone.
 *
 * Aims at backend/supervisor: host.c, device.c, opening.c, connection.c,
 * answers.c, rescue.c, closing.c, announce.c, publish.c, store.c, facts.c,
 * child.c.  Input: records of fuzz/script.h with the kinds of
 * fuzz/lifecycle/life.h.
 */
#include "fuzz/lifecycle/life.h"
#include "fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct life_result result;

	life_play(data, size, &result);
	target_report(result.hash, result.offered, result.connected);
	return 0;
}
