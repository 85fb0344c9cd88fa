/*
 * After a process died inside the lock: counts, free lists and pins are made
 * from the records again (shared.h).  Costs a walk over what was ever used;
 * happens once per such death.
 */
#include "sim/lib/dropin/shared.h"

#include <string.h>

static void repair_domain_counts(struct world *world)
{
	for (uint32_t domid = 0; domid < WORLD_DOMAINS; domid++) {
		struct world_domain *d = &world->domain[domid];

		memset(&d->held, 0, sizeof(d->held));
		d->pinned = 0;
		for (uint32_t gref = 0; gref < d->grefs_used; gref++)
			atomic_store(&d->grant[gref].active, 0);
	}
}

/* Pins and the list of free mappings, from the mappings that have an owner. */
static void repair_mappings(struct world *world)
{
	world->mappings = 0;
	world->free_mapping = 0;
	for (uint32_t i = world->mappings_used; i-- > 0;) {
		struct world_mapping *m = &world->mapping[i];
		_Atomic uint64_t *active;
		uint64_t word;

		if (m->owner == 0) {
			m->next = world->free_mapping;
			world->free_mapping = i + 1;
			continue;
		}
		active = &world->domain[m->granter].grant[m->gref].active;
		word = atomic_load(active);
		if (word == 0)
			word = m->frame | (uint64_t)m->mapper << 32;
		atomic_store(active,
			     word + (m->readonly ? 1ull << 56 : 1ull << 48));
		world->mappings++;
		world->domain[m->granter].pinned++;
		world->domain[m->mapper].held.mapped_pages++;
	}
}

/* Frames and free grefs, from the entries that have an owner. */
static void repair_shares(struct world_domain *d)
{
	uint64_t store = d->frame_taken[0] & 1ull << SHARED_STORE_FRAME;

	memset(d->frame_taken, 0, sizeof(d->frame_taken));
	d->frame_taken[0] = store;
	d->frame_hint = 0;
	d->free_grefs = 0;
	for (uint32_t gref = 0; gref < d->grefs_used; gref++) {
		struct world_grant *g = &d->grant[gref];

		if (g->owner != 0 && g->zombie &&
		    atomic_load(&g->active) == 0) {
			g->owner = 0;
			g->zombie = false;
		}
		if (g->owner != 0) {
			d->frame_taken[g->frame / 64] |= 1ull << g->frame % 64;
			d->held.shared_pages++;
		} else if (gref >= WORLD_GREFS_RESERVED &&
			   atomic_load(&g->entry) == 0 &&
			   atomic_load(&g->active) == 0) {
			d->free_gref[d->free_grefs++] = gref;
		}
	}
}

static void repair_ports(struct world *world, struct world_domain *d)
{
	for (uint32_t port = 1; port < d->ports_used; port++) {
		struct world_port *p = &d->port[port];
		uint32_t handle = atomic_load(&p->handle);

		/* Half made or half closed: its process is dead. */
		if (handle == 0 || world->handle[handle - 1].owner == 0 ||
		    atomic_load(&p->binding) == 0) {
			atomic_store(&p->handle, 0);
			atomic_store(&p->flags, 0);
			atomic_store(&p->binding, 0);
			continue;
		}
		d->held.ports++;
	}
}

void shared_repair(struct world *world)
{
	repair_domain_counts(world);
	repair_mappings(world);
	for (uint32_t domid = 0; domid < WORLD_DOMAINS; domid++) {
		struct world_domain *d = &world->domain[domid];

		repair_shares(d);
		repair_ports(world, d);
		if (d->state == WORLD_DOMAIN_DYING && d->pinned == 0)
			d->state = WORLD_DOMAIN_NONE;
	}
	for (uint32_t h = 0; h < world->handles_used; h++)
		if (world->handle[h].owner != 0)
			world->domain[world->handle[h].domid].held.handles++;
}
