/*
 * Histories: the same from the same seed, within their bounds, and of every
 * kind; one that breaks no rule stays as it is.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "conformance/crash/history.h"
#include "conformance/crash/shrink.h"

#define SEEDS 500u

static struct history one, two;

static void test_a_seed_is_a_history(void **state)
{
	(void)state;
	history_make(&one, 5, true);
	history_make(&two, 5, true);
	assert_memory_equal(one.step, two.step, sizeof(one.step));
	history_make(&two, 6, true);
	assert_memory_not_equal(one.step, two.step, sizeof(one.step));
}

static void expect_step(const struct history *history, const struct step *step)
{
	assert_true(step->kind < STEP_KINDS);
	assert_true(step->queue < history->queues);
	if (step->kind != STEP_REQUEST)
		return;
	assert_true(step->sector + step->sectors <= CRASH_SECTORS);
	assert_true(step->sectors <= CRASH_LENGTH);
	assert_true(step->part >= 1 && step->first + step->part <= 8);
	assert_false(step->indirect && step->operation > CRASH_WRITE);
}

static void test_every_kind_within_bounds(void **state)
{
	unsigned int kinds[STEP_KINDS] = {0}, queues[CRASH_QUEUES + 1] = {0};

	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		history_make(&one, seed, true);
		assert_in_range(one.queues, 1, CRASH_QUEUES);
		assert_in_range(one.count, 1, CRASH_STEPS);
		queues[one.queues]++;
		for (unsigned int i = 0; i < one.count; i++) {
			expect_step(&one, &one.step[i]);
			kinds[one.step[i].kind]++;
		}
	}
	for (unsigned int i = 0; i < STEP_KINDS; i++)
		assert_true(kinds[i] >= SEEDS);
	for (unsigned int i = 1; i <= CRASH_QUEUES; i++)
		assert_true(queues[i] > SEEDS / 10);
}

static void test_what_does_not_break_is_not_made_shorter(void **state)
{
	static struct played outcome;
	unsigned int count;

	(void)state;
	history_make(&one, 5, false);
	count = one.count;
	assert_int_equal(shrink_history(&one, &outcome), -ENOENT);
	assert_int_equal(one.count, count);
	assert_false(outcome.broken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_seed_is_a_history),
		cmocka_unit_test(test_every_kind_within_bounds),
		cmocka_unit_test(test_what_does_not_break_is_not_made_shorter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
