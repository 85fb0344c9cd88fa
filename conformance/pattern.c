/* Patterns: see pattern.h.  Pure functions. */
#include "conformance/pattern.h"

#include <string.h>

#define WORDS (PATTERN_SECTOR_BYTES / sizeof(uint64_t))

/* SplitMix64's finisher: cheap, and neighbours look nothing alike. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static uint64_t word_at(uint64_t seed, uint64_t sector, size_t i)
{
	return mix(seed * WORDS * 0x100000001b3u + sector * WORDS + i);
}

void pattern_fill(void *data, uint64_t seed, uint64_t sector, size_t sectors)
{
	unsigned char *out = data;

	for (size_t n = 0; n < sectors * WORDS; n++) {
		uint64_t word = word_at(seed, sector + n / WORDS, n % WORDS);

		memcpy(out + n * sizeof(word), &word, sizeof(word));
	}
}

long pattern_differs(const void *data, uint64_t seed, uint64_t sector,
		     size_t sectors)
{
	const unsigned char *in = data;
	unsigned char right[PATTERN_SECTOR_BYTES];

	for (size_t n = 0; n < sectors; n++) {
		const unsigned char *at = in + n * PATTERN_SECTOR_BYTES;

		pattern_fill(right, seed, sector + n, 1);
		for (size_t i = 0; i < PATTERN_SECTOR_BYTES; i++) {
			if (at[i] != right[i])
				return (long)(n * PATTERN_SECTOR_BYTES + i);
		}
	}
	return -1;
}
