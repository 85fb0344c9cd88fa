/* The recording's file: bound, order, and workers that write nonsense. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/supervisor/recording.h"

#define BOUND LIMIT_RECORD_FILE_MIN

static const struct device_key key = {.domid = 5, .devid = 51712};

struct fixture {
	char directory[32];
	char path[64];
	struct recording *recording;
	struct record_region *worker; /* as a worker of two queues sees it */
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char error[RECORDING_ERROR_BYTES];

	assert_non_null(f);
	log_set_level(LOG_ERROR);
	snprintf(f->directory, sizeof(f->directory),
		 "/tmp/xenblk-record-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	snprintf(f->path, sizeof(f->path), "%s/session", f->directory);
	assert_int_equal(recording_open(f->path, BOUND, &f->recording, error),
			 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char old[80];

	recording_close(f->recording);
	record_region_unmap(f->worker, 2);
	snprintf(old, sizeof(old), "%s.old", f->path);
	unlink(old);
	unlink(f->path);
	assert_int_equal(rmdir(f->directory), 0);
	free(f);
	return 0;
}

static void begin_worker(struct fixture *f)
{
	int fd = recording_worker_begins(f->recording, key, 2);

	assert_true(fd >= 0);
	assert_int_equal(record_region_map(fd, 2, &f->worker), 0);
	close(fd);
}

/* Puts bytes into queue 1's ring, as a worker would or would not. */
static void put(struct fixture *f, const void *bytes, size_t count)
{
	struct record_ring *ring = &f->worker->ring[1];
	uint64_t head = atomic_load(&ring->head);

	for (size_t i = 0; i < count; i++)
		ring->byte[(head + i) % LIMIT_RECORD_RING_BYTES] =
			((const unsigned char *)bytes)[i];
	atomic_store(&ring->head, head + count);
}

static void put_event(struct fixture *f, uint64_t time_ns)
{
	/* Whose it is is not the worker's to say. */
	const struct record_header header = {.bytes = sizeof(header),
					     .kind = RECORD_EVENT,
					     .queue = 9,
					     .time_ns = time_ns,
					     .domid = 77,
					     .devid = 77};

	put(f, &header, sizeof(header));
}

/* The records of the file; how many. */
static unsigned int load(const struct fixture *f, struct record_header *headers,
			 unsigned int room)
{
	static unsigned char bytes[BOUND * 2];
	int fd = open(f->path, O_RDONLY);
	ssize_t n = read(fd, bytes, sizeof(bytes));
	unsigned int count = 0;
	size_t at = sizeof(struct record_file);

	close(fd);
	assert_true(n >= (ssize_t)at);
	assert_true(n <= (ssize_t)BOUND);
	while (at < (size_t)n && count < room) {
		memcpy(&headers[count], bytes + at, sizeof(headers[0]));
		at += headers[count++].bytes;
	}
	return count;
}

static void records_are_stamped_with_their_disk(void **state)
{
	struct fixture *f = *state;
	struct record_header got[8];

	begin_worker(f);
	put_event(f, 123);
	put_event(f, 124);
	recording_step(f->recording, clock_now_ns() + 1000000000u);
	assert_int_equal(load(f, got, 8), 2);
	assert_int_equal(got[1].kind, RECORD_EVENT);
	assert_int_equal(got[1].queue, 1);
	assert_int_equal(got[1].domid, key.domid);
	assert_int_equal(got[1].devid, key.devid);
	assert_int_equal(got[1].time_ns, 124);
}

static void a_dead_worker_leaves_its_records(void **state)
{
	struct fixture *f = *state;
	struct record_header got[8];

	begin_worker(f);
	put_event(f, 1);
	atomic_store(&f->worker->ring[0].lost, 4);
	recording_worker_ends(f->recording, key);
	assert_int_equal(load(f, got, 8), 2);
	assert_int_equal(got[0].kind, RECORD_EVENT);
	assert_int_equal(got[1].kind, RECORD_LOST);
	assert_int_equal(got[1].queue, 0);
	/* It is not waited for any more. */
	assert_int_equal(recording_step(f->recording, UINT64_MAX - 1),
			 UINT64_MAX);
}

static void nonsense_is_not_read(void **state)
{
	static const struct record_header bad[] = {
		{.bytes = 0, .kind = RECORD_EVENT},
		{.bytes = 23, .kind = RECORD_EVENT},
		{.bytes = 28, .kind = RECORD_EVENT},
		{.bytes = LIMIT_RECORD_BYTES + 8, .kind = RECORD_EVENT},
		{.bytes = 64, .kind = RECORD_EVENT}, /* not all of it there */
		{.bytes = 24, .kind = RECORD_BACK_STATE},
		{.bytes = 24, .kind = RECORD_WORKER_KINDS_END},
	};
	struct fixture *f = *state;
	struct record_header got[64];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin_worker(f);
		put_event(f, 1);
		put(f, &bad[i], sizeof(bad[i]));
		recording_step(f->recording, UINT64_MAX - 1);
		recording_worker_ends(f->recording, key);
		record_region_unmap(f->worker, 2);
		f->worker = NULL;
		assert_int_equal(load(f, got, 64), i + 1);
	}
}

