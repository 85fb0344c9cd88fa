/* The in-memory store beyond the contract: special watches, quotas, order. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#include <cmocka.h>

#include "sim/sim.h"

#define GUEST 1u
#define HOME  "/local/domain/1"

static struct xs_handle *dom0, *guest;

static int setup(void **state)
{
	struct xs_permissions owner = {.id = GUEST, .perms = XS_PERM_NONE};

	(void)state;
	sim_reset(7);
	if (sim_domain_create(GUEST, 64) != 0)
		return -1;
	dom0 = xs_open(0);
	sim_enter(GUEST);
	guest = xs_open(XS_UNWATCH_FILTER);
	return !xs_mkdir(dom0, XBT_NULL, HOME) ||
	       !xs_set_permissions(dom0, XBT_NULL, HOME, &owner, 1);
}

static bool put(struct xs_handle *xs, const char *path, const char *value)
{
	return xs_write(xs, XBT_NULL, path, value, (unsigned int)strlen(value));
}

/* Takes all events; the paths, each with a space behind. */
static const char *events(struct xs_handle *xs)
{
	static char text[512];
	char **event;
	size_t length = 0;

	text[0] = '\0';
	while ((event = xs_check_watch(xs)) != NULL) {
		length += (size_t)snprintf(text + length, sizeof(text) - length,
					   "%s ", event[XS_WATCH_PATH]);
		assert_true(length < sizeof(text));
		free(event);
	}
	return text;
}

static void events_wait_in_order_and_once(void **state)
{
	(void)state;
	assert_true(xs_watch(guest, HOME, "t"));
	assert_true(put(dom0, HOME "/a", "1") && put(dom0, HOME "/b", "1"));
	assert_true(put(dom0, HOME "/a", "2"));
	assert_string_equal(events(guest), HOME " " HOME "/a " HOME "/b ");
}

static void relative_watch_gives_relative_paths(void **state)
{
	(void)state;
	assert_true(xs_watch(guest, "device", "t"));
	assert_true(put(dom0, HOME "/device/vbd", "1"));
	assert_string_equal(events(guest), "device device/vbd ");
}

static void guests_do_not_see_domains_come(void **state)
{
	(void)state;
	assert_true(xs_watch(guest, "@introduceDomain", "t"));
	assert_true(xs_watch(dom0, "@introduceDomain", "t"));
	assert_int_equal(sim_domain_create(2, 1), 0);
	assert_string_equal(events(guest), "@introduceDomain ");
	assert_string_equal(events(dom0), "@introduceDomain ");
}

static void guests_do_not_see_what_is_private(void **state)
{
	struct xs_permissions none = {.id = 0, .perms = XS_PERM_NONE};

	(void)state;
	assert_true(xs_mkdir(dom0, XBT_NULL, HOME "/p/q"));
	assert_true(xs_set_permissions(dom0, XBT_NULL, HOME "/p", &none, 1));
	assert_true(xs_set_permissions(dom0, XBT_NULL, HOME "/p/q", &none, 1));
	assert_true(xs_watch(guest, HOME, "t"));
	assert_true(put(dom0, HOME "/p/q", "1"));
	assert_string_equal(events(guest), HOME " ");
}

static void filter_drops_waiting_events(void **state)
{
	(void)state;
	assert_true(xs_watch(guest, HOME, "t") && xs_watch(dom0, HOME, "t"));
	assert_true(xs_unwatch(guest, HOME, "t") &&
		    xs_unwatch(dom0, HOME, "t"));
	assert_string_equal(events(guest), "");
	assert_string_equal(events(dom0), HOME " ");
}

static void guests_have_quotas(void **state)
{
	static char big[2049];
	char path[64];
	unsigned int nodes = 0, watches = 0;

	(void)state;
	assert_false(xs_write(guest, XBT_NULL, "big", big, sizeof(big)));
	assert_int_equal(errno, ENOSPC);
	do
		snprintf(path, sizeof(path), "n%u", nodes);
	while (nodes++ < 2000 && put(guest, path, ""));
	assert_int_equal(errno, ENOSPC);
	assert_true(nodes > 900 && nodes < 1001);
	do
		snprintf(path, sizeof(path), "w%u", watches);
	while (watches++ < 2000 && xs_watch(guest, path, "t"));
	assert_int_equal(errno, E2BIG);
	assert_int_equal(watches, 129);
	assert_true(xs_rm(guest, XBT_NULL, "n0") && put(guest, "n0", ""));
}

