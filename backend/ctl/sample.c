/* What the counters say, and how they change.  See sample.h. */
#include "backend/ctl/sample.h"

#include <string.h>

static const char *const kinds[STATS_LATENCY_COUNT] = {
	[STATS_READ] = "read",
	[STATS_WRITE] = "write",
	[STATS_FLUSH] = "flush",
	[STATS_DISCARD] = "discard",
};

static uint64_t number(const json_t *object, const char *key)
{
	const json_int_t n = json_integer_value(json_object_get(object, key));

	return n > 0 ? (uint64_t)n : 0;
}

static void read_histogram(const json_t *histogram, uint64_t *bucket)
{
	const json_t *buckets = json_object_get(histogram, "buckets");

	for (unsigned int b = 0; b < STATS_BUCKETS; b++) {
		const json_int_t n =
			json_integer_value(json_array_get(buckets, b));

		bucket[b] = n > 0 ? (uint64_t)n : 0;
	}
}

void sample_read(const json_t *counters, struct sample *sample)
{
	const json_t *latency = json_object_get(counters, "latency");

	*sample = (struct sample){
		.requests = {[STATS_READ] = number(counters, "reads"),
			     [STATS_WRITE] = number(counters, "writes"),
			     [STATS_FLUSH] = number(counters, "flushes"),
			     [STATS_DISCARD] = number(counters, "discards")},
		.refused = number(counters, "refused"),
		.bytes_read = number(counters, "bytes_read"),
		.bytes_written = number(counters, "bytes_written"),
		.segments = number(counters, "segments"),
		.hits = number(counters, "persistent_hits"),
		.depth = number(counters, "depth"),
		.depth_high = number(counters, "depth_high"),
	};
	for (unsigned int k = 0; k < STATS_LATENCY_COUNT; k++)
		read_histogram(json_object_get(latency, kinds[k]),
			       sample->bucket[k]);
}

static uint64_t since(uint64_t before, uint64_t now)
{
	return now >= before ? now - before : now;
}

void sample_since(const struct sample *before, const struct sample *now,
		  struct sample *change)
{
	*change = (struct sample){
		.refused = since(before->refused, now->refused),
		.bytes_read = since(before->bytes_read, now->bytes_read),
		.bytes_written =
			since(before->bytes_written, now->bytes_written),
		.segments = since(before->segments, now->segments),
		.hits = since(before->hits, now->hits),
		.depth = now->depth,
		.depth_high = now->depth_high,
	};
	for (unsigned int k = 0; k < STATS_LATENCY_COUNT; k++) {
		change->requests[k] =
			since(before->requests[k], now->requests[k]);
		for (unsigned int b = 0; b < STATS_BUCKETS; b++)
			change->bucket[k][b] =
				since(before->bucket[k][b], now->bucket[k][b]);
	}
}

bool sample_used(const struct sample *sample)
{
	uint64_t n = sample->refused;

	for (unsigned int k = 0; k < STATS_LATENCY_COUNT; k++)
		n |= sample->requests[k];
	return n != 0;
}

uint64_t sample_quantile_ns(const uint64_t *bucket, unsigned int permille)
{
	uint64_t all = 0, below = 0;
	double wanted;

	for (unsigned int b = 0; b < STATS_BUCKETS; b++)
		all += bucket[b];
	wanted = (double)all * permille / 1000.0;
	for (unsigned int b = 0; b < STATS_BUCKETS; b++) {
		const uint64_t first = b == 0 ? 0 : stats_bucket_end_ns(b - 1);
		double part;

		if (bucket[b] == 0 || (double)(below + bucket[b]) < wanted) {
			below += bucket[b];
			continue;
		}
		if (b == STATS_BUCKETS - 1)
			return first;
		part = (wanted - (double)below) / (double)bucket[b];
		return first +
		       (uint64_t)((double)(stats_bucket_end_ns(b) - first) *
				  part);
	}
	return 0;
}
