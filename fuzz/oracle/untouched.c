/*
 * Untouched: a turn that only refused requests, each for what its own bytes
 * say, has not called the grant library: nothing of a guest is mapped or copied
 * before its request is known to be good.
 */
#include "fuzz/oracle/checks.h"
#include "fuzz/oracle/oracle.h"

void untouched_check(unsigned int queue, const struct sim_ledger *before,
		     const struct sim_ledger *after)
{
	if (after->map_calls != before->map_calls)
		oracle_fail(ORACLE_UNTOUCHED,
			    "queue %u mapped grants though every request of "
			    "its turn was refused",
			    queue);
	if (after->copy_segments != before->copy_segments)
		oracle_fail(ORACLE_UNTOUCHED,
			    "queue %u copied guest pages though every request "
			    "of its turn was refused",
			    queue);
}
