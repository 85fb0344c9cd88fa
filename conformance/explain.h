/* What needs no backend: the lists, one entry explained, and the gaps. */
#pragma once

#include <stdbool.h>

#include "conformance/select.h"

/** explain_list() - one line per selected case, or a JSON array; how many. */
unsigned int explain_list(const struct selection *selection, bool json);

/** explain_entry() - a case or a clause by id, in words; false when there is
 * none. */
bool explain_entry(const char *id);

/** explain_coverage() - clauses that bind a backend and have no case; how many.
 */
unsigned int explain_coverage(bool json);

/** explain_refusals() - how many rows of refusals.def have no case; each is
 * printed. */
unsigned int explain_refusals(void);
