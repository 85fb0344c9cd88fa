/*
 * Each accessor of shared memory as a function of its own, compiled as the
 * worker is: fuzz/tool/accessors.py looks how often its machine code reads.
 * Linked into nothing.
 */
#include "backend/worker/shared.h"

uint32_t accessor_load(const struct shared SHARED *memory, size_t offset);
uint32_t accessor_load_acquire(const struct shared SHARED *memory,
			       size_t offset);
void accessor_copy_out(uint32_t *to, const struct shared SHARED *memory,
		       size_t offset, size_t words);

uint32_t accessor_load(const struct shared SHARED *memory, size_t offset)
{
	return shared_load(memory, offset);
}

uint32_t accessor_load_acquire(const struct shared SHARED *memory,
			       size_t offset)
{
	return shared_load_acquire(memory, offset);
}

void accessor_copy_out(uint32_t *to, const struct shared SHARED *memory,
		       size_t offset, size_t words)
{
	shared_copy_out(to, memory, offset, words);
}
