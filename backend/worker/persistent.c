/* The persistent-grant cache.  See persistent.h. */
#include "backend/worker/persistent.h"

#include <errno.h>
#include <stdlib.h>

#include "backend/base/check.h"
#include "backend/base/limits.h"

struct persistent_entry {
	uint32_t gref;
	uint32_t users;	   /* requests that hold it now */
	void SHARED *page; /* NULL: the entry is free */
	uint64_t used_ns;  /* when it was last put back */
	struct persistent_entry
		*chain; /* same bucket; or the next free entry */
	struct persistent_entry *newer, *older; /* idle entries only */
};

struct persistent {
	struct grants *grants;
	struct stats *stats;
	unsigned int cap;
	unsigned int count; /* mapped */
	unsigned int idle;  /* of those, without users */
	uint32_t mask;	    /* buckets - 1 */
	uint64_t now_ns;    /* as of the last tick */
	struct persistent_entry **bucket;
	struct persistent_entry *free;
	struct persistent_entry *newest, *oldest;
	struct persistent_entry entry[];
};

int persistent_create(unsigned int cap, struct grants *grants,
		      struct stats *stats, struct persistent **cache)
{
	struct persistent *c;
	uint32_t buckets = 1;

	CHECK(cap >= 1 && cap <= LIMIT_PERSISTENT);
	c = calloc(1, sizeof(*c) + cap * sizeof(c->entry[0]));
	if (!c)
		return -ENOMEM;
	while (buckets < 2 * cap)
		buckets *= 2;
	c->bucket = calloc(buckets, sizeof(c->bucket[0]));
	if (!c->bucket) {
		free(c);
		return -ENOMEM;
	}
	c->grants = grants;
	c->stats = stats;
	c->cap = cap;
	c->mask = buckets - 1;
	for (unsigned int i = cap; i-- > 0;) {
		c->entry[i].chain = c->free;
		c->free = &c->entry[i];
	}
	*cache = c;
	return 0;
}

/* Grefs of one guest are small and dense; a guest that chooses them to collide
 * makes only its own queue slower, and by no more than the cap. */
static struct persistent_entry **bucket_of(struct persistent *cache,
					   uint32_t gref)
{
	return &cache->bucket[(gref * 2654435761u >> 16 ^ gref) & cache->mask];
}

static void idle_remove(struct persistent *cache, struct persistent_entry *e)
{
	CHECK(e->users == 0);
	CHECK(cache->idle > 0);
	*(e->newer ? &e->newer->older : &cache->newest) = e->older;
	*(e->older ? &e->older->newer : &cache->oldest) = e->newer;
	e->newer = NULL;
	e->older = NULL;
	cache->idle--;
}

static void idle_insert(struct persistent *cache, struct persistent_entry *e)
{
	CHECK(e->users == 0);
	CHECK(e->newer == NULL && e->older == NULL);
	e->older = cache->newest;
	*(cache->newest ? &cache->newest->newer : &cache->oldest) = e;
	cache->newest = e;
	cache->idle++;
}

/* Unmap one idle entry and make it free. */
static void evict(struct persistent *cache, struct persistent_entry *e)
{
	struct persistent_entry **link = bucket_of(cache, e->gref);

	CHECK(e->page != NULL);
	idle_remove(cache, e);
	while (*link != e) {
		CHECK(*link != NULL);
		link = &(*link)->chain;
	}
	*link = e->chain;
	grants_unmap(cache->grants, e->page, &e->gref, 1);
	e->page = NULL;
	e->chain = cache->free;
	cache->free = e;
	cache->count--;
	stats_add(&cache->stats->persistent_evictions, 1);
}

void persistent_destroy(struct persistent *cache)
{
	if (!cache)
		return;
	while (cache->oldest)
		evict(cache, cache->oldest);
	CHECK(cache->count == 0);
	free(cache->bucket);
	free(cache);
}

void persistent_tick(struct persistent *cache, uint64_t now_ns)
{
	CHECK(now_ns >= cache->now_ns);
	cache->now_ns = now_ns;
}

