/*
 * Counters of one queue.
 *
 * Written by the queue's thread alone, read by the supervisor through the
 * shared memory of inflight.h: plain 64-bit words, relaxed, one writer each, so
 * no lock and no written cache line is shared between queues.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "backend/base/refusals.h"

/* STAT(name, help): one counter; help is for xenblkctl and its man page. */
#define STATS_LIST(STAT)                                                       \
	STAT(reads, "read requests taken")                                     \
	STAT(writes, "write requests taken")                                   \
	STAT(flushes, "flush requests taken")                                  \
	STAT(segments, "segments of those requests")                           \
	STAT(sectors_read, "sectors read for the guest")                       \
	STAT(sectors_written, "sectors written for the guest")                 \
	STAT(errors, "requests that the image failed")                         \
	STAT(refused, "requests refused")                                      \
	STAT(persistent_hits, "segments found in the persistent cache")        \
	STAT(persistent_maps, "grants mapped to stay")                         \
	STAT(persistent_evictions, "persistent grants unmapped again")         \
	STAT(copies, "segments moved by grant copy")                           \
	STAT(copy_calls, "grant copy calls")                                   \
	STAT(staged, "segments staged between kept grants and our own pages")  \
	STAT(turns, "turns that found something to do")                        \
	STAT(polls, "periods of polling before a sleep")                       \
	STAT(sleeps, "times the queue went to sleep")                          \
	STAT(events_received, "event channel notifications received")          \
	STAT(notifications_sent, "notifications sent to the guest")            \
	STAT(notifications_saved, "response batches that needed none")         \
	STAT(pool_waits, "requests that waited for bounce pages")              \
	STAT(reissued, "requests begun again after a worker's death")

struct stats {
#define STAT(name, help) _Atomic uint64_t name;
	STATS_LIST(STAT)
#undef STAT
	_Atomic uint64_t refusals[REFUSAL_COUNT];
};

/** stats_add() - add to a counter of the calling queue's own. */
static inline void stats_add(_Atomic uint64_t *counter, uint64_t n)
{
	/* One writer: load and store, not a locked add. */
	atomic_store_explicit(
		counter,
		atomic_load_explicit(counter, memory_order_relaxed) + n,
		memory_order_relaxed);
}

/** stats_read() - any thread's or process's look at a counter. */
static inline uint64_t stats_read(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}
