/* Verdicts: see verdict.h. */
#include "conformance/verdict.h"

#include "backend/base/check.h"

/* What a failed expectation means depends on the level, and on whose backend it
 * is. */
static enum verdict verdict_of_failure(const struct evidence *evidence)
{
	if (evidence->ours)
		return VERDICT_FAIL;
	switch (evidence->level) {
	case MUST:
	case ROBUST:
		return VERDICT_FAIL;
	case SHOULD:
	case QUIRK:
		return VERDICT_NONSTRICT;
	case MAY:
	case CASE_LEVEL_COUNT:
		return VERDICT_INFO;
	}
	return VERDICT_FAIL;
}

enum verdict verdict_of(const struct evidence *evidence)
{
	if (evidence->health == TARGET_DEAD || evidence->end == CASE_DIED)
		return VERDICT_CRASH;
	if (evidence->end == CASE_KILLED || evidence->health == TARGET_STUCK)
		return VERDICT_WEDGED;
	if (evidence->result.outcome == GUEST_BROKEN)
		return VERDICT_ERROR;
	if (evidence->result.probe_failed)
		return VERDICT_WEDGED;
	switch (evidence->result.outcome) {
	case GUEST_PASSED:
		return VERDICT_PASS;
	case GUEST_FAILED:
		return verdict_of_failure(evidence);
	case GUEST_REFUSED:
		return VERDICT_REJECT;
	case GUEST_SKIPPED:
		return VERDICT_SKIP;
	case GUEST_BROKEN:
	case GUEST_OUTCOME_COUNT:
		break;
	}
	return VERDICT_ERROR;
}

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = {"PASS",	 "FAIL", "REJECT",
					    "NONSTRICT", "INFO", "WEDGED",
					    "CRASH",	 "SKIP", "ERROR"};

	_Static_assert(sizeof(names) / sizeof(*names) == VERDICT_COUNT,
		       "one name per verdict");
	CHECK(verdict < VERDICT_COUNT);
	return names[verdict];
}

bool verdict_is_bad(enum verdict verdict)
{
	return verdict == VERDICT_FAIL || verdict == VERDICT_REJECT ||
	       verdict == VERDICT_WEDGED || verdict == VERDICT_CRASH;
}
