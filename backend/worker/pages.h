/*
 * The pool of bounce pages of one queue.
 *
 * Address space for the cap is reserved once; memory is used as pages are taken
 * and given back to the host in batches when the queue has been idle for a
 * while.  Bounded, no allocation on the request path, used by one thread.
 * Pages keep their contents between uses: they only ever carry the same guest's
 * data, and only bytes that the image or the guest has just written are read.
 */
#pragma once

#include <stdint.h>

struct pages;

/** pages_create() - a pool of at most so many pages; 0 or -errno. */
int pages_create(unsigned int cap, struct pages **pages);

/** pages_destroy() - CHECKs that all are back; NULL is fine. */
void pages_destroy(struct pages *pages);

/** pages_take() - a page, or NULL when the cap is reached. */
void *pages_take(struct pages *pages);
void pages_give(struct pages *pages, void *page);

/** pages_available() - how many pages_take() would succeed now. */
unsigned int pages_available(const struct pages *pages);

/**
 * pages_resident() - pages whose memory is (or may be) in use by the process.
 */
unsigned int pages_resident(const struct pages *pages);

/**
 * pages_shrink() - give one batch of free pages back to the host.
 *
 * Return: how many are still resident and free.
 */
unsigned int pages_shrink(struct pages *pages);
