/*
 * Workers that die while they serve, and daemons that end without a word: the
 * connection goes on, and when it cannot, it ends with a reason.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "backend/supervisor/test_world.h"

#define TABLE "vbd-5-51712.table"

static struct device_view view(void)
{
	struct device_view view;

	assert_int_equal(host_devices(world.host), 1);
	device_view(host_device(world.host, 0), &view);
	return view;
}

static void a_dead_worker_is_replaced(void **state)
{
	struct link_attach first;

	(void)state;
	plug_as("null:1M");
	connect();
	assert_int_equal(world.attach.resume, 0);
	first = world.attach;
	/* X02: what was read of the frontend stays what it was. */
	put(FRONT "/ring-ref", "99");
	put(FRONT "/feature-persistent", "1");
	for (unsigned int death = 1; death <= 3; death++) {
		hang_up();
		settle();
		expect(BACK "/state", "4");
		expect(ERROR, NULL);
		assert_int_equal(world.launched, death + 1);
		assert_int_equal(world.attach.resume, 1);
		first.resume = 1;
		assert_memory_equal(&world.attach, &first, sizeof(first));
		assert_int_equal(view().state, DEVICE_CONNECTED);
		assert_int_equal(view().rescues, death);
		assert_int_equal(view().worker_deaths, death);
		assert_int_equal(view().connections, 1);
	}
	/* It still closes in order. */
	put(FRONT "/state", "6");
	settle();
	expect(BACK "/state", "6");
	assert_int_equal(world.kinds[LINK_DETACH], 1);
}

/* A frontend in Closing uses its disk until it says Closed. */
static void a_worker_that_dies_while_closing_is_replaced(void **state)
{
	(void)state;
	plug_as("null:1M");
	connect();
	put(FRONT "/state", "5");
	settle();
	expect(BACK "/state", "5");
	hang_up();
	settle();
	assert_int_equal(world.launched, 2);
	assert_int_equal(view().state, DEVICE_CLOSING);
	put(FRONT "/state", "6");
	settle();
	expect(BACK "/state", "6");
}

/* What the others do meanwhile is looked at when the disk is served again. */
static void changes_during_a_rescue_are_not_lost(void **state)
{
	(void)state;
	plug_as("null:1M");
	connect();
	world.silent = true;
	hang_up();
	settle();
	assert_int_equal(view().state, DEVICE_RESCUING);
	put(FRONT "/state", "6");
	settle();
	expect(BACK "/state", "4");
	world.silent = false;
	send_kind(LINK_READY);
	settle();
	expect(BACK "/state", "6");
}

/* Until the disk's timer fires, which nothing else tells from a rest. */
static void settle_again(void)
{
	struct pollfd timer = {.fd = host_fd(world.host), .events = POLLIN};

	assert_int_equal(poll(&timer, 1, 10000), 1);
	settle();
}

/* Each in turn: before READY, and before it serves. */
static void a_worker_that_dies_in_a_rescue_is_replaced(void **state)
{
	(void)state;
	plug_as("null:1M");
	connect();
	world.silent = true;
	hang_up();
	settle();
	/* Not at once again, then: see LIMIT_RESCUE_AGAIN_NS. */
	hang_up();
	settle();
	assert_int_equal(world.launched, 2);
	settle_again();
	send_kind(LINK_READY);
	settle();
	assert_int_equal(world.kinds[LINK_ATTACH], 2);
	hang_up();
	world.silent = false;
	settle();
	settle_again();
	assert_int_equal(world.launched, 4);
	assert_int_equal(view().state, DEVICE_CONNECTED);
	assert_int_equal(view().rescues, 1);
	assert_int_equal(view().worker_deaths, 3);
}

static void a_worker_that_dies_too_often_is_not_replaced(void **state)
{
	(void)state;
	world.conf.max_rescues = 3;
	plug_as("null:1M");
	connect();
	for (unsigned int death = 1; death <= 3; death++) {
		hang_up();
		settle();
		expect(BACK "/state", "4");
	}
	hang_up();
	settle();
	expect(BACK "/state", "5");
	expect(ERROR, "the worker that served this disk hung up: 3 new ones "
		      "within a minute are enough");
	/* As before there was a rescue: the frontend may begin anew. */
	put(FRONT "/state", "6");
	settle();
	expect(BACK "/state", "6");
	put(FRONT "/state", "1");
	settle();
	expect(BACK "/state", "2");
	/* A minute later they count no more. */
	connect();
	sim_clock_advance(61000000000u);
	hang_up();
	settle();
	expect(BACK "/state", "4");
}

