/* The catalogue of clauses (clauses.def), and which of them have a case. */
#pragma once

#include <stdbool.h>

struct clause {
	const char *id;
	const char *who; /* B, F, T or several */
	const char *level;
	const char *source;
	const char *statement;
	const char *decision;	/* "" if the sources agree */
	const char *untestable; /* why, or "" */
};

unsigned int clause_count(void);
const struct clause *clause_at(unsigned int i);

/** clause_find() - by an id of the given length, NULL when there is none. */
const struct clause *clause_find(const char *id, unsigned int length);

/** clause_binds_backend() - whether it can be held against a backend at all. */
bool clause_binds_backend(const struct clause *clause);

/** clause_why_untestable() - a reason, or NULL when a case can observe it. */
const char *clause_why_untestable(const struct clause *clause);

/** clause_means() - the i-th way to see that it is kept, in words; NULL at the
 * end. */
const char *clause_means(const struct clause *clause, unsigned int i);

/* What can be said of a clause: exactly one of these. */
enum clause_standing {
	CLAUSE_OF_OTHERS, /* binds no backend */
	CLAUSE_COVERED,
	CLAUSE_UNTESTABLE,
	CLAUSE_UNCOVERED,
	CLAUSE_STANDING_COUNT,
};
enum clause_standing clause_standing(const struct clause *clause);
const char *clause_standing_name(enum clause_standing standing);

/** clause_covered() - whether a case that is not hidden names it. */
bool clause_covered(const struct clause *clause);
