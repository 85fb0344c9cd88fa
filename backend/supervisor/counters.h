/*
 * What workers count, as the supervisor hands it on: added up, and as JSON.
 *
 * Called by report.c (control socket) and metrics.c (Prometheus).  The numbers
 * come from memory that a worker writes, which a guest may have taken over: any
 * number is possible, sums wrap, and nothing is decided by them.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/stats.h"

/* One counter of STATS_LIST. */
struct counter {
	const char *name;
	const char *help;
	size_t offset; /* in struct stats */
};

/** counters_all() - the list, in its order; how many. */
const struct counter *counters_all(unsigned int *count);

/** counters_value() - one of them. */
uint64_t counters_value(const struct stats *stats,
			const struct counter *counter);

/** counters_latency_name() - "read", "write", "flush". */
const char *counters_latency_name(enum stats_latency kind);

/**
 * counters_add() - a queue's numbers to those of its disk.
 *
 * Counts and the depth are sums; the highest depth is that of any one queue.
 */
void counters_add(struct stats *sum, const struct stats *one);

/** counters_json() - all of them as an object; the caller's to decref. */
json_t *counters_json(const struct stats *stats);