static void no_rescue_at_all_can_be_had(void **state)
{
	(void)state;
	world.conf.max_rescues = 0;
	plug_as("null:1M");
	connect();
	hang_up();
	settle();
	expect(BACK "/state", "5");
}

static void a_refusal_in_a_rescue_ends_the_connection(void **state)
{
	(void)state;
	plug_as("null:1M");
	connect();
	world.refuses = REFUSE_TABLE;
	hang_up();
	settle();
	expect(BACK "/state", "5");
	expect(ERROR, "the ring and the table of requests under way, left by a "
		      "worker that ended, do not belong together (TABLE, "
		      "queue 0)");
	assert_int_equal(world.launched, 2);
}

/* The image was cut off, or grew, and nobody said so. */
static void a_disk_of_another_size_is_gone_on_with(void **state)
{
	char path[] = "/tmp/xenblk-rescue-XXXXXX", params[64];
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	snprintf(params, sizeof(params), "file:%s", path);
	plug_as(params);
	connect();
	/* What its guest does not know of it does not get. */
	assert_int_equal(ftruncate(fd, 1 << 21), 0);
	hang_up();
	settle();
	expect(BACK "/state", "4");
	assert_int_equal(world.device.sectors, 2048);
	expect(BACK "/sectors", "2048");
	/* What is not there any more it is told. */
	assert_int_equal(ftruncate(fd, 1 << 19), 0);
	hang_up();
	settle();
	expect(BACK "/state", "4");
	assert_int_equal(world.device.sectors, 1024);
	expect(BACK "/sectors", "1024");
	assert_int_equal(view().rescues, 1);
	close(fd);
	unlink(path);
}

static void a_domain_that_dies_in_a_rescue_lets_go(void **state)
{
	(void)state;
	plug_as("null:1M");
	connect();
	world.silent = true;
	hang_up();
	settle();
	sim_domain_destroy(5);
	settle();
	world.silent = false;
	world.refuses = REFUSE_RING_GRANT;
	send_kind(LINK_READY);
	settle();
	expect(BACK "/state", "6");
	assert_int_equal(world.worker, -1);
}

/* --- with tables that outlive the daemon --- */

static char *its_table(void)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/" TABLE, world.conf.tables);
	return path;
}

static int set_up_named(void **state)
{
	int error = set_up(state);

	snprintf(world.conf.tables, sizeof(world.conf.tables),
		 "/tmp/xenblk-tables-XXXXXX");
	assert_non_null(mkdtemp(world.conf.tables));
	return error;
}

static int tear_down_named(void **state)
{
	int error;

	unlink(its_table());
	error = tear_down(state);
	assert_int_equal(rmdir(world.conf.tables), 0);
	return error;
}

/* All die at once, and a new daemon comes. */
static void restart(void)
{
	host_destroy(world.host);
	if (world.worker >= 0)
		hang_up();
	assert_int_equal(host_create(&world.conf, &world.host), 0);
	settle();
}

static void a_new_daemon_goes_on(void **state)
{
	(void)state;
	plug_as("null:1M");
	connect();
	restart();
	expect(BACK "/state", "4");
	expect(ERROR, NULL);
	assert_int_equal(world.attach.resume, 1);
	assert_int_equal(world.launched, 2);
	/* And a worker of the new one is rescued as well. */
	hang_up();
	settle();
	assert_int_equal(world.attach.resume, 1);
	assert_int_equal(view().state, DEVICE_CONNECTED);
}

static void a_table_is_gone_with_its_disk(void **state)
{
	(void)state;
	plug_as("null:1M");
	connect();
	assert_int_equal(access(its_table(), F_OK), 0);
	put(FRONT "/state", "6");
	put(BACK "/online", "0");
	put(BACK "/state", "5");
	settle();
	expect(BACK "/state", "6");
	xs_rm(world.xs, XBT_NULL, BACK);
	settle();
	assert_int_equal(access(its_table(), F_OK), -1);
}

