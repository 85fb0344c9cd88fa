/* What needs no backend: the lists, and one entry explained. */
#pragma once

#include <stdbool.h>

#include "conformance/select.h"

/** explain_list() - one line per selected case, or a JSON array; how many. */
unsigned int explain_list(const struct selection *selection, bool json);

/** explain_entry() - a case or a clause by id, in words; false when there is
 * none. */
bool explain_entry(const char *id);
