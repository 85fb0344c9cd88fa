/* Samples: reading them, their difference, quantiles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/ctl/sample.h"

static void read_text(const char *text, struct sample *sample)
{
	json_error_t error;
	json_t *json = json_loads(text, 0, &error);

	assert_non_null(json);
	sample_read(json, sample);
	json_decref(json);
}

static void test_what_is_missing_is_zero(void **state)
{
	struct sample sample;

	(void)state;
	read_text("{\"reads\": 7, \"writes\": -3, \"flushes\": \"many\","
		  " \"latency\": {\"read\": {\"buckets\": [1, 2]}}}",
		  &sample);
	assert_int_equal(sample.requests[STATS_READ], 7);
	assert_int_equal(sample.requests[STATS_WRITE], 0);
	assert_int_equal(sample.requests[STATS_FLUSH], 0);
	assert_int_equal(sample.bucket[STATS_READ][1], 2);
	assert_int_equal(sample.bucket[STATS_READ][2], 0);
	assert_true(sample_used(&sample));
	read_text("{\"depth\": 3}", &sample);
	assert_false(sample_used(&sample));
}

static void test_a_new_worker_counts_from_zero(void **state)
{
	struct sample before = {0}, now = {0}, change;

	(void)state;
	before.bytes_read = 1000;
	before.requests[STATS_READ] = 10;
	now.bytes_read = 1500;
	now.requests[STATS_READ] = 4;
	now.depth = 3;
	sample_since(&before, &now, &change);
	assert_int_equal(change.bytes_read, 500);
	assert_int_equal(change.requests[STATS_READ], 4);
	assert_int_equal(change.depth, 3);
}

static void test_quantiles_lie_in_their_bucket(void **state)
{
	uint64_t bucket[STATS_BUCKETS] = {0};

	(void)state;
	assert_int_equal(sample_quantile_ns(bucket, 500), 0);
	bucket[0] = 100;
	assert_int_equal(sample_quantile_ns(bucket, 500), 512);
	bucket[3] = 100; /* 4096 to 8192 ns */
	assert_int_equal(sample_quantile_ns(bucket, 500), 1024);
	assert_int_equal(sample_quantile_ns(bucket, 750), 4096 + 2048);
	assert_int_equal(sample_quantile_ns(bucket, 1000), 8192);
	/* Of the last bucket only its beginning is known. */
	bucket[STATS_BUCKETS - 1] = 10000;
	assert_int_equal(sample_quantile_ns(bucket, 990),
			 stats_bucket_end_ns(STATS_BUCKETS - 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_missing_is_zero),
		cmocka_unit_test(test_a_new_worker_counts_from_zero),
		cmocka_unit_test(test_quantiles_lie_in_their_bucket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
