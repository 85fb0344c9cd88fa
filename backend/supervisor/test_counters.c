/* Counters of workers: sums, JSON, and what a worker gone bad can write there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "backend/supervisor/counters.h"

static json_int_t number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static void test_queues_add_up(void **state)
{
	struct stats sum = {0}, one = {0};
	json_t *json;

	(void)state;
	one.reads = 3;
	one.sectors_read = 24;
	one.depth = 2;
	one.depth_high = 7;
	one.refusals[REFUSE_READ_ONLY] = 1;
	stats_took(&one.latency[STATS_READ], 1500);
	counters_add(&sum, &one);
	one.depth_high = 5;
	counters_add(&sum, &one);
	json = counters_json(&sum);
	assert_int_equal(number(json, "reads"), 6);
	assert_int_equal(number(json, "bytes_read"), 48 * 512);
	assert_int_equal(number(json, "depth"), 4);
	assert_int_equal(number(json, "depth_high"), 7);
	assert_int_equal(number(json_object_get(json, "refusals"), "READ_ONLY"),
			 2);
	json_decref(json);
}

static void test_a_histogram_ends_with_its_last_bucket(void **state)
{
	struct stats stats = {0};
	json_t *json;
	const json_t *read;

	(void)state;
	stats_took(&stats.latency[STATS_READ], 1500);
	json = counters_json(&stats);
	read = json_object_get(json_object_get(json, "latency"), "read");
	assert_int_equal(number(read, "sum_ns"), 1500);
	assert_int_equal(json_array_size(json_object_get(read, "buckets")), 2);
	read = json_object_get(json_object_get(json, "latency"), "flush");
	assert_int_equal(json_array_size(json_object_get(read, "buckets")), 0);
	json_decref(json);
}

/* Whatever stands there, it is JSON with numbers that are not negative. */
static void test_any_bytes_are_counters(void **state)
{
	struct stats sum = {0}, one;
	const char *key;
	json_t *json, *value;
	char *text;

	(void)state;
	memset(&one, 0xff, sizeof(one));
	counters_add(&sum, &one);
	counters_add(&sum, &one);
	json = counters_json(&sum);
	json_object_foreach(json, key, value) if (json_is_integer(value))
		assert_true(json_integer_value(value) >= 0);
	text = json_dumps(json, JSON_COMPACT);
	assert_non_null(text);
	free(text);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queues_add_up),
		cmocka_unit_test(test_a_histogram_ends_with_its_last_bucket),
		cmocka_unit_test(test_any_bytes_are_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