static void an_impossible_head_is_not_followed(void **state)
{
	struct fixture *f = *state;
	struct record_header got[8];

	begin_worker(f);
	atomic_store(&f->worker->ring[1].head, UINT64_MAX - 7);
	recording_step(f->recording, UINT64_MAX - 1);
	atomic_store(&f->worker->ring[0].head, LIMIT_RECORD_RING_BYTES + 8);
	recording_worker_ends(f->recording, key);
	assert_int_equal(load(f, got, 8), 0);
}

static void a_full_file_says_so_once(void **state)
{
	static struct record_header got[BOUND / 24];
	struct fixture *f = *state;
	struct stat status;
	unsigned int count;

	begin_worker(f);
	for (unsigned int i = 0; i < BOUND / 24 + 100; i++)
		put_event(f, i);
	recording_step(f->recording, UINT64_MAX - 1);
	recording_number(f->recording, key, RECORD_BACK_STATE, 4);
	recording_text(f->recording, key, RECORD_ERROR, "", "too late");
	assert_int_equal(atomic_load(&f->worker->stopped), 1);
	assert_int_equal(stat(f->path, &status), 0);
	assert_true(status.st_size <= BOUND);
	assert_true(status.st_size > BOUND - 100);
	count = load(f, got, BOUND / 24);
	assert_int_equal(got[count - 1].kind, RECORD_FULL);
	assert_int_equal(got[count - 2].kind, RECORD_EVENT);
	/* A worker that begins now is served without. */
	assert_int_equal(recording_worker_begins(f->recording, key, 2), -1);
}

static void an_earlier_file_is_kept(void **state)
{
	struct fixture *f = *state;
	char error[RECORDING_ERROR_BYTES], old[80];
	struct stat status;

	recording_number(f->recording, key, RECORD_BACK_STATE, 4);
	recording_close(f->recording);
	assert_int_equal(recording_open(f->path, BOUND, &f->recording, error),
			 0);
	snprintf(old, sizeof(old), "%s.old", f->path);
	assert_int_equal(stat(old, &status), 0);
	assert_int_equal(status.st_size, 32 + 24 + 8);
	assert_int_equal(stat(f->path, &status), 0);
	assert_int_equal(status.st_size, 32);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void a_place_that_is_no_file_is_refused(void **state)
{
	struct fixture *f = *state;
	char error[RECORDING_ERROR_BYTES] = "";
	struct recording *other;

	assert_int_equal(recording_open(f->directory, BOUND, &other, error),
			 -EEXIST);
	assert_non_null(strstr(error, f->directory));
	assert_int_equal(recording_open("/no/such/place", BOUND, &other, error),
			 -ENOENT);
	assert_non_null(strstr(error, "/no/such/place"));
}

static void no_recording_is_no_work(void **state)
{
	(void)state;
	assert_int_equal(recording_step(NULL, 0), UINT64_MAX);
	assert_int_equal(recording_worker_begins(NULL, key, 1), -1);
	recording_worker_ends(NULL, key);
	recording_number(NULL, key, RECORD_BACK_STATE, 1);
	recording_text(NULL, key, RECORD_ERROR, "", "nothing");
	recording_close(NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(records_are_stamped_with_their_disk),
		CASE(a_dead_worker_leaves_its_records),
		CASE(nonsense_is_not_read),
		CASE(an_impossible_head_is_not_followed),
		CASE(a_full_file_says_so_once),
		CASE(an_earlier_file_is_kept),
		CASE(a_place_that_is_no_file_is_refused),
		cmocka_unit_test(no_recording_is_no_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
