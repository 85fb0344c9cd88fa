/*
 * Patterns that tell where and when a sector was written.
 *
 * Every sector of 512 bytes carries its own number, a generation and a seed,
 * and 60 words that follow from them: a lost, torn, misplaced or stale write
 * shows itself, and the words say what is there instead.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERIFY_SECTOR_BYTES 512u

/* What one sector should hold. */
struct verify_stamp {
	uint64_t sector;
	uint32_t generation; /* how many times it was written */
	uint64_t seed;
};

/** verify_fill() - the pattern of one sector; data is aligned to 8 bytes. */
void verify_fill(void *data, const struct verify_stamp *stamp);

/** verify_matches() - whether a sector holds exactly that pattern. */
bool verify_matches(const void *data, const struct verify_stamp *stamp);

/** verify_complain() - a sentence about what the sector holds instead. */
void verify_complain(const void *data, const struct verify_stamp *stamp,
		     char *sentence, size_t bytes);

/** verify_difference() - offset of the first byte that differs, or bytes. */
size_t verify_difference(const void *left, const void *right, size_t bytes);
