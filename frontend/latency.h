/*
 * A histogram of times: 32 buckets per power of two, so 3 % wrong at most.
 */
#pragma once

#include <stdint.h>

#define LATENCY_BUCKETS 2048u

struct latency {
	uint64_t count, sum_ns, max_ns;
	uint32_t bucket[LATENCY_BUCKETS];
};

/** latency_record() - count one time. */
static inline void latency_record(struct latency *latency, uint64_t ns)
{
	unsigned int exponent, index = (unsigned int)ns;

	if (ns >= 32) {
		exponent = 63u - (unsigned int)__builtin_clzll(ns);
		index = (exponent - 4) * 32 +
			(unsigned int)(ns >> (exponent - 5) & 31);
	}
	latency->bucket[index]++;
	latency->count++;
	latency->sum_ns += ns;
	if (ns > latency->max_ns)
		latency->max_ns = ns;
}

/** latency_add() - sum of two histograms, into the first. */
void latency_add(struct latency *into, const struct latency *from);

/** latency_percentile() - the time that so many per thousand stay below. */
uint64_t latency_percentile(const struct latency *latency,
			    unsigned int per_mille);
