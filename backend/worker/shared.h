/*
 * Memory that the guest can write at any moment.
 *
 * struct shared is never defined, and a pointer that is SHARED cannot be
 * dereferenced as any other type either, without a cast that says so: clang
 * refuses it (noderef).  The only way in is through these accessors, which only
 * ring.c and persistent.c may call.  Each accessor makes exactly one access to
 * each byte, which the compiler can neither repeat nor leave out: the guest can
 * change memory between two looks, so there must be no second look.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct shared;

/* Of what a pointer points to: not to be dereferenced.  gcc has no such thing.
 */
#if defined(__clang__)
#define SHARED __attribute__((noderef))
#else
#define SHARED
#endif

/* The one cast that takes that away. */
static inline char *shared_bytes(const void SHARED *memory)
{
	return (char *)(uintptr_t)memory;
}

/**
 * shared_for_kernel() - the address, for calls that do not look at what lies
 * there on our behalf: an iovec, an unmap.
 */
static inline void *shared_for_kernel(const void SHARED *memory)
{
	return shared_bytes(memory);
}

/** shared_load() - one 32-bit word, read exactly once; offset in bytes. */
static inline uint32_t shared_load(const struct shared SHARED *memory,
				   size_t offset)
{
	const char *bytes = shared_bytes(memory);

	return __atomic_load_n((const uint32_t *)(const void *)(bytes + offset),
			       __ATOMIC_RELAXED);
}

/* Later reads of ours cannot move before this one. */
static inline uint32_t shared_load_acquire(const struct shared SHARED *memory,
					   size_t offset)
{
	const char *bytes = shared_bytes(memory);

	return __atomic_load_n((const uint32_t *)(const void *)(bytes + offset),
			       __ATOMIC_ACQUIRE);
}

/** shared_store() - one 32-bit word, written exactly once; offset in bytes. */
static inline void shared_store(struct shared SHARED *memory, size_t offset,
				uint32_t value)
{
	char *bytes = shared_bytes(memory);

	__atomic_store_n((uint32_t *)(void *)(bytes + offset), value,
			 __ATOMIC_RELAXED);
}

/* Earlier writes of ours cannot move behind this one. */
static inline void shared_store_release(struct shared SHARED *memory,
					size_t offset, uint32_t value)
{
	char *bytes = shared_bytes(memory);

	__atomic_store_n((uint32_t *)(void *)(bytes + offset), value,
			 __ATOMIC_RELEASE);
}

/* Copies out whole 32-bit words; offset and words are ours, never the guest's.
 */
static inline void shared_copy_out(uint32_t *to,
				   const struct shared SHARED *memory,
				   size_t offset, size_t words)
{
	for (size_t i = 0; i < words; i++)
		to[i] = shared_load(memory, offset + 4 * i);
}

/** shared_copy_in() - writes whole 32-bit words, each once. */
static inline void shared_copy_in(struct shared SHARED *memory, size_t offset,
				  const uint32_t *from, size_t words)
{
	for (size_t i = 0; i < words; i++)
		shared_store(memory, offset + 4 * i, from[i]);
}

/**
 * shared_read() - whole sectors of data, of which nothing is ever judged: the
 * guest may change them meanwhile.
 */
static inline void shared_read(void *to, const void SHARED *memory,
			       size_t offset, size_t bytes)
{
	memcpy(to, shared_bytes(memory) + offset, bytes);
}

/** shared_write() - likewise, into the guest's page. */
static inline void shared_write(void SHARED *memory, size_t offset,
				const void *from, size_t bytes)
{
	memcpy(shared_bytes(memory) + offset, from, bytes);
}
