/*
 * The messages of the bridge, both sides in one process on the in-process
 * simulator: pieces, order, the window, damage, a session that goes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <xenstore.h>

#include "conformance/lab/exec/channel.h"
#include "sim/sim.h"

#define GUEST 5u

struct pair {
	struct store store[2];
	struct channel dom0, guest;
};

static struct pair pair;

/* As libxl does. */
static void make_data(void)
{
	struct xs_permissions owner = {.id = GUEST, .perms = XS_PERM_NONE};
	struct xs_handle *store = xs_open(0);

	assert_true(xs_mkdir(store, XBT_NULL, "/local/domain/5/data"));
	assert_true(xs_set_permissions(store, XBT_NULL, "/local/domain/5/data",
				       &owner, 1));
	xs_close(store);
}

static int set_up(void **state)
{
	uint32_t before;

	(void)state;
	sim_reset(1);
	assert_int_equal(sim_domain_create(GUEST, 16), 0);
	make_data();
	before = sim_enter(GUEST);
	assert_int_equal(store_open(&pair.store[1], STORE_INSIDE), 0);
	assert_int_equal(store_put(&pair.store[1], "agent", "1", 1), 0);
	sim_enter(before);
	assert_int_equal(store_open(&pair.store[0], GUEST), 0);
	assert_int_equal(channel_create(&pair.dom0, &pair.store[0], "a"), 0);
	channel_join(&pair.guest, &pair.store[1], "a");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	store_close(&pair.store[0]);
	store_close(&pair.store[1]);
	sim_reset(1);
	return 0;
}

static void message_arrives(void **state)
{
	(void)state;
	assert_int_equal(channel_receive(&pair.guest), 0);
	assert_int_equal(channel_send(&pair.dom0, CHANNEL_LINK, "a\0b", 3), 0);
	assert_true(channel_can_send(&pair.dom0));
	assert_int_equal(channel_receive(&pair.guest), 1);
	assert_int_equal(pair.guest.incoming.kind, CHANNEL_LINK);
	assert_int_equal(pair.guest.incoming.length, 3);
	assert_memory_equal(pair.guest.incoming.bytes, "a\0b", 3);
	assert_int_equal(channel_receive(&pair.guest), 0);
	assert_int_equal(channel_send(&pair.guest, CHANNEL_STARTED, NULL, 0),
			 0);
	assert_int_equal(channel_receive(&pair.dom0), 1);
	assert_int_equal(pair.dom0.incoming.length, 0);
}

/* More pieces than slots: the writer waits for the reader, nothing is lost. */
static void window_holds(void **state)
{
	static uint8_t bytes[CHANNEL_MESSAGE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	for (unsigned int round = 0; round < 20; round++) {
		assert_int_equal(channel_send(&pair.dom0, CHANNEL_LINK, bytes,
					      sizeof(bytes)),
				 0);
		assert_false(channel_can_send(&pair.dom0));
		assert_int_equal(channel_receive(&pair.guest), 0);
		assert_int_equal(channel_turn(&pair.dom0), 0);
		assert_true(channel_can_send(&pair.dom0));
		assert_int_equal(channel_receive(&pair.guest), 1);
		assert_int_equal(pair.guest.incoming.length, sizeof(bytes));
		assert_memory_equal(pair.guest.incoming.bytes, bytes,
				    sizeof(bytes));
	}
}

static void order_is_kept(void **state)
{
	unsigned int sent = 0, got = 0;

	(void)state;
	while (got < 100) {
		while (sent < 100 && channel_can_send(&pair.dom0)) {
			assert_int_equal(channel_send(&pair.dom0, CHANNEL_LINK,
						      &sent, sizeof(sent)),
					 0);
			sent++;
		}
		while (channel_receive(&pair.guest) == 1) {
			assert_memory_equal(pair.guest.incoming.bytes, &got,
					    sizeof(got));
			got++;
		}
		assert_int_equal(channel_turn(&pair.dom0), 0);
	}
}

static void damage_is_seen(void **state)
{
	uint8_t piece[64];
	ssize_t length;

	(void)state;
	assert_int_equal(channel_send(&pair.dom0, CHANNEL_LINK, "abc", 3), 0);
	length = store_get(&pair.store[0], "sessions/a/down/0", piece,
			   sizeof(piece));
	assert_int_equal(length, 15);
	piece[13] ^= 1;
	assert_int_equal(store_put(&pair.store[0], "sessions/a/down/0", piece,
				   (size_t)length),
			 0);
	assert_int_equal(channel_receive(&pair.guest), -EBADMSG);
}

static void session_goes(void **state)
{
	char name[16];

	(void)state;
	assert_int_equal(store_remove(&pair.store[1], "sessions/a"), 0);
	assert_int_equal(channel_receive(&pair.guest), -EPIPE);
	assert_int_equal(channel_receive(&pair.dom0), -EPIPE);
	/* and dom0 does not make it anew */
	assert_int_equal(channel_send(&pair.dom0, CHANNEL_LINK, "abc", 3),
			 -EPIPE);
	assert_int_equal(channel_beat(&pair.dom0), -EPIPE);
	assert_int_equal(
		store_first(&pair.store[0], "sessions", name, sizeof(name)),
		-ENOENT);
}

static void no_such_guest(void **state)
{
	struct store store;

	(void)state;
	assert_int_equal(store_open(&store, 6), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(message_arrives, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(window_holds, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(order_is_kept, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(damage_is_seen, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(session_goes, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(no_such_guest, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
