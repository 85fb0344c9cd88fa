/*
 * How long a queue's requests take, and how many are under way.
 *
 * One per queue, used by its thread only; what comes out stands in the queue's
 * counters (stats.h).  Times are those of turns, not of requests: two looks at
 * the clock serve all requests of a turn.  Called by the parts of a queue.
 */
#pragma once

#include <stdint.h>

#include "backend/base/check.h"
#include "backend/base/inflight.h"

struct meter {
	struct stats *stats;
	uint64_t now_ns;		     /* since meter_now() */
	uint64_t taken_ns[LIMIT_RING_SLOTS]; /* by slot, of what is under way */
};

/** meter_now() - the clock was looked at. */
static inline void meter_now(struct meter *meter, uint64_t now_ns)
{
	CHECK(now_ns >= meter->now_ns);
	meter->now_ns = now_ns;
}

/** meter_taken() - a request has got a slot. */
static inline void meter_taken(struct meter *meter, unsigned int slot)
{
	CHECK(slot < LIMIT_RING_SLOTS);
	meter->taken_ns[slot] = meter->now_ns;
}

/** meter_finished() - what was taken is answered; whose latency it is. */
static inline void meter_finished(struct meter *meter, unsigned int slot,
				  enum stats_latency kind)
{
	CHECK(slot < LIMIT_RING_SLOTS);
	CHECK(meter->now_ns >= meter->taken_ns[slot]);
	stats_took(&meter->stats->latency[kind],
		   meter->now_ns - meter->taken_ns[slot]);
}

/** meter_depth() - so many requests are under way now. */
static inline void meter_depth(struct meter *meter, uint64_t depth)
{
	CHECK(depth <= LIMIT_RING_SLOTS);
	stats_set(&meter->stats->depth, depth);
	if (depth > stats_read(&meter->stats->depth_high))
		stats_set(&meter->stats->depth_high, depth);
}

/** meter_kind() - whose latency that of a request is. */
static inline enum stats_latency meter_kind(const struct request *request)
{
	switch ((enum request_kind)request->kind) {
	case REQUEST_READ:
		return STATS_READ;
	case REQUEST_WRITE:
		return STATS_WRITE;
	case REQUEST_DISCARD:
		return STATS_DISCARD;
	case REQUEST_FLUSH:
	case REQUEST_BARRIER: /* it is one, twice */
	case REQUEST_KIND_COUNT:
	default:
		return STATS_FLUSH;
	}
}
