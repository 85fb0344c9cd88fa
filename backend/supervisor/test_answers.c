/*
 * Workers that live and do not answer: each has its time, then it is killed, and
 * the disk goes on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include "backend/supervisor/test_world.h"

/* Whole seconds pass in as many milliseconds here. */
int timerfd_settime(int fd, int flags, const struct itimerspec *when,
		    struct itimerspec *old)
{
	struct itimerspec soon = *when;

	if (soon.it_value.tv_sec > 0)
		soon.it_value = (struct timespec){
			.tv_nsec = 1000000 * soon.it_value.tv_sec};
	return (int)syscall(SYS_timerfd_settime, fd, flags, &soon, old);
}

static struct device_view view(void)
{
	struct device_view view;

	assert_int_equal(host_devices(world.host), 1);
	device_view(host_device(world.host, 0), &view);
	return view;
}

/* Until its patience is lost, and what follows from that. */
static void outwait(void)
{
	struct pollfd timer = {.fd = host_fd(world.host), .events = POLLIN};

	settle();
	assert_int_equal(poll(&timer, 1, 10000), 1);
	settle();
}

static void nobody_is_awaited(void)
{
	struct pollfd timer = {.fd = host_fd(world.host), .events = POLLIN};

	assert_int_equal(poll(&timer, 1, 100), 0);
}

static void a_worker_that_answers_is_left_alone(void **state)
{
	(void)state;
	plug_and_connect();
	nobody_is_awaited();
	put(FRONT "/state", "6");
	settle();
	nobody_is_awaited();
	expect(BACK "/state", "6");
	assert_int_equal(view().worker_deaths, 0);
}

/* The disk can be used anew, and unplugged. */
static void one_that_never_detaches_is_killed(void **state)
{
	(void)state;
	plug_and_connect();
	world.silent = true;
	put(FRONT "/state", "6");
	settle();
	expect(BACK "/state", "4");
	outwait();
	expect(BACK "/state", "6");
	assert_int_equal(world.worker, -1);
	assert_int_equal(view().worker_deaths, 1);
	world.silent = false;
	put(FRONT "/state", "1");
	settle();
	expect(BACK "/state", "2");
	connect();
	put(BACK "/online", "0");
	put(BACK "/state", "5");
	put(FRONT "/state", "6");
	settle();
	expect(BACK "/state", "6");
}

static void one_that_is_never_ready_is_killed(void **state)
{
	(void)state;
	world.silent = true;
	put(FRONT "/state", "1");
	write_backend("ram:1M", "w");
	outwait();
	expect(BACK "/state", "5");
	assert_int_equal(world.worker, -1);
	put(BACK "/online", "0");
	put(BACK "/state", "5");
	settle();
	expect(BACK "/state", "6");
}

static void one_that_never_attaches_is_killed(void **state)
{
	(void)state;
	plug();
	world.silent = true;
	write_keys();
	put(FRONT "/state", "3");
	outwait();
	expect(BACK "/state", "5");
	assert_int_equal(world.worker, -1);
}

/* Its guest waits, but not for ever. */
static void one_that_does_not_go_on_is_replaced_for_a_while(void **state)
{
	(void)state;
	plug_as("null:1M");
	connect();
	world.silent = true;
	hang_up();
	outwait();
	assert_int_equal(view().state, DEVICE_SETTLING);
	outwait(); /* until the next one is started */
	assert_int_equal(view().state, DEVICE_RESCUING);
	expect(BACK "/state", "4");
	sim_clock_advance(LIMIT_RESCUE_NS + 1);
	outwait();
	expect(BACK "/state", "5");
	assert_int_equal(world.worker, -1);
	assert_int_equal(view().rescues, 0);
}

/* Told to end, it has its time as well. */
static void one_that_does_not_end_is_killed(void **state)
{
	(void)state;
	world.pid = fork();
	if (world.pid == 0)
		for (;;)
			pause();
	assert_true(world.pid > 0);
	plug_and_connect();
	put(FRONT "/state", "6");
	settle();
	put(BACK "/online", "0");
	put(BACK "/state", "5");
	settle();
	expect(BACK "/state", "6");
	assert_int_equal(host_workers(world.host), 1);
	while (host_workers(world.host) > 0)
		outwait();
	assert_int_equal(kill(world.pid, 0), -1);
	assert_int_equal(view().worker_deaths, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_worker_that_answers_is_left_alone),
		CASE(one_that_never_detaches_is_killed),
		CASE(one_that_is_never_ready_is_killed),
		CASE(one_that_never_attaches_is_killed),
		CASE(one_that_does_not_go_on_is_replaced_for_a_while),
		CASE(one_that_does_not_end_is_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
