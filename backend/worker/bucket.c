/* Units lent from a rate.  See bucket.h. */
#include "backend/worker/bucket.h"

#include "backend/base/check.h"

#define SECOND_NS UINT64_C(1000000000)

/* Of a thread that is overtaken so often, others have got the units. */
#define ATTEMPTS LIMIT_QUEUES

_Static_assert((uint64_t)LIMIT_RATE <=
		       UINT64_MAX / (LIMIT_BURST_MS * UINT64_C(1000000)),
	       "a burst at the highest rate can be counted");
_Static_assert(LIMIT_BURST_MS >= 1000,
	       "at the lowest rate a burst holds one unit");

void bucket_set(struct bucket *bucket, uint32_t rate, uint64_t burst_ns)
{
	CHECK(rate <= LIMIT_RATE);
	CHECK(burst_ns <= LIMIT_BURST_MS * UINT64_C(1000000));
	atomic_store_explicit(&bucket->burst_ns, burst_ns,
			      memory_order_relaxed);
	atomic_store_explicit(&bucket->rate, rate, memory_order_relaxed);
}

/* Since when nothing has been lent: no longer ago than the burst allows, and
 * that is always enough for one unit. */
static uint64_t unused_since(const struct bucket *bucket, uint32_t rate,
			     uint64_t now_ns, uint64_t until_ns)
{
	uint64_t burst_ns =
		atomic_load_explicit(&bucket->burst_ns, memory_order_relaxed);
	const uint64_t one_ns = (SECOND_NS + rate - 1) / rate;
	uint64_t floor_ns;

	if (burst_ns < one_ns)
		burst_ns = one_ns;
	floor_ns = now_ns > burst_ns ? now_ns - burst_ns : 0;
	return until_ns > floor_ns ? until_ns : floor_ns;
}

uint32_t bucket_take(struct bucket *bucket, uint32_t want, uint64_t now_ns)
{
	const uint32_t rate = bucket_rate(bucket);
	uint64_t until_ns, since_ns, units;

	CHECK(want <= LIMIT_RATE);
	if (rate == 0)
		return want;
	until_ns = atomic_load_explicit(&bucket->used_until_ns,
					memory_order_relaxed);
	for (unsigned int i = 0; i < ATTEMPTS; i++) {
		since_ns = unused_since(bucket, rate, now_ns, until_ns);
		if (since_ns >= now_ns)
			return 0;
		units = (now_ns - since_ns) * rate / SECOND_NS;
		if (units > want)
			units = want;
		if (units == 0)
			return 0;
		/* Never beyond now: units * SECOND_NS <= what the units were
		 * made of. */
		since_ns += (units * SECOND_NS + rate - 1) / rate;
		CHECK(since_ns <= now_ns);
		if (atomic_compare_exchange_weak_explicit(
			    &bucket->used_until_ns, &until_ns, since_ns,
			    memory_order_relaxed, memory_order_relaxed))
			return (uint32_t)units;
	}
	return 0;
}

uint64_t bucket_wait_ns(const struct bucket *bucket, uint32_t want,
			uint64_t now_ns)
{
	const uint32_t rate = bucket_rate(bucket);
	uint64_t ready_ns;

	CHECK(want <= LIMIT_RATE);
	if (rate == 0)
		return 0;
	ready_ns = unused_since(bucket, rate, now_ns,
				atomic_load_explicit(&bucket->used_until_ns,
						     memory_order_relaxed)) +
		   (want * SECOND_NS + rate - 1) / rate;
	return ready_ns > now_ns ? ready_ns - now_ns : 0;
}
