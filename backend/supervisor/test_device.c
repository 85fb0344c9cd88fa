/*
 * The states of a disk on the way up: directories, offers, handshakes, and what
 * frontends do with a connection.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/base/checked.h"
#include "backend/supervisor/test_world.h"

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
	expect(BACK "/feature-barrier", "1");
	expect(BACK "/feature-discard", "1");
	expect(BACK "/discard-granularity", "4096");
	expect(BACK "/discard-alignment", "0");
	expect(BACK "/discard-secure", NULL);
	expect(BACK "/feature-max-indirect-segments", "256");
	expect(BACK "/sectors", NULL);
	assert_int_equal(world.device.sectors, 2048);
	assert_int_equal(world.device.domid, 5);
	assert_int_equal(world.device.devid, 51712);
}

/* D4; an earlier daemon may have offered it. */
static void what_is_not_offered_has_no_node(void **state)
{
	(void)state;
	world.conf.max_indirect = 0;
	world.conf.barrier = false;
	put(BACK "/feature-max-indirect-segments", "32");
	plug();
	expect(BACK "/feature-max-indirect-segments", NULL);
	expect(BACK "/feature-barrier", "0");
	expect(BACK "/feature-persistent", "1");
}

/* C4, E1, E4, K17: whoever forbids it, what belongs to it is not there either. */
static void discard_is_offered_whole_or_not_at_all(void **state)
{
	static const char *const gone[] = {BACK "/discard-granularity",
					   BACK "/discard-alignment",
					   BACK "/discard-secure"};

	for (unsigned int way = 0; way < 3; way++) {
		world.conf.discard = way != 0;
		put(FRONT "/state", "1");
		put(BACK "/discard-enable", way == 1 ? "0" : "1");
		put(BACK "/discard-granularity", "65536");
		write_backend("ram:1M", way == 2 ? "r" : "w");
		settle();
		expect(BACK "/state", "2");
		expect(BACK "/feature-discard", "0");
		for (size_t i = 0; i < ARRAY_SIZE(gone); i++)
			expect(gone[i], NULL);
		tear_down(state);
		set_up(state);
	}
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

/* L15, X08: facts of the disk are the toolstack's; the guest may write what it
 * likes beside its keys. */
static void a_frontend_has_no_say_in_what_its_disk_is(void **state)
{
	(void)state;
	put(FRONT "/mode", "w");
	put(FRONT "/frontend-id", "6");
	put(FRONT "/params", "ram:2M");
	put(FRONT "/device-type", "cdrom");
	put(FRONT "/state", "1");
	write_backend("ram:1M", "r");
	settle();
	expect(BACK "/state", "2");
	assert_int_equal(world.device.readonly, 1);
	assert_int_equal(world.device.domid, 5);
	assert_int_equal(world.device.devid, 51712);
	assert_int_equal(world.device.sectors, 2048);
	connect();
	expect(BACK "/info", "4");
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
	/* Also one that need not be there. */
	write_keys();
	put(FRONT "/multi-queue-num-queues", text);
	put(FRONT "/state", "1");
	settle();
	put(FRONT "/state", "3");
	settle();
	expect(BACK "/state", "5");
	assert_int_equal(world.kinds[LINK_ATTACH], 0);
}

/* Whichever look fails: what is attached has what the frontend wrote. */
static void a_look_that_fails_is_no_default(void **state)
{
	for (unsigned int k = 1; k <= 12; k++) {
		plug();
		write_keys();
		put(FRONT "/num-ring-pages", "2");
		put(FRONT "/ring-ref0", "8");
		put(FRONT "/ring-ref1", "9");
		put(FRONT "/feature-persistent", "1");
		put(FRONT "/state", "3");
		log_set_level(LOG_ERROR);
		sim_fail(0, SIM_CALL_XS, k, EIO);
		settle();
		sim_fail(0, SIM_CALL_XS, 0, 0);
		if (world.kinds[LINK_ATTACH] > 0) {
			assert_int_equal(world.attach.ring_order, 1);
			assert_int_equal(world.attach.persistent, 1);
			assert_int_equal(world.attach.abi, LINK_ABI_X86_64);
		}
		tear_down(state);
		set_up(state);
	}
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_offer_comes_before_initwait),
		CASE(what_is_not_offered_has_no_node),
		CASE(discard_is_offered_whole_or_not_at_all),
		CASE(properties_come_with_connected),
		CASE(a_read_only_removable_disk_says_so),
		CASE(a_frontend_has_no_say_in_what_its_disk_is),
		CASE(a_frontend_need_not_wait),
		CASE(a_half_written_directory_is_waited_for),
		CASE(wrong_directories_get_an_error_node),
		CASE(a_bad_handshake_is_refused_and_may_be_mended),
		CASE(an_overlong_key_is_refused),
		CASE(a_look_that_fails_is_no_default),
		CASE(closing_serves_closed_detaches),
		CASE(missed_states_are_made_up_for),
		CASE(states_that_mean_nothing_change_nothing),
		CASE(a_state_that_is_none_is_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
