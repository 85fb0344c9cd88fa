/*
 * Queue count: the same requests over several queues or one, no two in flight
 * meeting, have the same statuses and leave the same disk and memory.
 */
#include "fuzz/oracle/compare.h"
#include "fuzz/oracle/oracle.h"

void queue_count_check(const struct outcome *many, const struct outcome *one)
{
	const struct outcome_part all = {GUEST_DATA_PAGES, many->sectors};
	struct outcome_difference d;

	if (many->blind || one->blind)
		return;
	d = outcome_statuses(many, one);
	if (d.what != NULL)
		oracle_fail(ORACLE_QUEUES,
			    "request %llu was answered %lld over several "
			    "queues, %lld over one (%d: not at all)",
			    (unsigned long long)d.where, (long long)d.one,
			    (long long)d.other, OUTCOME_UNANSWERED);
	d = outcome_data(many, one, &all);
	if (d.what != NULL)
		oracle_fail(ORACLE_QUEUES,
			    "%s %llu holds something else when the requests "
			    "go over one queue",
			    d.what, (unsigned long long)d.where);
}
