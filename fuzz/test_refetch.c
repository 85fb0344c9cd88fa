/* Second looks: which are an error, what the first one saw, when flips strike.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fuzz/flip.h"
#include "fuzz/model.h"
#include "fuzz/oracle/refetch.h"
#include "sim/sim.h"

static struct {
	struct guest guest;
	struct disk disk;
	struct model model;
} world;

/* A guest with one request placed in slot 0 of one ring. */
static int begin(void **context)
{
	const struct guest_shape shape = {.queues = 1};
	const struct guest_request request = {.operation = 1, .nr_segments = 2};

	(void)context;
	sim_reset(1);
	world.model.guest = &world.guest;
	world.model.disk = &world.disk;
	world.model.blind = false;
	guest_boot(&world.guest);
	guest_connect(&world.guest, &shape, false);
	refetch_begin();
	refetch_connect(0, XEN_PAGE_BYTES);
	assert_true(guest_place(&world.guest, 0, &request));
	refetch_epochs(&world.model, 0, 0, 1);
	return 0;
}

static int end(void **context)
{
	(void)context;
	guest_shutdown(&world.guest);
	return 0;
}

static size_t slot_at(uint32_t index)
{
	return guest_slot_offset(&world.guest, index);
}

static void look(size_t at, size_t bytes)
{
	refetch_ring(&world.model, 0, at, bytes);
}

/* Whether a second look in a child process is an oracle's finding. */
static bool objects(void (*action)(void))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(3);
		action();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return false;
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 1);
	return true;
}

static void once(void)
{
	look(slot_at(0), 24);
	look(slot_at(0) + 24, 16);
	look(slot_at(1), 4);
}

static void twice(void)
{
	once();
	look(slot_at(0) + 39, 1);
}

static void indices_again(void)
{
	for (unsigned int i = 0; i < 3; i++) {
		look(0, 4);
		look(4, 4);
		look(12, 4);
	}
}

static void own_index_again(void)
{
	look(8, 4);
	look(8, 4);
}

static void next_request(void)
{
	once();
	refetch_epochs(&world.model, 0, world.guest.slots,
		       world.guest.slots + 1);
	look(slot_at(world.guest.slots), 24);
}

static void blindly(void)
{
	world.model.blind = true;
	twice();
}

static void test_what_is_an_error(void **context)
{
	(void)context;
	assert_false(objects(once));
	assert_true(objects(twice));
	assert_false(objects(indices_again));
	assert_true(objects(own_index_again));
	assert_false(objects(next_request));
	assert_false(objects(blindly));
}

static void data_once_each(void)
{
	refetch_named(1u << 3 | 1u << 4);
	refetch_named(1u << 3);
	refetch_data(3, 512, 1024);
	refetch_data(3, 0, 4096);
	refetch_data(4, 0, 512);
	refetch_data(4, 512, 512);
	refetch_check(&world.model);
}

static void data_too_often(void)
{
	data_once_each();
	refetch_data(4, 100, 1);
	refetch_check(&world.model);
}

static void data_later(void)
{
	data_once_each();
	refetch_settle(&world.model);
	data_once_each();
}

static void test_data_pages(void **context)
{
	(void)context;
	assert_false(objects(data_once_each));
	assert_true(objects(data_too_often));
	assert_false(objects(data_later));
}

static void test_first_look_is_kept(void **context)
{
	const uint8_t later[] = {3, 11, 0xaa, 0xbb};
	uint8_t slot[128];

	(void)context;
	look(slot_at(0), 2);
	guest_ring_write(&world.guest, 0, slot_at(0), later, sizeof(later));
	refetch_slot(&world.model, 0, 0, slot);
	assert_int_equal(slot[0], 1);
	assert_int_equal(slot[1], 2);
	assert_int_equal(slot[2], 0xaa);
	/* Another request in that slot: nothing of it was seen yet. */
	refetch_slot(&world.model, 0, world.guest.slots, slot);
	assert_int_equal(slot[0], 3);
}

/* Switched off: what comes of a second look is left to the others. */
static void flip_strikes(void)
{
	const struct flip flip = {
		.at = slot_at(0) + 1, .count = 2, .byte = {11, 7}};
	const uint8_t *ring = guest_ring(&world.guest, 0);
	uint8_t slot[128];

	setenv("XENBLK_ORACLES", "-refetch", 1);
	flip_arm(&flip);
	look(slot_at(0), 4);
	if (ring[slot_at(0) + 1] != 2)
		abort();
	look(slot_at(0) + 4, 4);
	look(slot_at(0), 4);
	if (ring[slot_at(0) + 1] != 11 || ring[slot_at(0) + 2] != 7)
		abort();
	refetch_slot(&world.model, 0, 0, slot);
	if (slot[1] != 2 || slot[2] != 0)
		abort();
	guest_ring_write(&world.guest, 0, slot_at(0) + 1, "\5", 1);
	look(slot_at(0), 4);
	if (ring[slot_at(0) + 1] != 5)
		abort(); /* once is enough */
}

static void test_flip(void **context)
{
	(void)context;
	assert_false(objects(flip_strikes));
}

static void test_flip_at(void **context)
{
	const struct flip flip = {
		.load = 3, .at = slot_at(0) + 8, .count = 1, .byte = {0x77}};
	const uint8_t *ring = guest_ring(&world.guest, 0);
	uint8_t slot[128];

	(void)context;
	flip_arm(&flip);
	look(0, 4);
	look(slot_at(0), 8);
	assert_int_equal(ring[slot_at(0) + 8], 0);
	look(slot_at(0) + 8, 4);
	assert_int_equal(ring[slot_at(0) + 8], 0x77);
	refetch_slot(&world.model, 0, 0, slot);
	assert_int_equal(slot[8], 0x77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_an_error, begin,
						end),
		cmocka_unit_test_setup_teardown(test_data_pages, begin, end),
		cmocka_unit_test_setup_teardown(test_first_look_is_kept, begin,
						end),
		cmocka_unit_test_setup_teardown(test_flip, begin, end),
		cmocka_unit_test_setup_teardown(test_flip_at, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