/* A place for one more: a free one, or that of a page nobody wants now. */
static bool has_place(const struct persistent *cache)
{
	const struct persistent_entry *oldest = cache->oldest;

	if (cache->free)
		return true;
	return oldest && cache->now_ns >= oldest->used_ns &&
	       cache->now_ns - oldest->used_ns >= LIMIT_PERSISTENT_STAY_NS;
}

static struct persistent_entry *map_new(struct persistent *cache, uint32_t gref)
{
	struct persistent_entry *e;
	void SHARED *page;

	CHECK(cache->count <= cache->cap);
	if (!has_place(cache))
		return NULL;
	page = grants_map(cache->grants, &gref, 1);
	if (!page)
		return NULL;
	/* Evict only for a page that we have: a guest's bad gref must not be
	 * able to empty the cache. */
	if (!cache->free)
		evict(cache, cache->oldest);
	e = cache->free;
	CHECK(e != NULL && e->users == 0);
	cache->free = e->chain;
	e->gref = gref;
	e->page = page;
	e->chain = *bucket_of(cache, gref);
	*bucket_of(cache, gref) = e;
	cache->count++;
	stats_add(&cache->stats->persistent_maps, 1);
	return e;
}

struct persistent_entry *persistent_get(struct persistent *cache, uint32_t gref)
{
	struct persistent_entry *e = *bucket_of(cache, gref);

	while (e && e->gref != gref)
		e = e->chain;
	if (e) {
		CHECK(e->page != NULL);
		if (e->users == 0)
			idle_remove(cache, e);
		stats_add(&cache->stats->persistent_hits, 1);
	} else {
		e = map_new(cache, gref);
		if (!e)
			return NULL;
	}
	e->users++;
	return e;
}

void persistent_put(struct persistent *cache, struct persistent_entry *entry,
		    uint64_t now_ns)
{
	CHECK(entry->users > 0);
	CHECK(entry->page != NULL);
	entry->used_ns = now_ns;
	if (--entry->users == 0)
		idle_insert(cache, entry);
}

void *persistent_page(const struct persistent_entry *entry)
{
	CHECK(entry->users > 0);
	return shared_for_kernel(entry->page);
}

void persistent_copy_in(const struct persistent_entry *entry,
			unsigned int offset, void *to, size_t bytes)
{
	CHECK(entry->users > 0);
	CHECK(bytes <= XEN_PAGE_BYTES - offset);
	shared_read(to, entry->page, offset, bytes);
}

void persistent_copy_words(const struct persistent_entry *entry, uint32_t *to,
			   size_t words)
{
	CHECK(entry->users > 0);
	CHECK(words <= XEN_PAGE_BYTES / 4);
	shared_copy_out(to, entry->page, 0, words);
}

void persistent_copy_out(const struct persistent_entry *entry,
			 unsigned int offset, const void *from, size_t bytes)
{
	CHECK(entry->users > 0);
	CHECK(bytes <= XEN_PAGE_BYTES - offset);
	shared_write(entry->page, offset, from, bytes);
}

uint64_t persistent_expire(struct persistent *cache, uint64_t before_ns)
{
	while (cache->oldest && cache->oldest->used_ns < before_ns)
		evict(cache, cache->oldest);
	return cache->oldest ? cache->oldest->used_ns : UINT64_MAX;
}

unsigned int persistent_count(const struct persistent *cache)
{
	return cache->count;
}

void persistent_check(const struct persistent *cache)
{
	const struct persistent_entry *newer = NULL;
	unsigned int idle = 0;
	unsigned int mapped = 0;

	for (const struct persistent_entry *e = cache->newest; e;
	     e = e->older) {
		CHECK(e->users == 0 && e->page != NULL);
		CHECK(e->newer == newer);
		CHECK(!newer || e->used_ns <= newer->used_ns);
		newer = e;
		idle++;
	}
	CHECK(cache->oldest == newer);
	CHECK(idle == cache->idle);
	for (unsigned int i = 0; i < cache->cap; i++)
		mapped += cache->entry[i].page != NULL;
	CHECK(mapped == cache->count && mapped <= cache->cap);
}
