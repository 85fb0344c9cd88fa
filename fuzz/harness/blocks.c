/*
 * blocks: over a store of whole blocks a guest's sectors are as they would be
 * over any: whatever queues read, write, flush and give back, in whatever order
 * the store finishes, fails or refuses, every operation is over once, with the
 * error of its own block alone; a sector that is read is what was written last,
 * and one beside it in its block is never lost or put back.
 *
 * The store only sees whole blocks in memory that fits; who waits for a block is
 * woken when it is its turn, and who has nothing under way sleeps.  What threads
 * do to each other between two instructions is done where they meet (meet.h).
 * Aims at backend/image/blocks.c, piece.c and busy.c.  Input: records of
 * fuzz/script.h with the kinds of fuzz/blocks/queues.h.
 */

#include "fuzz/blocks/queues.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/target.h"

static struct queues_sum play(const struct script *script)
{
	const int result = queues_begin(&script->device);

	if (result < 0)
		return (struct queues_sum){.hash = (uint64_t)-result};
	for (unsigned int i = 0; i < script->operations; i++)
		queues_act(&script->operation[i]);
	return queues_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned int fds = target_fds();
	struct queues_sum sum;
	struct script script;

	script_decode(data, size, &script);
	sum = play(&script);
	if (target_fds() != fds)
		oracle_fail(ORACLE_RESOURCES, "%u descriptors, before it %u",
			    target_fds(), fds);
	target_report(sum.hash, sum.asked, sum.okay);
	return 0;
}
