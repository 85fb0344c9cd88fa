/* Lists, explanations and coverage: see explain.h. */
#include "conformance/explain.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/refusals.h"
#include "conformance/case.h"
#include "conformance/catalogue/clause.h"

static void list_json(const struct selection *selection)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < case_count(); i++) {
		const struct conform_case *one = case_at(i);

		if (select_matches(selection, one))
			json_array_append_new(
				list,
				json_pack("{s:s, s:s, s:s, s:s, s:s}", "id",
					  one->id, "clause",
					  one->clause ? one->clause : "",
					  "level", case_level_name(one->level),
					  "refusal",
					  one->refusal ? one->refusal : "",
					  "sentence", one->sentence));
	}
	json_dumpf(list, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(list);
}

unsigned int explain_list(const struct selection *selection, bool json)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < case_count(); i++) {
		const struct conform_case *one = case_at(i);

		if (!select_matches(selection, one))
			continue;
		count++;
		if (!json)
			printf("%-42s %-6s %s\n", one->id,
			       case_level_name(one->level), one->sentence);
	}
	if (json)
		list_json(selection);
	return count;
}

static void print_clause(const struct clause *clause)
{
	const char *why = clause_why_untestable(clause);

	printf("%s  %s, binds %s\n", clause->id, clause->level, clause->who);
	printf("  %s\n  source:   %s\n", clause->statement, clause->source);
	if (clause->decision[0] != '\0')
		printf("  decision: %s\n", clause->decision);
	if (why != NULL)
		printf("  no case:  %s\n", why);
}

static void print_refusal(const char *name)
{
	for (unsigned int i = 1; i < REFUSAL_COUNT; i++) {
		enum refusal refusal = (enum refusal)i;

		if (strcmp(refusal_name(refusal), name) == 0)
			printf("refusal %s: %s\n", name,
			       refusal_sentence(refusal));
	}
}

static void explain_case(const struct conform_case *one)
{
	const char *ids = one->clause;
	const char *base = strrchr(one->file, '/');

	printf("%s  %s\n  %s\n", one->id, case_level_name(one->level),
	       one->sentence);
	printf("  steps: conformance/cases/%s:%d\n",
	       base == NULL ? one->file : base + 1, one->line);
	if (one->disk == DISK_READ_ONLY)
		printf("  disk:  read-only\n");
	if (one->refusal != NULL)
		print_refusal(one->refusal);
	while (ids != NULL && *ids != '\0') {
		unsigned int length = (unsigned int)strcspn(ids, " ");
		const struct clause *clause = clause_find(ids, length);

		if (clause != NULL)
			print_clause(clause);
		ids += length;
		ids += strspn(ids, " ");
	}
}

static void explain_clause(const struct clause *clause)
{
	print_clause(clause);
	for (unsigned int i = 0; i < case_count(); i++) {
		const struct conform_case *one = case_at(i);

		if (!one->hidden && case_names(one->clause, clause->id))
			printf("  case:     %s: %s\n", one->id, one->sentence);
	}
}

bool explain_entry(const char *id)
{
	const struct conform_case *one = case_find(id);
	const struct clause *clause = clause_find(id, (unsigned int)strlen(id));

	if (one != NULL)
		explain_case(one);
	else if (clause != NULL)
		explain_clause(clause);
	return one != NULL || clause != NULL;
}

static void coverage_json(unsigned int clauses, unsigned int covered)
{
	json_t *uncovered = json_array();
	json_t *untestable = json_array();
	json_t *document;

	for (unsigned int i = 0; i < clause_count(); i++) {
		const struct clause *clause = clause_at(i);
		const char *why = clause_why_untestable(clause);

		if (!clause_binds_backend(clause) || clause_covered(clause))
			continue;
		if (why != NULL)
			json_array_append_new(
				untestable, json_pack("{s:s, s:s}", "id",
						      clause->id, "why", why));
		else
			json_array_append_new(uncovered,
					      json_string(clause->id));
	}
	document = json_pack("{s:i, s:i, s:o, s:o}", "clauses", (int)clauses,
			     "covered", (int)covered, "uncovered", uncovered,
			     "untestable", untestable);
	json_dumpf(document, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(document);
}

unsigned int explain_coverage(bool json)
{
	unsigned int clauses = 0, covered = 0, untestable = 0;

	for (unsigned int i = 0; i < clause_count(); i++) {
		const struct clause *clause = clause_at(i);

		if (!clause_binds_backend(clause))
			continue;
		clauses++;
		if (clause_covered(clause))
			covered++;
		else if (clause_why_untestable(clause) != NULL)
			untestable++;
		else if (!json)
			printf("%-4s %-6s %s\n", clause->id, clause->level,
			       clause->statement);
	}
	if (json)
		coverage_json(clauses, covered);
	else
		printf("%u clauses bind a backend: %u have a case, %u cannot "
		       "be tested, %u have none yet\n",
		       clauses, covered, untestable,
		       clauses - covered - untestable);
	return clauses - covered - untestable;
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

unsigned int explain_refusals(void)
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
