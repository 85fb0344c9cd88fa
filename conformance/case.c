/*
 * The list of all cases of this program.
 *
 * Filled by constructors before main(), so it must not depend on any other
 * module's start; sorted at the first look.
 */
#include "conformance/case.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/check.h"

#define CASES_MAX 512u

static struct {
	const struct conform_case *list[CASES_MAX];
	unsigned int count;
	bool sorted;
} cases;

void case_register(const struct conform_case *one)
{
	CHECK(cases.count < CASES_MAX);
	cases.list[cases.count++] = one;
	cases.sorted = false;
}

static int by_place(const void *left, const void *right)
{
	const struct conform_case *a =
		*(const struct conform_case *const *)left;
	const struct conform_case *b =
		*(const struct conform_case *const *)right;
	int order = strcmp(a->file, b->file);

	if (order != 0)
		return order;
	return a->line - b->line;
}

/* Constructors run in the linker's order; files are numbered so that theirs
 * makes sense. */
static void sort_once(void)
{
	if (cases.sorted)
		return;
	qsort(cases.list, cases.count, sizeof(*cases.list), by_place);
	cases.sorted = true;
}

unsigned int case_count(void)
{
	return cases.count;
}

const struct conform_case *case_at(unsigned int i)
{
	sort_once();
	CHECK(i < cases.count);
	return cases.list[i];
}

const struct conform_case *case_find(const char *id)
{
	for (unsigned int i = 0; i < case_count(); i++) {
		if (strcmp(case_at(i)->id, id) == 0)
			return case_at(i);
	}
	return NULL;
}

bool case_names(const char *list, const char *word)
{
	size_t length = strlen(word);

	while (list != NULL && *list != '\0') {
		size_t step = strcspn(list, " ");

		if (step == length && strncmp(list, word, length) == 0)
			return true;
		list += step;
		list += strspn(list, " ");
	}
	return false;
}

const char *case_level_name(enum case_level level)
{
	static const char *const names[] = {"MUST", "SHOULD", "MAY", "ROBUST",
					    "QUIRK"};

	_Static_assert(sizeof(names) / sizeof(*names) == CASE_LEVEL_COUNT,
		       "one name per level");
	CHECK(level < CASE_LEVEL_COUNT);
	return names[level];
}
