/*
 * Memory that the guest can write at any moment.
 *
 * struct shared is never defined, so a pointer to it cannot be dereferenced:
 * the only way in is through these accessors, and only ring.c (and later the
 * reader of indirect pages) may include this header.  Each accessor makes
 * exactly one access to each byte, which the compiler can neither repeat nor
 * leave out: the guest can change memory between two looks, so there must be no
 * second look.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct shared;

/** shared_load() - one 32-bit word, read exactly once; offset in bytes. */
static inline uint32_t shared_load(const struct shared *memory, size_t offset)
{
	const char *bytes = (const char *)memory;

	return __atomic_load_n((const uint32_t *)(const void *)(bytes + offset),
			       __ATOMIC_RELAXED);
}

/* Later reads of ours cannot move before this one. */
static inline uint32_t shared_load_acquire(const struct shared *memory,
					   size_t offset)
{
	const char *bytes = (const char *)memory;

	return __atomic_load_n((const uint32_t *)(const void *)(bytes + offset),
			       __ATOMIC_ACQUIRE);
}

/** shared_store() - one 32-bit word, written exactly once; offset in bytes. */
static inline void shared_store(struct shared *memory, size_t offset,
				uint32_t value)
{
	char *bytes = (char *)memory;

	__atomic_store_n((uint32_t *)(void *)(bytes + offset), value,
			 __ATOMIC_RELAXED);
}

/* Earlier writes of ours cannot move behind this one. */
static inline void shared_store_release(struct shared *memory, size_t offset,
					uint32_t value)
{
	char *bytes = (char *)memory;

	__atomic_store_n((uint32_t *)(void *)(bytes + offset), value,
			 __ATOMIC_RELEASE);
}

/* Copies out whole 32-bit words; offset and words are ours, never the guest's.
 */
static inline void shared_copy_out(uint32_t *to, const struct shared *memory,
				   size_t offset, size_t words)
{
	for (size_t i = 0; i < words; i++)
		to[i] = shared_load(memory, offset + 4 * i);
}

/** shared_copy_in() - writes whole 32-bit words, each once. */
static inline void shared_copy_in(struct shared *memory, size_t offset,
				  const uint32_t *from, size_t words)
{
	for (size_t i = 0; i < words; i++)
		shared_store(memory, offset + 4 * i, from[i]);
}
