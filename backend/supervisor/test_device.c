/*
 * The states of a disk, on the simulator's xenstore, with a worker played by
 * the test: it answers, refuses, stays silent, breaks or dies as each case
 * wants.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenstore.h>

#include "backend/base/link.h"
#include "backend/base/log.h"
#include "backend/supervisor/host.h"
#include "backend/supervisor/launch.h"
#include "sim/sim.h"

#define BACK  "/local/domain/0/backend/vbd/5/51712"
#define FRONT "/local/domain/5/device/vbd/51712"
#define ERROR "/local/domain/0/error/backend/vbd/5/51712/error"

static struct world {
	struct conf conf;
	struct host *host;
	struct xs_handle *xs; /* dom0's, as the toolstack and the guest */
	int worker;	      /* its end of the link; -1: none */
	unsigned int launched;
	bool silent; /* answers nothing */
	enum refusal refuses;
	struct link_device device;
	struct link_attach attach;
	unsigned int kinds[LINK_KIND_COUNT]; /* messages taken, by kind */
} world;

int launch_worker(const char *path, int link_fd, pid_t *pid)
{
	(void)path;
	assert_int_equal(world.worker, -1);
	world.worker = link_fd;
	world.launched++;
	*pid = 0;
	return 0;
}

static void put(const char *path, const char *value)
{
	assert_true(xs_write(world.xs, XBT_NULL, path, value,
			     (unsigned int)strlen(value)));
}

static void expect(const char *path, const char *value)
{
	unsigned int length;
	char *found = xs_read(world.xs, XBT_NULL, path, &length);

	if (value == NULL) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_string_equal(found, value);
	free(found);
}

static void send_kind(enum link_kind kind)
{
	struct link_message message = {.kind = kind};

	if (kind == LINK_REFUSED || kind == LINK_BROKEN)
		message.refused.refusal = world.refuses;
	assert_int_equal(link_send(world.worker, &message, NULL, 0), 0);
}

static void hang_up(void)
{
	close(world.worker);
	world.worker = -1;
}

static void answer(const struct link_message *message)
{
	world.kinds[message->kind]++;
	if (message->kind == LINK_DEVICE)
		world.device = message->device;
	if (message->kind == LINK_ATTACH)
		world.attach = message->attach;
	if (message->kind == LINK_STOP) {
		hang_up();
		return;
	}
	if (world.silent)
		return;
	if (message->kind == LINK_DEVICE)
		send_kind(LINK_READY);
	else if (message->kind == LINK_ATTACH)
		send_kind(world.refuses == REFUSAL_NONE ? LINK_ATTACHED
							: LINK_REFUSED);
	else if (message->kind == LINK_DETACH)
		send_kind(LINK_DETACHED);
}

static bool step_worker(void)
{
	struct link_message message;
	int fds[LINK_MAX_FDS];
	unsigned int count;
	int n;

	if (world.worker < 0)
		return false;
	n = link_receive(world.worker, &message, fds, &count);
	if (n == 0) {
		hang_up();
		return true;
	}
	if (n != 1)
		return false;
	for (unsigned int i = 0; i < count; i++)
		close(fds[i]);
	answer(&message);
	return true;
}

/* Until nobody has anything to do; a daemon that never rests fails here. */
static void settle(void)
{
	unsigned int rounds = 0;

	while (host_step(world.host) | step_worker())
		assert_true(++rounds < 1000);
}

static void write_backend(const char *params, const char *mode)
{
	put(BACK "/frontend", FRONT);
	put(BACK "/frontend-id", "5");
	put(BACK "/online", "1");
	put(BACK "/mode", mode);
	put(BACK "/params", params);
	put(BACK "/state", "1");
}

static void write_keys(void)
{
	put(FRONT "/ring-ref", "8");
	put(FRONT "/event-channel", "3");
	put(FRONT "/protocol", "x86_64-abi");
}

static int set_up(void **state)
{
	(void)state;
	sim_reset(1);
	assert_int_equal(sim_domain_create(5, 64), 0);
	sim_enter(0);
	memset(&world, 0, sizeof(world));
	world.worker = -1;
	conf_init(&world.conf);
	log_set_level(LOG_ERROR);
	world.xs = xs_open(0);
	assert_non_null(world.xs);
	assert_int_equal(host_create(&world.conf, &world.host), 0);
	return 0;
}

static int tear_down(void **state)
{
	struct sim_ledger ledger;

	(void)state;
	host_destroy(world.host);
	if (world.worker >= 0)
		hang_up();
	xs_close(world.xs);
	sim_ledger(0, &ledger);
	assert_int_equal(ledger.xs_handles, 0);
	assert_int_equal(ledger.watches, 0);
	return 0;
}

