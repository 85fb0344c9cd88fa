/* Selection of cases: see select.h.  Pure. */
#include "conformance/select.h"

#include <fnmatch.h>
#include <stddef.h>
#include <string.h>

#include "conformance/case.h"

bool select_want(struct selection *selection, const char *pattern)
{
	if (selection->wanted_count == SELECT_PATTERNS)
		return false;
	selection->wanted[selection->wanted_count++] = pattern;
	return true;
}

bool select_exclude(struct selection *selection, const char *pattern)
{
	if (selection->excluded_count == SELECT_PATTERNS)
		return false;
	selection->excluded[selection->excluded_count++] = pattern;
	return true;
}

/* "*" must not wake a fixture: its first word has to be spelled out. */
static bool names_hidden(const char *pattern, const char *id)
{
	size_t word = strcspn(id, ".");

	return strncmp(pattern, id, word) == 0;
}

static bool matches(const char *pattern, const struct conform_case *one)
{
	if (one->hidden && !names_hidden(pattern, one->id))
		return false;
	return fnmatch(pattern, one->id, 0) == 0;
}

bool select_matches(const struct selection *selection,
		    const struct conform_case *one)
{
	bool wanted = selection->wanted_count == 0 && !one->hidden;

	for (unsigned int i = 0; i < selection->wanted_count; i++)
		wanted = wanted || matches(selection->wanted[i], one);
	for (unsigned int i = 0; i < selection->excluded_count; i++) {
		if (fnmatch(selection->excluded[i], one->id, 0) == 0)
			return false;
	}
	return wanted;
}

const char *select_unmatched(const struct selection *selection)
{
	for (unsigned int i = 0; i < selection->wanted_count; i++) {
		bool found = false;

		for (unsigned int n = 0; n < case_count() && !found; n++)
			found = matches(selection->wanted[i], case_at(n));
		if (!found)
			return selection->wanted[i];
	}
	return NULL;
}
