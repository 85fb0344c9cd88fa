/* Limits: the bucket's arithmetic at its edges, a queue's share, and both on a
 * clock that the test moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "backend/base/inflight.h"
#include "backend/worker/throttle.h"

#define MS     UINT64_C(1000000)
#define SECOND (1000 * MS)

static void test_no_rate_is_no_limit(void **state)
{
	struct bucket bucket = {0};

	(void)state;
	assert_int_equal(bucket_take(&bucket, LIMIT_RATE, 0), LIMIT_RATE);
	assert_int_equal(bucket_take(&bucket, 1, UINT64_MAX), 1);
	assert_int_equal(bucket_wait_ns(&bucket, LIMIT_RATE, 0), 0);
	assert_int_equal(bucket.used_until_ns, 0);
}

static void test_a_burst_is_saved_up_and_no_more(void **state)
{
	struct bucket bucket = {0};

	(void)state;
	bucket_set(&bucket, 1000, 100 * MS);
	assert_int_equal(bucket_take(&bucket, 5000, 50 * SECOND), 100);
	assert_int_equal(bucket_take(&bucket, 5000, 50 * SECOND), 0);
	assert_int_equal(bucket_wait_ns(&bucket, 1, 50 * SECOND), MS);
	assert_int_equal(bucket_wait_ns(&bucket, 10, 50 * SECOND), 10 * MS);
	assert_int_equal(bucket_take(&bucket, 3, 50 * SECOND + 10 * MS), 3);
	assert_int_equal(bucket_take(&bucket, 100, 50 * SECOND + 10 * MS), 7);
	/* A clock that another thread saw later does no harm. */
	assert_int_equal(bucket_take(&bucket, 100, 49 * SECOND), 0);
}

/* The lowest rate, the highest, both ends of the clock. */
static void test_nothing_overflows(void **state)
{
	struct bucket bucket = {0};

	(void)state;
	bucket_set(&bucket, 1, 10 * MS);
	assert_int_equal(bucket_take(&bucket, 9, 0), 0);
	assert_int_equal(bucket_take(&bucket, 9, 3 * SECOND), 1);
	assert_int_equal(bucket_take(&bucket, 9, 3 * SECOND + 999 * MS), 0);
	assert_int_equal(bucket_take(&bucket, 9, 4 * SECOND), 1);
	bucket_set(&bucket, LIMIT_RATE, LIMIT_BURST_MS * MS);
	assert_int_equal(bucket_take(&bucket, LIMIT_RATE, UINT64_MAX),
			 LIMIT_RATE);
	assert_true(bucket_wait_ns(&bucket, LIMIT_RATE, 0) >= SECOND);
	/* 2^31 of 2^31 per second: a second of the 8 that were saved up. */
	assert_int_equal(bucket.used_until_ns,
			 UINT64_MAX - LIMIT_BURST_MS * MS + SECOND);
}

/* Lent in odd numbers at odd times, it adds up to the rate. */
static void keep_rate(uint32_t rate, uint32_t want, uint64_t step_ns)
{
	struct bucket bucket = {0};
	uint64_t now_ns = 5 * SECOND, got = 0;
	const uint64_t end_ns = now_ns + 10 * SECOND;

	bucket_set(&bucket, rate, 50 * MS);
	(void)bucket_take(&bucket, LIMIT_RATE, now_ns);
	while (now_ns < end_ns) {
		now_ns += step_ns;
		while (true) {
			const uint32_t n = bucket_take(&bucket, want, now_ns);

			got += n;
			if (n < want)
				break;
		}
	}
	assert_in_range(got, rate * UINT64_C(10) * 999 / 1000,
			rate * UINT64_C(10) * 1001 / 1000 + 1);
}

static void test_a_rate_is_kept(void **state)
{
	(void)state;
	keep_rate(1000, 1, 1234567);
	keep_rate(777, 7, 10 * MS + 3);
	keep_rate(1000000, 64, 1100000);
	keep_rate(40000000, 64, 7777);
}

static void limit(struct throttle *throttle, uint32_t iops, uint32_t sectors)
{
	const struct link_limits limits = {
		.iops = iops, .sectors = sectors, .burst_ns = 100 * MS};

	throttle_set(throttle, &limits);
}

