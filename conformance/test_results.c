/*
 * Results and expectations as files: what is read of them, what a run is held
 * to, what is blessed and what is kept back, and what a page shows of a clause.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conformance/baseline.h"
#include "conformance/case.h"
#include "conformance/catalogue/clause.h"
#include "conformance/compare.h"
#include "conformance/page.h"
#include "conformance/results.h"
#include "conformance/targets/target.h"

const struct target *const targets[] = {NULL};

#define WRAP	 "blkif.ring.wrap"	     /* MUST, R2 R9 */
#define OVERFLOW "blkif.ring.overflow"	     /* QUIRK, R4 K13 */
#define PAST	 "blkif.hostile.segment-255" /* ROBUST, J1 K13 */

static char path[4][64];

static int make_names(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		snprintf(path[i], sizeof(path[i]),
			 "/tmp/xenblk-test-results-%d-%u", (int)getpid(), i);
	return 0;
}

static int remove_files(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		unlink(path[i]);
	return 0;
}

static void write_file(unsigned int i, const char *text)
{
	FILE *out = fopen(path[i], "w");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

/* Of another backend: one good, one bad, one bad and told to nobody. */
static const char theirs[] =
	"{\"backend\": \"other\", \"target\": \"there\", \"results\": ["
	"{\"id\": \"" WRAP "\", \"verdict\": \"PASS\", \"attempts\": 2},"
	"{\"id\": \"" OVERFLOW
	"\", \"verdict\": \"REJECT\", \"reason\": \"no\"},"
	"{\"id\": \"" PAST "\", \"verdict\": \"FAIL\", \"reason\": \"oh\"},"
	"{\"id\": \"blkif.of.tomorrow\", \"verdict\": \"PASS\"}]}";

static unsigned int number_of(const char *id)
{
	unsigned int i = 0;

	while (strcmp(case_at(i)->id, id) != 0)
		i++;
	return i;
}

static void load(struct results *results, unsigned int i)
{
	char why[256] = "";

	if (results_load(results, path[i], why, sizeof(why)) != 0)
		fail_msg("%s", why);
}

static void a_run_is_a_column(void **state)
{
	struct results results = {0};
	const struct result *result;

	(void)state;
	write_file(0, theirs);
	load(&results, 0);
	assert_int_equal(results.columns, 1);
	assert_string_equal(results.column[0].backend, "other");
	assert_string_equal(results.column[0].place, "there");
	assert_false(results.column[0].ours);
	assert_int_equal(results.column[0].unknown, 1);
	result = results.column[0].result[number_of(OVERFLOW)];
	assert_int_equal(result->verdict, VERDICT_REJECT);
	assert_string_equal(result->reason, "no");
	assert_int_equal(results.column[0].result[number_of(WRAP)]->attempts,
			 2);
	results_free(&results);
}

static void a_laboratory_has_a_column_for_each_guest(void **state)
{
	struct results results = {0};
	const struct column *column = results.column;

	(void)state;
	write_file(0,
		   "{\"rows\": ["
		   "{\"guest\": \"g\", \"backend\": \"xenblkd\", \"check\": "
		   "\"smoke\", \"verdict\": \"PASS\"},"
		   "{\"guest\": \"g\", \"backend\": \"xenblkd\", \"check\": "
		   "\"conformance\", \"verdict\": \"PASS\", \"repro\": \"so\","
		   " \"details\": {\"results\": [{\"id\": \"" WRAP
		   "\", \"verdict\": \"PASS\", \"repro\": \"in a guest\"}]}},"
		   "{\"guest\": \"h\", \"backend\": \"blkback\", \"check\": "
		   "\"conformance\", \"verdict\": \"PASS\", \"details\": "
		   "{\"results\": []}}]}");
	load(&results, 0);
	assert_int_equal(results.columns, 2);
	assert_true(column[0].ours);
	assert_false(column[1].ours);
	assert_string_equal(column[0].place, "Xen, g");
	assert_string_equal(column[0].result[number_of(WRAP)]->repro, "so");
	results_free(&results);
}

static void what_is_no_results_is_said_so(void **state)
{
	static const char *const texts[] = {"", "[]", "{\"rows\": []}",
					    "{\"results\": 1}"};
	struct results results = {0};

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		char why[256] = "";

		write_file(0, texts[i]);
		assert_true(results_load(&results, path[0], why, sizeof(why)) <
			    0);
		assert_true(why[0] != '\0');
	}
	results_free(&results);
}

