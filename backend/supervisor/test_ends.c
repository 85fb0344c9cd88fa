/*
 * The ways down: unplugging, removal, workers that refuse, break, die or talk
 * nonsense, domains that die, a store that fails.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>

#include "backend/supervisor/test_world.h"

static void unplug_of_a_disk_in_use_waits_for_the_frontend(void **state)
{
	(void)state;
	plug_and_connect();
	put(BACK "/online", "0");
	put(BACK "/state", "5");
	settle();
	expect(BACK "/state", "5");
	assert_int_equal(world.kinds[LINK_DETACH], 0);
	put(FRONT "/state", "6");
	settle();
	expect(BACK "/state", "6");
	assert_int_equal(world.worker, -1);
	/* Nobody brings it back: the toolstack wanted it to end. */
	put(FRONT "/state", "1");
	settle();
	expect(BACK "/state", "6");
	xs_rm(world.xs, XBT_NULL, BACK);
	settle();
	assert_int_equal(host_devices(world.host), 0);
}

/* P7: also where there is no frontend at all, and after a failure. */
static void unplug_without_a_frontend_closes(void **state)
{
	(void)state;
	plug();
	put(BACK "/online", "0");
	put(BACK "/state", "5");
	settle();
	expect(BACK "/state", "6");
	xs_rm(world.xs, XBT_NULL, BACK);
	settle();
	write_backend("wombat", "w");
	settle();
	expect(BACK "/state", "5");
	put(BACK "/online", "0");
	put(BACK "/state", "5");
	settle();
	expect(BACK "/state", "6");
	/* Asked again, it answers again. */
	put(BACK "/state", "5");
	settle();
	expect(BACK "/state", "6");
}

/* L21: nothing that was removed comes back by a late write of ours. */
/* Its wish must not be written over by how far the disk has come meanwhile. */
static void unplug_of_a_disk_on_its_way_up_is_kept(void **state)
{
	(void)state;
	world.silent = true;
	write_backend("ram:1M", "w");
	settle();
	put(BACK "/online", "0");
	put(BACK "/state", "5");
	send_kind(LINK_READY);
	settle();
	expect(BACK "/state", "6");
	/* With a frontend, while its rings are mapped. */
	xs_rm(world.xs, XBT_NULL, BACK);
	world.silent = false;
	settle();
	plug();
	world.silent = true;
	write_keys();
	put(FRONT "/state", "3");
	settle();
	put(BACK "/online", "0");
	put(BACK "/state", "5");
	world.silent = false;
	send_kind(LINK_ATTACHED);
	settle();
	expect(BACK "/state", "5");
	put(FRONT "/state", "6");
	settle();
	expect(BACK "/state", "6");
	assert_int_equal(world.worker, -1);
}

static void removal_leaves_nothing_behind(void **state)
{
	(void)state;
	plug_and_connect();
	xs_rm(world.xs, XBT_NULL, BACK);
	settle();
	assert_int_equal(host_devices(world.host), 0);
	assert_int_equal(world.kinds[LINK_DETACH], 1);
	expect(BACK, NULL);
	expect(ERROR, NULL);
	/* While the worker owes an answer, too. */
	world.silent = true;
	write_backend("ram:1M", "w");
	settle();
	xs_rm(world.xs, XBT_NULL, BACK);
	settle();
	assert_int_equal(host_devices(world.host), 1);
	send_kind(LINK_READY);
	settle();
	assert_int_equal(host_devices(world.host), 0);
	expect(BACK, NULL);
}

static void a_disk_made_anew_at_once_is_found(void **state)
{
	(void)state;
	plug_and_connect();
	xs_rm(world.xs, XBT_NULL, BACK);
	put(FRONT "/state", "1");
	write_backend("ram:2M", "w");
	settle();
	expect(BACK "/state", "2");
	assert_int_equal(world.device.sectors, 4096);
	assert_int_equal(host_devices(world.host), 1);
}

static void a_refusal_of_the_worker_is_published(void **state)
{
	(void)state;
	plug();
	write_keys();
	world.refuses = REFUSE_RING_GRANT;
	put(FRONT "/state", "3");
	settle();
	expect(BACK "/state", "5");
	expect(ERROR, "the ring's grant references could not be mapped "
		      "(RING_GRANT, queue 0)");
	put(FRONT "/state", "6");
	settle();
	expect(BACK "/state", "6");
	assert_int_equal(world.kinds[LINK_DETACH], 0);
}

