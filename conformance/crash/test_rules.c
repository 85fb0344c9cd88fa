/*
 * The rules of ordering: each broken and kept by hand, and their judgement by
 * sets compared with every crash one by one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "conformance/crash/rules.h"

#define FEW_SECTORS 4u
#define FEW_EVENTS  24u
#define SCENES	    20000u

static struct rules rules;
static struct may_hold may[CRASH_SECTORS];

static int fresh(void **state)
{
	(void)state;
	rules_reset(&rules);
	memset(may, 0, sizeof(may));
	for (unsigned int s = 0; s < CRASH_SECTORS; s++)
		may[s].count = 1;
	return 0;
}

static uint32_t sent(uint8_t operation, uint8_t queue, uint8_t sector,
		     uint8_t sectors)
{
	return rules_sent(&rules,
			  &(struct rules_request){.operation = operation,
						  .queue = queue,
						  .sector = sector,
						  .sectors = sectors});
}

static void okay(uint32_t number)
{
	rules_answered(&rules, number, true);
}

static void may_be(unsigned int sector, uint32_t write)
{
	may[sector].write[may[sector].count++] = write;
}

static void must_be(unsigned int sector, uint32_t write)
{
	may[sector].count = 1;
	may[sector].write[0] = write;
}

static bool crash_breaks(void)
{
	bool suspicious = false;

	rules_crash(&rules, may);
	for (uint32_t i = 1; i <= rules.count; i++) {
		const struct rules_request *r = &rules.request[i];

		suspicious |= r->answered == 0 && r->suspicion.write != 0;
	}
	return rules.broken || suspicious;
}

/* --- by hand --- */

static void test_a_flush_covers_what_was_answered(void **state)
{
	uint32_t write = sent(CRASH_WRITE, 0, 1, 2), flush;

	(void)state;
	okay(write);
	flush = sent(CRASH_FLUSH, 1, 0, 0);
	may_be(1, write);
	must_be(2, write);
	assert_false(crash_breaks());
	okay(flush);
	assert_true(crash_breaks());
	assert_non_null(strstr(rules.words, "not durable in sector 1"));
}

static void test_a_flush_does_not_cover_what_was_on_its_way(void **state)
{
	uint32_t write = sent(CRASH_WRITE, 0, 1, 1);
	uint32_t flush = sent(CRASH_FLUSH, 0, 0, 0);

	(void)state;
	okay(write);
	okay(flush);
	may_be(1, write);
	assert_false(crash_breaks());
}

static void test_a_flush_that_fails_promises_nothing(void **state)
{
	uint32_t write = sent(CRASH_WRITE, 0, 1, 1), flush;

	(void)state;
	okay(write);
	flush = sent(CRASH_FLUSH, 0, 1, 1);
	rules_answered(&rules, flush, false);
	may_be(1, write);
	assert_false(crash_breaks());
}

static void test_a_later_or_concurrent_write_may_stand_there(void **state)
{
	uint32_t other = sent(CRASH_WRITE, 1, 1, 1);
	uint32_t write = sent(CRASH_WRITE, 0, 1, 1), flush;

	(void)state;
	okay(write);
	okay(other);
	flush = sent(CRASH_FLUSH, 0, 0, 0);
	okay(flush);
	must_be(1, other);
	may_be(1, sent(CRASH_WRITE, 0, 1, 1));
	may_be(1, write);
	assert_false(crash_breaks());
}

static void test_nothing_passes_a_barrier(void **state)
{
	uint32_t first = sent(CRASH_WRITE, 0, 1, 1);
	uint32_t barrier = sent(CRASH_BARRIER, 0, 0, 0);
	uint32_t later;

	(void)state;
	later = sent(CRASH_WRITE, 0, 2, 1);
	may_be(1, first);
	assert_false(crash_breaks());
	may_be(2, later);
	assert_true(crash_breaks());
	assert_false(rules.broken);
	must_be(1, first);
	must_be(2, later);
	okay(barrier);
	assert_true(rules.broken);
	assert_non_null(strstr(rules.words, "could be found in sector 2"));
}

