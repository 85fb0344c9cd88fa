/*
 * Patterns tell every sector, generation and seed apart; the histogram of times
 * is within its stated error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frontend/latency.h"
#include "frontend/verify.h"

static void pattern_matches_itself_only(void **state)
{
	struct verify_stamp stamp = {.sector = 77, .generation = 3, .seed = 9};
	struct verify_stamp other;
	uint64_t data[64];

	(void)state;
	verify_fill(data, &stamp);
	assert_true(verify_matches(data, &stamp));
	other = stamp;
	other.sector++;
	assert_false(verify_matches(data, &other));
	other = stamp;
	other.generation--;
	assert_false(verify_matches(data, &other));
	other = stamp;
	other.seed++;
	assert_false(verify_matches(data, &other));
}

static void every_byte_counts(void **state)
{
	struct verify_stamp stamp = {.sector = 1, .generation = 1};
	uint64_t data[64];
	uint8_t *byte = (uint8_t *)data;

	(void)state;
	verify_fill(data, &stamp);
	for (unsigned int i = 0; i < 512; i++) {
		byte[i] ^= 1;
		assert_false(verify_matches(data, &stamp));
		byte[i] ^= 1;
	}
	assert_true(verify_matches(data, &stamp));
}

static void complaints_name_what_is_there(void **state)
{
	struct verify_stamp wanted = {.sector = 5, .generation = 4, .seed = 1};
	struct verify_stamp stale = {.sector = 5, .generation = 3, .seed = 1};
	uint64_t data[64] = {0};
	char sentence[160];

	(void)state;
	verify_complain(data, &wanted, sentence, sizeof(sentence));
	assert_non_null(strstr(sentence, "zeroes"));
	verify_fill(data, &stale);
	verify_complain(data, &wanted, sentence, sizeof(sentence));
	assert_non_null(strstr(sentence, "generation 3"));
	verify_fill(data, &wanted);
	data[40] ^= 1;
	verify_complain(data, &wanted, sentence, sizeof(sentence));
	assert_non_null(strstr(sentence, "damaged"));
}

static void first_difference(void **state)
{
	uint8_t a[100] = {0}, b[100] = {0};

	(void)state;
	assert_int_equal(verify_difference(a, b, 100), 100);
	b[99] = 1;
	assert_int_equal(verify_difference(a, b, 100), 99);
	b[0] = 1;
	assert_int_equal(verify_difference(a, b, 100), 0);
}

static void percentiles_are_close(void **state)
{
	static struct latency all, half;

	(void)state;
	for (uint64_t ns = 1; ns <= 100000; ns++)
		latency_record(ns % 2 ? &all : &half, ns);
	latency_add(&all, &half);
	assert_true(all.count == 100000);
	assert_true(all.max_ns == 100000);
	assert_in_range(latency_percentile(&all, 500), 48000, 52000);
	assert_in_range(latency_percentile(&all, 990), 96000, 100000);
	assert_in_range(latency_percentile(&all, 1000), 100000, 100000);
}

static void times_of_any_length(void **state)
{
	static struct latency all;

	(void)state;
	latency_record(&all, 0);
	latency_record(&all, 31);
	latency_record(&all, 32);
	latency_record(&all, UINT64_MAX);
	assert_true(latency_percentile(&all, 0) == 0);
	assert_true(latency_percentile(&all, 250) == 31);
	assert_true(latency_percentile(&all, 500) == 32);
	assert_true(latency_percentile(&all, 750) > UINT64_MAX / 100 * 96);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pattern_matches_itself_only),
		cmocka_unit_test(every_byte_counts),
		cmocka_unit_test(complaints_name_what_is_there),
		cmocka_unit_test(first_difference),
		cmocka_unit_test(percentiles_are_close),
		cmocka_unit_test(times_of_any_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
