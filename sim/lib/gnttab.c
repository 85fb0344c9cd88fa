/*
 * libxengnttab's mapping side in process: xengnttab_* over the model.
 *
 * Called by backend/ and tests.  What map returns lies in the backend's views
 * of the granter's memory (memory.h), each mapping at an address of its own.
 * Errors are those of Linux's gntdev: a map of which any page fails is EINVAL
 * and maps nothing; an unmap must name exactly what one call mapped, through
 * the same handle; a copy that cannot be right is EINVAL as a whole, else each
 * segment has its own status.
 *
 * One difference: a page mapped read-only is not write-protected.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xengnttab.h>

#include "sim/lib/gnt.h"
#include "sim/lib/memory.h"

#define MAP_LIMIT 65536u /* pages of one call: gntdev's "limit" */
#define COPY_BOTH (GNTCOPY_source_gref | GNTCOPY_dest_gref)

/* By page: which mapping of the model is there, + 1, and the call it is of. */
struct place {
	uint32_t mapping;
	uint32_t count; /* pages of the call, at its first page, else 0 */
	xengnttab_handle *handle;
};

static xengnttab_handle *handles;
static xengnttab_handle *closed; /* places may still name them */
static uint32_t handles_opened;
static struct place places[MEMORY_PAGES];
static uint32_t page_of_mapping[WORLD_MAPPINGS];

/* --- mappings --- */

/* One map call. */
struct mapping_call {
	xengnttab_handle *handle;
	uint32_t count;
	const uint32_t *domids; /* one per page, or all as domid */
	uint32_t domid;
	const uint32_t *refs;
	bool readonly;
	uint32_t notify_offset, notify_port;
};

static void unpin_pages(uint32_t page, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		world_grant_unpin(inprocess_world(),
				  places[page + i].mapping - 1);
		places[page + i] = (struct place){0};
	}
	memory_unmap(page, count);
}

/* Takes a handle off its list and frees it. */
static void forget(xengnttab_handle **list, xengnttab_handle *xgt)
{
	while (*list != xgt)
		list = &(*list)->next;
	*list = xgt->next;
	free(xgt);
}

/* The map call that begins at this page is undone. */
static void release(uint32_t page)
{
	xengnttab_handle *xgt = places[page].handle;

	inprocess_ledger(xgt->actor.domid)->mappings--;
	unpin_pages(page, places[page].count);
	xgt->mapped--;
	if (xgt->closed && xgt->mapped == 0)
		forget(&closed, xgt);
}

static void release_if(bool (*wanted)(const struct place *, const void *),
		       const void *whose)
{
	const struct world *world = inprocess_world();

	for (uint32_t id = 0; id < world->mappings_used; id++) {
		uint32_t page = page_of_mapping[id];

		if (world->mapping[id].owner != 0 && places[page].count > 0 &&
		    places[page].mapping == id + 1 &&
		    wanted(&places[page], whose))
			release(page);
	}
}

static bool of_domain(const struct place *place, const void *domid)
{
	return place->handle->actor.domid == *(const uint32_t *)domid;
}

static bool of_anybody(const struct place *place, const void *nobody)
{
	(void)nobody;
	return place->count > 0;
}

void gnttab_domain_gone(uint32_t domid)
{
	release_if(of_domain, &domid);
}

static void free_all(xengnttab_handle **list)
{
	while (*list != NULL) {
		xengnttab_handle *xgt = *list;

		*list = xgt->next;
		free(xgt);
	}
}

void gnttab_reset(void)
{
	release_if(of_anybody, NULL);
	free_all(&handles);
	free_all(&closed);
	handles_opened = 0;
}

/* --- handles --- */

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger,
				 unsigned int open_flags)
{
	struct actor actor = inprocess_actor();
	int error = inprocess_begin(&actor, SIM_CALL_OPEN);
	xengnttab_handle *xgt;

	(void)logger;
	(void)open_flags;
	trace_call(TRACE_GNTTAB_OPEN, actor.domid, -error, handles_opened);
	xgt = error == 0 ? calloc(1, sizeof(*xgt)) : NULL;
	if (xgt == NULL) {
		errno = error != 0 ? error : ENOMEM;
		return NULL;
	}
	xgt->actor = actor;
	xgt->number = handles_opened++;
	xgt->next = handles;
	handles = xgt;
	inprocess_ledger(actor.domid)->gnttab_handles++;
	return xgt;
}

int xengnttab_close(xengnttab_handle *xgt)
{
	xengnttab_handle **link = &handles;

	if (xgt == NULL)
		return 0;
	trace_call(TRACE_GNTTAB_CLOSE, xgt->actor.domid, 0, xgt->number);
	if (!inprocess_dead(&xgt->actor))
		inprocess_ledger(xgt->actor.domid)->gnttab_handles--;
	if (xgt->mapped == 0) {
		forget(&handles, xgt);
		return 0;
	}
	/* Linux keeps what is mapped until it is unmapped or the process ends,
	 * and these places name their handle. */
	while (*link != xgt)
		link = &(*link)->next;
	*link = xgt->next;
	xgt->closed = true;
	xgt->next = closed;
	closed = xgt;
	return 0;
}