static void damage(unsigned int what)
{
	int fd = open(its_table(), O_RDWR);

	assert_true(fd >= 0);
	switch (what) {
	case 0:
		assert_int_equal(unlink(its_table()), 0);
		break;
	case 1: /* cut off */
		assert_int_equal(ftruncate(fd, 4096), 0);
		break;
	case 2: /* no region */
		assert_int_equal(pwrite(fd, "x", 1, 0), 1);
		break;
	case 3: /* of another connection */
		put(FRONT "/ring-ref", "9");
		break;
	case 4:
		put(FRONT "/event-channel", "4");
		break;
	default: /* of another boot of this host */
		assert_int_equal(pwrite(fd, "x", 1,
					offsetof(struct inflight_region,
						 connection.boot)),
				 1);
		break;
	}
	close(fd);
}

static void without_its_table_nothing_goes_on(void **state)
{
	for (unsigned int what = 0; what < 6; what++) {
		plug_as("null:1M");
		connect();
		host_destroy(world.host);
		hang_up();
		damage(what);
		assert_int_equal(host_create(&world.conf, &world.host), 0);
		settle();
		expect(BACK "/state", "5");
		assert_non_null(strstr(view().error, TABLE));
		assert_int_equal(world.kinds[LINK_ATTACH], 1);
		/* The frontend may begin anew. */
		put(FRONT "/state", "6");
		settle();
		put(FRONT "/state", "1");
		settle();
		connect();
		assert_int_equal(world.attach.resume, 0);
		tear_down_named(state);
		set_up_named(state);
	}
}

/* Another daemon finds a connected disk whose earlier worker, or what the kernel
 * does for it, still has the lock.  Return: what holds it, to be closed. */
static int restart_with_the_table_locked(void)
{
	int fd;

	plug_as("null:1M");
	connect();
	fd = open(its_table(), O_RDWR);
	/* The test's worker closes what it is given: its lock is gone. */
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	restart();
	return fd;
}

/* No other one is started. */
static void a_new_worker_waits_for_the_old_one(void **state)
{
	const int fd = restart_with_the_table_locked();

	(void)state;
	for (unsigned int i = 0; i < 8; i++)
		settle_again();
	assert_int_equal(view().state, DEVICE_SETTLING);
	assert_int_equal(world.launched, 1);
	expect(BACK "/state", "4");
	close(fd);
	settle_again();
	assert_int_equal(view().state, DEVICE_CONNECTED);
	assert_int_equal(world.attach.resume, 1);
}

static void it_does_not_wait_for_ever(void **state)
{
	const int fd = restart_with_the_table_locked();

	(void)state;
	sim_clock_advance(41000000000u);
	settle_again();
	expect(BACK "/state", "5");
	expect(ERROR, "an earlier worker of this disk, or I/O that it began, "
		      "has not ended within 40 s");
	close(fd);
}

/* A daemon that ends, and still waits for the workers of others, rests. */
static void the_end_of_the_daemon_waits_for_no_old_worker(void **state)
{
	const int lock = restart_with_the_table_locked();
	struct pollfd fd;

	(void)state;
	host_stop(world.host);
	fd = (struct pollfd){.fd = host_fd(world.host), .events = POLLIN};
	/* Its timer, once. */
	assert_int_equal(poll(&fd, 1, 10000), 1);
	(void)host_step(world.host);
	assert_int_equal(poll(&fd, 1, 0), 0);
	assert_int_equal(view().state, DEVICE_SETTLING);
	assert_int_equal(world.launched, 1);
	close(lock);
}

/* The end in order leaves a table, too: what waits in the ring is served. */
static void a_daemon_that_was_stopped_is_followed(void **state)
{
	(void)state;
	plug_as("null:1M");
	connect();
	host_stop(world.host);
	settle();
	assert_int_equal(world.kinds[LINK_STOP], 1);
	restart();
	expect(BACK "/state", "4");
	assert_int_equal(world.attach.resume, 1);
}

/* Not resumed: the frontend had not got as far as Connected. */
static void a_table_of_an_earlier_connection_means_nothing(void **state)
{
	(void)state;
	plug_as("null:1M");
	connect();
	put(FRONT "/state", "6");
	settle();
	put(FRONT "/state", "1");
	settle();
	expect(BACK "/state", "2");
	restart();
	connect();
	assert_int_equal(world.attach.resume, 0);
}

