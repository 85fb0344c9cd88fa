/* Which disk a path names, and which of its nodes matter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "backend/base/checked.h"
#include "backend/supervisor/disk_path.h"

static void expect_key(const char *path, uint32_t domid, uint32_t devid)
{
	struct device_key key = {.domid = 1, .devid = 1};

	if (!disk_path_key(path, &key))
		fail_msg("%s names no disk", path);
	assert_int_equal(key.domid, domid);
	assert_int_equal(key.devid, devid);
}

static void a_path_names_its_disk(void **state)
{
	(void)state;
	expect_key("5/51712", 5, 51712);
	expect_key("5/51712/", 5, 51712);
	expect_key("5/51712/state", 5, 51712);
	expect_key("0/0/a/b", 0, 0);
	expect_key("32751/4294967295", 0x7fef, UINT32_MAX);
}

static void what_is_no_number_names_none(void **state)
{
	static const char *const paths[] = {"",
					    "5",
					    "5/",
					    "/51712",
					    "5//state",
					    "05/51712",
					    "5/051712",
					    "5/-1",
					    "5/51712x",
					    "x/51712",
					    "5/ 1",
					    "5/4294967296",
					    "32752/1",
					    "4294967301/1",
					    "5/0x10",
					    "00/1",
					    "5/99999999999999999999"};
	struct device_key key;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (disk_path_key(paths[i], &key))
			fail_msg("\"%s\" names disk %u of domain %u", paths[i],
				 key.devid, key.domid);
}

static void a_number_that_is_none_changes_nothing(void **state)
{
	uint32_t number = 7;

	(void)state;
	assert_false(disk_path_number("8x", 2, 100, &number));
	assert_false(disk_path_number("101", 3, 100, &number));
	assert_int_equal(number, 7);
	assert_true(disk_path_number("100/", 3, 100, &number));
	assert_int_equal(number, 100);
}

static void some_nodes_concern_us(void **state)
{
	static const char *const ours[] = {"5/51712",
					   "5/51712/state",
					   "5/51712/online",
					   "5/51712/params",
					   "5/51712/mode",
					   "5/51712/frontend",
					   "5/51712/frontend-id"};
	static const char *const others[] = {
		"5/51712/",	     "5/51712/states",
		"5/51712/sectors",   "5/51712/state/x",
		"5/51712/feature-x", "5/51712/hotplug-status"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		assert_true(disk_path_concerns_us(ours[i]));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_false(disk_path_concerns_us(others[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_names_its_disk),
		cmocka_unit_test(what_is_no_number_names_none),
		cmocka_unit_test(a_number_that_is_none_changes_nothing),
		cmocka_unit_test(some_nodes_concern_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
