/*
 * Counters of one queue.
 *
 * Written by the queue's thread alone, read by the supervisor through the
 * shared memory of inflight.h: plain 64-bit words, relaxed, one writer each, so
 * no lock and no written cache line is shared between queues.  Whoever reads
 * them must be ready for any number: the worker may have been taken over.
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
	STAT(barriers, "write barriers taken")                                 \
	STAT(discards, "discard requests taken")                               \
	STAT(indirect, "of those, requests with indirect segments")            \
	STAT(segments, "segments of those requests")                           \
	STAT(sectors_read, "sectors read for the guest")                       \
	STAT(sectors_written, "sectors written for the guest")                 \
	STAT(sectors_discarded, "sectors that the guest gave up")              \
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
	STAT(polls_paid, "of those, ended by work that came")                  \
	STAT(sleeps, "times the queue went to sleep")                          \
	STAT(events_received, "event channel notifications received")          \
	STAT(notifications_sent, "notifications sent to the guest")            \
	STAT(notifications_saved, "response batches that needed none")         \
	STAT(held, "times the queue slept because of the disk's limits")       \
	STAT(pauses, "times the queue paused after events about nothing")      \
	STAT(pool_waits, "requests that waited for bounce pages")              \
	STAT(reissued, "requests begun again after a worker's death")

/* Whose latency is told apart: from the turn that took a request to the turn
 * that answered it. */
enum stats_latency {
	STATS_READ,
	STATS_WRITE,
	STATS_FLUSH,
	STATS_DISCARD,
	STATS_LATENCY_COUNT,
};

/* A histogram has buckets of powers of two: bucket i holds what took less than
 * 2^(i + 10) ns (about a microsecond and up), the last one all that took longer
 * than the one before it allows (17 s). */
#define STATS_BUCKETS	  26u
#define STATS_FIRST_SHIFT 10u

struct stats_histogram {
	_Atomic uint64_t sum_ns;
	_Atomic uint64_t bucket[STATS_BUCKETS];
};

struct stats {
#define STAT(name, help) _Atomic uint64_t name;
	STATS_LIST(STAT)
#undef STAT
	_Atomic uint64_t depth;	     /* requests taken and not answered, now */
	_Atomic uint64_t depth_high; /* the most there ever were */
	_Atomic uint64_t refusals[REFUSAL_COUNT];
	struct stats_histogram latency[STATS_LATENCY_COUNT];
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

/** stats_set() - a level rather than a count: of the calling queue's own. */
static inline void stats_set(_Atomic uint64_t *level, uint64_t value)
{
	atomic_store_explicit(level, value, memory_order_relaxed);
}

/** stats_bucket() - where in a histogram a duration belongs. */
static inline unsigned int stats_bucket(uint64_t ns)
{
	const unsigned int bits =
		ns == 0 ? 0 : 64u - (unsigned int)__builtin_clzll(ns);

	if (bits <= STATS_FIRST_SHIFT)
		return 0;
	return bits - STATS_FIRST_SHIFT < STATS_BUCKETS
		       ? bits - STATS_FIRST_SHIFT
		       : STATS_BUCKETS - 1;
}

/** stats_bucket_end_ns() - what a bucket's durations lie below; not the last's.
 */
static inline uint64_t stats_bucket_end_ns(unsigned int bucket)
{
	return UINT64_C(1) << (bucket + STATS_FIRST_SHIFT);
}

/** stats_took() - one more duration. */
static inline void stats_took(struct stats_histogram *histogram, uint64_t ns)
{
	stats_add(&histogram->bucket[stats_bucket(ns)], 1);
	stats_add(&histogram->sum_ns, ns);
}
