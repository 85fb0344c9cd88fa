/*
 * Connections on the simulator in process: every personality, the ways a
 * connection can fail, what is left afterwards, and what the ring does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

#include <cmocka.h>

#include "frontend/inside.h"
#include "frontend/test_backend.h"

static struct backend backend;

static struct front *connected(const char *personality)
{
	struct front *front = backend_front(&backend, personality, NULL, 0);

	assert_non_null(front);
	assert_int_equal(front_connect(front), 0);
	return front;
}

static void nothing_is_left(void)
{
	struct sim_ledger ledger;

	sim_ledger(GUEST, &ledger);
	assert_int_equal(ledger.shared_pages, 0);
	assert_int_equal(ledger.ports, 0);
	assert_int_equal(ledger.evtchn_handles, 0);
	assert_int_equal(ledger.gnttab_handles, 0);
	assert_int_equal(ledger.xs_handles, 0);
	assert_int_equal(ledger.bad_unmaps, 0);
	assert_int_equal(ledger.bad_ports, 0);
}

static void write_and_read(struct front *front, unsigned int seed)
{
	static uint8_t out[600 * 512], in[sizeof(out)];

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7 + seed + i / 512);
	for (unsigned int i = 0; i < front_queues(front); i++) {
		struct front_queue *queue = front_queue(front, i);

		memset(in, 0, sizeof(in));
		assert_int_equal(
			front_transfer(queue, true, 3 + i, out, sizeof(out)),
			0);
		assert_int_equal(
			front_transfer(queue, false, 3 + i, in, sizeof(in)), 0);
		assert_memory_equal(in, out, sizeof(in));
		assert_memory_equal(backend.disk + (3 + i) * 512, out,
				    sizeof(out));
	}
}

static void every_personality(void **state)
{
	const struct front_personality *p;

	(void)state;
	for (unsigned int i = 0; (p = front_personality_at(i)); i++) {
		struct front *front;

		backend_start(&backend, 16, 4);
		front = connected(p->name);
		assert_int_equal(front_properties(front)->sectors,
				 DISK_SECTORS);
		assert_int_equal(front_queues(front),
				 p->waits_for_initwait ? p->queues : 1);
		write_and_read(front, i);
		assert_int_equal(front_disconnect(front), 0);
		front_destroy(front);
		nothing_is_left();
	}
}

static void backend_lowers_the_shape(void **state)
{
	struct front *front;

	(void)state;
	backend_start(&backend, 2, 1);
	front = connected("linux-big");
	assert_int_equal(front_queues(front), 2);
	assert_int_equal(front_properties(front)->ring_order, 1);
	assert_int_equal(front_properties(front)->ring_slots, 64);
	write_and_read(front, 1);
	front_destroy(front);
	nothing_is_left();
}

/* The second shape must not find keys of the first. */
static void another_personality_afterwards(void **state)
{
	struct front *front;

	(void)state;
	backend_start(&backend, 16, 4);
	front = connected("linux-big");
	front_destroy(front);
	front = connected("legacy32");
	write_and_read(front, 2);
	front_destroy(front);
	front = connected("windows");
	write_and_read(front, 3);
	front_destroy(front);
	nothing_is_left();
}

static void reconnect_after_a_crash(void **state)
{
	struct front *front;

	(void)state;
	backend_start(&backend, 4, 0);
	front = connected("linux");
	write_and_read(front, 4);
	front_abandon(front);
	assert_int_equal(front_queues(front), 0);
	assert_int_equal(front_connect(front), 0);
	write_and_read(front, 5);
	front_destroy(front);
	nothing_is_left();
}

static void refusal_is_quoted(void **state)
{
	struct front *front;

	(void)state;
	backend_start(&backend, 4, 0);
	backend.refuses = true;
	front = backend_front(&backend, "linux", NULL, 0);
	assert_int_equal(front_connect(front), -ECONNREFUSED);
	assert_non_null(strstr(front_error(front), "Closing"));
	assert_non_null(strstr(front_error(front), "because of the test"));
	front_destroy(front);
	nothing_is_left();
}

static void timeout_names_the_state(void **state)
{
	struct front *front;

	(void)state;
	backend_start(&backend, 4, 0);
	backend.sleeps = true;
	front = backend_front(&backend, "linux", NULL, 0);
	assert_int_equal(front_connect(front), -ETIMEDOUT);
	assert_non_null(strstr(front_error(front), "become Connected"));
	assert_non_null(strstr(front_error(front), "it is InitWait"));
	front_destroy(front);
	nothing_is_left();
}

static void no_such_disk(void **state)
{
	char error[200] = "";
	struct front_options options = {
		.domid = GUEST,
		.devid = 51728,
		.personality = front_personality("plain"),
		.error = error,
		.error_bytes = sizeof(error),
	};
	struct front *front;

	(void)state;
	backend_start(&backend, 1, 0);
	assert_int_equal(front_create(&options, &front), -ENOENT);
	assert_non_null(strstr(error, "no disk 51728"));
	nothing_is_left();
}

static void nonsense_is_refused(void **state)
{
	static const char *const keys[] = {
		"multi-queue-max-queues", "max-ring-page-order",
		"max-ring-pages", "physical-sector-size"};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct front *front;

		backend_start(&backend, 1, 0);
		sim_enter(0);
		backend_write(&backend, BACK_DIR, keys[i], "0x10");
		sim_enter(GUEST);
		front = backend_front(&backend, "linux", NULL, 0);
		assert_int_equal(front_connect(front), -EPROTO);
		assert_non_null(strstr(front_error(front), keys[i]));
		front_destroy(front);
		nothing_is_left();
	}
}