static void test_a_barrier_that_is_refused_orders_nothing(void **state)
{
	uint32_t first = sent(CRASH_WRITE, 0, 1, 1);
	uint32_t barrier = sent(CRASH_BARRIER, 0, 0, 0);

	(void)state;
	may_be(1, first);
	may_be(2, sent(CRASH_WRITE, 0, 2, 1));
	rules_crash(&rules, may);
	rules_answered(&rules, barrier, false);
	assert_false(crash_breaks());
}

static void test_a_barriers_data_wait_and_are_waited_for(void **state)
{
	uint32_t first = sent(CRASH_WRITE, 1, 1, 1), barrier;

	(void)state;
	okay(first);
	barrier = sent(CRASH_BARRIER, 0, 2, 1);
	must_be(1, first);
	may_be(2, barrier);
	assert_false(crash_breaks());
	may_be(3, sent(CRASH_WRITE, 0, 3, 1));
	assert_true(crash_breaks());
}

static void test_a_barrier_waits_for_other_rings(void **state)
{
	uint32_t other = sent(CRASH_WRITE, 1, 1, 1);
	uint32_t barrier = sent(CRASH_BARRIER, 0, 0, 0);

	(void)state;
	may_be(1, other);
	assert_false(crash_breaks());
	okay(barrier);
	assert_true(crash_breaks());
}

static void test_a_barrier_is_durable_when_answered(void **state)
{
	uint32_t barrier = sent(CRASH_BARRIER, 0, 2, 1);

	(void)state;
	okay(barrier);
	may_be(2, barrier);
	assert_true(crash_breaks());
}

static void test_one_sector_is_never_two(void **state)
{
	uint32_t first = sent(CRASH_WRITE, 0, 1, 1);

	(void)state;
	sent(CRASH_BARRIER, 0, 0, 0);
	may_be(1, first);
	may_be(1, sent(CRASH_WRITE, 0, 1, 1));
	assert_false(crash_breaks());
}

/* Of another queue: first found early, then not durable. */
static void test_a_concurrent_write_takes_one_side(void **state)
{
	uint32_t first = sent(CRASH_WRITE, 0, 1, 1);
	uint32_t barrier = sent(CRASH_BARRIER, 0, 0, 0);
	uint32_t other = sent(CRASH_WRITE, 1, 2, 1);

	(void)state;
	may_be(1, first);
	may_be(2, other);
	assert_false(crash_breaks());
	must_be(1, first);
	okay(first);
	okay(barrier);
	assert_true(crash_breaks());
	assert_non_null(strstr(rules.words, "of queue 1"));
}

static void test_a_death_lets_it_change_sides(void **state)
{
	uint32_t first = sent(CRASH_WRITE, 0, 1, 1);
	uint32_t barrier = sent(CRASH_BARRIER, 0, 0, 0);
	uint32_t other = sent(CRASH_WRITE, 1, 2, 1);

	(void)state;
	may_be(1, first);
	may_be(2, other);
	assert_false(crash_breaks());
	rules_died(&rules);
	assert_false(crash_breaks());
	must_be(1, first);
	okay(first);
	okay(barrier);
	assert_false(crash_breaks());
}

static void test_a_concurrent_write_may_come_after(void **state)
{
	uint32_t first = sent(CRASH_WRITE, 0, 1, 1);
	uint32_t barrier = sent(CRASH_BARRIER, 0, 0, 0);
	uint32_t other = sent(CRASH_WRITE, 1, 2, 1);

	(void)state;
	must_be(1, first);
	may_be(2, other);
	assert_false(crash_breaks());
	okay(first);
	okay(barrier);
	assert_false(crash_breaks());
}

static void test_reads_find_what_was_not_overwritten(void **state)
{
	uint32_t old = sent(CRASH_WRITE, 0, 1, 1), young, read;

	(void)state;
	okay(old);
	young = sent(CRASH_WRITE, 1, 1, 1);
	read = sent(CRASH_READ, 0, 1, 1);
	okay(young);
	rules_read(&rules, read, 1, old);
	rules_read(&rules, read, 1, young);
	assert_false(rules.broken);
	rules_read(&rules, sent(CRASH_READ, 0, 1, 1), 1, old);
	assert_true(rules.broken);
}

