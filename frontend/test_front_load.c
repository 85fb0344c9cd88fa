/*
 * Transfers and the load generator against a backend that can lie: errors,
 * silence, wrong ids and damaged data are all noticed and named.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

#include <cmocka.h>

#include "frontend/load.h"
#include "frontend/test_backend.h"

static struct backend backend;
static struct front *front;

static int start(const char *personality)
{
	backend_start(&backend, 4, 1);
	front = backend_front(&backend, personality, NULL, 0);
	return front_connect(front);
}

static int set_up(void **state)
{
	(void)state;
	return start("linux");
}

static int tear_down(void **state)
{
	(void)state;
	front_destroy(front);
	front = NULL;
	return 0;
}

static void transfer_errors(void **state)
{
	uint8_t data[1024] = {0};
	struct front_queue *queue = front_queue(front, 0);

	(void)state;
	assert_int_equal(front_transfer(queue, false, 0, data, 100), -EINVAL);
	assert_int_equal(
		front_transfer(queue, false, DISK_SECTORS - 1, data, 1024),
		-EIO);
	backend.status = -2;
	assert_int_equal(front_transfer(queue, false, 0, data, 512),
			 -EOPNOTSUPP);
	backend.status = 0;
	assert_int_equal(front_transfer(queue, false, 0, data, 512), 0);
	assert_int_equal(front_flush(queue), 0);
	assert_int_equal(backend.flushes, 1);
}

static void discard_is_one_request(void **state)
{
	struct front_queue *queue = front_queue(front, 0);

	(void)state;
	assert_int_equal(front_properties(front)->discard_granularity, 4096);
	assert_int_equal(front_properties(front)->discard_alignment, 0);
	assert_int_equal(front_discard(queue, 7, UINT64_C(1) << 40), 0);
	assert_int_equal(backend.discarded[0], 7);
	assert_int_equal(backend.discarded[1], UINT64_C(1) << 40);
	backend.status = -2;
	assert_int_equal(front_discard(queue, 0, 1), -EOPNOTSUPP);
	backend.status = -1;
	assert_int_equal(front_discard(queue, 0, 1), -EIO);
	backend.status = 0;
}

/* A late response of a transfer that gave up must not disturb the next one. */
static void transfer_after_silence(void **state)
{
	static uint8_t data[100 * 512], in[sizeof(data)];
	struct front_queue *queue = front_queue(front, 1);

	(void)state;
	memset(data, 0x77, sizeof(data));
	backend.silent = true;
	assert_int_equal(front_transfer(queue, false, 0, in, sizeof(in)),
			 -ETIMEDOUT);
	backend.silent = false;
	assert_int_equal(front_transfer(queue, true, 9, data, sizeof(data)), 0);
	assert_int_equal(front_transfer(queue, false, 9, in, sizeof(in)), 0);
	assert_memory_equal(in, data, sizeof(data));
}

static void call_returns_any_id(void **state)
{
	struct front_request flush = {.operation = 3, .id = 10};
	struct front_response response;

	(void)state;
	backend.id_offset = 5;
	assert_int_equal(
		front_call(front_queue(front, 0), &flush, &response, 10), 0);
	assert_int_equal(response.id, 15);
	backend.silent = true;
	assert_int_equal(
		front_call(front_queue(front, 0), &flush, &response, 10),
		-ETIMEDOUT);
}

static void verified_load(void **state)
{
	struct load_options options = {
		.depth = 16,
		.size = {{512, 3}, {4096, 5}, {45056, 1}, {6144, 1}},
		.sizes = 4,
		.write_percent = 50,
		.operations = 20000,
		.verify = true,
		.seed = 4711,
	};
	struct load_result result;

	(void)state;
	backend.reverse_order = true;
	assert_int_equal(load_run(front, &options, &result), 0);
	assert_string_equal(result.complaint, "");
	assert_true(result.operations == 20000);
	assert_true(result.reads + result.writes == 20000);
	assert_in_range(result.writes, 9000, 11000);
	assert_true(result.verified > 10000);
	assert_true(result.errors == 0 && result.mismatches == 0 &&
		    result.protocol == 0);
	assert_true(result.queues == 4 && result.depth == 16);
	assert_true(result.p50_ns <= result.p99_ns &&
		    result.p99_ns <= result.p999_ns &&
		    result.p999_ns <= result.max_ns);
}

