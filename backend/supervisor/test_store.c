/* The store's reading, transactions and events, on the simulator. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <xenstore.h>

#include "backend/supervisor/publish.h"
#include "backend/supervisor/store.h"
#include "sim/sim.h"

static int set_up(void **state)
{
	struct store *store;

	sim_reset(1);
	assert_int_equal(sim_domain_create(5, 16), 0);
	sim_enter(0);
	assert_int_equal(store_open(&store), 0);
	*state = store;
	return 0;
}

static int tear_down(void **state)
{
	struct sim_ledger ledger;

	store_close(*state);
	sim_ledger(0, &ledger);
	assert_int_equal(ledger.xs_handles, 0);
	return 0;
}

static void values_fit_or_are_refused(void **state)
{
	struct store *store = *state;
	char value[8];

	assert_string_equal(store_home(store), "/local/domain/0");
	assert_int_equal(store_read(store, "/a/b", value, sizeof(value)),
			 -ENOENT);
	assert_int_equal(store_write(store, "/a/b", "1234567"), 0);
	assert_int_equal(store_read(store, "/a/b", value, sizeof(value)), 7);
	assert_string_equal(value, "1234567");
	assert_int_equal(store_write(store, "/a/b", "12345678"), 0);
	assert_int_equal(store_read(store, "/a/b", value, sizeof(value)),
			 -EOVERFLOW);
	assert_int_equal(store_write(store, "/a/b", ""), 0);
	assert_int_equal(store_read(store, "/a/b", value, sizeof(value)), 0);
	assert_string_equal(value, "");
	assert_int_equal(store_remove(store, "/a"), 0);
	assert_int_equal(store_remove(store, "/a"), 0);
	assert_int_equal(store_read(store, "/a/b", value, sizeof(value)),
			 -ENOENT);
}

#define NAMES_BYTES 64u

static void join(void *context, const char *name)
{
	char *names = context;
	const size_t used = strlen(names);

	snprintf(names + used, NAMES_BYTES - used, "%s ", name);
}

static void directories_are_listed(void **state)
{
	struct store *store = *state;
	char names[NAMES_BYTES] = "";

	assert_int_equal(store_list(store, "/d", join, names), -ENOENT);
	assert_int_equal(store_write(store, "/d/1", "x"), 0);
	assert_int_equal(store_write(store, "/d/2/3", "x"), 0);
	assert_int_equal(store_list(store, "/d", join, names), 0);
	assert_non_null(strstr(names, "1 "));
	assert_non_null(strstr(names, "2 "));
	assert_int_equal(strlen(names), 4);
}

struct disturbance {
	struct xs_handle *other;
	unsigned int left;
	unsigned int runs;
};

/* Somebody else writes what the transaction has read, so many times. */
static int disturbed(struct store *store, void *context)
{
	struct disturbance *d = context;
	char value[16];
	int n;

	d->runs++;
	n = store_read(store, "/t/a", value, sizeof(value));
	if (n < 0)
		return n;
	if (d->left > 0) {
		d->left--;
		assert_true(xs_write(d->other, XBT_NULL, "/t/a", "2", 1));
	}
	return store_write(store, "/t/b", "done");
}

static void transactions_are_tried_again_but_not_for_ever(void **state)
{
	struct store *store = *state;
	struct disturbance d = {.other = xs_open(0), .left = 3};
	char value[16];

	assert_int_equal(store_write(store, "/t/a", "1"), 0);
	assert_int_equal(store_transact(store, disturbed, &d), 0);
	assert_int_equal(d.runs, 4);
	assert_int_equal(store_read(store, "/t/b", value, sizeof(value)), 4);
	d = (struct disturbance){.other = d.other, .left = 1000000};
	assert_int_equal(store_transact(store, disturbed, &d), -EAGAIN);
	assert_in_range(d.runs, 2, 1000);
	xs_close(d.other);
}

