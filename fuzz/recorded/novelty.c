/* A set of numbers.  See novelty.h. */
#include "fuzz/recorded/novelty.h"

bool novelty_add(struct novelty *novelty, uint64_t feature)
{
	/* 0 stands for a free place. */
	const uint64_t wanted = feature | 1;
	uint64_t at = wanted >> 20;

	if (novelty->count >= NOVELTY_SLOTS / 2)
		return false;
	for (;; at++) {
		uint64_t *slot = &novelty->feature[at % NOVELTY_SLOTS];

		if (*slot == wanted)
			return false;
		if (*slot != 0)
			continue;
		*slot = wanted;
		novelty->count++;
		return true;
	}
}