void gnttab_process_dies(uint32_t domid)
{
	xengnttab_handle *next;

	for (xengnttab_handle *xgt = handles; xgt != NULL; xgt = next) {
		next = xgt->next;
		if (xgt->actor.domid == domid)
			(void)xengnttab_close(xgt);
	}
}

int xengnttab_fd(xengnttab_handle *xgt)
{
	(void)xgt;
	return inprocess_fail(ENODEV);
}

int xengnttab_set_max_grants(xengnttab_handle *xgt, uint32_t nr_grants)
{
	/* Linux has had no such limit per handle for years. */
	(void)xgt;
	(void)nr_grants;
	return 0;
}

/* --- map --- */

static uint32_t granter(const struct mapping_call *call, uint32_t i)
{
	return call->domids != NULL ? call->domids[i] : call->domid;
}

static bool pin_all(const struct mapping_call *call, uint32_t *ids,
		    struct memory_source *source)
{
	struct world *world = inprocess_world();
	uint32_t i;

	for (i = 0; i < call->count; i++) {
		struct world_access access = {
			.domid = call->handle->actor.domid,
			.granter = granter(call, i),
			.gref = call->refs[i],
			.readonly = call->readonly,
			.owner = 1,
		};

		if (world_grant_pin(world, &access, &ids[i]) != GNTST_okay)
			break;
		source[i].domid = access.granter;
		source[i].frame = world->mapping[ids[i]].frame;
	}
	if (i == call->count)
		return true;
	while (i > 0)
		world_grant_unpin(world, ids[--i]);
	return false;
}

static void place_all(const struct mapping_call *call, uint32_t page,
		      const uint32_t *ids)
{
	struct world_mapping *first = &inprocess_world()->mapping[ids[0]];

	for (uint32_t i = 0; i < call->count; i++) {
		places[page + i] = (struct place){.mapping = ids[i] + 1,
						  .handle = call->handle};
		page_of_mapping[ids[i]] = page + i;
	}
	places[page].count = call->count;
	first->notify_offset = call->notify_offset;
	first->notify_port = call->notify_port;
}

static int map_with(const struct mapping_call *call, uint32_t *ids,
		    struct memory_source *source, uint32_t *page)
{
	struct world *world = inprocess_world();

	if (!pin_all(call, ids, source))
		return EINVAL;
	*page = memory_map(source, call->count);
	if (*page == MEMORY_NOWHERE) {
		for (uint32_t i = 0; i < call->count; i++)
			world_grant_unpin(world, ids[i]);
		return ENOMEM;
	}
	place_all(call, *page, ids);
	return 0;
}

static int map_checked(const struct mapping_call *call, uint32_t *page)
{
	uint32_t few_ids[64], *ids = few_ids;
	struct memory_source few_sources[64], *sources = few_sources;
	int error = inprocess_begin(&call->handle->actor, SIM_CALL_MAP);

	if (error != 0)
		return error;
	if (call->count == 0 || call->count > MAP_LIMIT)
		return EINVAL;
	if (call->count > 64) {
		ids = malloc(call->count * sizeof(*ids));
		sources = malloc(call->count * sizeof(*sources));
	}
	error = ids != NULL && sources != NULL
			? map_with(call, ids, sources, page)
			: ENOMEM;
	if (ids != few_ids)
		free(ids);
	if (sources != few_sources)
		free(sources);
	return error;
}

static void *map(const struct mapping_call *call)
{
	struct sim_ledger *ledger;
	uint32_t page = 0;
	int error;

	error = map_checked(call, &page);
	trace_call(TRACE_GNTTAB_MAP, call->handle->actor.domid, -error,
		   (uint64_t)call->handle->number << 48 |
			   (uint64_t)call->readonly << 47 |
			   (uint64_t)call->count << 24 |
			   (call->count > 0 ? call->refs[0] : 0));
	ledger = inprocess_ledger(call->handle->actor.domid);
	ledger->map_calls++;
	if (error != 0) {
		errno = error;
		return NULL;
	}
	ledger->mappings++;
	call->handle->mapped++;
	return memory_address(page);
}

void *xengnttab_map_grant_refs(xengnttab_handle *xgt, uint32_t count,
			       uint32_t *domids, uint32_t *refs, int prot)
{
	const struct mapping_call call = {
		.handle = xgt,
		.count = count,
		.domids = domids,
		.refs = refs,
		.readonly = (prot & PROT_WRITE) == 0,
		.notify_offset = WORLD_NO_NOTIFY,
	};

	return map(&call);
}

void *xengnttab_map_domain_grant_refs(xengnttab_handle *xgt, uint32_t count,
				      uint32_t domid, uint32_t *refs, int prot)
{
	const struct mapping_call call = {
		.handle = xgt,
		.count = count,
		.domid = domid,
		.refs = refs,
		.readonly = (prot & PROT_WRITE) == 0,
		.notify_offset = WORLD_NO_NOTIFY,
	};

	return map(&call);
}

void *xengnttab_map_grant_ref(xengnttab_handle *xgt, uint32_t domid,
			      uint32_t ref, int prot)
{
	return xengnttab_map_domain_grant_refs(xgt, 1, domid, &ref, prot);
}

