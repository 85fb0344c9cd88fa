/*
 * Sums and percentiles of a histogram of times; latency.h records.
 */
#include "frontend/latency.h"

void latency_add(struct latency *into, const struct latency *from)
{
	for (unsigned int i = 0; i < LATENCY_BUCKETS; i++)
		into->bucket[i] += from->bucket[i];
	into->count += from->count;
	into->sum_ns += from->sum_ns;
	if (from->max_ns > into->max_ns)
		into->max_ns = from->max_ns;
}

/* The middle of what a bucket counts. */
static uint64_t bucket_ns(unsigned int index)
{
	unsigned int exponent = index / 32 + 4;

	if (index < 32)
		return index;
	return ((32ull + index % 32) << (exponent - 5)) +
	       (1ull << (exponent - 5)) / 2;
}

uint64_t latency_percentile(const struct latency *latency,
			    unsigned int per_mille)
{
	uint64_t wanted = latency->count * per_mille / 1000;
	uint64_t seen = 0;

	for (unsigned int i = 0; i < LATENCY_BUCKETS; i++) {
		seen += latency->bucket[i];
		if (seen > wanted) {
			uint64_t ns = bucket_ns(i);

			return ns < latency->max_ns ? ns : latency->max_ns;
		}
	}
	return latency->max_ns;
}
