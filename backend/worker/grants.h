/*
 * Grants: the only caller of xengnttab_*.
 *
 * One handle per queue, opened before the worker is confined.  It maps pages (a
 * ring, or one page to keep), unmaps them, and copies segments in batches.  It
 * knows neither requests nor rings.  Counts what is mapped, so that a detach
 * can prove that nothing is left.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/limits.h"
#include "backend/worker/recorder.h"
#include "backend/worker/shared.h"

/* Segments that one batch of copies can hold: the longest request, or a turn's
 * direct ones, all of them full. */
#define GRANTS_COPY_BATCH LIMIT_INDIRECT_SEGMENTS
_Static_assert(GRANTS_COPY_BATCH >= LIMIT_TURN_REQUESTS * LIMIT_SEGMENTS,
	       "one call for a turn's direct requests");

struct grants;

/** grants_create() - open a handle for this guest; 0 or -errno. */
int grants_create(uint32_t domid, struct grants **grants);

/** grants_destroy() - close it; CHECKs that nothing is mapped; NULL is fine. */
void grants_destroy(struct grants *grants);

/** grants_record() - let this recorder know of everything; NULL: nobody. */
void grants_record(struct grants *grants, struct recorder *recorder);

/**
 * grants_map() - map so many grants as one writable range.
 *
 * Return: its address, or NULL (the guest's grants were not fit for that, or a
 * limit of this host was reached).
 */
void SHARED *grants_map(struct grants *grants, const uint32_t *grefs,
			unsigned int count);

/** grants_unmap() - give back exactly what one grants_map() returned. */
void grants_unmap(struct grants *grants, void SHARED *memory,
		  const uint32_t *grefs, unsigned int count);

/** grants_mapped() - pages that are mapped through this handle now. */
unsigned int grants_mapped(const struct grants *grants);

/* --- copies: collect, run once, ask how each went --- */

/* One segment: bytes [offset, offset + length) of the guest's page. */
struct grants_span {
	uint32_t gref;
	uint16_t offset;
	uint16_t length;
};

/** grants_copy_room() - how many segments the batch still takes. */
unsigned int grants_copy_room(const struct grants *grants);

/** grants_copy_in() - from the guest's page to ours, when the batch runs. */
void grants_copy_in(struct grants *grants, const struct grants_span *from,
		    void *to);

/** grants_copy_out() - from our page to the guest's, when the batch runs. */
void grants_copy_out(struct grants *grants, const struct grants_span *to,
		     void *from);

/**
 * grants_copy_count() - segments collected so far: the index of the next one.
 */
unsigned int grants_copy_count(const struct grants *grants);

/**
 * grants_copy_run() - carry the batch out in one call; nothing to do is fine.
 */
void grants_copy_run(struct grants *grants);

/** grants_copied() - whether segments [first, first + count) all arrived. */
bool grants_copied(const struct grants *grants, unsigned int first,
		   unsigned int count);

/** grants_copy_reset() - an empty batch for the next round. */
void grants_copy_reset(struct grants *grants);