/* A disk whose frontend waits for InitWait. */
static void plug(void)
{
	put(FRONT "/state", "1");
	write_backend("ram:1M", "w");
	settle();
	expect(BACK "/state", "2");
}

static void plug_and_connect(void)
{
	plug();
	write_keys();
	put(FRONT "/state", "3");
	settle();
	expect(BACK "/state", "4");
	put(FRONT "/state", "4");
	settle();
}

static void the_offer_comes_before_initwait(void **state)
{
	(void)state;
	plug();
	expect(BACK "/feature-flush-cache", "1");
	expect(BACK "/feature-persistent", "1");
	expect(BACK "/max-ring-page-order", "4");
	expect(BACK "/max-ring-pages", "16");
	expect(BACK "/multi-queue-max-queues", "4");
	expect(BACK "/hotplug-status", "connected");
	expect(BACK "/feature-barrier", NULL);
	expect(BACK "/feature-discard", NULL);
	expect(BACK "/feature-max-indirect-segments", NULL);
	expect(BACK "/sectors", NULL);
	assert_int_equal(world.device.sectors, 2048);
	assert_int_equal(world.device.domid, 5);
	assert_int_equal(world.device.devid, 51712);
}

static void properties_come_with_connected(void **state)
{
	(void)state;
	plug_and_connect();
	expect(BACK "/sectors", "2048");
	expect(BACK "/sector-size", "512");
	expect(BACK "/physical-sector-size", "512");
	expect(BACK "/info", "0");
	assert_int_equal(world.attach.queue[0].ring_gref[0], 8);
	assert_int_equal(world.attach.abi, LINK_ABI_X86_64);
	/* What the frontend writes now is not looked at. */
	put(FRONT "/ring-ref", "99");
	put(FRONT "/feature-persistent", "1");
	settle();
	assert_int_equal(world.kinds[LINK_ATTACH], 1);
	expect(BACK "/state", "4");
}

static void a_read_only_removable_disk_says_so(void **state)
{
	(void)state;
	put(FRONT "/state", "1");
	put(BACK "/removable", "1");
	put(BACK "/device-type", "cdrom");
	write_backend("ram:1M", "r");
	write_keys();
	put(FRONT "/state", "3");
	settle();
	expect(BACK "/info", "7");
	assert_int_equal(world.device.readonly, 1);
}

/* H6, Q13: Initialised or Connected before we have looked at all. */
static void a_frontend_need_not_wait(void **state)
{
	static const char *const states[] = {"3", "4"};

	for (unsigned int i = 0; i < 2; i++) {
		write_keys();
		put(FRONT "/state", states[i]);
		write_backend("ram:1M", "w");
		settle();
		expect(BACK "/state", "4");
		tear_down(state);
		set_up(state);
	}
}

/* libxl writes in one transaction, people write one node after the other. */
static void a_half_written_directory_is_waited_for(void **state)
{
	(void)state;
	put(FRONT "/state", "1");
	put(BACK "/state", "1");
	settle();
	put(BACK "/frontend", FRONT);
	settle();
	put(BACK "/frontend-id", "5");
	put(BACK "/mode", "w");
	settle();
	expect(BACK "/state", "1");
	expect(ERROR, NULL);
	put(BACK "/params", "ram:1M");
	settle();
	expect(BACK "/state", "2");
}

static void wrong_directories_get_an_error_node(void **state)
{
	static const char *const wrong[][2] = {
		{BACK "/mode", "x"},
		{BACK "/mode", "rw"},
		{BACK "/params", "wombat"},
		{BACK "/params", "/no/such/file"},
		{BACK "/params", "null:0"},
		{BACK "/frontend-id", "6"},
		{BACK "/frontend-id", "five"},
		{BACK "/frontend", "/local/domain/6/device/vbd/51712"},
		{BACK "/frontend", "/local/domain/50/device/vbd/51712"},
	};

	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		unsigned int length;
		char *text;

		put(FRONT "/state", "1");
		write_backend("ram:1M", "w");
		put(wrong[i][0], wrong[i][1]);
		settle();
		expect(BACK "/state", "5");
		text = xs_read(world.xs, XBT_NULL, ERROR, &length);
		assert_non_null(text);
		free(text);
		assert_int_equal(world.launched, 0);
		tear_down(state);
		set_up(state);
	}
}

