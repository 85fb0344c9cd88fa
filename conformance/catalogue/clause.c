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

static const struct {
	const char *words, *ids;
} means[] = {
#define MEANS(name, words, ids) {words, ids},
#include "conformance/catalogue/means.def"
#undef MEANS
};

const char *clause_means(const struct clause *clause, unsigned int i)
{
	for (unsigned int m = 0; m < ARRAY_SIZE(means); m++) {
		if (case_names(means[m].ids, clause->id) && i-- == 0)
			return means[m].words;
	}
	return NULL;
}

enum clause_standing clause_standing(const struct clause *clause)
{
	if (!clause_binds_backend(clause))
		return CLAUSE_OF_OTHERS;
	if (clause_covered(clause))
		return CLAUSE_COVERED;
	if (clause_why_untestable(clause) != NULL)
		return CLAUSE_UNTESTABLE;
	return CLAUSE_UNCOVERED;
}

const char *clause_standing_name(enum clause_standing standing)
{
	static const char *const names[] = {"of others", "covered",
					    "untestable", "uncovered"};

	_Static_assert(ARRAY_SIZE(names) == CLAUSE_STANDING_COUNT,
		       "one name per standing");
	CHECK(standing < CLAUSE_STANDING_COUNT);
	return names[standing];
}