static void dom0_has_no_quota(void **state)
{
	static char big[3000];

	(void)state;
	assert_true(xs_write(dom0, XBT_NULL, HOME "/big", big, sizeof(big)));
	assert_false(xs_write(dom0, XBT_NULL, HOME "/big", big, 4096));
	assert_int_equal(errno, E2BIG);
}

static void commit_fires_watches(void **state)
{
	xs_transaction_t t = xs_transaction_start(dom0);

	(void)state;
	assert_true(xs_watch(guest, HOME, "t"));
	assert_true(xs_write(dom0, t, HOME "/x", "1", 1));
	assert_true(xs_rm(dom0, t, HOME "/x"));
	assert_true(xs_write(dom0, t, HOME "/y", "1", 1));
	assert_string_equal(events(guest), HOME " ");
	assert_true(xs_transaction_end(dom0, t, false));
	assert_string_equal(events(guest), HOME "/x " HOME "/y ");
}

static void transaction_sees_others_children(void **state)
{
	unsigned int n;
	xs_transaction_t t = xs_transaction_start(dom0);
	char **names = xs_directory(dom0, t, HOME, &n);

	(void)state;
	free(names);
	assert_true(put(guest, "new", ""));
	assert_true(xs_write(dom0, t, "/other", "1", 1));
	assert_false(xs_transaction_end(dom0, t, false));
	assert_int_equal(errno, EAGAIN);
}

static void transaction_does_not_disturb_itself(void **state)
{
	xs_transaction_t t = xs_transaction_start(dom0);
	unsigned int n;

	(void)state;
	assert_true(xs_write(dom0, t, "/a/b/c", "1", 1));
	assert_true(xs_rm(dom0, t, "/a"));
	assert_null(xs_read(dom0, t, "/a/b", &n));
	assert_true(xs_mkdir(dom0, t, "/a/b"));
	free(xs_read(dom0, t, "/a", &n));
	assert_true(xs_transaction_end(dom0, t, false));
}

static void guests_may_not_introduce(void **state)
{
	(void)state;
	assert_false(xs_introduce_domain(guest, GUEST, 0, 0));
	assert_int_equal(errno, EACCES);
	assert_true(xs_release_domain(dom0, GUEST));
	assert_false(xs_is_domain_introduced(dom0, GUEST));
}

static void unknown_domains_have_no_rights(void **state)
{
	struct xs_permissions nobody = {.id = 6, .perms = XS_PERM_NONE};

	(void)state;
	assert_false(xs_set_permissions(dom0, XBT_NULL, HOME, &nobody, 1));
	assert_int_equal(errno, ENOENT);
}

static void subpaths(void **state)
{
	(void)state;
	assert_true(xs_path_is_subpath("/a", "/a"));
	assert_true(xs_path_is_subpath("/a", "/a/b"));
	assert_false(xs_path_is_subpath("/a", "/ab"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(events_wait_in_order_and_once, setup),
		cmocka_unit_test_setup(relative_watch_gives_relative_paths,
				       setup),
		cmocka_unit_test_setup(guests_do_not_see_domains_come, setup),
		cmocka_unit_test_setup(guests_do_not_see_what_is_private,
				       setup),
		cmocka_unit_test_setup(filter_drops_waiting_events, setup),
		cmocka_unit_test_setup(guests_have_quotas, setup),
		cmocka_unit_test_setup(dom0_has_no_quota, setup),
		cmocka_unit_test_setup(commit_fires_watches, setup),
		cmocka_unit_test_setup(transaction_sees_others_children, setup),
		cmocka_unit_test_setup(transaction_does_not_disturb_itself,
				       setup),
		cmocka_unit_test_setup(guests_may_not_introduce, setup),
		cmocka_unit_test_setup(unknown_domains_have_no_rights, setup),
		cmocka_unit_test_setup(subpaths, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
