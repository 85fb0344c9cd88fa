/*
 * Unit tests of xenblk-lab-disk's parts on a plain file: sound I/O passes, and
 * every kind of fault is seen and called by its name.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conformance/lab/guest/load.h"

#define REGION (4u << 20)

/* The disk's faults: a count of writes until one is lost or fails. */
static struct {
	int lose_after;
	int fail_after;
} fault;

ssize_t __real_pwrite(int fd, const void *data, size_t bytes, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t bytes, off_t offset);

ssize_t __wrap_pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
	if (fault.lose_after > 0 && --fault.lose_after == 0)
		return (ssize_t)bytes;
	if (fault.fail_after > 0 && --fault.fail_after == 0) {
		errno = EIO;
		return -1;
	}
	return __real_pwrite(fd, data, bytes, offset);
}

static struct load_options options_on(int fd)
{
	return (struct load_options){
		.fd = fd,
		.region_bytes = REGION,
		.unit_bytes = SECTOR_BYTES,
		.bytes_min = SECTOR_BYTES,
		.bytes_max = 64u << 10,
		.threads = 1,
		.write_percent = 60,
		.flush_every = 7,
		.requests = 800,
		.seed = 42,
	};
}

static int new_disk(void)
{
	char path[] = "disk-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(ftruncate(fd, REGION), 0);
	return fd;
}

static void sound_io_passes(void **state)
{
	int fd = new_disk();
	struct load_options options = options_on(fd);
	struct load_result result;

	(void)state;
	options.threads = 4;
	assert_int_equal(load_run(&options, &result), 0);
	assert_int_equal(load_errors(&result), 0);
	assert_string_equal(result.first_error, "");
	assert_true(result.reads > 0);
	assert_true(result.writes > 0);
	assert_true(result.flushes > 4);
	/* The final sweep alone sees most of what was written. */
	assert_true(result.verified_sectors > REGION / SECTOR_BYTES / 2);
	close(fd);
}

static void a_lost_write_is_stale_or_foreign(void **state)
{
	int fd = new_disk();
	struct load_options options = options_on(fd);
	struct load_result result;

	(void)state;
	fault.lose_after = 300;
	options.write_percent = 100;
	options.requests = 300;
	assert_int_equal(load_run(&options, &result), 0);
	assert_true(result.wrong[SECTOR_STALE] + result.wrong[SECTOR_FOREIGN] >
		    0);
	assert_int_equal(result.io_errors, 0);
	assert_non_null(strstr(result.first_error, "the sector at byte "));
	close(fd);
}

static void a_failed_write_counts_once(void **state)
{
	int fd = new_disk();
	struct load_options options = options_on(fd);
	struct load_result result;

	(void)state;
	fault.fail_after = 20;
	assert_int_equal(load_run(&options, &result), 0);
	assert_int_equal(result.io_errors, 1);
	assert_int_equal(load_errors(&result), 1);
	assert_non_null(strstr(result.first_error, "a write at byte "));
	assert_non_null(strstr(result.first_error, strerror(EIO)));
	close(fd);
}

static void a_short_disk_is_an_error(void **state)
{
	int fd = new_disk();
	struct load_options options = options_on(fd);
	struct load_result result;

	(void)state;
	assert_int_equal(load_stamp(&options, &result), 0);
	assert_int_equal(load_errors(&result), 0);
	assert_int_equal(ftruncate(fd, REGION / 2), 0);
	assert_int_equal(load_check(&options, &result), 0);
	assert_true(result.io_errors > 0);
	assert_non_null(strstr(result.first_error, "cut short"));
	close(fd);
}

static void a_stamp_lasts_and_its_damage_is_named(void **state)
{
	int fd = new_disk();
	struct load_options options = options_on(fd);
	struct load_result result;
	unsigned char sector[SECTOR_BYTES];
	ssize_t bytes = SECTOR_BYTES;

	(void)state;
	assert_int_equal(load_stamp(&options, &result), 0);
	assert_int_equal(load_check(&options, &result), 0);
	assert_int_equal(load_errors(&result), 0);
	assert_int_equal(result.verified_sectors, REGION / SECTOR_BYTES);

	/* Sector 10 appears at 20; the end of 30 is overwritten. */
	assert_int_equal(pread(fd, sector, SECTOR_BYTES, 10 * 512), bytes);
	assert_int_equal(pwrite(fd, sector, SECTOR_BYTES, 20 * 512), bytes);
	assert_int_equal(pwrite(fd, sector, 100, 31 * 512 - 100), 100);
	assert_int_equal(load_check(&options, &result), 0);
	assert_int_equal(result.wrong[SECTOR_MISPLACED], 1);
	assert_int_equal(result.wrong[SECTOR_TORN], 1);
	assert_int_equal(load_errors(&result), 2);
	assert_string_equal(result.first_error,
			    "the sector at byte 10240 is misplaced "
			    "(generation 1 was written)");

	options.seed++;
	assert_int_equal(load_check(&options, &result), 0);
	assert_true(result.wrong[SECTOR_FOREIGN] > 0);
	close(fd);
}

static void generations_are_told_apart(void **state)
{
	struct sector_id id = {1, 99, 5};
	unsigned char data[SECTOR_BYTES];

	(void)state;
	sector_fill(data, &id);
	assert_int_equal(sector_judge(data, &id), SECTOR_RIGHT);
	id.generation = 6;
	assert_int_equal(sector_judge(data, &id), SECTOR_STALE);
	id.generation = 4;
	assert_int_equal(sector_judge(data, &id), SECTOR_EARLY);
	assert_string_equal(sector_verdict_name(SECTOR_STALE), "stale");
	memset(data, 0, sizeof(data));
	assert_int_equal(sector_judge(data, &id), SECTOR_FOREIGN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(generations_are_told_apart),
		cmocka_unit_test(sound_io_passes),
		cmocka_unit_test(a_lost_write_is_stale_or_foreign),
		cmocka_unit_test(a_failed_write_counts_once),
		cmocka_unit_test(a_short_disk_is_an_error),
		cmocka_unit_test(a_stamp_lasts_and_its_damage_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
