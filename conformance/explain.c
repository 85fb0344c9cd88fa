/* Lists and explanations: see explain.h. */
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
	for (unsigned int i = 0; clause_means(clause, i) != NULL; i++)
		printf("  seen by:  %s\n", clause_means(clause, i));
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
	if (one->disk != DISK_WRITABLE)
		printf("  disk:  %s\n", case_disk_shape(one->disk)->name);
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
