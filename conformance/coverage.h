/* What has no case yet: clauses of the catalogue, refusals of the backend. */
#pragma once

#include <stdbool.h>

/**
 * coverage_clauses() - each clause that binds a backend and has no case, with
 * what it waits for if it does; sums at the end.
 *
 * Return: how many can be tested, wait for nothing and have no case.
 */
unsigned int coverage_clauses(bool json);

/** coverage_refusals() - how many rows of refusals.def have no case; each is
 * printed. */
unsigned int coverage_refusals(void);
