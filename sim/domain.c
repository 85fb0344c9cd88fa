/*
 * Domains: creation, death, and everything by owner.
 *
 * Called by the symbols in lib/ and the drop-in broker.  Must never touch guest
 * memory.  Fault model: a domain may die at any moment, with pages mapped by
 * others and ports bound to others; a process may die holding anything.  In
 * both cases the survivors see what real Xen shows: their ports become unbound,
 * their mappings stay valid until they release them.
 */
#include "sim/world.h"

#include <errno.h>
#include <string.h>

static void reset_domain(struct world_domain *d)
{
	memset(d->frame_taken, 0, (d->frames_used + 63) / 64 * 8);
	memset(d->port, 0, d->ports_used * sizeof(d->port[0]));
	memset(d->grant, 0, d->grefs_used * sizeof(d->grant[0]));
	memset(d->virq, 0, sizeof(d->virq));
	memset(d->fault, 0, sizeof(d->fault));
	memset(&d->held, 0, sizeof(d->held));
	d->state = WORLD_DOMAIN_NONE;
	d->pages = d->pinned = 0;
	d->grefs_used = d->frames_used = d->ports_used = 0;
	d->free_grefs = d->frame_hint = 0;
}

void world_reset(struct world *world)
{
	memset(world->handle, 0,
	       world->handles_used * sizeof(world->handle[0]));
	memset(world->mapping, 0,
	       world->mappings_used * sizeof(world->mapping[0]));
	world->handles_used = world->mappings_used = 0;
	world->free_mapping = world->mappings = 0;
	for (uint32_t i = 0; i < world->domains_used; i++)
		reset_domain(&world->domain[i]);
	world->domains_used = 0;
}

int world_domain_create(struct world *world, uint32_t domid, uint32_t pages)
{
	struct world_domain *d;
	int error = 0;

	if (domid >= WORLD_DOMAINS || pages > WORLD_FRAMES)
		return -EINVAL;
	d = world_dom(world, domid);
	world_lock(world);
	if (d->state == WORLD_DOMAIN_LIVE)
		error = -EEXIST;
	else if (d->state == WORLD_DOMAIN_DYING)
		error = -EBUSY;
	else {
		reset_domain(d);
		d->pages = pages;
		d->state = WORLD_DOMAIN_LIVE;
		if (domid >= world->domains_used)
			world->domains_used = domid + 1;
	}
	world_unlock(world);
	return error;
}

bool world_domain_live(const struct world *world, uint32_t domid)
{
	return domid < WORLD_DOMAINS &&
	       world->domain[domid].state == WORLD_DOMAIN_LIVE;
}

static void close_handles(struct world *world, uint32_t domid)
{
	for (uint32_t h = 0; h < world->handles_used; h++)
		if (world->handle[h].owner != 0 &&
		    world->handle[h].domid == domid)
			world_ports_close_handle(world, h);
}

static void release_mappings(struct world *world, uint32_t domid)
{
	for (uint32_t i = 0; i < world->mappings_used; i++)
		if (world->mapping[i].owner != 0 &&
		    world->mapping[i].mapper == domid)
			world_grants_unpin_locked(world, i);
}

static void end_grants(struct world *world, uint32_t domid)
{
	struct world_domain *d = world_dom(world, domid);

	for (uint32_t gref = 0; gref < d->grefs_used; gref++) {
		world_grants_unshare_locked(world, domid, gref);
		atomic_store(&d->grant[gref].entry, 0);
	}
}

int world_domain_destroy(struct world *world, uint32_t domid)
{
	struct world_domain *d;

	if (!world_domain_live(world, domid))
		return -ESRCH;
	d = world_dom(world, domid);
	world_lock(world);
	close_handles(world, domid);
	release_mappings(world, domid);
	d->state = WORLD_DOMAIN_DYING;
	end_grants(world, domid);
	if (d->pinned == 0)
		d->state = WORLD_DOMAIN_NONE;
	world_unlock(world);
	return 0;
}

static uint32_t release_shares(struct world *world, uint32_t domid,
			       uint32_t owner)
{
	struct world_domain *d = world_dom(world, domid);
	uint32_t released = 0;

	for (uint32_t gref = 0; gref < d->grefs_used; gref++)
		if (d->grant[gref].owner == owner &&
		    world_grants_unshare_locked(world, domid, gref) == 0)
			released++;
	return released;
}

uint32_t world_owner_release(struct world *world, uint32_t owner)
{
	uint32_t released = 0;

	world_lock(world);
	for (uint32_t h = 0; h < world->handles_used; h++)
		if (world->handle[h].owner == owner) {
			world_ports_close_handle(world, h);
			released++;
		}
	for (uint32_t i = 0; i < world->mappings_used; i++)
		if (world->mapping[i].owner == owner) {
			world_grants_unpin_locked(world, i);
			released++;
		}
	for (uint32_t domid = 0; domid < WORLD_DOMAINS; domid++)
		released += release_shares(world, domid, owner);
	world_unlock(world);
	return released;
}
