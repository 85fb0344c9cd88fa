/*
 * The grant ledger and the rest of what a domain can hold of Xen: nothing stays
 * mapped or bound after a detach, nothing but rings and the persistent cache
 * while nothing is in flight, nothing is unmapped twice or under an operation
 * of the disk.
 */
#include "fuzz/oracle/checks.h"
#include "fuzz/oracle/oracle.h"

static void check_calls(const struct sim_ledger *now)
{
	if (now->bad_unmaps != 0)
		oracle_fail(ORACLE_GRANTS,
			    "%llu times something was unmapped that was not "
			    "mapped so",
			    (unsigned long long)now->bad_unmaps);
	if (now->bad_ports != 0)
		oracle_fail(ORACLE_RESOURCES,
			    "%llu times a port was used that is not the "
			    "backend's",
			    (unsigned long long)now->bad_ports);
}

static void same(const char *what, uint32_t before, uint32_t now)
{
	if (before != now)
		oracle_fail(ORACLE_RESOURCES,
			    "%u %s after the detach, %u before the attach", now,
			    what, before);
}

void ledger_check_baseline(const struct ledger_baseline *baseline)
{
	const struct sim_ledger *before = &baseline->ledger;
	struct sim_ledger now;

	sim_ledger(BACKEND_DOMID, &now);
	check_calls(&now);
	if (!baseline->unmap_failed && now.mapped_pages != before->mapped_pages)
		oracle_fail(ORACLE_GRANTS,
			    "%u pages are mapped after the detach, %u were "
			    "before the attach",
			    now.mapped_pages, before->mapped_pages);
	same("ports", before->ports, now.ports);
	same("event channel handles", before->evtchn_handles,
	     now.evtchn_handles);
	same("grant handles", before->gnttab_handles, now.gnttab_handles);
	same("xenstore handles", before->xs_handles, now.xs_handles);
}

void ledger_check_quiet(const struct model *model,
			const struct ledger_baseline *baseline,
			uint32_t persistent_cap)
{
	const struct guest_shape *shape = &model->guest->shape;
	uint32_t rings = shape->queues << shape->order;
	uint32_t kept = shape->persistent ? shape->queues * persistent_cap : 0;
	struct sim_ledger now;

	sim_ledger(BACKEND_DOMID, &now);
	check_calls(&now);
	if (baseline->unmap_failed || model_inflight(model) != 0)
		return;
	if (now.mapped_pages > baseline->ledger.mapped_pages + rings + kept)
		oracle_fail(ORACLE_GRANTS,
			    "%u pages are mapped while nothing is in flight; "
			    "the rings have %u, the cache may keep %u",
			    now.mapped_pages - baseline->ledger.mapped_pages,
			    rings, kept);
}
