/*
 * Arithmetic on numbers that a guest chose, and on file positions made of them.
 *
 * Sector ranges are compared as "count <= capacity - start": a sum of guest
 * numbers may wrap, a difference of checked ones cannot.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/**
 * range_fits() - whether [start, start + count) lies inside [0, capacity).
 *
 * All three in the same unit.  An empty range fits if its start is not beyond
 * the end.
 */
static inline bool range_fits(uint64_t start, uint64_t count, uint64_t capacity)
{
	return start <= capacity && count <= capacity - start;
}

/** is_power_of_two() - 0 is none. */
static inline bool is_power_of_two(uint64_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
