/* What happened, and the word for it: every row of the table of verdicts. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "conformance/targets/target.h"
#include "conformance/verdict.h"

const struct target *const targets[] = {NULL};

static struct evidence healthy(enum guest_outcome outcome)
{
	return (struct evidence){.level = MUST,
				 .ours = true,
				 .end = CASE_REPORTED,
				 .health = TARGET_ALIVE,
				 .result = {.outcome = outcome}};
}

static void outcomes_have_words(void **state)
{
	static const struct {
		enum guest_outcome outcome;
		enum verdict verdict;
	} rows[] = {
		{GUEST_PASSED, VERDICT_PASS},	 {GUEST_FAILED, VERDICT_FAIL},
		{GUEST_REFUSED, VERDICT_REJECT}, {GUEST_SKIPPED, VERDICT_SKIP},
		{GUEST_BROKEN, VERDICT_ERROR},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct evidence evidence = healthy(rows[i].outcome);

		assert_int_equal(verdict_of(&evidence), rows[i].verdict);
	}
}

static void levels_soften_for_others(void **state)
{
	static const struct {
		enum case_level level;
		enum verdict verdict;
	} rows[] = {
		{MUST, VERDICT_FAIL},	     {ROBUST, VERDICT_FAIL},
		{SHOULD, VERDICT_NONSTRICT}, {QUIRK, VERDICT_NONSTRICT},
		{MAY, VERDICT_INFO},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct evidence evidence = healthy(GUEST_FAILED);

		evidence.level = rows[i].level;
		assert_int_equal(verdict_of(&evidence), VERDICT_FAIL);
		evidence.ours = false;
		assert_int_equal(verdict_of(&evidence), rows[i].verdict);
	}
}

static void a_dead_backend_outweighs_all(void **state)
{
	struct evidence evidence = healthy(GUEST_PASSED);

	(void)state;
	evidence.health = TARGET_DEAD;
	assert_int_equal(verdict_of(&evidence), VERDICT_CRASH);
	evidence = healthy(GUEST_SKIPPED);
	evidence.end = CASE_DIED;
	assert_int_equal(verdict_of(&evidence), VERDICT_CRASH);
}

static void what_does_not_end_is_wedged(void **state)
{
	struct evidence evidence = healthy(GUEST_PASSED);

	(void)state;
	evidence.end = CASE_KILLED;
	assert_int_equal(verdict_of(&evidence), VERDICT_WEDGED);
	evidence = healthy(GUEST_PASSED);
	evidence.health = TARGET_STUCK;
	assert_int_equal(verdict_of(&evidence), VERDICT_WEDGED);
	evidence = healthy(GUEST_PASSED);
	evidence.result.probe_failed = true;
	assert_int_equal(verdict_of(&evidence), VERDICT_WEDGED);
}

static void only_some_words_fail_a_run(void **state)
{
	(void)state;
	assert_false(verdict_is_bad(VERDICT_PASS));
	assert_false(verdict_is_bad(VERDICT_SKIP));
	assert_false(verdict_is_bad(VERDICT_INFO));
	assert_false(verdict_is_bad(VERDICT_NONSTRICT));
	assert_true(verdict_is_bad(VERDICT_FAIL));
	assert_true(verdict_is_bad(VERDICT_REJECT));
	assert_true(verdict_is_bad(VERDICT_WEDGED));
	assert_true(verdict_is_bad(VERDICT_CRASH));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outcomes_have_words),
		cmocka_unit_test(levels_soften_for_others),
		cmocka_unit_test(a_dead_backend_outweighs_all),
		cmocka_unit_test(what_does_not_end_is_wedged),
		cmocka_unit_test(only_some_words_fail_a_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
