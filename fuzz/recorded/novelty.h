/* What the seeds so far have shown: a set of features, each one number. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define NOVELTY_SLOTS 16384u

struct novelty {
	unsigned int count;
	uint64_t feature[NOVELTY_SLOTS];
};

/** novelty_add() - true when it was not there; false too when it is full. */
bool novelty_add(struct novelty *novelty, uint64_t feature);

/** novelty_mix() - a feature from several numbers, one after the other. */
static inline uint64_t novelty_mix(uint64_t seed, uint64_t number)
{
	uint64_t x = (seed ^ number) * UINT64_C(0x9e3779b97f4a7c15);

	return x ^ x >> 29;
}

/** novelty_bucket() - 0, 1, 2-3, 4-7, ... as 0, 1, 2, 3, ... */
static inline unsigned int novelty_bucket(uint64_t n)
{
	return n == 0 ? 0 : 64u - (unsigned int)__builtin_clzll(n);
}
