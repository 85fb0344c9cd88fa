/*
 * What others can see of a disk while it moves: every state that is published
 * with what stands beside it at that moment, every look at the frontend, and
 * what is still held when the disk is gone.  xenstore's calls pass through here
 * (--wrap), so that what comes and goes within one step is seen.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/supervisor/test_world.h"

bool __real_xs_write(struct xs_handle *h, xs_transaction_t t, const char *path,
		     const void *data, unsigned int length);
bool __wrap_xs_write(struct xs_handle *h, xs_transaction_t t, const char *path,
		     const void *data, unsigned int length);
void *__real_xs_read(struct xs_handle *h, xs_transaction_t t, const char *path,
		     unsigned int *length);
void *__wrap_xs_read(struct xs_handle *h, xs_transaction_t t, const char *path,
		     unsigned int *length);
bool __real_xs_watch(struct xs_handle *h, const char *path, const char *token);
bool __wrap_xs_watch(struct xs_handle *h, const char *path, const char *token);
bool __real_xs_transaction_end(struct xs_handle *h, xs_transaction_t t,
			       bool abandon);
bool __wrap_xs_transaction_end(struct xs_handle *h, xs_transaction_t t,
			       bool abandon);

static struct {
	char states[16];	  /* the backend's, in their order */
	unsigned int disturb;	  /* so many transactions in vain */
	unsigned int looks;	  /* at the frontend's state */
	const char *before_watch; /* the frontend says so just then */
} seen;

static char *value_of(const char *path)
{
	unsigned int length;

	return __real_xs_read(world.xs, XBT_NULL, path, &length);
}

static void must_stand(const char *path)
{
	char *value = value_of(path);

	if (value == NULL)
		fail_msg("%s is missing when state %s is published", path,
			 seen.states);
	free(value);
}

/* After each write that came to stand. */
static void note_state(void)
{
	const size_t n = strlen(seen.states);
	char *state = value_of(BACK "/state");

	if (state != NULL && n + 1 < sizeof(seen.states) &&
	    (n == 0 || seen.states[n - 1] != state[0])) {
		seen.states[n] = state[0];
		if (state[0] == '2') {
			must_stand(BACK "/feature-flush-cache");
			must_stand(BACK "/feature-persistent");
			must_stand(BACK "/max-ring-page-order");
			must_stand(BACK "/multi-queue-max-queues");
		}
		if (state[0] == '4') {
			must_stand(BACK "/sectors");
			must_stand(BACK "/sector-size");
			must_stand(BACK "/info");
		}
	}
	free(state);
}

bool __wrap_xs_write(struct xs_handle *h, xs_transaction_t t, const char *path,
		     const void *data, unsigned int length)
{
	bool done = __real_xs_write(h, t, path, data, length);

	if (t == XBT_NULL && h != world.xs)
		note_state();
	return done;
}

void *__wrap_xs_read(struct xs_handle *h, xs_transaction_t t, const char *path,
		     unsigned int *length)
{
	seen.looks += h != world.xs && strcmp(path, FRONT "/state") == 0;
	return __real_xs_read(h, t, path, length);
}

bool __wrap_xs_watch(struct xs_handle *h, const char *path, const char *token)
{
	if (seen.before_watch != NULL && strcmp(path, FRONT "/state") == 0)
		put(FRONT "/state", seen.before_watch);
	return __real_xs_watch(h, path, token);
}

bool __wrap_xs_transaction_end(struct xs_handle *h, xs_transaction_t t,
			       bool abandon)
{
	const bool disturbed = seen.disturb > 0 && !abandon;
	bool done;

	if (disturbed) {
		seen.disturb--;
		(void)__real_xs_transaction_end(h, t, true);
		errno = EAGAIN;
		return false;
	}
	done = __real_xs_transaction_end(h, t, abandon);
	note_state();
	return done;
}

static int set_up_seen(void **state)
{
	int error = set_up(state);

	memset(&seen, 0, sizeof(seen));
	return error;
}

static void go_down(void)
{
	put(FRONT "/state", "5");
	settle();
	put(FRONT "/state", "6");
	settle();
}

/* X01: a frontend that finds a state finds all that belongs to it. */
static void a_state_comes_with_its_nodes(void **state)
{
	(void)state;
	plug_and_connect();
	go_down();
	assert_string_equal(seen.states, "2456");
}

/* L18: also when others keep disturbing the transaction. */
static void a_disturbed_state_comes_with_its_nodes(void **state)
{
	(void)state;
	seen.disturb = 5;
	plug();
	assert_int_equal(seen.disturb, 0);
	seen.disturb = 5;
	connect();
	assert_int_equal(seen.disturb, 0);
	go_down();
	assert_string_equal(seen.states, "2456");
}

/* X11: whoever waits for Closed must find it, however short it stands. */
static void a_disk_that_begins_anew_was_closed(void **state)
{
	(void)state;
	plug_and_connect();
	put(FRONT "/state", "1");
	settle();
	assert_string_equal(seen.states, "2462");
}

/* L19: a frontend that says something just before it is watched is heard. */
static void a_change_before_the_watch_is_not_lost(void **state)
{
	(void)state;
	seen.before_watch = "3";
	write_keys();
	put(FRONT "/state", "1");
	write_backend("ram:1M", "w");
	settle();
	expect(FRONT "/state", "3");
	expect(BACK "/state", "4");
}

/* L13: as many events as a guest likes, of nodes that differ, cost one look. */
static void a_storm_of_nodes_costs_few_looks(void **state)
{
	char path[64];

	(void)state;
	plug_and_connect();
	seen.looks = 0;
	for (unsigned int i = 0; i < 500; i++) {
		snprintf(path, sizeof(path), FRONT "/state/%u", i);
		put(path, "x");
	}
	settle();
	assert_in_range(seen.looks, 1, 8);
	assert_int_equal(world.kinds[LINK_ATTACH], 1);
}

/* X10: a daemon lives for years and sees many disks come and go. */
static void a_disk_that_is_gone_has_no_watch(void **state)
{
	struct sim_ledger before, after;

	(void)state;
	settle();
	sim_ledger(0, &before);
	for (unsigned int i = 0; i < 3; i++) {
		plug_and_connect();
		assert_true(xs_rm(world.xs, XBT_NULL, BACK));
		settle();
		assert_int_equal(host_devices(world.host), 0);
	}
	sim_ledger(0, &after);
	assert_int_equal(after.watches, before.watches);
}

#define SEEN(name) cmocka_unit_test_setup_teardown(name, set_up_seen, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SEEN(a_state_comes_with_its_nodes),
		SEEN(a_disturbed_state_comes_with_its_nodes),
		SEEN(a_disk_that_begins_anew_was_closed),
		SEEN(a_change_before_the_watch_is_not_lost),
		SEEN(a_storm_of_nodes_costs_few_looks),
		SEEN(a_disk_that_is_gone_has_no_watch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
