/* The commands that work on results that are there: diff, bless, matrix. */
#pragma once

#include <stdbool.h>

#define COMPARE_BAD   1
#define COMPARE_OK    0
#define COMPARE_USAGE 2
#define COMPARE_TOOL  4

/**
 * compare_diff() - what is otherwise in the new results, by backend and case;
 * exit status 1 if something is bad now that was not.
 */
int compare_diff(const char *old_path, const char *new_path, bool json);

/**
 * compare_bless() - write what results hold into a baseline.
 * @private: for what may tell of a weakness; NULL: that is left out
 */
int compare_bless(const char *path, const char *baseline, const char *private);

struct compare_matrix {
	const char *const *paths; /* of results; none: the targets are run */
	unsigned int count;
	const char *html; /* NULL: no page */
	bool json, public;
};

/** compare_matrix() - clauses by backends; exit status 1 if ours has a bad
 * verdict. */
int compare_matrix(const struct compare_matrix *matrix);