/* While it is in use. */
static void unplug_before_a_new_daemon(void)
{
	plug_as("null:1M");
	connect();
	put(BACK "/online", "0");
	put(BACK "/state", "5");
	settle();
	restart();
}

/* Unplugged disks are served until the frontend says Closed, by whatever daemon,
 * and within their limits. */
static void a_new_daemon_goes_on_while_closing(void **state)
{
	(void)state;
	put(BACK "/limit-iops", "700");
	unplug_before_a_new_daemon();
	expect(BACK "/state", "5");
	assert_int_equal(view().state, DEVICE_CLOSING);
	assert_int_equal(world.attach.resume, 1);
	assert_int_equal(world.launched, 2);
	assert_int_equal(world.kinds[LINK_LIMITS], 2);
	put(FRONT "/state", "6");
	settle();
	expect(BACK "/state", "6");
	assert_int_equal(world.worker, -1);
}

/* Its pages would stay mapped until somebody removes the directory. */
static void the_end_of_its_guest_is_seen_while_closing(void **state)
{
	(void)state;
	unplug_before_a_new_daemon();
	assert_int_equal(view().state, DEVICE_CLOSING);
	sim_domain_destroy(5);
	settle();
	expect(BACK "/state", "6");
	assert_int_equal(world.kinds[LINK_DETACH], 1);
}

/* What ended with an error stays ended. */
static void a_failed_connection_is_not_gone_on_with(void **state)
{
	(void)state;
	world.conf.max_rescues = 0;
	plug_as("null:1M");
	connect();
	hang_up();
	settle();
	expect(BACK "/state", "5");
	restart();
	expect(BACK "/state", "5");
	assert_int_equal(world.launched, 1);
}

static void make_file(const char *name)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", world.conf.tables, name);
	fd = open(path, O_CREAT | O_EXCL | O_RDWR, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static bool was_removed(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", world.conf.tables, name);
	return unlink(path) < 0;
}

static void tables_of_disks_that_are_no_more_go(void **state)
{
	static const char *const others[] = {
		"vbd3-5-1.table", "vbd-5-1.table.old", "vbd-05-1.table",
		"vbd-5-1",	  "xvbd-5-1.table",    "control",
	};

	(void)state;
	plug_as("null:1M");
	connect();
	make_file("vbd-5-1.table");
	make_file("vbd-4294967295-4294967295.table");
	for (unsigned int i = 0; i < 6; i++)
		make_file(others[i]);
	restart();
	expect(BACK "/state", "4");
	assert_true(was_removed("vbd-5-1.table"));
	assert_true(was_removed("vbd-4294967295-4294967295.table"));
	for (unsigned int i = 0; i < 6; i++)
		assert_false(was_removed(others[i]));
}

#define NAMED(name)                                                            \
	cmocka_unit_test_setup_teardown(name, set_up_named, tear_down_named)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_dead_worker_is_replaced),
		CASE(a_worker_that_dies_while_closing_is_replaced),
		CASE(changes_during_a_rescue_are_not_lost),
		CASE(a_worker_that_dies_in_a_rescue_is_replaced),
		CASE(a_worker_that_dies_too_often_is_not_replaced),
		CASE(no_rescue_at_all_can_be_had),
		CASE(a_refusal_in_a_rescue_ends_the_connection),
		CASE(a_disk_of_another_size_is_gone_on_with),
		CASE(a_domain_that_dies_in_a_rescue_lets_go),
		NAMED(a_new_daemon_goes_on),
		NAMED(a_table_is_gone_with_its_disk),
		NAMED(without_its_table_nothing_goes_on),
		NAMED(a_new_worker_waits_for_the_old_one),
		NAMED(it_does_not_wait_for_ever),
		NAMED(the_end_of_the_daemon_waits_for_no_old_worker),
		NAMED(a_daemon_that_was_stopped_is_followed),
		NAMED(a_table_of_an_earlier_connection_means_nothing),
		NAMED(a_new_daemon_goes_on_while_closing),
		NAMED(the_end_of_its_guest_is_seen_while_closing),
		NAMED(a_failed_connection_is_not_gone_on_with),
		NAMED(tables_of_disks_that_are_no_more_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