/* What is discarded is zeroes here, and must count as unknown. */
static void mixed_load(void **state)
{
	struct load_options options = {
		.depth = 16,
		.size = {{512, 3}, {4096, 5}, {45056, 1}},
		.sizes = 3,
		.flush_percent = 5,
		.barrier_percent = 5,
		.discard_percent = 10,
		.write_percent = 50,
		.operations = 20000,
		.verify = true,
		.seed = 4712,
	};
	struct load_result result;

	(void)state;
	assert_int_equal(load_run(front, &options, &result), 0);
	assert_string_equal(result.complaint, "");
	assert_true(result.reads + result.writes + result.flushes +
			    result.discards ==
		    20000);
	assert_in_range(result.flushes, 700, 1300);
	assert_in_range(result.barriers, 700, 1300);
	assert_in_range(result.discards, 1500, 2500);
	assert_in_range(result.writes - result.barriers, 7000, 9000);
	assert_true(result.flushes == backend.flushes);
	assert_true(result.barriers == backend.barriers);
	assert_true(result.verified > 10000);
}

static void load_wants_what_is_offered(void **state)
{
	struct load_options options = {.operations = 1, .barrier_percent = 1};
	struct load_result result;

	(void)state;
	front_destroy(front);
	backend_start(&backend, 4, 1);
	backend.plain = true;
	front = backend_front(&backend, "linux", NULL, 0);
	assert_int_equal(front_connect(front), 0);
	assert_int_equal(load_run(front, &options, &result), -EINVAL);
	assert_non_null(strstr(result.complaint, "offers no barriers"));
}

/* One run writes everything in order, the next one knows what must be there. */
static void expectation_between_runs(void **state)
{
	struct load_options options = {
		.sequential = true,
		.write_percent = 100,
		.operations = DISK_SECTORS / 8,
		.verify = true,
		.seed = 3,
	};
	struct load_result result;

	(void)state;
	assert_int_equal(load_run(front, &options, &result), 0);
	options.write_percent = 0;
	options.expect = 1;
	assert_int_equal(load_run(front, &options, &result), 0);
	assert_true(result.verified == DISK_SECTORS);
	assert_true(result.mismatches == 0);
	backend.disk[1000 * 512 + 77] ^= 1;
	assert_int_equal(load_run(front, &options, &result), 0);
	assert_true(result.mismatches == 1);
	assert_non_null(strstr(result.complaint, "sector 1000"));
	assert_non_null(strstr(result.complaint, "damaged"));
}

static void load_counts_errors(void **state)
{
	struct load_options options = {.operations = 100};
	struct load_result result;

	(void)state;
	backend.status = -1;
	assert_int_equal(load_run(front, &options, &result), 0);
	assert_true(result.errors == 100);
	assert_non_null(strstr(result.complaint, "answered -1"));
}

static void load_notices_strange_ids(void **state)
{
	struct load_options options = {.operations = 100};
	struct load_result result;

	(void)state;
	backend.id_offset = 100;
	assert_int_equal(load_run(front, &options, &result), -ETIMEDOUT);
	assert_true(result.protocol > 0);
	assert_non_null(strstr(result.complaint, "id 1"));
}

static void load_stops_by_time(void **state)
{
	struct load_options options = {.seconds = 0.05, .write_percent = 30};
	struct load_result result;

	(void)state;
	assert_int_equal(load_run(front, &options, &result), 0);
	assert_true(result.operations > 0);
	assert_true(result.seconds >= 0.04);
}

static void load_refuses_bad_options(void **state)
{
	static const struct {
		struct load_options options;
		const char *complaint;
	} bad[] = {
		{{.operations = 1, .block_bytes = 100}, "multiple of 512"},
		{{.operations = 1, .block_bytes = 49152},
		 "11 pages in a request"},
		{{.operations = 1, .depth = 33}, "32 slots"},
		{{.operations = 1, .queues = 5}, "device has 4"},
		{{.operations = 1, .write_percent = 101}, "writes"},
		{{.operations = 1, .region_start = 5000}, "starts at"},
		{{.operations = 1, .region_sectors = 5000}, "beyond"},
		{{.operations = 1, .region_sectors = 8}, "no room"},
		{{.operations = 1, .size = {{512, 0}}, .sizes = 1}, "weight"},
		{{.operations = 1,
		  .flush_percent = 50,
		  .barrier_percent = 40,
		  .discard_percent = 11},
		 "more than all"},
		{{.operations = 0}, "neither"},
	};
	struct load_result result;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(load_run(front, &bad[i].options, &result),
				 -EINVAL);
		if (!strstr(result.complaint, bad[i].complaint))
			fail_msg("%s", result.complaint);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(discard_is_one_request),
		TEST(transfer_errors),
		TEST(transfer_after_silence),
		TEST(call_returns_any_id),
		TEST(verified_load),
		TEST(expectation_between_runs),
		TEST(load_counts_errors),
		TEST(load_notices_strange_ids),
		TEST(mixed_load),
		TEST(load_wants_what_is_offered),
		TEST(load_stops_by_time),
		TEST(load_refuses_bad_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
