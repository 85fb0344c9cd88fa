/*
 * Patterns of sectors: filled before a write, compared after a read.
 *
 * Pure; called by load.c for every verified sector, and by xenblk-front for the
 * comparison with a file.
 */
#include "frontend/verify.h"

#include <stdio.h>
#include <string.h>

#define WORDS (VERIFY_SECTOR_BYTES / sizeof(uint64_t))

/* Words 0 and 1 are readable, the rest is computed from them. */
enum {
	WORD_SECTOR,
	WORD_GENERATION,
	WORD_SEED,
	WORD_FIRST,
};

static uint64_t mix(uint64_t x)
{
	x ^= x >> 31;
	x *= 0x7fb5d329728ea185ull;
	x ^= x >> 27;
	x *= 0x81dadef4bc2dd44dull;
	return x ^ x >> 33;
}

/* An odd step from a mixed start: cheap, and no two stamps share a sequence. */
static uint64_t start_of(const struct verify_stamp *stamp)
{
	return mix(stamp->seed ^ mix(stamp->sector) ^
		   mix((uint64_t)stamp->generation << 32 | 0x5eed));
}

#define STEP 0x9e3779b97f4a7c15ull

void verify_fill(void *data, const struct verify_stamp *stamp)
{
	uint64_t *word = data;
	uint64_t value = start_of(stamp);

	word[WORD_SECTOR] = stamp->sector;
	word[WORD_GENERATION] = stamp->generation;
	word[WORD_SEED] = stamp->seed;
	for (size_t i = WORD_FIRST; i < WORDS; i++) {
		word[i] = value;
		value += STEP;
	}
}

bool verify_matches(const void *data, const struct verify_stamp *stamp)
{
	const uint64_t *word = data;
	uint64_t value = start_of(stamp);
	uint64_t wrong = (word[WORD_SECTOR] ^ stamp->sector) |
			 (word[WORD_GENERATION] ^ stamp->generation) |
			 (word[WORD_SEED] ^ stamp->seed);

	for (size_t i = WORD_FIRST; i < WORDS; i++) {
		wrong |= word[i] ^ value;
		value += STEP;
	}
	return wrong == 0;
}

static bool is_zero(const uint64_t *word)
{
	uint64_t any = 0;

	for (size_t i = 0; i < WORDS; i++)
		any |= word[i];
	return any == 0;
}

void verify_complain(const void *data, const struct verify_stamp *stamp,
		     char *sentence, size_t bytes)
{
	const uint64_t *word = data;
	char found[96];

	if (is_zero(word))
		snprintf(found, sizeof(found), "only zeroes");
	else if (word[WORD_SEED] == stamp->seed)
		snprintf(found, sizeof(found), "sector %llu, generation %llu%s",
			 (unsigned long long)word[WORD_SECTOR],
			 (unsigned long long)word[WORD_GENERATION],
			 word[WORD_SECTOR] == stamp->sector &&
					 word[WORD_GENERATION] ==
						 stamp->generation
				 ? ", damaged"
				 : "");
	else
		snprintf(found, sizeof(found), "something else");
	snprintf(sentence, bytes,
		 "sector %llu should hold generation %u, it holds %s",
		 (unsigned long long)stamp->sector, stamp->generation, found);
}

size_t verify_difference(const void *left, const void *right, size_t bytes)
{
	const uint8_t *a = left, *b = right;
	size_t i = 0;

	if (!memcmp(a, b, bytes))
		return bytes;
	while (a[i] == b[i])
		i++;
	return i;
}
