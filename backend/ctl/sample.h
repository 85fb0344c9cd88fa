/*
 * Counters of a disk or of one queue at a moment, and what happened between two.
 *
 * Made of the JSON of the command stats.  Pure; called by tables.c and top.c.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "backend/base/stats.h"

struct sample {
	uint64_t requests[STATS_LATENCY_COUNT]; /* reads, writes, flushes */
	uint64_t refused;
	uint64_t bytes_read;
	uint64_t bytes_written;
	uint64_t segments;
	uint64_t hits; /* segments that the persistent cache had */
	uint64_t depth;
	uint64_t depth_high;
	uint64_t bucket[STATS_LATENCY_COUNT][STATS_BUCKETS];
};

/** sample_read() - from the object of a queue, or the total of a disk. */
void sample_read(const json_t *counters, struct sample *sample);

/**
 * sample_since() - what happened after an earlier sample.
 *
 * Counters that went back are those of a new worker: they began with zero.
 */
void sample_since(const struct sample *before, const struct sample *now,
		  struct sample *change);

/** sample_used() - whether any request has ever come. */
bool sample_used(const struct sample *sample);

/**
 * sample_quantile_ns() - below which so many thousandths of a histogram lie.
 *
 * Within a bucket durations are taken to be spread evenly; of the last bucket
 * only its beginning is known.  Return: 0 for an empty histogram.
 */
uint64_t sample_quantile_ns(const uint64_t *bucket, unsigned int permille);
