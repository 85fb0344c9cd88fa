/*
 * The order of barriers with a thread for each queue: nobody works while one is
 * carried out, everybody gets on, a sleeping thread is woken.
 *
 * What a queue does is a plain word of its own, and so is what a barrier does:
 * that no two threads meet there is what order.c must see to, and what
 * ThreadSanitizer watches.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backend/worker/order.h"

#define THREADS	 4u
#define REQUESTS 2000u

struct worker {
	pthread_t thread;
	struct lane lane;
	unsigned int index;
	int wake_fd;
	unsigned int left;   /* requests in its ring */
	unsigned int busy;   /* taken, not finished; without a barrier */
	unsigned int failed; /* what must not be was seen so often */
	uint64_t sum;	     /* what its requests have written */
	unsigned int barriers;
	uint32_t seed;
};

static struct order order;
static struct worker workers[THREADS];
static uint64_t written; /* by barriers only */

static uint32_t dice(struct worker *w)
{
	w->seed = w->seed * 1664525u + 1013904223u;
	return w->seed >> 16;
}

/* A request, or now and then a barrier. */
static void take(struct worker *w)
{
	unsigned int allowed, taken = 0;

	allowed = order_allows(&w->lane, w->left < 32 ? w->left : 32);
	while (taken < allowed && !w->lane.barrier) {
		taken++;
		w->left--;
		if (dice(w) % 16 == 0) {
			order_want(&w->lane);
			continue;
		}
		w->busy++;
		w->sum += written; /* no barrier writes now */
	}
	order_took(&w->lane, taken);
}

/* Alone: looks at everybody's words, and writes the one that they read. */
static void carry_out(struct worker *w)
{
	for (unsigned int i = 0; i < THREADS; i++)
		w->failed += workers[i].busy != 0;
	written++;
	w->barriers++;
	order_end(&w->lane);
}

static bool turn(struct worker *w)
{
	bool moved = w->busy > 0;

	order_look(&w->lane);
	if (w->busy > 0 && dice(w) % 2 == 0)
		w->busy--;
	if (w->left > 0) {
		const unsigned int before = w->left;

		take(w);
		moved = moved || w->left != before;
	} else {
		(void)order_allows(&w->lane, 0);
	}
	if (order_idle(&w->lane))
		return moved;
	moved = order_step(&w->lane, w->busy) || moved;
	if (w->lane.begun)
		carry_out(w);
	return moved;
}

static void *run(void *argument)
{
	struct worker *w = argument;

	while (w->left > 0 || w->busy > 0 || w->lane.barrier) {
		struct pollfd wake = {.fd = w->wake_fd, .events = POLLIN};
		uint64_t times;

		if (turn(w) || !order_holds(&w->lane))
			continue;
		/* For good, if nobody wakes us. */
		(void)poll(&wake, 1, -1);
		if (read(w->wake_fd, &times, sizeof(times)) < 0)
			w->failed++;
	}
	order_leave(&w->lane);
	return NULL;
}

static void start(unsigned int count)
{
	order_init(&order);
	memset(workers, 0, sizeof(workers));
	written = 0;
	for (unsigned int i = 0; i < count; i++) {
		struct worker *w = &workers[i];

		w->index = i;
		w->seed = 7 * i + 1;
		w->left = REQUESTS;
		w->lane.order = &order;
		w->lane.queue = i;
		w->wake_fd = eventfd(0, EFD_CLOEXEC);
		assert_true(w->wake_fd >= 0);
		order_join(&w->lane);
		order_wake_by(&w->lane, w->wake_fd);
	}
}

static void threads_with_barriers(void **state)
{
	uint64_t barriers = 0;

	(void)state;
	start(THREADS);
	for (unsigned int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&workers[i].thread, NULL, run,
						&workers[i]),
				 0);
	for (unsigned int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
	for (unsigned int i = 0; i < THREADS; i++) {
		assert_int_equal(workers[i].failed, 0);
		assert_int_equal(workers[i].left, 0);
		barriers += workers[i].barriers;
		close(workers[i].wake_fd);
	}
	assert_int_equal(barriers, written);
	assert_true(barriers > THREADS * REQUESTS / 32);
}

/* No barrier, no writing: one word is read, and it stays what it is. */
static void without_barriers_nothing_is_held(void **state)
{
	struct lane *lane = &workers[0].lane;

	(void)state;
	start(2);
	order_look(lane);
	assert_int_equal(order_allows(lane, 17), 17);
	order_took(lane, 17);
	assert_true(order_idle(lane));
	assert_false(order_holds(lane));
	assert_int_equal(atomic_load(&order.now), 0);
	order_check(lane);
	for (unsigned int i = 0; i < 2; i++)
		close(workers[i].wake_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_barriers_nothing_is_held),
		cmocka_unit_test(threads_with_barriers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