/* K13: a broken ring ends the connection, and the guest's pages are let go. */
static void a_broken_ring_is_closed_and_detached(void **state)
{
	(void)state;
	plug_and_connect();
	world.refuses = REFUSE_RING_OVERFLOW;
	send_kind(LINK_BROKEN);
	settle();
	world.refuses = REFUSAL_NONE;
	expect(BACK "/state", "5");
	assert_int_equal(world.kinds[LINK_DETACH], 1);
	put(FRONT "/state", "6");
	settle();
	expect(BACK "/state", "6");
	put(FRONT "/state", "1");
	settle();
	expect(BACK "/state", "2");
}

static void a_dead_worker_is_reported_and_replaced_on_demand(void **state)
{
	(void)state;
	for (unsigned int death = 1; death <= 5; death++) {
		if (death == 1) {
			plug_and_connect();
		} else {
			put(FRONT "/state", "1");
			settle();
			put(FRONT "/state", "3");
			settle();
			expect(BACK "/state", "4");
		}
		assert_int_equal(world.launched, death);
		hang_up();
		settle();
		expect(BACK "/state", "5");
		expect(ERROR, "the worker that served this disk hung up, and "
			      "the contents of this memory disk with it");
		/* Not started again by itself. */
		assert_int_equal(world.launched, death);
		put(FRONT "/state", "6");
		settle();
		expect(BACK "/state", "6");
	}
	/* A guest that kills its workers does not get them without end. */
	put(FRONT "/state", "1");
	settle();
	expect(BACK "/state", "5");
	assert_int_equal(world.launched, 5);
}

/* The worker may have been taken over: what makes no sense ends it. */
static void a_worker_that_misspeaks_is_ended(void **state)
{
	static const enum link_kind kinds[] = {LINK_READY, LINK_ATTACHED,
					       LINK_DETACHED, LINK_STOP,
					       LINK_DETACH};

	for (unsigned int i = 0; i < 5; i++) {
		plug();
		if (kinds[i] == LINK_READY)
			send_kind(LINK_ATTACHED);
		else
			send_kind(kinds[i]);
		settle();
		expect(BACK "/state", "5");
		assert_int_equal(world.worker, -1);
		tear_down(state);
		set_up(state);
	}
}

static void a_domain_that_dies_lets_go(void **state)
{
	(void)state;
	plug_and_connect();
	sim_domain_destroy(5);
	settle();
	expect(BACK "/state", "6");
	assert_int_equal(world.kinds[LINK_DETACH], 1);
	assert_int_equal(world.worker, -1);
}

/* L07: a worker that never answers holds up nobody else. */
static void a_silent_worker_stops_only_its_own_disk(void **state)
{
	(void)state;
	world.silent = true;
	put(FRONT "/state", "1");
	write_backend("ram:1M", "w");
	settle();
	expect(BACK "/state", "1");
	put("/local/domain/0/backend/vbd/5/51728/state", "5");
	put("/local/domain/0/backend/vbd/5/51728/online", "0");
	settle();
	expect("/local/domain/0/backend/vbd/5/51728/state", "6");
}

static void strange_names_are_no_disks(void **state)
{
	static const char *const names[] = {
		"x/51712", "5/x",     "05/51712",     "5/051712", "-1/51712",
		"5/-1",	   "99999/1", "5/4294967296", "5/51712x", "32752/51712",
	};
	char path[128];

	(void)state;
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path),
			 "/local/domain/0/backend/vbd/%s/state", names[i]);
		put(path, "1");
	}
	settle();
	assert_int_equal(host_devices(world.host), 0);
}

/* L13: a storm of writes costs one look, not one answer each. */
static void a_storm_of_states_is_survived(void **state)
{
	(void)state;
	plug_and_connect();
	for (unsigned int i = 0; i < 2000; i++)
		put(FRONT "/state", i % 2 ? "4" : "3");
	settle();
	expect(BACK "/state", "4");
	assert_int_equal(world.kinds[LINK_ATTACH], 1);
}

/* A disk that another daemon has left connected is taken over. */
static void what_was_connected_is_connected_again(void **state)
{
	(void)state;
	plug_as("null:1M");
	connect();
	host_destroy(world.host);
	hang_up();
	assert_int_equal(host_create(&world.conf, &world.host), 0);
	settle();
	expect(BACK "/state", "4");
	assert_int_equal(world.kinds[LINK_ATTACH], 2);
	assert_int_equal(world.launched, 2);
}

