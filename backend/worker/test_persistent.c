/* The persistent cache on simulated grants: order, bound, use counts, failures.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "backend/worker/grants.h"
#include "backend/worker/persistent.h"
#include "sim/sim.h"

#define GUEST	  3u
#define FIRST	  100u /* grefs FIRST ... FIRST + 63 are good */
#define CAP	  4u
#define STAY	  (uint64_t) LIMIT_PERSISTENT_STAY_NS
#define MAPPED(i) sim_grant_mapped(GUEST, FIRST + (i))

struct fixture {
	struct grants *grants;
	struct persistent *cache;
	struct stats stats;
};

static int setup(void **state)
{
	static struct fixture f;

	sim_reset(1);
	assert_int_equal(sim_domain_create(GUEST, 128), 0);
	for (uint32_t i = 0; i < 64; i++)
		assert_int_equal(sim_grant(GUEST, FIRST + i, 0, i, 0), 0);
	memset(&f, 0, sizeof(f));
	sim_enter(0);
	assert_int_equal(grants_create(GUEST, &f.grants), 0);
	assert_int_equal(persistent_create(CAP, f.grants, &f.stats, &f.cache),
			 0);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct sim_ledger ledger;

	persistent_destroy(f->cache);
	grants_destroy(f->grants);
	sim_ledger(0, &ledger);
	assert_int_equal(ledger.mapped_pages, 0);
	assert_int_equal(ledger.bad_unmaps, 0);
	return 0;
}

/* Use gref i once, at this time; whether the cache has it. */
static bool try_use(struct fixture *f, uint32_t i, uint64_t now_ns)
{
	struct persistent_entry *e;

	persistent_tick(f->cache, now_ns);
	e = persistent_get(f->cache, FIRST + i);
	if (e == NULL)
		return false;
	persistent_put(f->cache, e, now_ns);
	persistent_check(f->cache);
	return true;
}

static void use(struct fixture *f, uint32_t i, uint64_t now_ns)
{
	assert_true(try_use(f, i, now_ns));
}

static void test_a_hit_maps_nothing(void **state)
{
	struct fixture *f = *state;

	use(f, 0, 1);
	use(f, 0, 2);
	use(f, 0, 3);
	assert_int_equal(stats_read(&f->stats.persistent_maps), 1);
	assert_int_equal(stats_read(&f->stats.persistent_hits), 2);
	assert_int_equal(MAPPED(0), 1);
}

static void test_the_page_is_the_guests_own(void **state)
{
	struct fixture *f = *state;
	struct persistent_entry *e;

	memset(sim_guest_page(GUEST, 7), 0x77, 4096);
	e = persistent_get(f->cache, FIRST + 7);
	assert_int_equal(((unsigned char *)persistent_page(e))[4095], 0x77);
	memset(persistent_page(e), 0x11, 4096);
	assert_int_equal(((unsigned char *)sim_guest_page(GUEST, 7))[0], 0x11);
	persistent_put(f->cache, e, 1);
}

static void test_the_least_recently_used_goes_first(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < CAP; i++)
		use(f, i, i + 1);
	use(f, 0, 10); /* the oldest becomes the newest */
	use(f, 40, STAY + 2);
	assert_int_equal(persistent_count(f->cache), CAP);
	assert_int_equal(MAPPED(1), 0);
	assert_int_equal(MAPPED(0), 1);
	use(f, 41, STAY + 3);
	assert_int_equal(MAPPED(2), 0);
	assert_int_equal(MAPPED(3), 1);
}

/* A guest that goes round more pages than fit, each used of late. */
static void test_a_full_cache_does_not_turn_over(void **state)
{
	struct fixture *f = *state;
	unsigned int had = 0;

	for (uint32_t i = 0; i < 10 * (CAP + 1); i++)
		had += try_use(f, i % (CAP + 1), i * (STAY / 100));
	assert_int_equal(had, 10 * CAP);
	assert_int_equal(stats_read(&f->stats.persistent_maps), CAP);
	assert_int_equal(stats_read(&f->stats.persistent_evictions), 0);
	assert_false(try_use(f, CAP, STAY / 2));
	/* Pages that it left for others make room. */
	use(f, CAP, 11 * STAY);
	assert_int_equal(MAPPED(CAP), 1);
	assert_int_equal(persistent_count(f->cache), CAP);
}

