/*
 * The suite's own consistency: every case names clauses that exist, every
 * refusal of the backend has a case, ids are unique, and the coverage that is
 * printed is the coverage that there is.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "backend/base/refusals.h"
#include "conformance/case.h"
#include "conformance/catalogue/clause.h"
#include "conformance/coverage.h"
#include "conformance/pattern.h"
#include "conformance/select.h"
#include "conformance/targets/target.h"

const struct target *const targets[] = {NULL};

static void ids_are_unique_and_well_formed(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < case_count(); i++) {
		const char *id = case_at(i)->id;

		assert_ptr_equal(case_find(id), case_at(i));
		assert_true(strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789"
				       ".-") == strlen(id));
		assert_non_null(strchr(id, '.'));
	}
	for (unsigned int i = 0; i < clause_count(); i++) {
		const char *id = clause_at(i)->id;

		assert_ptr_equal(clause_find(id, (unsigned int)strlen(id)),
				 clause_at(i));
	}
}

static void cases_name_clauses_that_exist(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < case_count(); i++) {
		const struct conform_case *one = case_at(i);
		const char *ids = one->clause;

		if (one->hidden)
			continue;
		assert_non_null(ids);
		while (*ids != '\0') {
			unsigned int length = (unsigned int)strcspn(ids, " ");

			if (clause_find(ids, length) == NULL)
				fail_msg("%s names %s", one->id, ids);
			ids += length;
			ids += strspn(ids, " ");
		}
	}
}

static void cases_name_refusals_that_exist(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < case_count(); i++) {
		const char *name = case_at(i)->refusal;
		bool found = name == NULL;

		for (unsigned int r = 1; r < REFUSAL_COUNT; r++)
			found = found ||
				strcmp(name, refusal_name((enum refusal)r)) ==
					0;
		if (!found)
			fail_msg("%s names the refusal %s", case_at(i)->id,
				 name);
	}
}

static void refusals_uphold_clauses_that_exist(void **state)
{
	(void)state;
	for (unsigned int r = 1; r < REFUSAL_COUNT; r++) {
		const char *id = refusal_clause((enum refusal)r);

		assert_non_null(clause_find(id, (unsigned int)strlen(id)));
	}
}

static void refusals_have_cases(void **state)
{
	(void)state;
	assert_int_equal(coverage_refusals(), 0);
}

static void sentences_end(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < case_count(); i++) {
		const char *sentence = case_at(i)->sentence;

		assert_int_equal(sentence[strlen(sentence) - 1], '.');
	}
}

/* Whether a list of ids names clauses only. */
static void clauses_exist(const char *ids)
{
	while (*ids != '\0') {
		unsigned int length = (unsigned int)strcspn(ids, " ");

		if (clause_find(ids, length) == NULL)
			fail_msg("means.def names %s", ids);
		ids += length;
		ids += strspn(ids, " ");
	}
}

static void means_name_clauses_that_exist(void **state)
{
	(void)state;
#define MEANS(name, words, ids) clauses_exist(ids);
#include "conformance/catalogue/means.def"
#undef MEANS
}

static void what_can_be_tested_says_how(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < clause_count(); i++) {
		const struct clause *clause = clause_at(i);

		if (clause_binds_backend(clause) &&
		    clause_why_untestable(clause) == NULL &&
		    clause_means(clause, 0) == NULL)
			fail_msg("%s stands in no MEANS", clause->id);
	}
}

/* A reason why no case can see it is wrong once a case claims to. */
static void what_cannot_be_tested_has_no_case(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < clause_count(); i++) {
		const struct clause *clause = clause_at(i);

		if (clause->untestable[0] != '\0' && clause_covered(clause))
			fail_msg("%s has a case and a reason for none",
				 clause->id);
	}
}

static void no_clause_is_forgotten(void **state)
{
	(void)state;
	assert_int_equal(coverage_clauses(false), 0);
}

static void selection_means_what_it_says(void **state)
{
	struct selection all = {0}, globs = {0}, hidden = {0};
	const struct conform_case *overflow = case_find("blkif.ring.overflow");
	const struct conform_case *fixture = case_find("fixture.fail");

	(void)state;
	assert_true(select_matches(&all, overflow));
	assert_false(select_matches(&all, fixture));
	assert_true(select_want(&globs, "*"));
	assert_true(select_exclude(&globs, "blkif.ring.*"));
	assert_false(select_matches(&globs, overflow));
	assert_false(select_matches(&globs, fixture));
	assert_true(select_want(&hidden, "fixture.*"));
	assert_true(select_matches(&hidden, fixture));
	assert_true(select_want(&hidden, "blkif.no.such.case"));
	assert_string_equal(select_unmatched(&hidden), "blkif.no.such.case");
}

static void patterns_tell_seeds_and_sectors_apart(void **state)
{
	unsigned char data[4 * PATTERN_SECTOR_BYTES];

	(void)state;
	pattern_fill(data, 7, 100, 4);
	assert_int_equal(pattern_differs(data, 7, 100, 4), -1);
	assert_int_equal(
		pattern_differs(data + PATTERN_SECTOR_BYTES, 7, 101, 3), -1);
	assert_true(pattern_differs(data, 8, 100, 4) >= 0);
	assert_true(pattern_differs(data, 7, 101, 4) >= 0);
	data[3 * PATTERN_SECTOR_BYTES + 17] ^= 1;
	assert_int_equal(pattern_differs(data, 7, 100, 4),
			 3 * PATTERN_SECTOR_BYTES + 17);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_unique_and_well_formed),
		cmocka_unit_test(cases_name_clauses_that_exist),
		cmocka_unit_test(cases_name_refusals_that_exist),
		cmocka_unit_test(refusals_uphold_clauses_that_exist),
		cmocka_unit_test(refusals_have_cases),
		cmocka_unit_test(sentences_end),
		cmocka_unit_test(means_name_clauses_that_exist),
		cmocka_unit_test(what_can_be_tested_says_how),
		cmocka_unit_test(what_cannot_be_tested_has_no_case),
		cmocka_unit_test(no_clause_is_forgotten),
		cmocka_unit_test(selection_means_what_it_says),
		cmocka_unit_test(patterns_tell_seeds_and_sectors_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
