/* Which clauses and refusals have a case: see coverage.h. */
#include "conformance/coverage.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/refusals.h"
#include "conformance/case.h"
#include "conformance/catalogue/clause.h"

static json_t *cases_of(const struct clause *clause)
{
	json_t *cases = json_array();

	for (unsigned int i = 0; i < case_count(); i++) {
		const struct conform_case *one = case_at(i);

		if (!one->hidden && case_names(one->clause, clause->id))
			json_array_append_new(cases, json_string(one->id));
	}
	return cases;
}

static json_t *means_of(const struct clause *clause)
{
	json_t *list = json_array();

	for (unsigned int i = 0; clause_means(clause, i) != NULL; i++)
		json_array_append_new(list,
				      json_string(clause_means(clause, i)));
	return list;
}

/* Of every clause, whomever it binds. */
static json_t *catalogue_object(const struct clause *clause)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "id",
			 clause->id, "binds", clause->who, "level",
			 clause->level, "source", clause->source, "statement",
			 clause->statement, "decision", clause->decision,
			 "standing",
			 clause_standing_name(clause_standing(clause)), "means",
			 means_of(clause), "cases", cases_of(clause));
}

static void print_json(const unsigned int counts[CLAUSE_STANDING_COUNT])
{
	json_t *uncovered = json_array(), *untestable = json_array();
	json_t *catalogue = json_array();
	json_t *document;
	unsigned int binding = clause_count() - counts[CLAUSE_OF_OTHERS];

	for (unsigned int i = 0; i < clause_count(); i++) {
		const struct clause *clause = clause_at(i);
		enum clause_standing standing = clause_standing(clause);

		json_array_append_new(catalogue, catalogue_object(clause));
		if (standing == CLAUSE_UNTESTABLE)
			json_array_append_new(
				untestable,
				json_pack("{s:s, s:s}", "id", clause->id, "why",
					  clause_why_untestable(clause)));
		else if (standing == CLAUSE_UNCOVERED)
			json_array_append_new(uncovered,
					      json_string(clause->id));
	}
	document = json_pack(
		"{s:i, s:i, s:o, s:o, s:o}", "clauses", (int)binding, "covered",
		(int)counts[CLAUSE_COVERED], "uncovered", uncovered,
		"untestable", untestable, "catalogue", catalogue);
	json_dumpf(document, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(document);
}

static void print_text(const unsigned int counts[CLAUSE_STANDING_COUNT])
{
	for (unsigned int i = 0; i < clause_count(); i++) {
		const struct clause *clause = clause_at(i);

		if (clause_standing(clause) == CLAUSE_UNCOVERED)
			printf("%-4s %-6s %s\n", clause->id, clause->level,
			       clause->statement);
	}
	printf("%u clauses bind a backend: %u have a case, %u cannot be "
	       "tested, %u have none\n",
	       clause_count() - counts[CLAUSE_OF_OTHERS],
	       counts[CLAUSE_COVERED], counts[CLAUSE_UNTESTABLE],
	       counts[CLAUSE_UNCOVERED]);
}

unsigned int coverage_clauses(bool json)
{
	unsigned int counts[CLAUSE_STANDING_COUNT] = {0};

	for (unsigned int i = 0; i < clause_count(); i++)
		counts[clause_standing(clause_at(i))]++;
	if (json)
		print_json(counts);
	else
		print_text(counts);
	return counts[CLAUSE_UNCOVERED];
}

/* A shortage of the host, or a worker that died, is not a frontend's doing: no
 * case can bring it about. */
static bool refusal_is_ours(const char *name)
{
	return strcmp(name, "RESOURCES") == 0 || strcmp(name, "TABLE") == 0;
}

static bool refusal_covered(const char *name)
{
	for (unsigned int i = 0; i < case_count(); i++) {
		if (case_names(case_at(i)->refusal, name))
			return true;
	}
	return false;
}

unsigned int coverage_refusals(void)
{
	unsigned int missing = 0;

	for (unsigned int i = 1; i < REFUSAL_COUNT; i++) {
		enum refusal refusal = (enum refusal)i;

		if (refusal_is_ours(refusal_name(refusal)) ||
		    refusal_covered(refusal_name(refusal)))
			continue;
		printf("no case provokes the refusal %s: %s\n",
		       refusal_name(refusal), refusal_sentence(refusal));
		missing++;
	}
	return missing;
}