static void test_answers_and_data_are_of_requests(void **state)
{
	uint32_t write = sent(CRASH_WRITE, 0, 1, 1);

	(void)state;
	rules_submitted(&rules, write, 1);
	assert_false(rules.broken);
	okay(write);
	rules_submitted(&rules, write, 1);
	assert_true(rules.broken);
	fresh(state);
	rules_answered(&rules, 1, true);
	assert_true(rules.broken);
}

/* --- all crashes, one by one --- */

static bool is_write(uint32_t number)
{
	const struct rules_request *r = &rules.request[number];

	return r->operation != CRASH_READ && r->sectors > 0 &&
	       (r->answered == 0 || r->answered_okay);
}

static bool live_barrier(uint32_t number)
{
	const struct rules_request *r = &rules.request[number];

	return r->operation == CRASH_BARRIER &&
	       (r->answered == 0 || r->answered_okay);
}

static bool answered_first(uint32_t a, uint32_t b)
{
	const uint64_t answered = rules.request[a].answered;

	return answered != 0 && answered < rules.request[b].sent;
}

/* Nothing ahead of it in its ring waits for another barrier's turn. */
static bool goes_first(uint32_t a, uint32_t barrier)
{
	const struct rules_request *r = &rules.request[a];

	if (a > barrier || r->queue == rules.request[barrier].queue ||
	    answered_first(a, barrier))
		return a < barrier;
	for (uint32_t i = a; i > 0; i--) {
		if (rules.request[i].queue == r->queue &&
		    rules.request[i].operation == CRASH_BARRIER &&
		    !answered_first(i, barrier))
			return false;
	}
	return true;
}

/* A barrier between, or either one itself. */
static bool ordered(uint32_t a, uint32_t barrier, uint32_t b)
{
	const uint8_t queue = rules.request[barrier].queue;
	const bool from = a == barrier || goes_first(a, barrier);
	const bool to = b == barrier || answered_first(barrier, b) ||
			(rules.request[b].queue == queue && b > barrier);

	return from && to;
}

static bool older(uint32_t a, uint32_t b)
{
	bool is = a == 0 || answered_first(a, b);

	for (uint32_t i = 1; a != b && i <= rules.count && !is; i++)
		is = live_barrier(i) && ordered(a, i, b);
	return is && a != b;
}

static bool lost_in(const uint32_t image[FEW_SECTORS], uint32_t write)
{
	const struct rules_request *r = &rules.request[write];

	for (unsigned int s = r->sector; s < r->sector + r->sectors; s++) {
		if (older(image[s], write))
			return true;
	}
	return false;
}

static bool found_in(const uint32_t image[FEW_SECTORS], uint32_t write)
{
	for (unsigned int s = 0; s < FEW_SECTORS; s++) {
		if (image[s] == write)
			return true;
	}
	return false;
}

static bool promised(uint32_t write)
{
	for (uint32_t i = 1; i <= rules.count; i++) {
		const struct rules_request *f = &rules.request[i];

		if (f->operation < CRASH_FLUSH || !f->answered_okay)
			continue;
		if (write == i || answered_first(write, i) ||
		    (f->operation == CRASH_BARRIER && goes_first(write, i)))
			return true;
	}
	return false;
}

static bool image_breaks_order(const uint32_t image[FEW_SECTORS],
			       uint32_t barrier)
{
	for (uint32_t a = 1; a <= rules.count; a++) {
		if (!is_write(a) || !lost_in(image, a))
			continue;
		for (uint32_t b = 1; b <= rules.count; b++) {
			if (a != b && rules.request[b].sectors > 0 &&
			    rules.request[b].operation != CRASH_READ &&
			    ordered(a, barrier, b) && found_in(image, b))
				return true;
		}
	}
	return false;
}

