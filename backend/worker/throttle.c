/* A disk's limits and its queues' shares of them.  See throttle.h. */
#include "backend/worker/throttle.h"

#include "backend/base/check.h"
#include "backend/base/inflight.h"

/* How long a queue that is held sleeps: so long that some requests are allowed
 * then, and so short that other limits take effect soon. */
#define WAIT_FIRST_NS 1000000u
#define WAIT_LAST_NS  100000000u

/* Sectors that a queue lends at once: 4 ms of the rate, within bounds. */
#define LEASES_PER_SECOND 256u
#define LEASE_FIRST	  8u
#define LEASE_LAST	  2048u

/* Enough to have no limit for a turn. */
#define PLENTY INT32_MAX

_Static_assert(LIMIT_BURST_FIRST_MS *UINT64_C(1000000) >= 8 * WAIT_FIRST_NS,
	       "nothing of the rate is lost by sleeping");

void throttle_set(struct throttle *throttle, const struct link_limits *limits)
{
	CHECK(limits->iops <= LIMIT_RATE && limits->sectors <= LIMIT_RATE);
	bucket_set(&throttle->requests, limits->iops, limits->burst_ns);
	bucket_set(&throttle->sectors, limits->sectors, limits->burst_ns);
	atomic_store_explicit(&throttle->limited,
			      limits->iops != 0 || limits->sectors != 0,
			      memory_order_relaxed);
	/* Release: who sees the new version does not lend by the old rates. */
	atomic_fetch_add_explicit(&throttle->version, 1, memory_order_release);
}

static bool is_limited(const struct share *share)
{
	return atomic_load_explicit(&share->throttle->limited,
				    memory_order_relaxed) != 0;
}

/* What was lent, or is owed, under other limits is forgotten. */
static void follow_limits(struct share *share)
{
	const uint32_t version = atomic_load_explicit(&share->throttle->version,
						      memory_order_acquire);

	if (version == share->version)
		return;
	share->version = version;
	share->requests = 0;
	share->sectors = 0;
}

static void lend_sectors(struct share *share, uint64_t now_ns)
{
	struct bucket *bucket = &share->throttle->sectors;
	const uint32_t rate = bucket_rate(bucket);
	int64_t lease = rate / LEASES_PER_SECOND;

	if (rate == 0) {
		share->sectors = PLENTY;
		return;
	}
	lease = lease < LEASE_FIRST ? LEASE_FIRST : lease;
	lease = lease > LEASE_LAST ? LEASE_LAST : lease;
	CHECK(share->sectors <= 0);
	CHECK(share->sectors >= -(int64_t)PLENTY);
	share->sectors +=
		bucket_take(bucket, (uint32_t)(lease - share->sectors), now_ns);
}

unsigned int throttle_open(struct share *share, unsigned int want,
			   uint64_t now_ns)
{
	struct bucket *bucket = &share->throttle->requests;

	CHECK(want <= LIMIT_RING_SLOTS);
	if (!is_limited(share))
		return want;
	follow_limits(share);
	if (bucket_rate(bucket) == 0)
		share->requests = PLENTY;
	else if (share->requests < want)
		share->requests += bucket_take(
			bucket, want - (uint32_t)share->requests, now_ns);
	return share->requests < want ? (unsigned int)share->requests : want;
}

bool throttle_allows(struct share *share, uint64_t now_ns)
{
	if (!is_limited(share))
		return true;
	if (share->sectors <= 0)
		lend_sectors(share, now_ns);
	return share->sectors > 0;
}

/* Those of an indirect request are not known yet: as if its pages were full.
 * What moves no data costs a request only. */
static int64_t cost(const struct request *request)
{
	if (!request || request->segments == 0)
		return 0;
	return request->sectors != 0 ? request->sectors
				     : request->segments * PAGE_SECTORS;
}

void throttle_spend(struct share *share, const struct request *request)
{
	if (!is_limited(share))
		return;
	share->requests--;
	share->sectors -= cost(request);
}

uint64_t throttle_wait_ns(const struct share *share, uint64_t now_ns)
{
	const struct throttle *throttle = share->throttle;
	uint64_t wait_ns = WAIT_FIRST_NS, other_ns;

	CHECK(share->held);
	if (share->requests <= 0) {
		other_ns = bucket_wait_ns(&throttle->requests, 1, now_ns);
		wait_ns = other_ns > wait_ns ? other_ns : wait_ns;
	}
	if (share->sectors <= 0) {
		other_ns =
			bucket_wait_ns(&throttle->sectors,
				       (uint32_t)(1 - share->sectors), now_ns);
		wait_ns = other_ns > wait_ns ? other_ns : wait_ns;
	}
	return wait_ns < WAIT_LAST_NS ? wait_ns : WAIT_LAST_NS;
}
