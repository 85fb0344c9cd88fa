/*
 * What a queue's pages and kept grants cost when all queues of a device share
 * them: one pool, one cache, one lock.  For the bench only.
 *
 * Linked into xenblk-worker-shared, where --wrap puts it between submit.c, io.c
 * and the queue's own pages.c and persistent.c: all the rest of the worker, and
 * the code of pool and cache, are the same in both designs.  A worker is one
 * device, so that the device hangs from the file here.  Queues come and go on
 * the main thread, before and after their threads run; in between every call
 * takes the lock, once for each page.
 *
 * It must never serve anybody: a queue whose device ran out of pages would not
 * be told when there are some again, so that it aborts instead.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "backend/base/check.h"
#include "backend/base/limits.h"
#include "backend/worker/pages.h"
#include "backend/worker/persistent.h"

int __real_pages_create(unsigned int cap, struct pages **pages);
void __real_pages_destroy(struct pages *pages);
void *__real_pages_take(struct pages *pages);
void __real_pages_give(struct pages *pages, void *page);
unsigned int __real_pages_available(const struct pages *pages);
unsigned int __real_pages_resident(const struct pages *pages);
unsigned int __real_pages_shrink(struct pages *pages);
int __real_persistent_create(unsigned int cap, struct grants *grants,
			     struct stats *stats, struct persistent **cache);
void __real_persistent_destroy(struct persistent *cache);
void __real_persistent_tick(struct persistent *cache, uint64_t now_ns);
struct persistent_entry *__real_persistent_get(struct persistent *cache,
					       uint32_t gref);
void __real_persistent_put(struct persistent *cache,
			   struct persistent_entry *entry, uint64_t now_ns);
uint64_t __real_persistent_expire(struct persistent *cache, uint64_t before_ns);
unsigned int __real_persistent_count(const struct persistent *cache);
void __real_persistent_check(const struct persistent *cache);

int __wrap_pages_create(unsigned int cap, struct pages **pages);
void __wrap_pages_destroy(struct pages *pages);
void *__wrap_pages_take(struct pages *pages);
void __wrap_pages_give(struct pages *pages, void *page);
unsigned int __wrap_pages_available(const struct pages *pages);
unsigned int __wrap_pages_resident(const struct pages *pages);
unsigned int __wrap_pages_shrink(struct pages *pages);
int __wrap_persistent_create(unsigned int cap, struct grants *grants,
			     struct stats *stats, struct persistent **cache);
void __wrap_persistent_destroy(struct persistent *cache);
void __wrap_persistent_tick(struct persistent *cache, uint64_t now_ns);
struct persistent_entry *__wrap_persistent_get(struct persistent *cache,
					       uint32_t gref);
void __wrap_persistent_put(struct persistent *cache,
			   struct persistent_entry *entry, uint64_t now_ns);
uint64_t __wrap_persistent_expire(struct persistent *cache, uint64_t before_ns);
unsigned int __wrap_persistent_count(const struct persistent *cache);
void __wrap_persistent_check(const struct persistent *cache);

/* What a queue holds of the pool, so that it finds its books in order. */
struct share {
	unsigned int cap, taken;
};

static struct {
	pthread_mutex_t lock;
	uint64_t locked, waited; /* how often; of these, when it was taken */
	struct pages *pages;
	unsigned int shares, taken;
	struct persistent *cache;
	uint64_t now_ns;
} device = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void lock(void)
{
	if (pthread_mutex_trylock(&device.lock) != 0) {
		CHECK(pthread_mutex_lock(&device.lock) == 0);
		device.waited++;
	}
	device.locked++;
}

static void unlock(void)
{
	CHECK(pthread_mutex_unlock(&device.lock) == 0);
}

/* Queues look at their clocks at different times; the cache knows one time. */
static uint64_t later(uint64_t now_ns)
{
	if (now_ns > device.now_ns)
		device.now_ns = now_ns;
	return device.now_ns;
}

/* --- pages --- */

static const struct share *books(const struct pages *pages)
{
	const struct share *share = (const struct share *)pages;

	CHECK(share->taken <= share->cap);
	CHECK(share->taken <= device.taken);
	return share;
}

static struct share *share_of(struct pages *pages)
{
	CHECK(books(pages)->cap > 0);
	return (struct share *)pages;
}

