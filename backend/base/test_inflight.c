/* The in-flight table: slots, states, and the region that carries them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/inflight.h"

static struct inflight_region *map_region(unsigned int queues)
{
	struct inflight_region *region = NULL;
	int fd = inflight_create(queues);

	assert_true(fd >= 0);
	assert_int_equal(inflight_map(fd, queues, &region), 0);
	close(fd);
	return region;
}

static void test_a_region_is_only_mapped_as_what_it_is(void **state)
{
	struct inflight_region *region;
	int fd = inflight_create(3);
	int other = open("/dev/zero", 0);

	(void)state;
	assert_int_equal(inflight_map(fd, 2, &region), -EINVAL);
	assert_int_equal(inflight_map(other, 3, &region), -EINVAL);
	assert_int_equal(inflight_map(-1, 3, &region), -EBADF);
	/* Nobody who holds it can pull it away from under the others. */
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);
	close(fd);
	close(other);
}

/* A table as a worker of ours uses it. */
static struct inflight_slot *take(struct inflight_queue *queue)
{
	const struct request request = {.id = 7, .kind = REQUEST_READ};

	return inflight_take(queue, &request);
}

static void push(struct inflight_queue *queue, unsigned int count)
{
	inflight_push(queue, queue->rsp_prod + count);
	inflight_pushed(queue);
}

static void finish_and_answer(struct inflight_queue *queue,
			      struct inflight_slot *slot)
{
	inflight_set_state(slot, INFLIGHT_ISSUED);
	inflight_finish(slot, 0);
	inflight_answer(queue, slot);
}

static void test_every_slot_is_handed_out_once(void **state)
{
	struct inflight_region *region = map_region(1);
	struct inflight_queue *queue = &region->queue[0];
	struct inflight_slot *slot[64];

	(void)state;
	inflight_reset(queue, 64, 0xfffffff0u);
	for (unsigned int i = 0; i < 64; i++) {
		slot[i] = take(queue);
		inflight_check(queue);
		for (unsigned int j = 0; j < i; j++)
			assert_ptr_not_equal(slot[i], slot[j]);
	}
	assert_int_equal(queue->used, 64);
	for (unsigned int i = 0; i < 64; i++) {
		finish_and_answer(queue, slot[i]);
		if (i % 3 == 2 || i == 63)
			push(queue, i % 3 + 1);
		else
			continue;
		inflight_check(queue);
	}
	assert_int_equal(queue->used, 0);
	inflight_unmap(region, 1);
}

static void test_counters_survive_a_reset(void **state)
{
	struct inflight_region *region = map_region(2);

	(void)state;
	stats_add(&region->queue[1].stats.reads, 41);
	stats_add(&region->queue[1].stats.reads, 1);
	inflight_reset(&region->queue[1], 32, 0);
	assert_int_equal(stats_read(&region->queue[1].stats.reads), 42);
	assert_int_equal(stats_read(&region->queue[0].stats.reads), 0);
	inflight_unmap(region, 2);
}

/* Does this end the process by SIGABRT, as a CHECK does? */
static bool aborts(void (*what)(struct inflight_queue *),
		   struct inflight_queue *queue)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		close(STDERR_FILENO);
		what(queue);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void take_too_many(struct inflight_queue *queue)
{
	for (unsigned int i = 0; i <= queue->slots; i++)
		(void)take(queue);
}

static void answer_what_is_in_flight(struct inflight_queue *queue)
{
	inflight_answer(queue, take(queue));
}

static void push_what_was_not_answered(struct inflight_queue *queue)
{
	inflight_finish(take(queue), 0);
	inflight_push(queue, 1);
}

static void finish_what_was_not_taken(struct inflight_queue *queue)
{
	inflight_set_state(&queue->slot[0], INFLIGHT_ISSUED);
}

static void go_back(struct inflight_queue *queue)
{
	struct inflight_slot *slot = take(queue);

	inflight_finish(slot, 0);
	inflight_set_state(slot, INFLIGHT_ISSUED);
}

static void test_a_wrong_step_is_our_bug_and_ends_the_process(void **state)
{
	void (*const wrong[])(struct inflight_queue *) = {
		take_too_many,
		answer_what_is_in_flight,
		push_what_was_not_answered,
		finish_what_was_not_taken,
		go_back,
	};
	struct inflight_region *region = map_region(1);

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		inflight_reset(&region->queue[0], 8, 0);
		assert_true(aborts(wrong[i], &region->queue[0]));
	}
	inflight_unmap(region, 1);
}

/* --- after a death --- */

/* A table with a request in every state; two responses of it are written. */
static void fill(struct inflight_queue *queue, uint32_t index)
{
	struct inflight_slot *slot[6];

	inflight_reset(queue, 8, index);
	for (unsigned int i = 0; i < 6; i++)
		slot[i] = take(queue);
	inflight_set_state(slot[1], INFLIGHT_ISSUED);
	inflight_set_state(slot[2], INFLIGHT_ISSUED);
	inflight_set_state(slot[2], INFLIGHT_FLUSHING);
	inflight_finish(slot[3], -1);
	finish_and_answer(queue, slot[4]);
	finish_and_answer(queue, slot[5]);
}