static bool image_breaks(const uint32_t image[FEW_SECTORS])
{
	for (uint32_t i = 1; i <= rules.count; i++) {
		if (is_write(i) && promised(i) && lost_in(image, i))
			return true;
		if (live_barrier(i) && rules.request[i].answered == 0 &&
		    image_breaks_order(image, i))
			return true;
	}
	return false;
}

static bool some_image_breaks(void)
{
	unsigned int at[FEW_SECTORS] = {0};
	unsigned int s = 0;

	while (s < FEW_SECTORS) {
		uint32_t image[FEW_SECTORS];

		for (s = 0; s < FEW_SECTORS; s++)
			image[s] = may[s].write[at[s]];
		if (image_breaks(image))
			return true;
		for (s = 0; s < FEW_SECTORS && ++at[s] == may[s].count; s++)
			at[s] = 0;
	}
	return false;
}

/* Requests and answers at random, and disks that are sometimes nearly right. */
static void make_scene(uint64_t *sequence)
{
	for (unsigned int i = 0; i < FEW_EVENTS; i++) {
		const uint32_t number =
			1 + history_number(sequence, rules.count + 1);
		const uint8_t sectors = (uint8_t)history_number(sequence, 3);

		if (number > rules.count)
			sent((uint8_t)(CRASH_WRITE +
				       history_number(sequence, 3)),
			     (uint8_t)history_number(sequence, 2),
			     (uint8_t)history_number(sequence, 3), sectors);
		else if (rules.request[number].answered == 0)
			rules_answered(&rules, number,
				       history_number(sequence, 8) > 0);
	}
}

static void make_disk(uint64_t *sequence)
{
	for (unsigned int s = 0; s < FEW_SECTORS; s++) {
		must_be(s, 0);
		for (uint32_t i = 1; i <= rules.count; i++) {
			const struct rules_request *r = &rules.request[i];

			if (s < r->sector || s >= r->sector + r->sectors)
				continue;
			if (history_number(sequence, 2) == 0)
				must_be(s, i);
			else if (history_number(sequence, 3) == 0)
				may_be(s, i);
		}
	}
}

static void test_sets_say_what_all_crashes_say(void **state)
{
	uint64_t sequence = 7;
	unsigned int broken = 0;

	for (unsigned int i = 0; i < SCENES; i++) {
		bool expected;

		fresh(state);
		make_scene(&sequence);
		make_disk(&sequence);
		expected = some_image_breaks();
		assert_int_equal(crash_breaks(), expected);
		broken += expected;
	}
	/* Both verdicts were given often. */
	assert_in_range(broken, SCENES / 20, SCENES - SCENES / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_flush_covers_what_was_answered,
				       fresh),
		cmocka_unit_test_setup(
			test_a_flush_does_not_cover_what_was_on_its_way, fresh),
		cmocka_unit_test_setup(test_a_flush_that_fails_promises_nothing,
				       fresh),
		cmocka_unit_test_setup(
			test_a_later_or_concurrent_write_may_stand_there,
			fresh),
		cmocka_unit_test_setup(test_nothing_passes_a_barrier, fresh),
		cmocka_unit_test_setup(
			test_a_barrier_that_is_refused_orders_nothing, fresh),
		cmocka_unit_test_setup(
			test_a_barriers_data_wait_and_are_waited_for, fresh),
		cmocka_unit_test_setup(test_a_barrier_waits_for_other_rings,
				       fresh),
		cmocka_unit_test_setup(test_a_barrier_is_durable_when_answered,
				       fresh),
		cmocka_unit_test_setup(test_one_sector_is_never_two, fresh),
		cmocka_unit_test_setup(test_a_concurrent_write_takes_one_side,
				       fresh),
		cmocka_unit_test_setup(test_a_death_lets_it_change_sides,
				       fresh),
		cmocka_unit_test_setup(test_a_concurrent_write_may_come_after,
				       fresh),
		cmocka_unit_test_setup(test_reads_find_what_was_not_overwritten,
				       fresh),
		cmocka_unit_test_setup(test_answers_and_data_are_of_requests,
				       fresh),
		cmocka_unit_test(test_sets_say_what_all_crashes_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
