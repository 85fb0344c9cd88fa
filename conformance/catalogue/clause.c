/* The catalogue: see clause.h. */
#include "conformance/catalogue/clause.h"

#include <string.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"
#include "conformance/case.h"

static const struct clause clauses[] = {
#define CLAUSE(id, who, level, source, statement, decision, untestable)        \
	{id, who, level, source, statement, decision, untestable},
#include "conformance/catalogue/clauses.def"
#undef CLAUSE
};

unsigned int clause_count(void)
{
	return ARRAY_SIZE(clauses);
}

const struct clause *clause_at(unsigned int i)
{
	CHECK(i < ARRAY_SIZE(clauses));
	return &clauses[i];
}

const struct clause *clause_find(const char *id, unsigned int length)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(clauses); i++) {
		if (strlen(clauses[i].id) == length &&
		    strncmp(clauses[i].id, id, length) == 0)
			return &clauses[i];
	}
	return NULL;
}

bool clause_binds_backend(const struct clause *clause)
{
	return strchr(clause->who, 'B') != NULL;
}

const char *clause_why_untestable(const struct clause *clause)
{
	if (clause->untestable[0] != '\0')
		return clause->untestable;
	if (strcmp(clause->level, "INFO") == 0)
		return "a definition or a fact: nothing to observe by itself";
	return NULL;
}

bool clause_covered(const struct clause *clause)
{
	for (unsigned int i = 0; i < case_count(); i++) {
		const struct conform_case *one = case_at(i);

		if (!one->hidden && case_names(one->clause, clause->id))
			return true;
	}
	return false;
}
