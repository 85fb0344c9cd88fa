/* The page pool: its bound, its order, what it gives back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "backend/base/limits.h"
#include "backend/worker/pages.h"

static void test_it_is_bounded_and_hands_out_each_page_once(void **state)
{
	struct pages *pages;
	unsigned char *page[LIMIT_SEGMENTS];

	(void)state;
	assert_int_equal(pages_create(LIMIT_SEGMENTS, &pages), 0);
	for (unsigned int i = 0; i < LIMIT_SEGMENTS; i++) {
		page[i] = pages_take(pages);
		assert_non_null(page[i]);
		assert_int_equal((uintptr_t)page[i] % XEN_PAGE_BYTES, 0);
		memset(page[i], (int)i, XEN_PAGE_BYTES);
	}
	assert_null(pages_take(pages));
	for (unsigned int i = 0; i < LIMIT_SEGMENTS; i++) {
		assert_int_equal(page[i][0], i);
		assert_int_equal(page[i][XEN_PAGE_BYTES - 1], i);
		pages_give(pages, page[i]);
	}
	assert_int_equal(pages_available(pages), LIMIT_SEGMENTS);
	pages_destroy(pages);
}

static void test_the_last_given_is_the_first_taken(void **state)
{
	struct pages *pages;
	void *a, *b;

	(void)state;
	assert_int_equal(pages_create(64, &pages), 0);
	a = pages_take(pages);
	b = pages_take(pages);
	pages_give(pages, a);
	assert_ptr_equal(pages_take(pages), a);
	pages_give(pages, a);
	pages_give(pages, b);
	assert_int_equal(pages_resident(pages), 2);
	pages_destroy(pages);
}

static void test_it_shrinks_in_batches_and_keeps_what_is_in_use(void **state)
{
	const unsigned int n = 3 * LIMIT_POOL_SHRINK;
	void *page[3 * LIMIT_POOL_SHRINK];
	struct pages *pages;

	(void)state;
	assert_int_equal(pages_create(LIMIT_POOL_PAGES, &pages), 0);
	for (unsigned int i = 0; i < n; i++)
		page[i] = pages_take(pages);
	memset(page[0], 0x5a, XEN_PAGE_BYTES);
	for (unsigned int i = 1; i < n; i++)
		pages_give(pages, page[i]);
	assert_int_equal(pages_resident(pages), n);
	assert_int_equal(pages_shrink(pages), n - 1 - LIMIT_POOL_SHRINK);
	assert_int_equal(pages_shrink(pages), n - 1 - 2 * LIMIT_POOL_SHRINK);
	assert_int_equal(pages_shrink(pages), 0);
	assert_int_equal(pages_resident(pages), 1);
	assert_int_equal(((unsigned char *)page[0])[XEN_PAGE_BYTES - 1], 0x5a);
	pages_give(pages, page[0]);
	pages_destroy(pages);
}

static void test_pages_that_were_used_come_before_fresh_ones(void **state)
{
	struct pages *pages;
	void *a, *b, *c;

	(void)state;
	assert_int_equal(pages_create(64, &pages), 0);
	assert_int_equal(pages_available(pages), 64);
	a = pages_take(pages);
	pages_give(pages, a);
	for (unsigned int i = 0; i < 3; i++) {
		b = pages_take(pages);
		assert_ptr_equal(a, b);
		c = pages_take(pages);
		assert_ptr_not_equal(a, c);
		assert_int_equal(pages_available(pages), 62);
		pages_give(pages, c);
		pages_give(pages, b);
	}
	assert_int_equal(pages_resident(pages), 2);
	assert_int_equal(pages_shrink(pages), 0);
	assert_int_equal(pages_resident(pages), 0);
	assert_int_equal(pages_available(pages), 64);
	pages_destroy(pages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_it_is_bounded_and_hands_out_each_page_once),
		cmocka_unit_test(test_the_last_given_is_the_first_taken),
		cmocka_unit_test(
			test_it_shrinks_in_batches_and_keeps_what_is_in_use),
		cmocka_unit_test(
			test_pages_that_were_used_come_before_fresh_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