void *xengnttab_map_grant_ref_notify(xengnttab_handle *xgt, uint32_t domid,
				     uint32_t ref, int prot,
				     uint32_t notify_offset,
				     evtchn_port_t notify_port)
{
	const struct mapping_call call = {
		.handle = xgt,
		.count = 1,
		.domid = domid,
		.refs = &ref,
		.readonly = (prot & PROT_WRITE) == 0,
		.notify_offset = notify_offset,
		.notify_port = notify_port == UINT32_MAX ? 0 : notify_port,
	};

	/* A byte cannot be cleared beyond the page or where we may not write.
	 */
	if (notify_offset != UINT32_MAX &&
	    (notify_offset >= MEMORY_PAGE || call.readonly)) {
		errno = EINVAL;
		return NULL;
	}
	return map(&call);
}

/* --- unmap --- */

static int unmap(xengnttab_handle *xgt, const void *address, uint32_t count)
{
	uint32_t page = memory_page_at(address);
	int error = inprocess_begin(&xgt->actor, SIM_CALL_UNMAP);

	if (error != 0)
		return error;
	if (page == MEMORY_NOWHERE || count == 0 ||
	    places[page].count != count || places[page].handle != xgt) {
		inprocess_ledger(xgt->actor.domid)->bad_unmaps++;
		return EINVAL;
	}
	release(page);
	return 0;
}

int xengnttab_unmap(xengnttab_handle *xgt, void *start_address, uint32_t count)
{
	int error = unmap(xgt, start_address, count);

	inprocess_ledger(xgt->actor.domid)->unmap_calls++;
	trace_call(TRACE_GNTTAB_UNMAP, xgt->actor.domid, -error,
		   (uint64_t)xgt->number << 48 | count);
	return error != 0 ? inprocess_fail(error) : 0;
}

/* --- copy --- */

static bool segment_valid(const xengnttab_grant_copy_segment_t *s)
{
	if ((s->flags & COPY_BOTH) == 0)
		return false;
	if ((s->flags & GNTCOPY_source_gref) != 0 &&
	    s->source.foreign.offset + s->len > MEMORY_PAGE)
		return false;
	return (s->flags & GNTCOPY_dest_gref) == 0 ||
	       s->dest.foreign.offset + s->len <= MEMORY_PAGE;
}

/* Where one end of a segment lies for us. */
static int copy_end(const xengnttab_handle *xgt,
		    const union xengnttab_copy_ptr *end, bool write,
		    void **address)
{
	struct world_access access = {
		.domid = xgt->actor.domid,
		.granter = end->foreign.domid,
		.gref = end->foreign.ref,
		.readonly = !write,
	};
	uint32_t frame;
	int status = world_grant_resolve(inprocess_world(), &access, &frame);

	if (status == GNTST_okay)
		*address = (char *)memory_frame(access.granter, frame) +
			   end->foreign.offset;
	return status;
}

static int copy_segment(const xengnttab_handle *xgt,
			xengnttab_grant_copy_segment_t *s)
{
	void *from = s->source.virt, *to = s->dest.virt;
	int status = -world_fault_hit(inprocess_world(), xgt->actor.domid,
				      SIM_CALL_COPY_SEGMENT);

	if (status == GNTST_okay && (s->flags & GNTCOPY_source_gref) != 0)
		status = copy_end(xgt, &s->source, false, &from);
	if (status == GNTST_okay && (s->flags & GNTCOPY_dest_gref) != 0)
		status = copy_end(xgt, &s->dest, true, &to);
	if (status == GNTST_okay)
		memmove(to, from, s->len);
	return status;
}

static uint64_t segment_detail(const xengnttab_grant_copy_segment_t *s)
{
	const union xengnttab_copy_ptr *gref =
		(s->flags & GNTCOPY_source_gref) != 0 ? &s->source : &s->dest;

	return (uint64_t)s->len << 48 | (uint64_t)gref->foreign.offset << 34 |
	       (uint64_t)(s->flags & COPY_BOTH) << 32 | gref->foreign.ref;
}

int xengnttab_grant_copy(xengnttab_handle *xgt, uint32_t count,
			 xengnttab_grant_copy_segment_t *segs)
{
	struct sim_ledger *ledger;
	int error = inprocess_begin(&xgt->actor, SIM_CALL_COPY);

	for (uint32_t i = 0; i < count && error == 0; i++)
		if (!segment_valid(&segs[i]))
			error = EINVAL;
	trace_call(TRACE_GNTTAB_COPY, xgt->actor.domid, -error, count);
	if (error != 0)
		return inprocess_fail(error);
	ledger = inprocess_ledger(xgt->actor.domid);
	ledger->copy_calls++;
	ledger->copy_segments += count;
	for (uint32_t i = 0; i < count; i++) {
		segs[i].status = (int16_t)copy_segment(xgt, &segs[i]);
		trace_call(TRACE_GNTTAB_COPY, xgt->actor.domid, segs[i].status,
			   segment_detail(&segs[i]));
	}
	return 0;
}
