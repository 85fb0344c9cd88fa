/* Look-ups in the table of refusals.  See refusals.h and refusals.def. */
#include "backend/base/refusals.h"

#include <stddef.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"

static const struct {
	const char *name;
	const char *clause;
	const char *sentence;
	int16_t status;
} table[] = {
	{"NONE", "", "not refused", 0},
#define REFUSAL(name, clause, status, sentence)                                \
	{#name, clause, sentence, status},
#include "backend/base/refusals.def"
#undef REFUSAL
};

_Static_assert(ARRAY_SIZE(table) == REFUSAL_COUNT, "one row per refusal");

const char *refusal_name(enum refusal refusal)
{
	CHECK((size_t)refusal < ARRAY_SIZE(table));
	return table[refusal].name;
}

const char *refusal_clause(enum refusal refusal)
{
	CHECK((size_t)refusal < ARRAY_SIZE(table));
	return table[refusal].clause;
}

const char *refusal_sentence(enum refusal refusal)
{
	CHECK((size_t)refusal < ARRAY_SIZE(table));
	return table[refusal].sentence;
}

int16_t refusal_status(enum refusal refusal)
{
	CHECK((size_t)refusal < ARRAY_SIZE(table));
	CHECK(table[refusal].status < 0);
	return table[refusal].status;
}

bool refusal_is_fatal(enum refusal refusal)
{
	CHECK((size_t)refusal < ARRAY_SIZE(table));
	return refusal != REFUSAL_NONE && table[refusal].status == 0;
}
