/*
 * Layouts: the same requests in slots of 112 bytes or 108 have the same
 * statuses, leave the same disk and memory, get on at the same pace, and cost
 * the backend the same calls.
 */
#include "fuzz/oracle/compare.h"
#include "fuzz/oracle/oracle.h"

static void same_calls(const char *what, uint64_t unpacked, uint64_t packed)
{
	if (unpacked != packed)
		oracle_fail(ORACLE_ABI,
			    "the play took %llu %s with the layout of x86_64, "
			    "%llu with that of x86_32",
			    (unsigned long long)unpacked, what,
			    (unsigned long long)packed);
}

static void check_work(const struct outcome *unpacked,
		       const struct outcome *packed)
{
	const struct sim_ledger *a = &unpacked->work;
	const struct sim_ledger *b = &packed->work;

	same_calls("calls to map grants", a->map_calls, b->map_calls);
	same_calls("calls to unmap grants", a->unmap_calls, b->unmap_calls);
	same_calls("calls to copy", a->copy_calls, b->copy_calls);
	same_calls("copied segments", a->copy_segments, b->copy_segments);
	same_calls("notifications", a->notifies, b->notifies);
	for (unsigned int i = 0; i < GUEST_QUEUES; i++)
		if (unpacked->pace[i] != packed->pace[i])
			oracle_fail(ORACLE_ABI,
				    "queue %u takes and answers its requests "
				    "in other turns when its slots are packed",
				    i);
}

void layouts_check(const struct outcome *unpacked, const struct outcome *packed)
{
	const struct outcome_part all = {GUEST_DATA_PAGES, unpacked->sectors};
	struct outcome_difference d;

	if (unpacked->blind || packed->blind)
		return;
	d = outcome_statuses(unpacked, packed);
	if (d.what != NULL)
		oracle_fail(ORACLE_ABI,
			    "request %llu was answered %lld in the layout of "
			    "x86_64, %lld in that of x86_32 (%d: not at all)",
			    (unsigned long long)d.where, (long long)d.one,
			    (long long)d.other, OUTCOME_UNANSWERED);
	d = outcome_data(unpacked, packed, &all);
	if (d.what != NULL)
		oracle_fail(ORACLE_ABI,
			    "%s %llu holds something else when the slots are "
			    "packed",
			    d.what, (unsigned long long)d.where);
	check_work(unpacked, packed);
}
