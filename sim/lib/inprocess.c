/*
 * The host in one process: sim.h's functions, the model's hooks, the clock.
 *
 * Called by tests, fuzzers and the in-process device.  Single-threaded by
 * contract, so the hooks have nothing to do.  Must make no system call but for
 * address space when a domain number is used for the first time.
 */
#include "sim/lib/inprocess.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "backend/base/clock.h"
#include "sim/lib/memory.h"
#include "sim/schedule.h"
#include "sim/xenstore.h"

#define DOM0_PAGES 1024u

_Static_assert(SIM_DOMAINS == MEMORY_DOMAINS, "each domain has memory");
_Static_assert(SIM_DOMAINS <= WORLD_DOMAINS, "the model knows them all");
_Static_assert((unsigned int)SIM_CALL_COUNT <= WORLD_FAULTS, "plans fit");

static struct {
	struct world *world;
	uint32_t current;
	uint64_t now_ns;
	uint32_t life[SIM_DOMAINS];
	struct sim_ledger ledger[SIM_DOMAINS];
} host;

/* --- hooks of the model --- */

void world_lock(struct world *world)
{
	(void)world;
}

void world_unlock(struct world *world)
{
	(void)world;
}

void world_wake(struct world *world, uint32_t handle)
{
	/* Whoever wants the event asks xenevtchn_pending(). */
	host.ledger[world->handle[handle].domid].events_delivered++;
}

void world_unpinned(struct world *world, const struct world_mapping *mapping)
{
	char *page;

	(void)world;
	if (mapping->notify_offset == WORLD_NO_NOTIFY)
		return;
	page = memory_frame(mapping->granter, mapping->frame);
	page[mapping->notify_offset] = 0;
}

/* --- the clock --- */

uint64_t clock_now_ns(void)
{
	return host.now_ns;
}

void sim_clock_advance(uint64_t ns)
{
	host.now_ns += ns;
	trace_call(TRACE_CLOCK, 0, 0, ns);
}

/* --- life of the host and its domains --- */

static struct world *world_take(void)
{
	void *world = mmap(NULL, sizeof(struct world), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (world == MAP_FAILED) {
		perror("simulator: cannot take memory for the world");
		abort();
	}
	return world;
}

void sim_reset(uint64_t seed)
{
	if (host.world == NULL)
		host.world = world_take();
	gnttab_reset();
	gntshr_reset();
	evtchn_reset();
	store_reset();
	xenstore_reset();
	world_reset(host.world);
	memory_reset();
	trace_reset();
	schedule_seed(seed);
	host.now_ns = 0;
	host.current = 0;
	memset(host.ledger, 0, sizeof(host.ledger));
	trace_call(TRACE_RESET, 0, 0, seed);
	(void)sim_domain_create(0, DOM0_PAGES);
}

struct world *inprocess_world(void)
{
	if (host.world == NULL)
		sim_reset(0);
	return host.world;
}

int sim_domain_create(uint32_t domid, uint32_t pages)
{
	struct world *world = inprocess_world();
	int error = -EINVAL;

	if (domid < SIM_DOMAINS && pages <= MEMORY_FRAMES)
		error = world_domain_create(world, domid, pages);
	trace_call(TRACE_DOMAIN_CREATE, domid, error, pages);
	if (error < 0)
		return error;
	host.life[domid]++;
	memory_domain(domid, pages);
	xenstore_domain(domid, true);
	return xenstore_introduce(domid);
}

/* The handles of a dead domain hold nothing any more; sums are kept. */
static void forget_handles(struct sim_ledger *ledger)
{
	ledger->mappings = 0;
	ledger->gnttab_handles = 0;
	ledger->xs_handles = 0;
}

void sim_domain_destroy(uint32_t domid)
{
	struct world *world = inprocess_world();

	trace_call(TRACE_DOMAIN_DESTROY, domid, 0, 0);
	if (domid >= SIM_DOMAINS || !world_domain_live(world, domid))
		return;
	gnttab_domain_gone(domid);
	(void)world_domain_destroy(world, domid);
	host.life[domid]++;
	forget_handles(&host.ledger[domid]);
	xenstore_disconnect_domain(domid);
	(void)xenstore_release(domid);
	xenstore_domain(domid, false);
}

void sim_process_dies(uint32_t domid)
{
	gnttab_process_dies(domid);
	evtchn_process_dies(domid);
}

uint32_t sim_enter(uint32_t domid)
{
	uint32_t before = host.current;

	(void)inprocess_world();
	host.current = domid;
	return before;
}

/* --- what the library files ask --- */

struct actor inprocess_actor(void)
{
	struct actor actor = {.domid = host.current};

	(void)inprocess_world();
	if (actor.domid < SIM_DOMAINS)
		actor.life = host.life[actor.domid];
	return actor;
}

bool inprocess_dead(const struct actor *actor)
{
	return actor->domid >= SIM_DOMAINS ||
	       host.life[actor->domid] != actor->life ||
	       !world_domain_live(host.world, actor->domid);
}

int inprocess_begin(const struct actor *actor, enum sim_call call)
{
	if (inprocess_dead(actor))
		return EIO;
	return world_fault_hit(host.world, actor->domid, (unsigned int)call);
}

struct sim_ledger *inprocess_ledger(uint32_t domid)
{
	return &host.ledger[domid];
}

int inprocess_fail(int error)
{
	errno = error;
	return -1;
}

/* --- the guest's own hands --- */

void *sim_guest_page(uint32_t domid, uint32_t frame)
{
	struct world *world = inprocess_world();

	if (domid >= SIM_DOMAINS || frame >= world->domain[domid].pages)
		return NULL;
	return memory_frame(domid, frame);
}

int sim_grant(uint32_t domid, uint32_t gref, uint32_t peer, uint32_t frame,
	      unsigned int flags)
{
	struct world_share share = {
		.domid = domid,
		.peer = peer,
		.count = 1,
		.readonly = (flags & SIM_GRANT_READONLY) != 0,
	};
	int error = -EINVAL;

	if (domid < SIM_DOMAINS)
		error = world_grant_set(inprocess_world(), &share, gref, frame);
	trace_call(TRACE_GRANT, domid, error,
		   (uint64_t)gref << 40 | (uint64_t)peer << 34 |
			   (uint64_t)frame << 1 | share.readonly);
	return error;
}

int sim_grant_end(uint32_t domid, uint32_t gref)
{
	int error = world_grant_end(inprocess_world(), domid, gref);

	trace_call(TRACE_GRANT_END, domid, error, gref);
	return error;
}

unsigned int sim_grant_mapped(uint32_t domid, uint32_t gref)
{
	return world_grant_pins(inprocess_world(), domid, gref);
}

bool sim_port_pending(uint32_t domid, uint32_t port)
{
	return world_port_waiting(inprocess_world(), domid, port);
}

void sim_fail(uint32_t domid, enum sim_call call, unsigned int k, int error)
{
	world_fault_plan(inprocess_world(), domid, (unsigned int)call, k,
			 error);
}

void sim_ledger(uint32_t domid, struct sim_ledger *ledger)
{
	const struct world_held *held = &inprocess_world()->domain[domid].held;

	*ledger = host.ledger[domid];
	ledger->mapped_pages = held->mapped_pages;
	ledger->shared_pages = held->shared_pages;
	ledger->ports = held->ports;
	ledger->evtchn_handles = held->handles;
	ledger->watches = xenstore_watches(domid);
}