static void a_bad_handshake_is_refused_and_may_be_mended(void **state)
{
	(void)state;
	plug();
	write_keys();
	put(FRONT "/ring-page-order", "31");
	put(FRONT "/state", "3");
	settle();
	expect(BACK "/state", "5");
	expect(ERROR, "the frontend's ring-page-order is \"31\", but must be a "
		      "decimal number from 0 to 4");
	assert_int_equal(world.kinds[LINK_ATTACH], 0);
	put(FRONT "/state", "6");
	settle();
	expect(BACK "/state", "6");
	xs_rm(world.xs, XBT_NULL, FRONT "/ring-page-order");
	put(FRONT "/state", "1");
	settle();
	expect(BACK "/state", "2");
	put(FRONT "/state", "3");
	settle();
	expect(BACK "/state", "4");
	expect(ERROR, NULL);
	assert_int_equal(world.launched, 1);
}

static void an_overlong_key_is_refused(void **state)
{
	char text[600];

	(void)state;
	plug();
	write_keys();
	memset(text, '1', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	put(FRONT "/event-channel", text);
	put(FRONT "/state", "3");
	settle();
	expect(BACK "/state", "5");
}

/* A frontend in Closing may still use its disk; Closed is what ends it. */
static void closing_serves_closed_detaches(void **state)
{
	(void)state;
	plug_and_connect();
	put(FRONT "/state", "5");
	settle();
	expect(BACK "/state", "5");
	assert_int_equal(world.kinds[LINK_DETACH], 0);
	put(FRONT "/state", "6");
	settle();
	expect(BACK "/state", "6");
	assert_int_equal(world.kinds[LINK_DETACH], 1);
	/* online = 1: the worker waits for the next connection. */
	assert_int_equal(world.kinds[LINK_STOP], 0);
	put(FRONT "/state", "1");
	settle();
	expect(BACK "/state", "2");
	put(FRONT "/state", "3");
	settle();
	expect(BACK "/state", "4");
	assert_int_equal(world.launched, 1);
}

/* L20: only the last of several quick states is seen. */
static void missed_states_are_made_up_for(void **state)
{
	(void)state;
	plug_and_connect();
	put(FRONT "/state", "1"); /* was Closing and Closed in between */
	settle();
	expect(BACK "/state", "2");
	assert_int_equal(world.kinds[LINK_DETACH], 1);
	put(FRONT "/state", "3");
	settle();
	expect(BACK "/state", "4");
	put(FRONT "/state", "6");
	settle();
	put(FRONT "/state", "3"); /* was Initialising in between */
	settle();
	expect(BACK "/state", "4");
	assert_int_equal(world.kinds[LINK_ATTACH], 3);
}

static void states_that_mean_nothing_change_nothing(void **state)
{
	static const char *const states[] = {"2", "7", "8", "4"};

	(void)state;
	plug_and_connect();
	for (unsigned int i = 0; i < 4; i++) {
		put(FRONT "/state", states[i]);
		settle();
		expect(BACK "/state", "4");
	}
	assert_int_equal(world.kinds[LINK_ATTACH], 1);
}

/* Q14, X03: no state, or none that is a number, is a frontend that has gone. */
static void a_state_that_is_none_is_the_end(void **state)
{
	static const char *const states[] = {"", "four", "99", NULL};

	for (unsigned int i = 0; i < 4; i++) {
		plug_and_connect();
		if (states[i] != NULL)
			put(FRONT "/state", states[i]);
		else
			xs_rm(world.xs, XBT_NULL, FRONT);
		settle();
		expect(BACK "/state", "6");
		assert_int_equal(world.worker, -1);
		/* It may come back. */
		write_keys();
		put(FRONT "/state", "1");
		settle();
		expect(BACK "/state", "2");
		tear_down(state);
		set_up(state);
	}
}

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
		expect(ERROR, "the worker that served this disk hung up");
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
	plug_and_connect();
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

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_offer_comes_before_initwait),
		CASE(properties_come_with_connected),
		CASE(a_read_only_removable_disk_says_so),
		CASE(a_frontend_need_not_wait),
		CASE(a_half_written_directory_is_waited_for),
		CASE(wrong_directories_get_an_error_node),
		CASE(a_bad_handshake_is_refused_and_may_be_mended),
		CASE(an_overlong_key_is_refused),
		CASE(closing_serves_closed_detaches),
		CASE(missed_states_are_made_up_for),
		CASE(states_that_mean_nothing_change_nothing),
		CASE(a_state_that_is_none_is_the_end),
		CASE(unplug_of_a_disk_in_use_waits_for_the_frontend),
		CASE(unplug_without_a_frontend_closes),
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
