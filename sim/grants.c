/*
 * Grant tables, guest frames, and who maps what.
 *
 * Called by the symbols in lib/.  Must never touch guest memory: it deals in
 * frame numbers.  The guest may do to its own table what it likes at any time
 * (overwrite an entry in use, grant one frame twice, grant to the wrong
 * domain); what Xen promises the mapper regardless is kept here: a mapping
 * keeps the frame it was made with, an entry that is mapped cannot be ended or
 * re-used by the allocator, the domid and the read-only flag are checked.
 *
 * One difference from Xen, for speed: a copy does not pin the entry while bytes
 * move, so a guest that ends a grant under a running copy is not told "busy".
 */
#include "sim/world.h"

#include <errno.h>
#include <xen/xen.h>
#include <xen/grant_table.h>

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "entries cross processes");

static uint64_t entry_make(uint32_t frame, uint32_t peer, bool readonly)
{
	return frame | (uint64_t)(peer & 0xffff) << 32 | WORLD_GRANT_VALID |
	       (readonly ? WORLD_GRANT_READONLY : 0);
}

static uint32_t peer_of(uint64_t word)
{
	return (uint32_t)(word >> 32) & 0xffff;
}

static uint32_t writers_of(uint64_t active)
{
	return (uint32_t)(active >> 48) & 0xff;
}

static uint32_t readers_of(uint64_t active)
{
	return (uint32_t)(active >> 56);
}

static uint64_t pin_step(bool readonly)
{
	return readonly ? 1ull << 56 : 1ull << 48;
}

/* --- frames: lowest first, so that they are re-used soon --- */

static bool frame_taken(const struct world_domain *d, uint32_t frame)
{
	return (d->frame_taken[frame / 64] >> frame % 64 & 1) != 0;
}

static void frame_take(struct world_domain *d, uint32_t frame)
{
	d->frame_taken[frame / 64] |= 1ull << frame % 64;
	if (frame >= d->frames_used)
		d->frames_used = frame + 1;
}

static void frame_free(struct world_domain *d, uint32_t frame)
{
	d->frame_taken[frame / 64] &= ~(1ull << frame % 64);
	if (frame < d->frame_hint)
		d->frame_hint = frame;
}

/* Takes the lowest run of adjacent free frames. */
static int frames_alloc(struct world_domain *d, uint32_t count, uint32_t *first)
{
	uint32_t run = 0, lowest = d->pages;

	for (uint32_t f = d->frame_hint; f < d->pages; f++) {
		if (frame_taken(d, f)) {
			run = 0;
			continue;
		}
		if (lowest == d->pages)
			lowest = f;
		if (++run < count)
			continue;
		*first = f + 1 - count;
		for (uint32_t i = *first; i <= f; i++)
			frame_take(d, i);
		d->frame_hint = lowest == *first ? f + 1 : lowest;
		return 0;
	}
	return -ENOMEM;
}

/* --- grefs: last freed first, as Linux's free list --- */

static uint32_t grefs_free(const struct world_domain *d)
{
	uint32_t used = d->grefs_used;

	if (used < WORLD_GREFS_RESERVED)
		used = WORLD_GREFS_RESERVED;
	return d->free_grefs + WORLD_GREFS - used;
}

static uint32_t gref_alloc(struct world_domain *d)
{
	if (d->free_grefs > 0)
		return d->free_gref[--d->free_grefs];
	if (d->grefs_used < WORLD_GREFS_RESERVED)
		d->grefs_used = WORLD_GREFS_RESERVED;
	return d->grefs_used++;
}

static void gref_used(struct world_domain *d, uint32_t gref)
{
	/* Whoever writes an entry by hand skips numbers: those stay free. */
	while (d->grefs_used <= gref) {
		uint32_t skipped = d->grefs_used++;

		if (skipped >= WORLD_GREFS_RESERVED && skipped != gref)
			d->free_gref[d->free_grefs++] = skipped;
	}
}

/* --- shares --- */

