/* A line a minute about what a store could not do.  See failure.h. */
#include "backend/worker/failure.h"

#include <stdio.h>
#include <string.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"
#include "backend/base/limits.h"
#include "backend/base/log.h"
#include "backend/worker/request.h"

#define PERIOD_NS (LIMIT_FAILURE_SECONDS * UINT64_C(1000000000))

static const char *const names[] = {
	[REQUEST_READ] = "read",       [REQUEST_WRITE] = "write",
	[REQUEST_FLUSH] = "flush",     [REQUEST_BARRIER] = "write barrier",
	[REQUEST_DISCARD] = "discard",
};

_Static_assert(ARRAY_SIZE(names) == REQUEST_KIND_COUNT, "a name each");

void failure_init(struct failures *failures, uint32_t domid, uint32_t devid)
{
	failures->domid = domid;
	failures->devid = devid;
	atomic_init(&failures->next_ns, 0);
	atomic_init(&failures->untold, 0);
}

/* Of several queues that ask at once, one may. */
static bool may_tell(struct failures *failures, uint64_t now_ns)
{
	uint64_t next_ns =
		atomic_load_explicit(&failures->next_ns, memory_order_relaxed);

	return now_ns >= next_ns &&
	       atomic_compare_exchange_strong_explicit(
		       &failures->next_ns, &next_ns, now_ns + PERIOD_NS,
		       memory_order_relaxed, memory_order_relaxed);
}

void failure_tell(struct failures *failures, const struct request *request,
		  int error, uint64_t now_ns)
{
	/* Not strerror(): it may look for translations, and the worker's filter
	 * permits no look at files. */
	const char *what = strerrordesc_np(-error);
	char others[64] = "";
	uint64_t untold;

	CHECK(error < 0);
	CHECK(request->kind < REQUEST_KIND_COUNT);
	if (!may_tell(failures, now_ns)) {
		atomic_fetch_add_explicit(&failures->untold, 1,
					  memory_order_relaxed);
		return;
	}
	untold = atomic_exchange_explicit(&failures->untold, 0,
					  memory_order_relaxed);
	if (untold > 0)
		snprintf(others, sizeof(others),
			 "; since the last such line, %llu more",
			 (unsigned long long)untold);
	log_line(LOG_ERROR,
		 "vbd %u/%u: the store failed a %s at sector %llu: %s (error "
		 "%d)%s",
		 failures->domid, failures->devid, names[request->kind],
		 (unsigned long long)request->sector,
		 what ? what : "for an unknown reason", -error, others);
}
