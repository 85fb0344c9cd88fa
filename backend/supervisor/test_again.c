/*
 * The timer of a second look: soon at first, then ever later, never for nothing.
 * And what it is for: nodes that could not be taken away, or written, at once.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>

#include "backend/base/checked.h"
#include "backend/supervisor/again.h"
#include "backend/supervisor/test_world.h"

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

/* --- an error node --- */

static bool stands(const char *path)
{
	unsigned int length;
	char *value = xs_read(world.xs, XBT_NULL, path, &length);
	const bool there = value != NULL;

	free(value);
	return there;
}

/* A frontend is refused for a key, and mends it. */
static void refuse_once(void)
{
	plug();
	write_keys();
	put(FRONT "/ring-page-order", "31");
	put(FRONT "/state", "3");
	settle();
	assert_true(stands(ERROR));
	put(FRONT "/state", "6");
	settle();
	assert_true(xs_rm(world.xs, XBT_NULL, FRONT "/ring-page-order"));
}

static void an_earlier_daemons_error_node_goes(void **state)
{
	(void)state;
	refuse_once();
	host_destroy(world.host);
	hang_up();
	assert_int_equal(host_create(&world.conf, &world.host), 0);
	settle();
	assert_true(stands(ERROR));
	put(FRONT "/state", "1");
	settle();
	expect(BACK "/state", "2");
	connect();
	expect(ERROR, NULL);
}

static bool is_gone(const char *path)
{
	return !stands(path);
}

/* At our own next word, mostly, or else when it is time. */
static void wait_until(bool (*is_so)(const char *what), const char *what)
{
	struct pollfd fd = {.fd = host_fd(world.host), .events = POLLIN};

	for (unsigned int i = 0; i < 20 && !is_so(what); i++) {
		assert_int_equal(poll(&fd, 1, 5000), 1);
		settle();
	}
}

static void an_error_node_that_stays_is_removed_later(void **state)
{
	unsigned int connected = 0;

	for (unsigned int k = 1; k < 60; k++) {
		char *now;
		unsigned int length;

		refuse_once();
		put(FRONT "/state", "1");
		settle();
		put(FRONT "/state", "3");
		sim_fail(0, SIM_CALL_XS, k, EINVAL);
		settle();
		sim_fail(0, SIM_CALL_XS, 0, 0);
		now = xs_read(world.xs, XBT_NULL, BACK "/state", &length);
		assert_non_null(now);
		if (strcmp(now, "4") == 0) {
			connected++;
			wait_until(is_gone, ERROR);
			expect(ERROR, NULL);
		}
		free(now);
		tear_down(state);
		set_up(state);
	}
	/* The others were refused: a call of a connection, not the last ones. */
	assert_int_not_equal(connected, 0);
}

/* --- the backend's state --- */

static bool shows(const char *state)
{
	unsigned int length;
	char *now = xs_read(world.xs, XBT_NULL, BACK "/state", &length);
	const bool same = now != NULL && strcmp(now, state) == 0;

	free(now);
	return same;
}

/* The frontend says something, the k-th call that follows from it fails, and
 * yet the backend says in the end what it has to. */
static void answers(unsigned int k, const char *said, const char *answer)
{
	put(FRONT "/state", said);
	sim_fail(0, SIM_CALL_XS, k, EINVAL);
	settle();
	sim_fail(0, SIM_CALL_XS, 0, 0);
	wait_until(shows, answer);
	expect(BACK "/state", answer);
}

static void a_state_that_was_not_taken_is_said_later(void **state)
{
	for (unsigned int k = 1; k < 16; k++) {
		plug();
		connect();
		answers(k, "5", "5");
		answers(k, "6", "6");
		put(FRONT "/state", "1");
		settle();
		/* And over it the next one: it is not the toolstack's. */
		expect(BACK "/state", "2");
		connect();
		answers(k, "6", "6");
		tear_down(state);
		set_up(state);
	}
}

/* --- its limits --- */

static bool is_limited(const char *what)
{
	(void)what;
	return world.limits.iops == 700;
}

/* Whichever call fails on the way to a connection, and however: the worker is
 * told them. */
static void limits_that_could_not_be_read_are_read_later(void **state)
{
	static const int errors[] = {EIO, EINVAL, EAGAIN};
	unsigned int connected = 0;

	for (unsigned int k = 0; k < 60 * ARRAY_SIZE(errors); k++) {
		put(FRONT "/state", "1");
		put(BACK "/limit-iops", "700");
		write_backend("null:1M", "w");
		write_keys();
		put(FRONT "/state", "3");
		sim_fail(0, SIM_CALL_XS, 1 + k / ARRAY_SIZE(errors),
			 errors[k % ARRAY_SIZE(errors)]);
		settle();
		sim_fail(0, SIM_CALL_XS, 0, 0);
		if (shows("4")) {
			connected++;
			wait_until(is_limited, "the worker");
			assert_int_equal(world.limits.iops, 700);
		}
		tear_down(state);
		set_up(state);
	}
	assert_int_not_equal(connected, 0);
}

/* --- the list of disks --- */

static bool is_held(const char *what)
{
	(void)what;
	return host_devices(world.host) > 0;
}

/* A daemon that begins is told of no disk by anybody: it has to look. */
static void disks_that_could_not_be_listed_are_found_later(void **state)
{
	for (unsigned int k = 1; k < 16; k++) {
		host_destroy(world.host);
		put(FRONT "/state", "1");
		write_backend("ram:1M", "w");
		assert_int_equal(host_create(&world.conf, &world.host), 0);
		/* Its watches have told of themselves: nothing else comes. */
		sim_fail(0, SIM_CALL_XS, k, EINVAL);
		settle();
		sim_fail(0, SIM_CALL_XS, 0, 0);
		wait_until(is_held, "the disk");
		assert_int_equal(host_devices(world.host), 1);
		tear_down(state);
		set_up(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(each_time_is_twice_as_far_up_to_a_minute),
		CASE(it_comes_once_and_only_when_it_was_planned),
		CASE(an_earlier_daemons_error_node_goes),
		CASE(an_error_node_that_stays_is_removed_later),
		CASE(a_state_that_was_not_taken_is_said_later),
		CASE(limits_that_could_not_be_read_are_read_later),
		CASE(disks_that_could_not_be_listed_are_found_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
