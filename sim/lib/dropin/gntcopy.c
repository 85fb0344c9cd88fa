/*
 * libxengnttab for a process of a drop-in world: copying from and to pages that
 * other domains granted.  A copy takes no lock: the entry is read in one word,
 * and the domain's memory is mapped as a whole, once per process.
 */
#include <errno.h>
#include <string.h>

#include "sim/lib/dropin/gnttab.h"
#include "sim/sim.h"

/* Where one side of a segment is; NULL with its status. */
static char *copy_side(const xengnttab_handle *handle,
		       const union xengnttab_copy_ptr *side, bool write,
		       int16_t *status)
{
	struct world_access access = {
		.domid = handle->domid,
		.granter = side->foreign.domid,
		.gref = side->foreign.ref,
		.readonly = !write,
	};
	uint32_t frame;
	char *memory;

	*status = (int16_t)world_grant_resolve(handle->world, &access, &frame);
	if (*status != GNTST_okay)
		return NULL;
	memory = client_memory(access.granter);
	if (!memory) {
		*status = GNTST_general_error;
		return NULL;
	}
	return memory + (size_t)frame * SHARED_PAGE_BYTES +
	       side->foreign.offset;
}

static void copy_segment(const xengnttab_handle *handle,
			 xengnttab_grant_copy_segment_t *segment)
{
	char *source = segment->source.virt, *dest = segment->dest.virt;
	int16_t status = GNTST_okay;

	if (segment->flags & GNTCOPY_source_gref)
		source = copy_side(handle, &segment->source, false, &status);
	if (source && (segment->flags & GNTCOPY_dest_gref))
		dest = copy_side(handle, &segment->dest, true, &status);
	segment->status = status;
	if (status == GNTST_okay)
		memmove(dest, source, segment->len);
}

/* What Linux refuses for the whole call. */
static bool segment_is_odd(const xengnttab_grant_copy_segment_t *segment)
{
	const union xengnttab_copy_ptr *source = &segment->source;
	const union xengnttab_copy_ptr *dest = &segment->dest;
	uint32_t len = segment->len;

	if (!(segment->flags & (GNTCOPY_source_gref | GNTCOPY_dest_gref)))
		return true;
	if ((segment->flags & GNTCOPY_source_gref) &&
	    source->foreign.offset + len > SHARED_PAGE_BYTES)
		return true;
	return (segment->flags & GNTCOPY_dest_gref) &&
	       dest->foreign.offset + len > SHARED_PAGE_BYTES;
}

EXPORT int xengnttab_grant_copy(xengnttab_handle *handle, uint32_t count,
				xengnttab_grant_copy_segment_t *segments)
{
	int error = client_fault(SIM_CALL_COPY);

	if (!error && handle->owner != client_owner())
		error = EBADF;
	for (uint32_t i = 0; !error && i < count; i++)
		if (segment_is_odd(&segments[i]))
			error = EINVAL;
	if (error) {
		errno = error;
		return -1;
	}
	for (uint32_t i = 0; i < count; i++) {
		int planned = client_fault(SIM_CALL_COPY_SEGMENT);

		if (planned)
			segments[i].status = (int16_t)-planned;
		else
			copy_segment(handle, &segments[i]);
	}
	return 0;
}
