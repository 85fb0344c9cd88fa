/*
 * libxengnttab's sharing side in process: pages of the current domain, granted.
 *
 * Called by frontend/ and tests.  Shared pages are adjacent frames of the
 * domain's memory, zeroed, and what the caller gets is the guest's own view. As
 * with Linux's gntalloc, a page that the peer still maps when it is unshared
 * stays allocated until the peer lets go.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xengnttab.h>

#include "sim/lib/gnt.h"
#include "sim/lib/memory.h"

/* The share that begins at a frame; count 0: none. */
struct share {
	uint32_t count;
	struct xengntdev_handle *handle;
	uint32_t notify_offset, notify_port;
};

static xengntshr_handle *handles;
static struct share shares[SIM_DOMAINS][MEMORY_FRAMES];
static uint32_t gref_of[SIM_DOMAINS][MEMORY_FRAMES];

static void forget_handle(xengntshr_handle *xgs)
{
	for (uint32_t f = 0; f < xgs->frames_used; f++)
		if (shares[xgs->actor.domid][f].handle == xgs)
			shares[xgs->actor.domid][f].count = 0;
	free(xgs);
}

void gntshr_reset(void)
{
	while (handles != NULL) {
		xengntshr_handle *xgs = handles;

		handles = xgs->next;
		forget_handle(xgs);
	}
}

xengntshr_handle *xengntshr_open(struct xentoollog_logger *logger,
				 unsigned int open_flags)
{
	struct actor actor = inprocess_actor();
	int error = inprocess_begin(&actor, SIM_CALL_OPEN);
	xengntshr_handle *xgs;

	(void)logger;
	(void)open_flags;
	trace_call(TRACE_GNTSHR_OPEN, actor.domid, -error, 0);
	xgs = error == 0 ? calloc(1, sizeof(*xgs)) : NULL;
	if (xgs == NULL) {
		errno = error != 0 ? error : ENOMEM;
		return NULL;
	}
	xgs->actor = actor;
	xgs->next = handles;
	handles = xgs;
	return xgs;
}

static void unshare_frames(const xengntshr_handle *xgs, uint32_t frame)
{
	struct world *world = inprocess_world();
	struct share *share = &shares[xgs->actor.domid][frame];
	uint32_t domid = xgs->actor.domid;

	if (share->notify_offset != WORLD_NO_NOTIFY) {
		char *page = memory_frame(domid, frame);

		page[share->notify_offset] = 0;
	}
	if (share->notify_port != 0)
		world_port_notify_locked(world, domid, share->notify_port);
	for (uint32_t i = 0; i < share->count; i++)
		(void)world_unshare(world, domid, gref_of[domid][frame + i]);
	share->count = 0;
}

int xengntshr_close(xengntshr_handle *xgs)
{
	xengntshr_handle **link = &handles;

	if (xgs == NULL)
		return 0;
	while (*link != xgs)
		link = &(*link)->next;
	*link = xgs->next;
	trace_call(TRACE_GNTSHR_CLOSE, xgs->actor.domid, 0, 0);
	/* Pages that were not unshared stay granted, as with gntalloc while the
	 * process has them mapped: nobody can end them any more. */
	forget_handle(xgs);
	return 0;
}

int xengntshr_fd(xengntshr_handle *xgs)
{
	(void)xgs;
	return inprocess_fail(ENODEV);
}

static int share(xengntshr_handle *xgs, const struct world_share *wanted,
		 uint32_t *refs, uint32_t *frame)
{
	uint32_t domid = wanted->domid;
	int error =
		inprocess_dead(&xgs->actor)
			? -EIO
			: world_share(inprocess_world(), wanted, refs, frame);

	if (error < 0)
		return error;
	for (uint32_t i = 0; i < wanted->count; i++) {
		memory_clear(domid, *frame + i);
		gref_of[domid][*frame + i] = refs[i];
	}
	shares[domid][*frame] = (struct share){
		.count = wanted->count,
		.handle = xgs,
		.notify_offset = WORLD_NO_NOTIFY,
	};
	if (*frame >= xgs->frames_used)
		xgs->frames_used = *frame + 1;
	return 0;
}

void *xengntshr_share_pages(xengntshr_handle *xgs, uint32_t domid, int count,
			    uint32_t *refs, int writable)
{
	const struct world_share wanted = {
		.domid = xgs->actor.domid,
		.peer = domid,
		.count = count > 0 ? (uint32_t)count : 0,
		.readonly = writable == 0,
		.owner = 1,
	};
	uint32_t frame = 0;
	int error = share(xgs, &wanted, refs, &frame);

	trace_call(TRACE_GNTSHR_SHARE, xgs->actor.domid, error,
		   (uint64_t)wanted.count << 32 | domid);
	if (error < 0) {
		errno = -error;
		return NULL;
	}
	return memory_frame(xgs->actor.domid, frame);
}

void *xengntshr_share_page_notify(xengntshr_handle *xgs, uint32_t domid,
				  uint32_t *ref, int writable,
				  uint32_t notify_offset,
				  evtchn_port_t notify_port)
{
	struct share *made;
	void *page;
	int64_t frame;

	if (notify_offset != UINT32_MAX && notify_offset >= MEMORY_PAGE) {
		errno = EINVAL;
		return NULL;
	}
	page = xengntshr_share_pages(xgs, domid, 1, ref, writable);
	if (page == NULL)
		return NULL;
	frame = memory_frame_of(xgs->actor.domid, page);
	made = &shares[xgs->actor.domid][frame];
	made->notify_offset = notify_offset;
	made->notify_port = notify_port == UINT32_MAX ? 0 : notify_port;
	return page;
}

int xengntshr_unshare(xengntshr_handle *xgs, void *start_address,
		      uint32_t count)
{
	uint32_t domid = xgs->actor.domid;
	int64_t frame = memory_frame_of(domid, start_address);
	int error = 0;

	if (inprocess_dead(&xgs->actor))
		error = EIO;
	else if (frame < 0 || count == 0 ||
		 shares[domid][frame].count != count ||
		 shares[domid][frame].handle != xgs) {
		inprocess_ledger(domid)->bad_unmaps++;
		error = EINVAL;
	}
	trace_call(TRACE_GNTSHR_UNSHARE, domid, -error, count);
	if (error != 0)
		return inprocess_fail(error);
	unshare_frames(xgs, (uint32_t)frame);
	return 0;
}
