/*
 * The disk with a volatile cache: what a crash may leave of it, and what not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "conformance/crash/device.h"

static struct device device;
static struct image_channel *channel[2];
static struct may_hold may[CRASH_SECTORS];
static _Alignas(8) char memory[4][2 * SECTOR_BYTES];
static struct iovec iov[4];
static unsigned int strangers;

static void nothing(void *context)
{
	(void)context;
}

static void no_op(void *context, const struct device_op *op)
{
	(void)context;
	(void)op;
}

static void stranger(void *context, uint64_t sector, const char *what)
{
	(void)context;
	(void)sector;
	assert_non_null(what);
	strangers++;
}

static int fresh(void **state)
{
	static const struct device_watch watch = {.called = nothing,
						  .submitted = no_op,
						  .completed = no_op,
						  .strange = stranger};

	(void)state;
	strangers = 0;
	device_reset(&device, &watch);
	for (unsigned int q = 0; q < 2; q++)
		assert_int_equal(device.image.operations->open_channel(
					 &device.image, q, 8, &channel[q]),
				 0);
	return 0;
}

/* Two sectors; the data of write @number, from memory of its own. */
static void submit_write(unsigned int queue, uint32_t number, uint64_t sector)
{
	struct image_io io = {.operation = IMAGE_WRITE,
			      .sector = sector,
			      .tag = number,
			      .iov_count = 1,
			      .iov = &iov[number]};

	iov[number] = (struct iovec){memory[number], 2 * SECTOR_BYTES};
	for (unsigned int i = 0; i < 2; i++)
		device_stamp(memory[number] + (size_t)i * SECTOR_BYTES, number,
			     sector + i);
	assert_int_equal(
		channel[queue]->operations->submit(channel[queue], &io), 0);
}

static void submit_flush(unsigned int queue)
{
	const struct image_io io = {.operation = IMAGE_FLUSH, .tag = 7};

	assert_int_equal(
		channel[queue]->operations->submit(channel[queue], &io), 0);
}

static unsigned int poll_queue(unsigned int queue)
{
	struct image_done done[8];

	return channel[queue]->operations->poll(channel[queue], done, 8);
}

static void expect(unsigned int sector, unsigned int count, uint32_t first)
{
	device_after_crash(&device, may);
	assert_int_equal(may[sector].count, count);
	assert_int_equal(may[sector].write[0], first);
}

static void test_a_write_may_be_found_at_once(void **state)
{
	(void)state;
	submit_write(0, 1, 4);
	expect(4, 2, 0);
	assert_int_equal(may[4].write[1], 1);
	expect(6, 1, 0);
	assert_int_equal(strangers, 0);
}

static void test_a_flush_settles_what_was_seen_done(void **state)
{
	(void)state;
	submit_write(0, 1, 4);
	device_complete(&device, 0, false, 0);
	assert_int_equal(poll_queue(0), 1);
	submit_write(0, 2, 4);
	submit_flush(1);
	device_complete(&device, 1, false, 0);
	expect(4, 2, 1);
	assert_int_equal(may[4].write[1], 2);
}

static void test_a_flush_does_not_settle_what_nobody_saw(void **state)
{
	(void)state;
	submit_write(0, 1, 4);
	device_complete(&device, 0, false, 0);
	submit_flush(1);
	assert_int_equal(poll_queue(0), 1);
	device_complete(&device, 0, false, 0);
	expect(4, 2, 0);
}

static void test_a_flush_that_fails_settles_nothing(void **state)
{
	(void)state;
	submit_write(0, 1, 4);
	device_complete(&device, 0, false, 0);
	assert_int_equal(poll_queue(0), 1);
	submit_flush(0);
	device_complete(&device, 0, true, 0);
	expect(4, 2, 0);
}

static void test_the_last_one_done_stays(void **state)
{
	(void)state;
	submit_write(0, 1, 4);
	submit_write(0, 2, 4);
	device_complete(&device, 1, false, 0);
	device_complete(&device, 0, false, 0);
	assert_int_equal(poll_queue(0), 2);
	expect(4, 3, 0);
	submit_flush(0);
	device_complete(&device, 0, false, 0);
	expect(4, 1, 1);
}

/* Sector by sector: one half of it, here. */
static void test_a_write_that_fails_is_torn(void **state)
{
	(void)state;
	submit_write(0, 1, 4);
	device_complete(&device, 0, true, 1);
	expect(4, 2, 0);
	expect(5, 1, 0);
}

static void test_a_death_ends_what_was_under_way(void **state)
{
	unsigned int kept = 0;

	for (uint32_t choice = 0; choice < 64; choice++) {
		fresh(state);
		submit_write(0, 1, 4);
		device_orphan(&device, choice);
		assert_int_equal(device_flying(&device), 0);
		submit_flush(1);
		device_complete(&device, 0, false, 0);
		device_after_crash(&device, may);
		assert_int_equal(may[4].count, 1);
		kept += may[4].write[0] == 1;
	}
	assert_in_range(kept, 16, 60);
}

static void test_strange_bytes_are_told(void **state)
{
	(void)state;
	submit_write(0, 1, 4);
	memory[1][SECTOR_BYTES + 20] ^= 1;
	device_complete(&device, 0, false, 0);
	assert_int_equal(strangers, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_write_may_be_found_at_once,
				       fresh),
		cmocka_unit_test_setup(test_a_flush_settles_what_was_seen_done,
				       fresh),
		cmocka_unit_test_setup(
			test_a_flush_does_not_settle_what_nobody_saw, fresh),
		cmocka_unit_test_setup(test_a_flush_that_fails_settles_nothing,
				       fresh),
		cmocka_unit_test_setup(test_the_last_one_done_stays, fresh),
		cmocka_unit_test_setup(test_a_write_that_fails_is_torn, fresh),
		cmocka_unit_test_setup(test_a_death_ends_what_was_under_way,
				       fresh),
		cmocka_unit_test_setup(test_strange_bytes_are_told, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