static void test_entries_in_use_are_never_evicted(void **state)
{
	struct fixture *f = *state;
	struct persistent_entry *held[CAP];

	for (uint32_t i = 0; i < CAP; i++)
		held[i] = persistent_get(f->cache, FIRST + i);
	assert_null(persistent_get(f->cache, FIRST + 50));
	assert_int_equal(MAPPED(50), 0);
	assert_int_equal(persistent_expire(f->cache, UINT64_MAX), UINT64_MAX);
	for (uint32_t i = 0; i < CAP; i++) {
		assert_int_equal(MAPPED(i), 1);
		persistent_put(f->cache, held[i], i);
	}
}

static void test_one_gref_may_be_held_twice(void **state)
{
	struct fixture *f = *state;
	struct persistent_entry *a = persistent_get(f->cache, FIRST);
	struct persistent_entry *b = persistent_get(f->cache, FIRST);

	assert_ptr_equal(a, b);
	persistent_put(f->cache, a, 1);
	assert_int_equal(persistent_expire(f->cache, UINT64_MAX), UINT64_MAX);
	assert_int_equal(MAPPED(0), 1); /* still held once */
	persistent_put(f->cache, b, 2);
	assert_int_equal(persistent_expire(f->cache, 1), 2);
	assert_int_equal(persistent_expire(f->cache, 3), UINT64_MAX);
	assert_int_equal(MAPPED(0), 0);
}

static void test_a_bad_gref_evicts_nothing(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < CAP; i++)
		use(f, i, i + 1);
	assert_null(persistent_get(f->cache, 9999));
	for (uint32_t i = 0; i < CAP; i++)
		assert_int_equal(MAPPED(i), 1);
}

static void test_a_failing_map_is_not_the_end(void **state)
{
	struct fixture *f = *state;

	sim_fail(0, SIM_CALL_MAP, 1, ENOMEM);
	assert_null(persistent_get(f->cache, FIRST));
	use(f, 0, 1);
	assert_int_equal(persistent_count(f->cache), 1);
}

static void test_expiry_costs_what_it_evicts(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < CAP; i++)
		use(f, i, 10 * (i + 1));
	assert_int_equal(persistent_expire(f->cache, 30), 30);
	assert_int_equal(stats_read(&f->stats.persistent_evictions), 2);
	assert_int_equal(MAPPED(2), 1);
	assert_int_equal(MAPPED(1), 0);
	use(f, 1, 50); /* and is mapped anew */
	assert_int_equal(MAPPED(1), 1);
	assert_int_equal(stats_read(&f->stats.persistent_maps), CAP + 1);
}

static void test_every_gref_hashes_somewhere(void **state)
{
	struct fixture *f = *state;

	/* Far more grefs than the cap, in an order that wraps it many times. */
	for (uint32_t i = 0; i < 500; i++) {
		use(f, i * 7 % 64, i * STAY);
		assert_true(persistent_count(f->cache) <= CAP);
	}
}

int main(void)
{
#define CACHE_TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		CACHE_TEST(test_a_hit_maps_nothing),
		CACHE_TEST(test_the_page_is_the_guests_own),
		CACHE_TEST(test_the_least_recently_used_goes_first),
		CACHE_TEST(test_a_full_cache_does_not_turn_over),
		CACHE_TEST(test_entries_in_use_are_never_evicted),
		CACHE_TEST(test_one_gref_may_be_held_twice),
		CACHE_TEST(test_a_bad_gref_evicts_nothing),
		CACHE_TEST(test_a_failing_map_is_not_the_end),
		CACHE_TEST(test_expiry_costs_what_it_evicts),
		CACHE_TEST(test_every_gref_hashes_somewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
