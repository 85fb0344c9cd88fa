/*
 * Verdicts from documents: what xenblk-conform run --json prints, and what
 * xenblk-lab leaves of a run on real Xen.
 *
 * Each backend of a document (and each guest of it, in the laboratory) is a
 * column; a column has at most one verdict for each case.  Read by diff, bless
 * and matrix; run hands its own over by results_of_report().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "conformance/verdict.h"

#define RESULTS_COLUMNS 32u

struct result {
	enum verdict verdict;
	const char *reason; /* "" for PASS */
	const char *repro;  /* one command */
	unsigned int attempts;
	char *text; /* its own: what the two above lie in; NULL in a new one */
};

struct column {
	char backend[96];
	char place[96]; /* the target, or the guest on real Xen */
	bool ours;
	struct result **result; /* [case_count()], NULL: was not run */
	unsigned int unknown;	/* cases that this program does not know */
};

struct results {
	struct column column[RESULTS_COLUMNS];
	unsigned int columns;
};

/** results_load() - adds a document's columns; 0, or -errno with a sentence. */
int results_load(struct results *results, const char *path, char *why,
		 size_t bytes);

/** results_column() - a new empty column, NULL when there are too many. */
struct column *results_column(struct results *results, const char *backend,
			      const char *place, bool ours);

/** results_put() - a verdict into a column, copied. */
void results_put(struct column *column, unsigned int one,
		 const struct result *result);
void results_free(struct results *results);

/** results_sensitive() - whether a verdict may tell of a weakness of a backend
 * that is not ours: that is told to its maintainers, not to everybody. */
bool results_sensitive(const struct column *column, unsigned int one);

/** verdict_parse() - by its name; VERDICT_COUNT for no verdict. */
enum verdict verdict_parse(const char *name);
