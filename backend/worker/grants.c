/* Mapping, unmapping and copying the guest's pages.  See grants.h. */
#include "backend/worker/grants.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xengnttab.h>

#include "backend/base/check.h"
#include "backend/base/log.h"

struct grants {
	xengnttab_handle *handle;
	uint32_t domid;
	unsigned int mapped; /* pages */
	unsigned int copies;
	bool copied;		   /* the batch has run */
	struct recorder *recorder; /* NULL: nothing is recorded */
	xengnttab_grant_copy_segment_t copy[GRANTS_COPY_BATCH];
};

int grants_create(uint32_t domid, struct grants **grants)
{
	struct grants *g = malloc(sizeof(*g));

	if (!g)
		return -ENOMEM;
	/* The copy batch stays as it is: a segment is filled when it is used.
	 */
	memset(g, 0, offsetof(struct grants, copy));
	g->domid = domid;
	g->handle = xengnttab_open(NULL, 0);
	if (!g->handle) {
		int error = errno ? -errno : -EIO;

		free(g);
		return error;
	}
	*grants = g;
	return 0;
}

void grants_destroy(struct grants *grants)
{
	if (!grants)
		return;
	CHECK(grants->mapped == 0);
	xengnttab_close(grants->handle);
	free(grants);
}

void grants_record(struct grants *grants, struct recorder *recorder)
{
	grants->recorder = recorder;
}

void SHARED *grants_map(struct grants *grants, const uint32_t *grefs,
			unsigned int count)
{
	uint32_t list[LIMIT_RING_PAGES];
	void *address;

	CHECK(count >= 1 && count <= LIMIT_RING_PAGES);
	CHECK(grants->handle != NULL);
	for (unsigned int i = 0; i < count; i++)
		list[i] = grefs[i];
	errno = 0;
	address = xengnttab_map_domain_grant_refs(grants->handle, count,
						  grants->domid, list,
						  PROT_READ | PROT_WRITE);
	if (address)
		grants->mapped += count;
	if (grants->recorder)
		recorder_grants(grants->recorder, RECORD_MAP, grefs, count,
				address ? 0 : -(errno ? errno : EINVAL));
	return address;
}

void grants_unmap(struct grants *grants, void SHARED *memory,
		  const uint32_t *grefs, unsigned int count)
{
	void *address = shared_for_kernel(memory);
	int error;

	CHECK(address != NULL);
	CHECK(grants->mapped >= count);
	grants->mapped -= count;
	/* An unmap that fails leaves the page mapped until the handle closes. A
	 * live disk is worth more than that page: say so and go on. */
	error = xengnttab_unmap(grants->handle, address, count) != 0 ? -errno
								     : 0;
	if (error)
		log_line(LOG_WARNING,
			 "domain %u: %u granted pages could not be unmapped "
			 "(errno %d); they stay mapped until the worker ends",
			 grants->domid, count, -error);
	if (grants->recorder)
		recorder_grants(grants->recorder, RECORD_UNMAP, grefs, count,
				error);
}

unsigned int grants_mapped(const struct grants *grants)
{
	return grants->mapped;
}

unsigned int grants_copy_room(const struct grants *grants)
{
	CHECK(grants->copies <= GRANTS_COPY_BATCH);
	return GRANTS_COPY_BATCH - grants->copies;
}

static xengnttab_grant_copy_segment_t *copy_next(struct grants *grants,
						 const struct grants_span *span)
{
	xengnttab_grant_copy_segment_t *segment = &grants->copy[grants->copies];

	CHECK(grants->copies < GRANTS_COPY_BATCH);
	CHECK(!grants->copied);
	/* One segment that crosses a page makes the kernel refuse all of them.
	 */
	CHECK(span->offset + span->length <= XEN_PAGE_BYTES);
	grants->copies++;
	segment->len = span->length;
	/* What the batch leaves untouched counts as failed, never as done. */
	segment->status = GNTST_general_error;
	return segment;
}

void grants_copy_in(struct grants *grants, const struct grants_span *from,
		    void *to)
{
	xengnttab_grant_copy_segment_t *segment = copy_next(grants, from);

	segment->flags = GNTCOPY_source_gref;
	segment->source.foreign.ref = from->gref;
	segment->source.foreign.offset = from->offset;
	segment->source.foreign.domid = (domid_t)grants->domid;
	segment->dest.virt = to;
}

void grants_copy_out(struct grants *grants, const struct grants_span *to,
		     void *from)
{
	xengnttab_grant_copy_segment_t *segment = copy_next(grants, to);

	segment->flags = GNTCOPY_dest_gref;
	segment->dest.foreign.ref = to->gref;
	segment->dest.foreign.offset = to->offset;
	segment->dest.foreign.domid = (domid_t)grants->domid;
	segment->source.virt = from;
}

unsigned int grants_copy_count(const struct grants *grants)
{
	return grants->copies;
}

/* A batch goes one way: out of the guest's pages, or into them. */
static void record_some(struct grants *grants, unsigned int first,
			unsigned int count, int result)
{
	const bool in = (grants->copy[0].flags & GNTCOPY_source_gref) != 0;
	struct record_copy *copy = recorder_copies(
		grants->recorder, in ? RECORD_COPY_IN : RECORD_COPY_OUT, count,
		result);

	if (copy == NULL)
		return;
	for (unsigned int i = 0; i < count; i++) {
		const xengnttab_grant_copy_segment_t *segment =
			&grants->copy[first + i];

		copy[i].gref = in ? segment->source.foreign.ref
				  : segment->dest.foreign.ref;
		copy[i].first_sect =
			(uint8_t)((in ? segment->source.foreign.offset
				      : segment->dest.foreign.offset) /
				  SECTOR_BYTES);
		copy[i].sectors = (uint8_t)((segment->len + SECTOR_BYTES - 1) /
					    SECTOR_BYTES);
		copy[i].status = segment->status;
	}
	recorder_copies_done(grants->recorder);
}

static void record_copies(struct grants *grants, int result)
{
	for (unsigned int first = 0; first < grants->copies;
	     first += LIMIT_RECORD_ENTRIES) {
		const unsigned int left = grants->copies - first;

		record_some(grants, first,
			    left < LIMIT_RECORD_ENTRIES ? left
							: LIMIT_RECORD_ENTRIES,
			    result);
	}
}

void grants_copy_run(struct grants *grants)
{
	int error = 0;

	CHECK(!grants->copied);
	grants->copied = true;
	if (grants->copies == 0)
		return;
	if (xengnttab_grant_copy(grants->handle, grants->copies,
				 grants->copy) != 0) {
		error = -(errno ? errno : EIO);
		/* The call as a whole failed: statuses mean nothing (G08). */
		for (unsigned int i = 0; i < grants->copies; i++)
			grants->copy[i].status = GNTST_general_error;
	}
	if (grants->recorder)
		record_copies(grants, error);
}

bool grants_copied(const struct grants *grants, unsigned int first,
		   unsigned int count)
{
	CHECK(grants->copied);
	CHECK(first <= grants->copies && count <= grants->copies - first);
	for (unsigned int i = first; i < first + count; i++)
		if (grants->copy[i].status != GNTST_okay)
			return false;
	return true;
}

void grants_copy_reset(struct grants *grants)
{
	grants->copies = 0;
	grants->copied = false;
}