/* As a queue does it: how many of want requests of so many sectors it takes. */
static unsigned int turn(struct share *share, unsigned int want,
			 uint32_t sectors, uint64_t now_ns)
{
	const struct request request = {.segments = 1, .sectors = sectors};
	const unsigned int allowed = throttle_open(share, want, now_ns);
	unsigned int taken = 0;

	while (taken < allowed && throttle_allows(share, now_ns)) {
		throttle_spend(share, &request);
		taken++;
	}
	share->held = taken < want;
	return taken;
}

static void test_limits_change_while_running(void **state)
{
	struct throttle throttle = {0};
	struct share share = {.throttle = &throttle};

	(void)state;
	assert_int_equal(turn(&share, 64, 8, SECOND), 64);
	limit(&throttle, 100, 0);
	assert_int_equal(turn(&share, 64, 8, SECOND), 10);
	assert_int_equal(turn(&share, 64, 8, SECOND), 0);
	assert_true(share.held);
	assert_int_equal(throttle_wait_ns(&share, SECOND), 10 * MS);
	limit(&throttle, 0, 0);
	assert_int_equal(turn(&share, 64, 8, SECOND), 64);
	assert_false(share.held);
	/* Whoever owes much owes nothing under other limits. */
	limit(&throttle, 0, 1000);
	assert_int_equal(turn(&share, 64, 100000, SECOND), 1);
	assert_true(share.sectors < -90000);
	assert_int_equal(throttle_wait_ns(&share, SECOND), 100 * MS);
	limit(&throttle, 0, 2000);
	assert_int_equal(turn(&share, 1, 8, 2 * SECOND), 1);
}

/* A queue that is never short of requests, over ten seconds. */
static void test_bytes_are_kept_whatever_a_request_has(void **state)
{
	static const uint32_t sectors[] = {1, 8, 88, 2048};

	(void)state;
	for (unsigned int i = 0; i < sizeof(sectors) / sizeof(sectors[0]);
	     i++) {
		struct throttle throttle = {0};
		struct share share = {.throttle = &throttle};
		uint64_t now_ns = SECOND, moved = 0;

		limit(&throttle, 0, 20480); /* 10 MiB */
		while (now_ns < 11 * SECOND) {
			moved +=
				(uint64_t)turn(&share, 64, sectors[i], now_ns) *
				sectors[i];
			now_ns += share.held ? throttle_wait_ns(&share, now_ns)
					     : MS / 10;
		}
		assert_in_range(moved, 204800 * 97 / 100,
				204800 * 103 / 100 + 2048 + 2048);
	}
}

/* Many queues, each its own thread, on one bucket: together the rate. */
struct lender {
	struct bucket *bucket;
	uint64_t got;
};

static void *lend(void *argument)
{
	struct lender *lender = argument;

	for (uint64_t now_ns = SECOND; now_ns < 3 * SECOND; now_ns += 10000)
		lender->got += bucket_take(lender->bucket, 3, now_ns);
	return NULL;
}

static void test_queues_share_one_rate(void **state)
{
	struct bucket bucket = {0};
	struct lender lender[4];
	pthread_t thread[4];
	uint64_t got = 0;

	(void)state;
	bucket_set(&bucket, 100000, 100 * MS);
	for (unsigned int i = 0; i < 4; i++) {
		lender[i] = (struct lender){.bucket = &bucket};
		assert_int_equal(
			pthread_create(&thread[i], NULL, lend, &lender[i]), 0);
	}
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(thread[i], NULL), 0);
		got += lender[i].got;
	}
	/* Two seconds and the burst before them; never one unit more. */
	assert_in_range(got, 190000, 210000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_rate_is_no_limit),
		cmocka_unit_test(test_a_burst_is_saved_up_and_no_more),
		cmocka_unit_test(test_nothing_overflows),
		cmocka_unit_test(test_a_rate_is_kept),
		cmocka_unit_test(test_limits_change_while_running),
		cmocka_unit_test(test_bytes_are_kept_whatever_a_request_has),
		cmocka_unit_test(test_queues_share_one_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
