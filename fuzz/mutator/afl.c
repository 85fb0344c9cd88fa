/*
 * The mutator as a library that afl-fuzz loads (AFL_CUSTOM_MUTATOR_LIBRARY).
 *
 * afl-fuzz asks it first for every input and plays its own havoc afterwards, so
 * that both have about half.  It looks into none of afl-fuzz's structures: one
 * build serves every version that knows these names.  XENBLK_HARNESS names the
 * harness; without it, one that plays a guest's scripts.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/mutator/mutator.h"
#include "fuzz/script.h"

/* More than the longest script that is played whole; the rest is ignored. */
#define OUTPUT_MAX 4096u

struct afl_mutator {
	const struct language *language;
	uint32_t seed;
	uint8_t output[OUTPUT_MAX];
};

/* The library's interface: doc/custom_mutators.md of AFL++. */
void *afl_custom_init(void *afl, unsigned int seed);
size_t afl_custom_fuzz(void *mutator, uint8_t *data, size_t size, uint8_t **out,
		       uint8_t *other, size_t other_size, size_t max);
void afl_custom_deinit(void *mutator);

/* afl-fuzz does not say for whom it loads us. */
static const struct language *spoken(void)
{
	const char *harness = getenv("XENBLK_HARNESS");
	const struct language *language =
		harness == NULL ? NULL : language_of(harness);

	return language == NULL ? &language_guest : language;
}

void *afl_custom_init(void *afl, unsigned int seed)
{
	struct afl_mutator *m = calloc(1, sizeof(*m));

	(void)afl;
	if (m == NULL)
		return NULL;
	m->language = spoken();
	m->seed = seed;
	return m;
}

size_t afl_custom_fuzz(void *mutator, uint8_t *data, size_t size, uint8_t **out,
		       uint8_t *other, size_t other_size, size_t max)
{
	struct afl_mutator *m = mutator;
	const struct mutator_script one = {data, size};
	const struct mutator_script two = {other, other_size};

	m->seed++;
	*out = m->output;
	if (max > OUTPUT_MAX)
		max = OUTPUT_MAX;
	if (other != NULL && m->seed % 4 == 0)
		return mutator_cross(m->language, &one, &two, m->output, max,
				     m->seed);
	if (size > max)
		size = max;
	memcpy(m->output, data, size);
	return mutator_change(m->language, m->output, size, max, m->seed);
}

void afl_custom_deinit(void *mutator)
{
	free(mutator);
}