static void notifications_are_held_off(void **state)
{
	struct front_request flush = {.operation = 3, .id = 42};
	struct front_response response[3];
	struct front_queue *queue;
	struct front *front;

	(void)state;
	backend_start(&backend, 1, 0);
	front = connected("plain");
	queue = front_queue(front, 0);
	assert_int_equal(front_room(queue), 32);
	assert_false(front_push(queue)); /* nothing to publish */
	assert_int_equal(front_submit(queue, &flush), 0);
	assert_true(front_push(queue));
	/* The backend has not looked: it asked for no second event. */
	assert_int_equal(front_submit(queue, &flush), 0);
	assert_false(front_push(queue));
	assert_int_equal(front_room(queue), 30);
	assert_false(front_arm_after(queue, 2));
	backend_turn(&backend, front, 0);
	assert_int_equal(backend.notified, 1);
	assert_true(front_arm(queue));
	assert_int_equal(front_reap(queue, response, 1), 1);
	assert_int_equal(front_reap(queue, response, 3), 1);
	assert_int_equal(response[0].id, 42);
	assert_int_equal(response[0].operation, 3);
	assert_int_equal(response[0].status, 0);
	assert_int_equal(front_room(queue), 32);
	front_destroy(front);
}

static void ring_is_full_at_its_slots(void **state)
{
	struct front_request flush = {.operation = 3};
	struct front_response response[64];
	struct front_queue *queue;
	struct front *front;

	(void)state;
	backend_start(&backend, 1, 0);
	front = connected("plain");
	queue = front_queue(front, 0);
	for (unsigned int i = 0; i < 32; i++)
		assert_int_equal(front_submit(queue, &flush), 0);
	assert_int_equal(front_submit(queue, &flush), -ENOSPC);
	front_push(queue);
	backend_turn(&backend, front, 0);
	assert_int_equal(front_reap(queue, response, 64), 32);
	front_destroy(front);
}

/* Indices are free-running: nothing happens when they wrap. */
static void indices_wrap(void **state)
{
	struct front *front;

	(void)state;
	backend_start(&backend, 1, 0);
	front = backend_front(&backend, "plain", NULL, 0);
	assert_int_equal(front_read_offer(front), 0);
	assert_int_equal(front_allocate(front), 0);
	front_set_req_prod(front_queue(front, 0), UINT32_MAX - 5);
	front_set_rsp_prod(front_queue(front, 0), UINT32_MAX - 5);
	assert_int_equal(front_publish(front), 0);
	assert_int_equal(front_set_state(front, 3), 0);
	assert_int_equal(front_wait_backend(front, 4, 1), 0);
	assert_int_equal(front_read_properties(front), 0);
	write_and_read(front, 6);
	front_destroy(front);
	nothing_is_left();
}

/* What a backend that went mad writes cannot make us walk beyond the ring. */
static void absurd_response_count(void **state)
{
	struct front_response response[64];
	struct front *front;

	(void)state;
	backend_start(&backend, 1, 0);
	front = connected("plain");
	*backend_index(&backend.ring[0], 2) = 33;
	assert_int_equal(front_reap(front_queue(front, 0), response, 64), 0);
	*backend_index(&backend.ring[0], 2) = 0;
	front_destroy(front);
}

static void pages_come_back_in_reverse(void **state)
{
	struct front_page a, b, c;
	struct front *front;
	uint32_t last;

	(void)state;
	backend_start(&backend, 1, 0);
	front = connected("linux");
	assert_int_equal(front_page_get(front, &a), 0);
	assert_int_equal(front_page_get(front, &b), 0);
	assert_int_equal(front_page_get_readonly(front, &c), 0);
	memset(b.data, 1, FRONT_PAGE_BYTES);
	last = b.gref;
	front_page_put(front, &a);
	front_page_put(front, &b);
	front_page_put(front, &c);
	assert_int_equal(front_page_get(front, &b), 0);
	assert_int_equal(b.gref, last);
	assert_int_equal(*(uint8_t *)b.data, 0);
	assert_int_equal(front_page_end(front, &b), 0);
	assert_null(b.data);
	front_destroy(front);
	nothing_is_left();
}

static void grants_end_with_some(void **state)
{
	struct sim_ledger before, after;
	struct front *front;

	(void)state;
	backend_start(&backend, 1, 0);
	front = connected("windows");
	sim_ledger(GUEST, &before);
	write_and_read(front, 7);
	sim_ledger(GUEST, &after);
	assert_int_equal(after.shared_pages, before.shared_pages);
	front_destroy(front);
	nothing_is_left();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_personality),
		cmocka_unit_test(backend_lowers_the_shape),
		cmocka_unit_test(another_personality_afterwards),
		cmocka_unit_test(reconnect_after_a_crash),
		cmocka_unit_test(refusal_is_quoted),
		cmocka_unit_test(timeout_names_the_state),
		cmocka_unit_test(no_such_disk),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(notifications_are_held_off),
		cmocka_unit_test(ring_is_full_at_its_slots),
		cmocka_unit_test(indices_wrap),
		cmocka_unit_test(absurd_response_count),
		cmocka_unit_test(pages_come_back_in_reverse),
		cmocka_unit_test(grants_end_with_some),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
