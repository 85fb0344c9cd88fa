/* Counters of workers: sums and JSON.  See counters.h. */
#include "backend/supervisor/counters.h"

#include "backend/base/check.h"
#include "backend/base/checked.h"
#include "backend/base/limits.h"

static const struct counter counters[] = {
#define STAT(name, help) {#name, help, offsetof(struct stats, name)},
	STATS_LIST(STAT)
#undef STAT
};

static const char *const latency_names[] = {
	[STATS_READ] = "read",
	[STATS_WRITE] = "write",
	[STATS_FLUSH] = "flush",
	[STATS_DISCARD] = "discard",
};

_Static_assert(ARRAY_SIZE(latency_names) == STATS_LATENCY_COUNT, "a name each");

const struct counter *counters_all(unsigned int *count)
{
	*count = ARRAY_SIZE(counters);
	return counters;
}

uint64_t counters_value(const struct stats *stats,
			const struct counter *counter)
{
	const char *at = (const char *)stats + counter->offset;

	CHECK(counter->offset < sizeof(*stats));
	return stats_read((const _Atomic uint64_t *)(const void *)at);
}

const char *counters_latency_name(enum stats_latency kind)
{
	CHECK(kind < STATS_LATENCY_COUNT);
	return latency_names[kind];
}

static void add_histogram(struct stats_histogram *sum,
			  const struct stats_histogram *one)
{
	stats_add(&sum->sum_ns, stats_read(&one->sum_ns));
	for (unsigned int b = 0; b < STATS_BUCKETS; b++)
		stats_add(&sum->bucket[b], stats_read(&one->bucket[b]));
}

void counters_add(struct stats *sum, const struct stats *one)
{
	const uint64_t high = stats_read(&one->depth_high);

#define STAT(name, help) stats_add(&sum->name, stats_read(&one->name));
	STATS_LIST(STAT)
#undef STAT
	stats_add(&sum->depth, stats_read(&one->depth));
	if (high > stats_read(&sum->depth_high))
		stats_set(&sum->depth_high, high);
	for (unsigned int r = 0; r < REFUSAL_COUNT; r++)
		stats_add(&sum->refusals[r], stats_read(&one->refusals[r]));
	for (unsigned int k = 0; k < STATS_LATENCY_COUNT; k++)
		add_histogram(&sum->latency[k], &one->latency[k]);
}

/* JSON's numbers have a sign. */
static json_t *number(uint64_t value)
{
	return json_integer(value < INT64_MAX ? (json_int_t)value : INT64_MAX);
}

static uint64_t bytes_of(uint64_t sectors)
{
	return sectors <= UINT64_MAX / SECTOR_BYTES ? sectors * SECTOR_BYTES
						    : UINT64_MAX;
}

/* The refusals that have happened, by name. */
static json_t *refusals_json(const struct stats *stats)
{
	json_t *refusals = json_object();

	for (unsigned int r = REFUSAL_NONE + 1; r < REFUSAL_COUNT; r++) {
		const uint64_t n = stats_read(&stats->refusals[r]);

		if (n > 0)
			json_object_set_new(refusals,
					    refusal_name((enum refusal)r),
					    number(n));
	}
	return refusals;
}

/* Up to the last bucket that holds something. */
static json_t *histogram_json(const struct stats_histogram *histogram)
{
	json_t *buckets = json_array();
	unsigned int used = STATS_BUCKETS;

	while (used > 0 && stats_read(&histogram->bucket[used - 1]) == 0)
		used--;
	for (unsigned int b = 0; b < used; b++)
		json_array_append_new(
			buckets, number(stats_read(&histogram->bucket[b])));
	return json_pack("{s:o, s:o}", "sum_ns",
			 number(stats_read(&histogram->sum_ns)), "buckets",
			 buckets);
}

json_t *counters_json(const struct stats *stats)
{
	json_t *object = json_object(), *latency = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		json_object_set_new(
			object, counters[i].name,
			number(counters_value(stats, &counters[i])));
	json_object_set_new(object, "bytes_read",
			    number(bytes_of(stats_read(&stats->sectors_read))));
	json_object_set_new(
		object, "bytes_written",
		number(bytes_of(stats_read(&stats->sectors_written))));
	json_object_set_new(object, "depth", number(stats_read(&stats->depth)));
	json_object_set_new(object, "depth_high",
			    number(stats_read(&stats->depth_high)));
	json_object_set_new(object, "refusals", refusals_json(stats));
	for (unsigned int k = 0; k < STATS_LATENCY_COUNT; k++)
		json_object_set_new(latency, latency_names[k],
				    histogram_json(&stats->latency[k]));
	json_object_set_new(object, "latency", latency);
	return object;
}