static struct baseline *baseline_of(const char *text)
{
	struct baseline *baseline;
	char why[256] = "";

	write_file(1, text);
	if (baseline_load(path[1], &baseline, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	return baseline;
}

static void expectations_are_met_or_not(void **state)
{
	const struct conform_case *one = case_find(OVERFLOW);
	struct baseline *baseline = baseline_of(
		"{\"expected\": [{\"case\": \"" OVERFLOW
		"\", \"verdict\": \"FAIL\", \"why\": \"they do\"}],"
		" \"exclude\": [{\"case\": \"blkif.hostile.*\", \"why\": "
		"\"it hangs\"}]}");
	const char *why;

	(void)state;
	assert_int_equal(baseline_judge(baseline, one, VERDICT_FAIL, &why),
			 EXPECTATION_MET);
	assert_string_equal(why, "they do");
	assert_int_equal(baseline_judge(baseline, one, VERDICT_CRASH, &why),
			 EXPECTATION_OTHER);
	assert_int_equal(baseline_judge(baseline, one, VERDICT_PASS, &why),
			 EXPECTATION_STALE);
	assert_int_equal(baseline_judge(baseline, one, VERDICT_SKIP, &why),
			 EXPECTATION_NONE);
	assert_int_equal(
		baseline_judge(baseline, case_find(WRAP), VERDICT_FAIL, &why),
		EXPECTATION_NONE);
	assert_int_equal(baseline_judge(NULL, one, VERDICT_FAIL, &why),
			 EXPECTATION_NONE);
	assert_string_equal(baseline_excludes(baseline, case_find(PAST)),
			    "it hangs");
	assert_null(baseline_excludes(baseline, one));
	baseline_free(baseline);
}

static void a_baseline_without_reasons_is_none(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"expected\": [{\"case\": \"a.b\", \"verdict\": "
		"\"FAIL\"}]}",
		"{\"expected\": [{\"case\": \"a.b\", \"verdict\": \"PASS\", "
		"\"why\": \"x\"}]}",
		"{\"expected\": [], \"exclude\": [{\"case\": \"a.b\"}]}"};
	struct baseline *baseline;

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		char why[256] = "";

		write_file(1, texts[i]);
		assert_int_equal(
			baseline_load(path[1], &baseline, why, sizeof(why)),
			-EINVAL);
		assert_null(baseline);
	}
}

static void a_weakness_is_kept_apart(void **state)
{
	struct baseline *baseline;
	char why[256] = "";
	const char *because;

	(void)state;
	write_file(0, theirs);
	unlink(path[1]);
	unlink(path[2]);
	assert_int_equal(compare_bless(path[0], path[1], path[2]), COMPARE_OK);
	assert_int_equal(baseline_load(path[1], &baseline, why, sizeof(why)),
			 0);
	assert_int_equal(baseline_judge(baseline, case_find(OVERFLOW),
					VERDICT_REJECT, &because),
			 EXPECTATION_MET);
	assert_string_equal(because, "no");
	assert_int_equal(baseline_judge(baseline, case_find(PAST), VERDICT_FAIL,
					&because),
			 EXPECTATION_NONE);
	baseline_free(baseline);
	assert_int_equal(baseline_load(path[2], &baseline, why, sizeof(why)),
			 0);
	assert_int_equal(baseline_judge(baseline, case_find(PAST), VERDICT_FAIL,
					&because),
			 EXPECTATION_MET);
	baseline_free(baseline);
}

static void reasons_that_somebody_wrote_stay(void **state)
{
	struct baseline *baseline = baseline_of(
		"{\"expected\": [{\"case\": \"" OVERFLOW
		"\", \"verdict\": \"REJECT\", \"why\": \"they say so\"},"
		"{\"case\": \"fixture.skip\", \"verdict\": \"FAIL\", \"why\": "
		"\"not run now\"}]}");
	char why[256] = "";
	const char *because;

	(void)state;
	baseline_free(baseline);
	write_file(0, theirs);
	assert_int_equal(compare_bless(path[0], path[1], NULL), COMPARE_OK);
	assert_int_equal(baseline_load(path[1], &baseline, why, sizeof(why)),
			 0);
	assert_int_equal(baseline_judge(baseline, case_find(OVERFLOW),
					VERDICT_REJECT, &because),
			 EXPECTATION_MET);
	assert_string_equal(because, "they say so");
	assert_int_equal(baseline_judge(baseline, case_find("fixture.skip"),
					VERDICT_FAIL, &because),
			 EXPECTATION_MET);
	baseline_free(baseline);
}

