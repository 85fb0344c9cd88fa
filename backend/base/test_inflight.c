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

static void test_every_slot_is_handed_out_once(void **state)
{
	struct inflight_region *region = map_region(1);
	struct inflight_queue *queue = &region->queue[0];
	struct inflight_slot *slot[64];

	(void)state;
	inflight_reset(queue, 64);
	for (unsigned int i = 0; i < 64; i++) {
		slot[i] = inflight_take(queue);
		inflight_check(queue);
		for (unsigned int j = 0; j < i; j++)
			assert_ptr_not_equal(slot[i], slot[j]);
	}
	assert_int_equal(queue->used, 64);
	for (unsigned int i = 0; i < 64; i++) {
		inflight_set_state(slot[i], INFLIGHT_ISSUED);
		inflight_set_state(slot[i], INFLIGHT_DONE);
		inflight_release(queue, slot[i]);
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
	inflight_reset(&region->queue[1], 32);
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
		(void)inflight_take(queue);
}

static void release_what_is_in_flight(struct inflight_queue *queue)
{
	inflight_release(queue, inflight_take(queue));
}

static void finish_what_was_not_taken(struct inflight_queue *queue)
{
	inflight_set_state(&queue->slot[0], INFLIGHT_DONE);
}

static void go_back(struct inflight_queue *queue)
{
	struct inflight_slot *slot = inflight_take(queue);

	inflight_set_state(slot, INFLIGHT_ISSUED);
	inflight_set_state(slot, INFLIGHT_TAKEN);
}

static void test_a_wrong_step_is_our_bug_and_ends_the_process(void **state)
{
	void (*const wrong[])(struct inflight_queue *) = {
		take_too_many,
		release_what_is_in_flight,
		finish_what_was_not_taken,
		go_back,
	};
	struct inflight_region *region = map_region(1);

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		inflight_reset(&region->queue[0], 8);
		assert_true(aborts(wrong[i], &region->queue[0]));
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
