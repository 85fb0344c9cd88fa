/*
 * Granted pages: a pool per handle, with a last-in first-out list of free
 * pages.
 *
 * LIFO because a backend that keeps grants mapped has a bounded cache: the
 * pages that were used last are the ones it still knows.  Each page is shared
 * by a call of its own, so that each grant can be ended alone.  Called by
 * front.c and transfer.c; a pool has one user at a time and no lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/inside.h"

int front_pool_init(struct front_pool *pool, uint32_t peer, bool ends_grants)
{
	*pool = (struct front_pool){
		.handle = xengntshr_open(NULL, 0),
		.peer = peer,
		.ends_grants = ends_grants,
	};
	return pool->handle ? 0 : -(errno ? errno : ENODEV);
}

void front_pool_fini(struct front_pool *pool)
{
	for (uint32_t i = 0; i < pool->count; i++)
		if (pool->page[i].data)
			xengntshr_unshare(pool->handle, pool->page[i].data, 1);
	free(pool->page);
	if (pool->handle)
		xengntshr_close(pool->handle);
	*pool = (struct front_pool){0};
}

static int pool_grow(struct front_pool *pool)
{
	uint32_t capacity = pool->capacity ? pool->capacity * 2 : 64;
	struct front_pool_page *page =
		reallocarray(pool->page, capacity, sizeof(*page));

	if (!page)
		return -ENOMEM;
	pool->page = page;
	pool->capacity = capacity;
	return 0;
}

/* A slot without a page: one that was ended, or the next of the table. */
static int pool_slot(struct front_pool *pool, uint32_t *slot)
{
	if (pool->holes) {
		*slot = pool->holes - 1;
		pool->holes = pool->page[*slot].next;
		return 0;
	}
	if (pool->count == pool->capacity) {
		int err = pool_grow(pool);

		if (err)
			return err;
	}
	*slot = pool->count++;
	pool->page[*slot] = (struct front_pool_page){0};
	return 0;
}

static void pool_slot_free(struct front_pool *pool, uint32_t slot)
{
	pool->page[slot].data = NULL;
	pool->page[slot].next = pool->holes;
	pool->holes = slot + 1;
}

static int pool_share(struct front_pool *pool, bool writable, uint32_t *slot)
{
	struct front_pool_page *page;
	int err = pool_slot(pool, slot);

	if (err)
		return err;
	page = &pool->page[*slot];
	page->writable = writable;
	page->data = xengntshr_share_pages(pool->handle, pool->peer, 1,
					   &page->gref, writable);
	if (!page->data) {
		err = -(errno ? errno : ENOMEM);
		pool_slot_free(pool, *slot);
	}
	return err;
}

int front_pool_get(struct front_pool *pool, bool writable,
		   struct front_page *page)
{
	uint32_t *list = &pool->free[writable];
	uint32_t slot;
	int err;

	if (*list) {
		slot = *list - 1;
		*list = pool->page[slot].next;
	} else {
		err = pool_share(pool, writable, &slot);
		if (err)
			return err;
	}
	page->data = pool->page[slot].data;
	page->gref = pool->page[slot].gref;
	page->slot = slot;
	return 0;
}

int front_pool_end(struct front_pool *pool, struct front_page *page)
{
	if (xengntshr_unshare(pool->handle, page->data, 1))
		return -(errno ? errno : EBUSY);
	pool_slot_free(pool, page->slot);
	*page = (struct front_page){0};
	return 0;
}

void front_pool_put(struct front_pool *pool, struct front_page *page)
{
	uint32_t *list;

	/* A page that the backend still maps goes back to the list instead. */
	if (pool->ends_grants && !front_pool_end(pool, page))
		return;
	list = &pool->free[pool->page[page->slot].writable];
	pool->page[page->slot].next = *list;
	*list = page->slot + 1;
	*page = (struct front_page){0};
}

int front_page_get(struct front *front, struct front_page *page)
{
	int err = front_pool_get(&front->pool, true, page);

	if (!err)
		memset(page->data, 0, FRONT_PAGE_BYTES);
	return err;
}

int front_page_get_readonly(struct front *front, struct front_page *page)
{
	int err = front_pool_get(&front->pool, false, page);

	if (!err)
		memset(page->data, 0, FRONT_PAGE_BYTES);
	return err;
}

void front_page_put(struct front *front, struct front_page *page)
{
	front_pool_put(&front->pool, page);
}

int front_page_end(struct front *front, struct front_page *page)
{
	return front_pool_end(&front->pool, page);
}

int front_queue_page_get(struct front_queue *queue, struct front_page *page)
{
	return front_pool_get(&queue->pool, true, page);
}

void front_queue_page_put(struct front_queue *queue, struct front_page *page)
{
	front_pool_put(&queue->pool, page);
}