static void nothing_of_ours_is_blessed(void **state)
{
	(void)state;
	write_file(0, "{\"backend\": \"xenblkd\", \"target\": \"sim\", "
		      "\"results\": [{\"id\": \"" WRAP
		      "\", \"verdict\": \"FAIL\"}]}");
	unlink(path[1]);
	assert_int_equal(compare_bless(path[0], path[1], NULL), COMPARE_USAGE);
	assert_true(access(path[1], F_OK) != 0);
}

static void worse_is_told_from_better(void **state)
{
	static const char better[] =
		"{\"backend\": \"other\", \"target\": \"there\", \"results\": ["
		"{\"id\": \"" WRAP "\", \"verdict\": \"PASS\"},"
		"{\"id\": \"" OVERFLOW "\", \"verdict\": \"PASS\"},"
		"{\"id\": \"" PAST "\", \"verdict\": \"PASS\"}]}";

	(void)state;
	write_file(0, theirs);
	write_file(1, better);
	assert_int_equal(compare_diff(path[0], path[1], false), COMPARE_OK);
	assert_int_equal(compare_diff(path[1], path[0], false), COMPARE_BAD);
	assert_int_equal(compare_diff(path[0], path[0], true), COMPARE_OK);
	assert_int_equal(compare_diff(path[0], "/does/not/exist", false),
			 COMPARE_TOOL);
}

static void a_cell_is_the_worst_of_its_cases(void **state)
{
	struct results results = {0};

	(void)state;
	write_file(0, theirs);
	load(&results, 0);
	assert_int_equal(page_worst(&results.column[0], clause_find("R2", 2)),
			 VERDICT_PASS);
	assert_int_equal(page_worst(&results.column[0], clause_find("K13", 3)),
			 VERDICT_FAIL);
	assert_int_equal(page_worst(&results.column[0], clause_find("C5", 2)),
			 PAGE_NOT_RUN);
	results_free(&results);
}

/* Whether the page of these results holds a text. */
static bool page_holds(bool public, const char *text)
{
	static char page[1 << 20];
	struct results results = {0};
	size_t got;
	FILE *in;

	load(&results, 0);
	assert_int_equal(page_write(path[3], &results, public), 0);
	results_free(&results);
	in = fopen(path[3], "r");
	assert_non_null(in);
	got = fread(page, 1, sizeof(page) - 1, in);
	page[got] = '\0';
	fclose(in);
	return strstr(page, text) != NULL;
}

static void a_page_says_why_and_keeps_what_must_be_kept(void **state)
{
	(void)state;
	write_file(0,
		   "{\"backend\": \"a<b\", \"target\": \"there\", "
		   "\"results\": [{\"id\": \"" PAST
		   "\", \"verdict\": \"FAIL\", \"reason\": \"a weakness\"},"
		   "{\"id\": \"" OVERFLOW
		   "\", \"verdict\": \"NONSTRICT\", \"reason\": \"x & y\"}]}");
	assert_true(page_holds(false, "a weakness"));
	assert_false(page_holds(true, "a weakness"));
	assert_true(page_holds(true, "x &amp; y"));
	assert_true(page_holds(true, "a&lt;b"));
	assert_true(page_holds(true, "not run"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_is_a_column),
		cmocka_unit_test(a_laboratory_has_a_column_for_each_guest),
		cmocka_unit_test(what_is_no_results_is_said_so),
		cmocka_unit_test(expectations_are_met_or_not),
		cmocka_unit_test(a_baseline_without_reasons_is_none),
		cmocka_unit_test(a_weakness_is_kept_apart),
		cmocka_unit_test(reasons_that_somebody_wrote_stay),
		cmocka_unit_test(nothing_of_ours_is_blessed),
		cmocka_unit_test(worse_is_told_from_better),
		cmocka_unit_test(a_cell_is_the_worst_of_its_cases),
		cmocka_unit_test(a_page_says_why_and_keeps_what_must_be_kept),
	};

	return cmocka_run_group_tests(tests, make_names, remove_files);
}
