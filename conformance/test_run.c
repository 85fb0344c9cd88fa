/*
 * Running cases against a backend that is not ours: what its baseline expects
 * and excludes, and what is tried again, shows in the exit status.
 *
 * The target here serves nobody: a case's process dies when it enters, which is
 * a CRASH, or finds no disk, which is a SKIP.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conformance/case.h"
#include "conformance/run.h"
#include "conformance/targets/target.h"

#define CRASHES "fixture.crash"
#define SKIPS	"fixture.pass"

static unsigned int entered; /* in the runner: cases that were begun */
static char path[64];

static int start(char **argv, char why[TARGET_TEXT_BYTES])
{
	(void)argv;
	(void)why;
	return 0;
}

static void stop(void)
{
}

static int before(const struct conform_case *one, char why[TARGET_TEXT_BYTES])
{
	(void)one;
	(void)why;
	entered++;
	return 0;
}

static int enter(const struct conform_case *one, struct guest_world *world)
{
	(void)world;
	if (strcmp(one->id, CRASHES) == 0)
		_exit(3);
	return 0;
}

static uint64_t leave(void)
{
	return 0;
}

static enum target_health after(const struct conform_case *one,
				char why[TARGET_TEXT_BYTES])
{
	(void)one;
	(void)why;
	return TARGET_ALIVE;
}

static const struct target theirs = {
	.name = "theirs",
	.backend = "somebody's",
	.start = start,
	.stop = stop,
	.before = before,
	.enter = enter,
	.leave = leave,
	.after = after,
};

const struct target *const targets[] = {&theirs, NULL};

static int make_name(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/xenblk-test-run-%d", (int)getpid());
	entered = 0;
	return 0;
}

static int remove_file(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

/* Both cases, with this baseline; the exit status. */
static int run_with(const char *baseline, unsigned int retries)
{
	struct command_line line = {.target = "theirs", .retries = retries};

	if (baseline != NULL) {
		FILE *out = fopen(path, "w");

		assert_non_null(out);
		assert_true(fputs(baseline, out) >= 0);
		assert_int_equal(fclose(out), 0);
		line.baseline = path;
	}
	assert_true(select_want(&line.selection, CRASHES));
	assert_true(select_want(&line.selection, SKIPS));
	return run_command(&line);
}

static void what_nobody_expects_fails(void **state)
{
	(void)state;
	assert_int_equal(run_with(NULL, 0), EXIT_CHECK);
	assert_int_equal(run_with("{\"expected\": []}", 0), EXIT_CHECK);
	assert_int_equal(entered, 4);
}

static void what_is_expected_does_not(void **state)
{
	(void)state;
	assert_int_equal(run_with("{\"expected\": [{\"case\": \"" CRASHES
				  "\", \"verdict\": \"CRASH\", \"why\": \"it "
				  "does\"}]}",
				  0),
			 EXIT_OK);
}

static void another_verdict_than_the_expected_one_fails(void **state)
{
	(void)state;
	assert_int_equal(run_with("{\"expected\": [{\"case\": \"" CRASHES
				  "\", \"verdict\": \"FAIL\", \"why\": \"it "
				  "does\"}]}",
				  0),
			 EXIT_CHECK);
}

static void what_is_skipped_breaks_no_promise(void **state)
{
	(void)state;
	assert_int_equal(
		run_with("{\"expected\": [{\"case\": \"" SKIPS
			 "\", \"verdict\": \"FAIL\", \"why\": \"x\"}, "
			 "{\"case\": \"" CRASHES
			 "\", \"verdict\": \"CRASH\", \"why\": \"x\"}]}",
			 0),
		EXIT_OK);
}

static void what_is_excluded_is_not_begun(void **state)
{
	(void)state;
	assert_int_equal(run_with("{\"expected\": [], \"exclude\": [{\"case\": "
				  "\"*.crash\", \"why\": \"it hangs the "
				  "host\"}]}",
				  0),
			 EXIT_OK);
	assert_int_equal(entered, 1);
	assert_int_equal(run_with("{\"expected\": [], \"exclude\": [{\"case\": "
				  "\"fixture.*\", \"why\": \"x\"}]}",
				  0),
			 EXIT_NOTHING);
	assert_int_equal(entered, 1);
}

static void only_what_was_bad_is_tried_again(void **state)
{
	(void)state;
	assert_int_equal(run_with(NULL, 2), EXIT_CHECK);
	assert_int_equal(entered, 3 + 1);
}

static void a_baseline_that_is_none_is_the_tools_trouble(void **state)
{
	(void)state;
	assert_int_equal(run_with("{}", 0), EXIT_TOOL);
	assert_int_equal(entered, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_nobody_expects_fails, make_name),
		cmocka_unit_test_setup(what_is_expected_does_not, make_name),
		cmocka_unit_test_setup(
			another_verdict_than_the_expected_one_fails, make_name),
		cmocka_unit_test_setup(what_is_skipped_breaks_no_promise,
				       make_name),
		cmocka_unit_test_setup(what_is_excluded_is_not_begun,
				       make_name),
		cmocka_unit_test_setup(only_what_was_bad_is_tried_again,
				       make_name),
		cmocka_unit_test_setup(
			a_baseline_that_is_none_is_the_tools_trouble,
			make_name),
	};

	return cmocka_run_group_tests(tests, NULL, remove_file);
}
