/* One static HTML page: clauses by backends, with the reason behind each cell.
 */
#pragma once

#include <stdbool.h>

#include "conformance/results.h"

/* What a clause, or a case, came to in a column. */
#define PAGE_NOT_RUN VERDICT_COUNT

struct clause;

/** page_worst() - the worst verdict among the cases of a clause;
 * PAGE_NOT_RUN when none was run. */
enum verdict page_worst(const struct column *column,
			const struct clause *clause);

/**
 * page_write() - 0 or -errno.
 * @public: leave out what may tell of a weakness of a backend that is not ours
 */
int page_write(const char *path, const struct results *results, bool public);
