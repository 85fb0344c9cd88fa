/*
 * The cache of persistent grants of one queue (C5 to C11).
 *
 * Keyed by gref, O(1) to look up.  Entries in use by a request are never
 * unmapped; idle ones stand in a list in the order of their last use, so that
 * the least recently used goes first (C10) and a purge costs what it evicts.
 * Bounded by its cap; a miss beyond it evicts one entry that was not used for
 * LIMIT_PERSISTENT_STAY_NS or fails, and the caller copies instead: the cache
 * makes requests faster, never possible.  Mapping a page costs many copies of
 * it, so that a cache which turns over for every request is worse than none.
 *
 * Each grant is mapped on its own, so that each can be unmapped on its own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "backend/base/stats.h"
#include "backend/worker/grants.h"

struct persistent;
struct persistent_entry;

/** persistent_create() - an empty cache of at most cap entries; 0 or -errno. */
int persistent_create(unsigned int cap, struct grants *grants,
		      struct stats *stats, struct persistent **cache);

/**
 * persistent_destroy() - unmap all; CHECKs that none is in use; NULL is fine.
 */
void persistent_destroy(struct persistent *cache);

/** persistent_tick() - what time it is for those that follow; never less. */
void persistent_tick(struct persistent *cache, uint64_t now_ns);

/**
 * persistent_get() - the page of this grant, mapped now if it was not.
 *
 * May be called again for a gref in use (Q15).  Return: an entry to be put
 * back, or NULL when it cannot be mapped or the cache is full of entries in
 * use or used of late.
 */
struct persistent_entry *persistent_get(struct persistent *cache,
					uint32_t gref);

/** persistent_put() - one user less; it becomes the most recently used. */
void persistent_put(struct persistent *cache, struct persistent_entry *entry,
		    uint64_t now_ns);

/**
 * persistent_page() - where it is mapped, for the disk's transfers; valid until
 * it is put back.
 */
void *persistent_page(const struct persistent_entry *entry);

/**
 * persistent_copy_in() - bytes of the guest's page into ours; both in one page.
 *
 * The guest may change them meanwhile: data, of which nothing is ever judged.
 */
void persistent_copy_in(const struct persistent_entry *entry,
			unsigned int offset, void *to, size_t bytes);

/**
 * persistent_copy_words() - descriptors from the beginning of the guest's page,
 * each word read once: what they say is judged on the copy.
 */
void persistent_copy_words(const struct persistent_entry *entry, uint32_t *to,
			   size_t words);

/** persistent_copy_out() - bytes of ours into the guest's page. */
void persistent_copy_out(const struct persistent_entry *entry,
			 unsigned int offset, const void *from, size_t bytes);

/**
 * persistent_expire() - unmap idle entries that were last used before
 * @before_ns.
 *
 * Return: last use of the oldest one left, or UINT64_MAX when none is idle.
 */
uint64_t persistent_expire(struct persistent *cache, uint64_t before_ns);

/** persistent_count() - entries, in use and idle. */
unsigned int persistent_count(const struct persistent *cache);

/** persistent_check() - CHECK every relation (walks all entries). */
void persistent_check(const struct persistent *cache);
