/*
 * Data that can be checked: every sector of a pattern is different, and says
 * which seed and which sector it belongs to.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATTERN_SECTOR_BYTES 512u
#define PATTERN_SENTINEL     0xa5 /* what a page holds before a read */

/** pattern_fill() - so many sectors of the pattern of seed, from this disk
 * sector. */
void pattern_fill(void *data, uint64_t seed, uint64_t sector, size_t sectors);

/**
 * pattern_differs() - the first byte that is not as pattern_fill() makes it.
 *
 * Return: its offset, or -1 when all are right.
 */
long pattern_differs(const void *data, uint64_t seed, uint64_t sector,
		     size_t sectors);
