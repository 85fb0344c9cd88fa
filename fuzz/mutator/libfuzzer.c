/*
 * The mutator in libFuzzer: its two hooks, linked into the harnesses that play
 * scripts.
 *
 * What is not ours of a hundred mutations goes to libFuzzer's own havoc, which
 * also crosses inputs over when our crossing declines.
 */
#include <stddef.h>
#include <stdint.h>

#include "fuzz/mutator/mutator.h"
#include "fuzz/script.h"

/* The build says which one the harness speaks. */
static const struct language *const spoken = &MUTATOR_LANGUAGE;

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed);
/* libFuzzer's signature: the two scripts, the room, the seed. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size,
				 const uint8_t *other, size_t other_size,
				 uint8_t *out, size_t max, unsigned int seed);

static unsigned int share(void)
{
	static unsigned int known = UINT32_MAX;

	if (known == UINT32_MAX)
		known = mutator_share();
	return known;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed)
{
	if (max < SCRIPT_RECORD || seed % 100 >= share())
		return LLVMFuzzerMutate(data, size, max);
	return mutator_change(spoken, data, size, max, seed);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size,
				 const uint8_t *other, size_t other_size,
				 uint8_t *out, size_t max, unsigned int seed)
{
	const struct mutator_script scripts[] = {{one, one_size},
						 {other, other_size}};

	/* 0: libFuzzer tries something else. */
	if (seed % 100 >= share())
		return 0;
	return mutator_cross(spoken, &scripts[0], &scripts[1], out, max, seed);
}
