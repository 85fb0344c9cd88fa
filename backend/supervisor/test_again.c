/* The timer of a second look: soon at first, then ever later, never for nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>

#include "backend/supervisor/again.h"

/* No time: it is as if it were read. */
static unsigned int next_delay(struct again *again)
{
	const unsigned int delay = again->delay_ms;

	again_plan(again, true);
	assert_true(again->armed);
	again->armed = false;
	return delay;
}

static void each_time_is_twice_as_far_up_to_a_minute(void **state)
{
	struct again again;
	unsigned int delay = 100;

	(void)state;
	assert_int_equal(again_open(&again), 0);
	for (unsigned int i = 0; i < 10; i++) {
		assert_int_equal(next_delay(&again), delay);
		delay *= 2;
	}
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(next_delay(&again), 60000);
	/* An answer: the next trouble is looked at soon. */
	again_plan(&again, false);
	assert_int_equal(next_delay(&again), 100);
	again_close(&again);
}

static void it_comes_once_and_only_when_it_was_planned(void **state)
{
	struct again again;
	struct pollfd fd = {.events = POLLIN};

	(void)state;
	assert_int_equal(again_open(&again), 0);
	fd.fd = again.fd;
	assert_false(again_due(&again));
	again_plan(&again, false);
	assert_int_equal(poll(&fd, 1, 300), 0);
	again_plan(&again, true);
	/* Asked twice it is not put off. */
	again_plan(&again, true);
	assert_int_equal(again.delay_ms, 200);
	assert_int_equal(poll(&fd, 1, 20000), 1);
	assert_true(again_due(&again));
	assert_false(again.armed);
	assert_false(again_due(&again));
	again_close(&again);
	assert_int_equal(again.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_time_is_twice_as_far_up_to_a_minute),
		cmocka_unit_test(it_comes_once_and_only_when_it_was_planned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