/* L18: each call in turn fails, once so that it is worth trying again. */
static void a_failing_store_is_survived(void **state)
{
	static const int errors[] = {ENOSPC, EAGAIN};

	for (unsigned int k = 0; k < 120; k++) {
		write_backend("ram:1M", "w");
		write_keys();
		put(FRONT "/state", "3");
		log_set_level(LOG_ERROR);
		sim_fail(0, SIM_CALL_XS, 1 + k / 2, errors[k % 2]);
		settle();
		sim_fail(0, SIM_CALL_XS, 0, 0);
		assert_false(host_lost(world.host));
		/* Whatever it came to, it ends in order. */
		put(FRONT "/state", "6");
		settle();
		assert_true(xs_rm(world.xs, XBT_NULL, BACK));
		settle();
		assert_int_equal(host_devices(world.host), 0);
		assert_int_equal(world.worker, -1);
		tear_down(state);
		set_up(state);
	}
}

/* A removal that xenstore would not tell of is found at its next word. */
static void a_look_that_failed_is_made_again(void **state)
{
	for (unsigned int k = 1; k < 8; k++) {
		plug_and_connect();
		assert_true(xs_rm(world.xs, XBT_NULL, BACK));
		sim_fail(0, SIM_CALL_XS, k, EINVAL);
		settle();
		sim_fail(0, SIM_CALL_XS, 0, 0);
		/* Of no disk at all. */
		put("/local/domain/0/backend/vbd/6/51712/x", "1");
		settle();
		assert_int_equal(host_devices(world.host), 0);
		assert_int_equal(world.worker, -1);
		tear_down(state);
		set_up(state);
	}
}

/* ... and if there is no next word at all, by itself. */
static void a_look_that_failed_is_made_again_by_itself(void **state)
{
	for (unsigned int k = 1; k < 8; k++) {
		struct pollfd fd = {.events = POLLIN};

		plug_and_connect();
		xs_rm(world.xs, XBT_NULL, FRONT);
		settle();
		assert_true(xs_rm(world.xs, XBT_NULL, BACK));
		sim_fail(0, SIM_CALL_XS, k, EINVAL);
		settle();
		sim_fail(0, SIM_CALL_XS, 0, 0);
		fd.fd = host_fd(world.host);
		for (unsigned int i = 0; i < 20 && host_devices(world.host) > 0;
		     i++) {
			assert_int_equal(poll(&fd, 1, 20000), 1);
			settle();
		}
		assert_int_equal(host_devices(world.host), 0);
		assert_int_equal(world.worker, -1);
		tear_down(state);
		set_up(state);
	}
}

/* The daemon ends: workers drain, and nothing else is begun or taken back. */
static void the_end_of_the_daemon_changes_no_node(void **state)
{
	(void)state;
	plug_and_connect();
	host_stop(world.host);
	put(FRONT "/state", "5");
	put(FRONT "/state", "6");
	put("/local/domain/0/backend/vbd/5/51728/state", "1");
	settle();
	assert_int_equal(host_workers(world.host), 0);
	assert_int_equal(world.kinds[LINK_STOP], 1);
	assert_int_equal(host_devices(world.host), 1);
	expect(BACK "/state", "4");
	expect(ERROR, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(unplug_of_a_disk_in_use_waits_for_the_frontend),
		CASE(unplug_without_a_frontend_closes),
		CASE(unplug_of_a_disk_on_its_way_up_is_kept),
		CASE(removal_leaves_nothing_behind),
		CASE(a_disk_made_anew_at_once_is_found),
		CASE(a_refusal_of_the_worker_is_published),
		CASE(a_broken_ring_is_closed_and_detached),
		CASE(a_dead_worker_is_reported_and_replaced_on_demand),
		CASE(a_worker_that_misspeaks_is_ended),
		CASE(a_domain_that_dies_lets_go),
		CASE(a_silent_worker_stops_only_its_own_disk),
		CASE(strange_names_are_no_disks),
		CASE(a_storm_of_states_is_survived),
		CASE(what_was_connected_is_connected_again),
		CASE(a_failing_store_is_survived),
		CASE(a_look_that_failed_is_made_again),
		CASE(a_look_that_failed_is_made_again_by_itself),
		CASE(the_end_of_the_daemon_changes_no_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