static void count(const struct inflight_queue *queue, unsigned int taken,
		  unsigned int done)
{
	unsigned int found[INFLIGHT_STATE_COUNT] = {0};

	for (unsigned int i = 0; i < queue->slots; i++)
		found[inflight_state(&queue->slot[i])]++;
	assert_int_equal(found[INFLIGHT_TAKEN], taken);
	assert_int_equal(found[INFLIGHT_DONE], done);
	assert_int_equal(found[INFLIGHT_FREE], queue->slots - taken - done);
}

static void test_what_was_not_pushed_is_answered_again(void **state)
{
	struct inflight_region *region = map_region(1);
	struct inflight_queue *queue = &region->queue[0];

	(void)state;
	for (unsigned int intended = 0; intended < 2; intended++) {
		fill(queue, 0xfffffffeu);
		if (intended)
			inflight_push(queue, 0);
		/* Twice: the next worker may die in the middle of it. */
		for (unsigned int i = 0; i < 2; i++) {
			assert_true(inflight_recover(queue, 8, 0xfffffffeu));
			count(queue, 3, 3);
			assert_int_equal(queue->req_cons, 4);
		}
	}
	inflight_unmap(region, 1);
}

static void test_what_was_pushed_is_not_answered_again(void **state)
{
	struct inflight_region *region = map_region(1);
	struct inflight_queue *queue = &region->queue[0];

	(void)state;
	for (unsigned int freed = 0; freed <= 2; freed++) {
		fill(queue, 100);
		inflight_push(queue, 102);
		for (unsigned int i = 0; i < freed; i++)
			inflight_set_state(&queue->slot[4 + i], INFLIGHT_FREE);
		for (unsigned int i = 0; i < 2; i++) {
			assert_true(inflight_recover(queue, 8, 102));
			count(queue, 3, 1);
			assert_int_equal(queue->req_cons, 106);
			assert_int_equal(queue->rsp_prod, 102);
		}
	}
	inflight_unmap(region, 1);
}

static void test_a_request_is_taken_when_its_slot_says_so(void **state)
{
	struct inflight_region *region = map_region(1);
	struct inflight_queue *queue = &region->queue[0];

	(void)state;
	inflight_reset(queue, 8, 40);
	(void)take(queue);
	queue->req_cons = 40; /* cut off before this was stored */
	assert_true(inflight_recover(queue, 8, 40));
	assert_int_equal(queue->req_cons, 41);
	count(queue, 1, 0);
	inflight_unmap(region, 1);
}

static void test_the_oldest_comes_first(void **state)
{
	struct inflight_region *region = map_region(1);
	struct inflight_queue *queue = &region->queue[0];
	struct inflight_slot *slot = NULL;
	uint32_t last = 0;
	unsigned int n = 0;

	(void)state;
	inflight_reset(queue, 8, 0xfffffffcu);
	for (unsigned int i = 0; i < 20; i++) {
		struct inflight_slot *taken = take(queue);

		if (i % 4 == 1)
			continue;
		finish_and_answer(queue, taken);
		push(queue, 1);
	}
	while ((slot = inflight_oldest(queue, slot)) != NULL) {
		assert_true(n == 0 || slot->index - last == 4);
		last = slot->index;
		n++;
	}
	assert_int_equal(n, 5);
	inflight_unmap(region, 1);
}

/* Each of these no worker of ours leaves, or a guest has written rsp_prod. */
static void test_a_table_that_cannot_be_is_refused(void **state)
{
	struct inflight_region *region = map_region(1);
	struct inflight_queue *queue = &region->queue[0];

	(void)state;
	for (unsigned int what = 0; what < 7; what++) {
		uint32_t rsp_prod = 100, slots = 8;

		fill(queue, 100);
		switch (what) {
		case 0: /* the guest's, with no push under way */
			rsp_prod = 102;
			break;
		case 1: /* the guest's, beside both that are possible */
			inflight_push(queue, 102);
			rsp_prod = 101;
			break;
		case 2: /* the guest's: it was pushed, and in part let go */
			inflight_push(queue, 102);
			inflight_set_state(&queue->slot[4], INFLIGHT_FREE);
			break;
		case 3:
			slots = 16;
			break;
		case 4:
			queue->slot[7].state = INFLIGHT_STATE_COUNT;
			break;
		case 5:
			queue->rsp_pushing = 109;
			rsp_prod = 109;
			break;
		default:
			queue->req_cons += 2;
			break;
		}
		assert_false(inflight_recover(queue, slots, rsp_prod));
	}
	inflight_unmap(region, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_region_is_only_mapped_as_what_it_is),
		cmocka_unit_test(test_every_slot_is_handed_out_once),
		cmocka_unit_test(test_counters_survive_a_reset),
		cmocka_unit_test(
			test_a_wrong_step_is_our_bug_and_ends_the_process),
		cmocka_unit_test(test_what_was_not_pushed_is_answered_again),
		cmocka_unit_test(test_what_was_pushed_is_not_answered_again),
		cmocka_unit_test(test_a_request_is_taken_when_its_slot_says_so),
		cmocka_unit_test(test_the_oldest_comes_first),
		cmocka_unit_test(test_a_table_that_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
