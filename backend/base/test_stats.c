/* Histograms: where a duration belongs, at the edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/base/stats.h"

static void test_a_bucket_holds_what_lies_below_its_end(void **state)
{
	(void)state;
	assert_int_equal(stats_bucket(0), 0);
	assert_int_equal(stats_bucket(1), 0);
	for (unsigned int b = 0; b < STATS_BUCKETS - 1; b++) {
		assert_int_equal(stats_bucket(stats_bucket_end_ns(b) - 1), b);
		assert_int_equal(stats_bucket(stats_bucket_end_ns(b)), b + 1);
	}
	assert_int_equal(stats_bucket(UINT64_MAX), STATS_BUCKETS - 1);
	assert_int_equal(stats_bucket_end_ns(0), 1024);
}

static void test_a_histogram_adds_up(void **state)
{
	struct stats_histogram histogram = {0};

	(void)state;
	stats_took(&histogram, 1000);
	stats_took(&histogram, 1023);
	stats_took(&histogram, 1024);
	assert_int_equal(stats_read(&histogram.bucket[0]), 2);
	assert_int_equal(stats_read(&histogram.bucket[1]), 1);
	assert_int_equal(stats_read(&histogram.sum_ns), 3047);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_bucket_holds_what_lies_below_its_end),
		cmocka_unit_test(test_a_histogram_adds_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