int __wrap_pages_create(unsigned int cap, struct pages **pages)
{
	struct share *share = calloc(1, sizeof(*share));
	int error = 0;

	if (!share)
		return -ENOMEM;
	share->cap = cap;
	if (device.shares == 0)
		error = __real_pages_create(LIMIT_POOL_PAGES, &device.pages);
	if (error) {
		free(share);
		return error;
	}
	device.shares++;
	*pages = (struct pages *)share;
	return 0;
}

void __wrap_pages_destroy(struct pages *pages)
{
	if (!pages)
		return;
	CHECK(share_of(pages)->taken == 0);
	free(pages);
	if (--device.shares > 0)
		return;
	__real_pages_destroy(device.pages);
	device.pages = NULL;
	fprintf(stderr,
		"xenblk-worker-shared: locked %" PRIu64 " waited %" PRIu64 "\n",
		device.locked, device.waited);
}

void *__wrap_pages_take(struct pages *pages)
{
	struct share *share;
	void *page;

	lock();
	CHECK(device.pages != NULL);
	share = share_of(pages);
	page = share->taken < share->cap ? __real_pages_take(device.pages)
					 : NULL;
	/* A load of the bench fits into the pool. */
	CHECK(page != NULL || share->taken == share->cap);
	share->taken += page != NULL;
	device.taken += page != NULL;
	unlock();
	return page;
}

void __wrap_pages_give(struct pages *pages, void *page)
{
	struct share *share;

	lock();
	share = share_of(pages);
	CHECK(share->taken > 0);
	__real_pages_give(device.pages, page);
	share->taken--;
	device.taken--;
	unlock();
}

unsigned int __wrap_pages_available(const struct pages *pages)
{
	const struct share *share = (const struct share *)pages;

	/* Its own books: nobody else writes them. */
	return share->cap - share->taken;
}

unsigned int __wrap_pages_resident(const struct pages *pages)
{
	unsigned int resident;

	lock();
	/* What others use is none of this queue's that it could give back. */
	resident = __real_pages_resident(device.pages) -
		   (device.taken - books(pages)->taken);
	unlock();
	return resident;
}

unsigned int __wrap_pages_shrink(struct pages *pages)
{
	unsigned int left;

	lock();
	CHECK(share_of(pages)->taken <= device.taken);
	left = __real_pages_shrink(device.pages);
	unlock();
	return left;
}

/* --- kept grants: every queue's handle is the cache itself --- */

/* The handle of the queue that comes first maps for all of them. */
int __wrap_persistent_create(unsigned int cap, struct grants *grants,
			     struct stats *stats, struct persistent **cache)
{
	int error = 0;

	CHECK(cap >= 1);
	if (!device.cache)
		error = __real_persistent_create(LIMIT_PERSISTENT, grants,
						 stats, &device.cache);
	*cache = device.cache;
	return error;
}

/* The first queue to go takes it along: all of them have drained. */
void __wrap_persistent_destroy(struct persistent *cache)
{
	if (!cache || cache != device.cache)
		return;
	CHECK(device.shares > 0);
	__real_persistent_destroy(cache);
	device.cache = NULL;
	device.now_ns = 0;
}

void __wrap_persistent_tick(struct persistent *cache, uint64_t now_ns)
{
	lock();
	__real_persistent_tick(cache, later(now_ns));
	unlock();
}

struct persistent_entry *__wrap_persistent_get(struct persistent *cache,
					       uint32_t gref)
{
	struct persistent_entry *entry;

	lock();
	entry = __real_persistent_get(cache, gref);
	unlock();
	return entry;
}

void __wrap_persistent_put(struct persistent *cache,
			   struct persistent_entry *entry, uint64_t now_ns)
{
	lock();
	__real_persistent_put(cache, entry, later(now_ns));
	unlock();
}

uint64_t __wrap_persistent_expire(struct persistent *cache, uint64_t before_ns)
{
	uint64_t oldest;

	lock();
	oldest = __real_persistent_expire(cache, before_ns);
	unlock();
	return oldest;
}

unsigned int __wrap_persistent_count(const struct persistent *cache)
{
	unsigned int count;

	lock();
	count = __real_persistent_count(cache);
	unlock();
	return count;
}

void __wrap_persistent_check(const struct persistent *cache)
{
	lock();
	__real_persistent_check(cache);
	unlock();
}
