/*
 * A token bucket that several threads lend from, without a lock.
 *
 * What has been lent is kept as a time: until when the rate is used up.  Whoever
 * wants units moves that time on, by one atomic exchange for as many units as it
 * will need soon; so a queue comes here once a turn, not once a request.  What
 * was not used within the burst is lost.  A rate of zero has no limit.
 *
 * Called by throttle.c.  The rate may change at any time, by one thread.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "backend/base/limits.h"

struct bucket {
	_Alignas(64) _Atomic uint64_t used_until_ns;
	_Atomic uint64_t burst_ns; /* up to LIMIT_BURST_MS */
	_Atomic uint32_t rate;	   /* units per second, up to LIMIT_RATE */
};

/** bucket_set() - another rate and burst; what is saved up now stays. */
void bucket_set(struct bucket *bucket, uint32_t rate, uint64_t burst_ns);

/**
 * bucket_take() - lend some units; those are the caller's to use or to lose.
 *
 * Return: how many, from none to all that were wanted.
 */
uint32_t bucket_take(struct bucket *bucket, uint32_t want, uint64_t now_ns);

/** bucket_wait_ns() - how long until so many units can be lent; 0: now. */
uint64_t bucket_wait_ns(const struct bucket *bucket, uint32_t want,
			uint64_t now_ns);

/** bucket_rate() - units per second; 0: no limit. */
static inline uint32_t bucket_rate(const struct bucket *bucket)
{
	return atomic_load_explicit(&bucket->rate, memory_order_relaxed);
}
