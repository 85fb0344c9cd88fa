/*
 * Refetch: nobody looks twice at a byte that the guest can change.
 *
 * A slot of a ring has an epoch for each request that stands in it: it begins
 * when the backend may take that request, and the next one when it may take
 * the next from the same slot (using a slot again is legal).  A second look at
 * a byte within one epoch is an error by itself, whatever follows from it; so
 * is one at the rest of a ring's pages within one connection.  req_prod,
 * req_event and rsp_event are there to be looked at again, and are not judged.
 *
 * A byte of a data page may be read as often as requests name its page: looks
 * and names are counted while any of them is in flight.
 *
 * What the backend saw at its first look is kept: that, and nothing that the
 * guest writes later, is the request that the model expects to be carried out.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct model;

/** refetch_begin() - a play begins. */
void refetch_begin(void);

/** refetch_connect() - the pages of this ring, so many bytes, are mapped anew.
 */
void refetch_connect(unsigned int queue, size_t bytes);

/** refetch_epochs() - requests from @first on, before @end, may be taken now.
 */
void refetch_epochs(const struct model *model, unsigned int queue,
		    uint32_t first, uint32_t end);

/** refetch_ring() - a look at bytes of a ring; flips strike first. */
void refetch_ring(struct model *model, unsigned int queue, size_t at,
		  size_t bytes);

/**
 * refetch_slot() - a request that was taken, as the backend saw it: of bytes
 * that it has not looked at, those that stand there.
 */
void refetch_slot(const struct model *model, unsigned int queue, uint32_t index,
		  uint8_t *slot);

/** refetch_data() - a look at bytes of a data page. */
void refetch_data(unsigned int page, size_t at, size_t bytes);

/** refetch_named() - a request that was taken names these data pages. */
void refetch_named(uint32_t pages);

/** refetch_check() - all requests that were taken are known by now. */
void refetch_check(const struct model *model);

/** refetch_settle() - forget pages that no request in flight names any more. */
void refetch_settle(const struct model *model);
