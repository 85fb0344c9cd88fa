/* Which cases a command means: ids and globs, less the excluded ones. */
#pragma once

#include <stdbool.h>

struct conform_case;

#define SELECT_PATTERNS 64u

struct selection {
	const char *wanted[SELECT_PATTERNS]; /* none: all */
	unsigned int wanted_count;
	const char *excluded[SELECT_PATTERNS];
	unsigned int excluded_count;
};

/** select_want(), select_exclude() - add an id or glob; false when there are
 * too many. */
bool select_want(struct selection *selection, const char *pattern);
bool select_exclude(struct selection *selection, const char *pattern);

/**
 * select_matches() - whether the case is meant.
 *
 * A hidden case is meant only by a pattern that starts with its first word.
 */
bool select_matches(const struct selection *selection,
		    const struct conform_case *one);

/** select_unmatched() - the first wanted pattern that means no case, or NULL.
 */
const char *select_unmatched(const struct selection *selection);