static int share_alloc(struct world_domain *d, const struct world_share *share,
		       uint32_t *grefs, uint32_t *frame)
{
	if (grefs_free(d) < share->count)
		return -ENOSPC;
	if (frames_alloc(d, share->count, frame) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < share->count; i++) {
		struct world_grant *g;

		grefs[i] = gref_alloc(d);
		g = &d->grant[grefs[i]];
		g->owner = share->owner;
		g->frame = *frame + i;
		g->zombie = false;
		atomic_store(&g->entry, entry_make(g->frame, share->peer,
						   share->readonly));
	}
	d->held.shared_pages += share->count;
	return 0;
}

int world_share(struct world *world, const struct world_share *share,
		uint32_t *grefs, uint32_t *frame)
{
	int error;

	if (share->count == 0 || !world_domain_live(world, share->domid))
		return -EINVAL;
	world_lock(world);
	error = share_alloc(world_dom(world, share->domid), share, grefs,
			    frame);
	world_unlock(world);
	return error;
}

static void share_free(struct world_domain *d, uint32_t gref)
{
	struct world_grant *g = &d->grant[gref];

	g->owner = 0;
	g->zombie = false;
	frame_free(d, g->frame);
	d->free_gref[d->free_grefs++] = gref;
	d->held.shared_pages--;
}

int world_grants_unshare_locked(struct world *world, uint32_t domid,
				uint32_t gref)
{
	struct world_domain *d = world_dom(world, domid);
	struct world_grant *g = &d->grant[gref];

	if (g->owner == 0 || g->zombie)
		return -EINVAL;
	atomic_store(&g->entry, 0);
	if (world_grant_pins(world, domid, gref) > 0)
		g->zombie = true;
	else
		share_free(d, gref);
	return 0;
}

int world_unshare(struct world *world, uint32_t domid, uint32_t gref)
{
	int error;

	if (domid >= WORLD_DOMAINS || gref >= WORLD_GREFS)
		return -EINVAL;
	world_lock(world);
	error = world_grants_unshare_locked(world, domid, gref);
	world_unlock(world);
	return error;
}

/* --- the guest's own hand on its table --- */

int world_grant_set(struct world *world, const struct world_share *share,
		    uint32_t gref, uint32_t frame)
{
	struct world_domain *d;

	if (!world_domain_live(world, share->domid) || gref >= WORLD_GREFS)
		return -EINVAL;
	d = world_dom(world, share->domid);
	if (frame >= d->pages)
		return -EINVAL;
	world_lock(world);
	gref_used(d, gref);
	atomic_store(&d->grant[gref].entry,
		     entry_make(frame, share->peer, share->readonly));
	world_unlock(world);
	return 0;
}

int world_grant_end(struct world *world, uint32_t domid, uint32_t gref)
{
	int error = 0;

	if (domid >= WORLD_DOMAINS || gref >= WORLD_GREFS)
		return -EINVAL;
	world_lock(world);
	if (world_grant_pins(world, domid, gref) > 0)
		error = -EBUSY;
	else
		atomic_store(&world_dom(world, domid)->grant[gref].entry, 0);
	world_unlock(world);
	return error;
}

uint32_t world_grant_pins(const struct world *world, uint32_t domid,
			  uint32_t gref)
{
	uint64_t active;

	if (domid >= WORLD_DOMAINS || gref >= WORLD_GREFS)
		return 0;
	active = atomic_load(&world->domain[domid].grant[gref].active);
	return writers_of(active) + readers_of(active);
}

/* --- use by a peer --- */

/* What the entry as the guest wrote it allows. */
static int entry_allows(uint64_t entry, const struct world_access *access)
{
	if ((entry & WORLD_GRANT_VALID) == 0 || peer_of(entry) != access->domid)
		return GNTST_general_error;
	if (!access->readonly && (entry & WORLD_GRANT_READONLY) != 0)
		return GNTST_general_error;
	return GNTST_okay;
}

/*
 * Xen's rule: an entry that is pinned already is used as it was when it was
 * pinned; the guest's word is asked again only for the first writer.
 */