static int refuse(struct store *store, void *context)
{
	assert_int_equal(store_write(store, "/t/c", "x"), 0);
	return *(int *)context;
}

static void what_a_body_gives_up_does_not_happen(void **state)
{
	struct store *store = *state;
	char value[16];
	int error = -EINVAL;

	assert_int_equal(store_transact(store, refuse, &error), -EINVAL);
	assert_int_equal(store_read(store, "/t/c", value, sizeof(value)),
			 -ENOENT);
}

/* L21: a directory without a state node is no directory any more. */
static void nodes_are_only_published_where_a_disk_is(void **state)
{
	struct store *store = *state;
	const struct publish_node nodes[] = {publish_number("sectors", 8),
					     publish_number("state", 4)};
	const struct publish_place gone = {.directory = "/gone", .last = 2};
	const struct publish_place disk = {.directory = "/disk", .last = 2};
	char value[16];

	assert_int_equal(publish_nodes(store, &gone, nodes, 2), -ENOENT);
	assert_int_equal(store_read(store, "/gone", value, sizeof(value)),
			 -ENOENT);
	assert_int_equal(store_write(store, "/disk/state", "3"), 0);
	assert_int_equal(publish_nodes(store, &disk, nodes, 2), 0);
	assert_int_equal(store_read(store, "/disk/state", value, sizeof(value)),
			 1);
	assert_string_equal(value, "4");
	/* Removed and made anew by a toolstack: another disk of that name. */
	assert_int_equal(store_write(store, "/disk/state", "1"), 0);
	assert_int_equal(publish_nodes(store, &disk, nodes, 2), -ENOENT);
	assert_int_equal(store_read(store, "/disk/state", value, sizeof(value)),
			 1);
	assert_string_equal(value, "1");
}

static void watches_bring_paths_and_tokens(void **state)
{
	struct store *store = *state;
	struct store_event event;

	assert_int_equal(store_next_event(store, &event), 0);
	assert_int_equal(store_watch(store, "/w", "token"), 0);
	/* A watch fires once when it is made. */
	assert_int_equal(store_next_event(store, &event), 1);
	assert_int_equal(store_write(store, "/w/x", "1"), 0);
	assert_int_equal(store_next_event(store, &event), 1);
	assert_string_equal(event.path, "/w/x");
	assert_string_equal(event.token, "token");
	assert_int_equal(store_unwatch(store, "/w", "token"), 0);
	assert_int_equal(store_write(store, "/w/x", "2"), 0);
	assert_int_equal(store_next_event(store, &event), 0);
}

static void a_lost_connection_stays_lost(void **state)
{
	struct store *store = *state;
	struct store_event event;
	char value[16];

	assert_int_equal(store_write(store, "/a", "1"), 0);
	sim_fail(0, SIM_CALL_XS, 1, EPIPE);
	assert_int_equal(store_read(store, "/a", value, sizeof(value)),
			 -ENOTCONN);
	assert_true(store_lost(store));
	assert_int_equal(store_read(store, "/a", value, sizeof(value)),
			 -ENOTCONN);
	assert_int_equal(store_write(store, "/a", "1"), -ENOTCONN);
	assert_int_equal(store_next_event(store, &event), -ENOTCONN);
	assert_false(store_domain_lives(store, 5));
}

static void domains_live_until_they_die(void **state)
{
	struct store *store = *state;

	assert_true(store_domain_lives(store, 5));
	sim_domain_destroy(5);
	assert_false(store_domain_lives(store, 5));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(values_fit_or_are_refused),
		CASE(directories_are_listed),
		CASE(transactions_are_tried_again_but_not_for_ever),
		CASE(what_a_body_gives_up_does_not_happen),
		CASE(nodes_are_only_published_where_a_disk_is),
		CASE(watches_bring_paths_and_tokens),
		CASE(a_lost_connection_stays_lost),
		CASE(domains_live_until_they_die),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
