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

/** clause_covered() - whether a case that is not hidden names it. */
bool clause_covered(const struct clause *clause);