static int access_check(const struct world_grant *g,
			const struct world_access *access, uint32_t *frame)
{
	uint64_t active = atomic_load(&g->active);
	uint64_t entry = atomic_load(&g->entry);
	bool pinned = active >> 48 != 0;
	int status = GNTST_okay;

	if (pinned && peer_of(active) != access->domid)
		return GNTST_general_error;
	if (!pinned || (!access->readonly && writers_of(active) == 0))
		status = entry_allows(entry, access);
	*frame = (uint32_t)(pinned ? active : entry);
	return status;
}

int world_grant_resolve(const struct world *world,
			const struct world_access *access, uint32_t *frame)
{
	const struct world_domain *d;
	int status;

	if (!world_domain_live(world, access->granter))
		return GNTST_bad_domain;
	if (access->gref >= WORLD_GREFS)
		return GNTST_bad_gntref;
	d = &world->domain[access->granter];
	status = access_check(&d->grant[access->gref], access, frame);
	if (status == GNTST_okay && *frame >= d->pages)
		status = GNTST_bad_page;
	return status;
}

static int mapping_alloc(struct world *world, uint32_t *id)
{
	if (world->free_mapping != 0) {
		*id = world->free_mapping - 1;
		world->free_mapping = world->mapping[*id].next;
	} else if (world->mappings_used < WORLD_MAPPINGS) {
		*id = world->mappings_used++;
	} else {
		return -ENOSPC;
	}
	world->mappings++;
	return 0;
}

static int pin_locked(struct world *world, const struct world_access *access,
		      uint32_t *id)
{
	struct world_grant *g;
	uint64_t active;
	uint32_t frame;
	int status = world_grant_resolve(world, access, &frame);

	if (status != GNTST_okay)
		return status;
	g = &world_dom(world, access->granter)->grant[access->gref];
	active = atomic_load(&g->active);
	if ((access->readonly ? readers_of(active) : writers_of(active)) ==
	    WORLD_PINS)
		return GNTST_general_error;
	if (mapping_alloc(world, id) < 0)
		return GNTST_no_device_space;
	world->mapping[*id] = (struct world_mapping){
		.owner = access->owner,
		.mapper = access->domid,
		.granter = access->granter,
		.gref = access->gref,
		.frame = frame,
		.readonly = access->readonly,
		.notify_offset = WORLD_NO_NOTIFY,
	};
	if (active >> 48 == 0)
		active = frame | (uint64_t)access->domid << 32;
	atomic_store(&g->active, active + pin_step(access->readonly));
	world_dom(world, access->granter)->pinned++;
	world_dom(world, access->domid)->held.mapped_pages++;
	return GNTST_okay;
}

int world_grant_pin(struct world *world, const struct world_access *access,
		    uint32_t *id)
{
	int status;

	if (!world_domain_live(world, access->domid))
		return GNTST_bad_domain;
	world_lock(world);
	status = pin_locked(world, access, id);
	world_unlock(world);
	return status;
}

static void unpin_entry(struct world_domain *d, const struct world_mapping *m)
{
	struct world_grant *g = &d->grant[m->gref];
	uint64_t active = atomic_load(&g->active) - pin_step(m->readonly);

	if (active >> 48 == 0)
		active = 0;
	atomic_store(&g->active, active);
	if (active == 0 && g->zombie)
		share_free(d, m->gref);
	d->pinned--;
	if (d->pinned == 0 && d->state == WORLD_DOMAIN_DYING)
		d->state = WORLD_DOMAIN_NONE;
}

void world_grants_unpin_locked(struct world *world, uint32_t id)
{
	struct world_mapping *m = &world->mapping[id];
	uint32_t mapper = m->mapper, port = m->notify_port;

	world_unpinned(world, m);
	m->owner = 0;
	unpin_entry(world_dom(world, m->granter), m);
	world_dom(world, mapper)->held.mapped_pages--;
	world->mappings--;
	m->next = world->free_mapping;
	world->free_mapping = id + 1;
	if (port != 0)
		world_port_notify_locked(world, mapper, port);
}

void world_grant_unpin(struct world *world, uint32_t id)
{
	world_lock(world);
	world_grants_unpin_locked(world, id);
	world_unlock(world);
}
