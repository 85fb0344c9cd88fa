/*
 * Ways: a guest's data is the same and has the same statuses whether it is
 * copied, or moved in pages that stay mapped, or staged between both.
 */
#include "fuzz/oracle/compare.h"
#include "fuzz/oracle/oracle.h"

void ways_check(const struct outcome *copied, const struct outcome *other,
		const char *way)
{
	const struct outcome_part all = {GUEST_DATA_PAGES, copied->sectors};
	struct outcome_difference d;

	if (copied->blind || other->blind)
		return;
	d = outcome_statuses(copied, other);
	if (d.what != NULL)
		oracle_fail(ORACLE_WAYS,
			    "request %llu was answered %lld when its data was "
			    "copied, %lld when it was %s (%d: not at all)",
			    (unsigned long long)d.where, (long long)d.one,
			    (long long)d.other, way, OUTCOME_UNANSWERED);
	d = outcome_data(copied, other, &all);
	if (d.what != NULL)
		oracle_fail(ORACLE_WAYS,
			    "%s %llu holds something else when data is %s "
			    "instead of copied",
			    d.what, (unsigned long long)d.where, way);
}
