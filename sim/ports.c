/*
 * Event channels, and the handles of /dev/xen/evtchn through which processes
 * use them.
 *
 * Called by the symbols in lib/.  A port fires once into its handle and is then
 * masked until it is unmasked; an event that comes meanwhile is remembered,
 * once, and fires at the unmask.  Closing one end makes the other unbound, for
 * the same domain to bind anew.  Sending and unmasking take no lock.
 *
 * Fault model: events may be spurious and may coalesce, as on Xen; an event may
 * be lost only when the sending process dies inside the call.  The order in
 * which fired ports are read is not the order in which they fired (Linux has a
 * ring, here is a bitmap, which a dying sender cannot leave half written).
 */
#include "sim/world.h"

#include <errno.h>
#include <string.h>

_Static_assert(WORLD_PORTS == WORLD_PORT_WORDS * 64, "one bit per port");

static uint64_t binding_make(enum world_port_state state, uint32_t domid,
			     uint32_t port)
{
	return (uint64_t)state << 48 | (uint64_t)(domid & 0xffff) << 32 | port;
}

static enum world_port_state binding_state(uint64_t binding)
{
	return (enum world_port_state)(binding >> 48);
}

static uint32_t binding_domid(uint64_t binding)
{
	return (uint32_t)(binding >> 32) & 0xffff;
}

static uint32_t binding_port(uint64_t binding)
{
	return (uint32_t)binding;
}

/* --- the queue of fired ports --- */

static void queue_push(struct world *world, uint32_t handle, uint32_t port)
{
	struct world_handle *h = &world->handle[handle];
	uint64_t bit = 1ull << port % 64;
	uint64_t before = atomic_fetch_or(&h->fired[port / 64], bit);

	atomic_fetch_or(&h->summary, 1ull << port / 64);
	/* Unmasked without having been read: it is in the queue already. */
	if ((before & bit) == 0)
		world_wake(world, handle);
}

bool world_handle_fired(const struct world *world, uint32_t handle)
{
	const struct world_handle *h = &world->handle[handle];
	uint64_t summary = atomic_load(&h->summary);

	for (; summary != 0; summary &= summary - 1)
		if (atomic_load(&h->fired[__builtin_ctzll(summary)]) != 0)
			return true;
	return false;
}

static uint32_t take_from_word(struct world_handle *h, uint32_t word)
{
	uint64_t bits = atomic_load(&h->fired[word]);

	while (bits != 0) {
		uint64_t lowest = bits & -bits;
		uint64_t old = atomic_fetch_and(&h->fired[word], ~lowest);

		if ((old & lowest) != 0)
			return word * 64 + (uint32_t)__builtin_ctzll(lowest);
		bits = old;
	}
	return 0;
}

uint32_t world_handle_next(struct world *world, uint32_t handle)
{
	struct world_handle *h = &world->handle[handle];
	uint64_t summary;

	while ((summary = atomic_load(&h->summary)) != 0) {
		/* Words after the last one first, so that none starves. */
		uint32_t cursor =
			atomic_load_explicit(&h->cursor, memory_order_relaxed);
		uint64_t after = summary & ~0ull << cursor;
		uint32_t word =
			(uint32_t)__builtin_ctzll(after ? after : summary);
		uint32_t port = take_from_word(h, word);

		atomic_store_explicit(&h->cursor, (word + 1) % WORLD_PORT_WORDS,
				      memory_order_relaxed);
		if (port != 0)
			return port;
		/* Clear first, look again: a push sets the word before this. */
		atomic_fetch_and(&h->summary, ~(1ull << word));
		if (atomic_load(&h->fired[word]) != 0)
			atomic_fetch_or(&h->summary, 1ull << word);
	}
	return 0;
}

/* --- delivery --- */

static void port_fire(struct world *world, uint32_t domid, uint32_t port)
{
	struct world_port *p = &world_dom(world, domid)->port[port];
	uint32_t flags = atomic_load(&p->flags), handle;

	do {
		if ((flags & WORLD_PORT_PENDING) != 0)
			return;
	} while (!atomic_compare_exchange_weak(
		&p->flags, &flags,
		flags | ((flags & WORLD_PORT_MASKED) ? WORLD_PORT_PENDING
						     : WORLD_PORT_MASKED)));
	handle = atomic_load(&p->handle);
	if ((flags & WORLD_PORT_MASKED) == 0 && handle != 0)
		queue_push(world, handle - 1, port);
}

static struct world_port *port_of(struct world *world, uint32_t handle,
				  uint32_t port)
{
	struct world_port *p;

	if (port == 0 || port >= WORLD_PORTS)
		return NULL;
	p = &world_dom(world, world->handle[handle].domid)->port[port];
	return atomic_load(&p->handle) == handle + 1 ? p : NULL;
}

int world_port_send(struct world *world, uint32_t handle, uint32_t port)
{
	const struct world_port *p = port_of(world, handle, port);
	uint64_t binding;

	if (p == NULL)
		return -ENOTCONN;
	binding = atomic_load(&p->binding);
	if (binding_state(binding) == WORLD_PORT_INTERDOMAIN)
		port_fire(world, binding_domid(binding), binding_port(binding));
	return 0;
}

int world_port_unmask(struct world *world, uint32_t handle, uint32_t port)
{
	struct world_port *p = port_of(world, handle, port);
	uint32_t flags, wanted;

	if (p == NULL)
		return -ENOTCONN;
	flags = atomic_load(&p->flags);
	do {
		if ((flags & WORLD_PORT_MASKED) == 0)
			return 0;
		/* A pending event fires now, which masks the port again. */
		wanted = (flags & WORLD_PORT_PENDING) ? WORLD_PORT_MASKED : 0;
	} while (!atomic_compare_exchange_weak(&p->flags, &flags, wanted));
	if (wanted != 0)
		queue_push(world, handle, port);
	return 0;
}

bool world_port_waiting(const struct world *world, uint32_t domid,
			uint32_t port)
{
	const struct world_port *p;
	uint32_t handle;

	if (domid >= WORLD_DOMAINS || port == 0 || port >= WORLD_PORTS)
		return false;
	p = &world->domain[domid].port[port];
	handle = atomic_load(&p->handle);
	if (handle == 0)
		return false;
	return (atomic_load(&p->flags) & WORLD_PORT_PENDING) != 0 ||
	       (atomic_load(&world->handle[handle - 1].fired[port / 64]) >>
			port % 64 &
		1) != 0;
}

void world_port_notify_locked(struct world *world, uint32_t domid,
			      uint32_t port)
{
	uint64_t binding =
		atomic_load(&world_dom(world, domid)->port[port].binding);

	if (binding_state(binding) == WORLD_PORT_INTERDOMAIN)
		port_fire(world, binding_domid(binding), binding_port(binding));
}

/* Queued whether it is or not: a dying sender may have done any half of it. */
static void port_revive(struct world *world, uint32_t domid, uint32_t port)
{
	struct world_port *p = &world_dom(world, domid)->port[port];
	uint32_t handle = atomic_load(&p->handle);
	struct world_handle *h;

	if (handle == 0 || (atomic_load(&p->flags) & WORLD_PORT_MASKED) == 0)
		return;
	h = &world->handle[handle - 1];
	atomic_fetch_or(&h->fired[port / 64], 1ull << port % 64);
	atomic_fetch_or(&h->summary, 1ull << port / 64);
	world_wake(world, handle - 1);
}

void world_handle_revive_peers(struct world *world, uint32_t handle)
{
	struct world_domain *d = world_dom(world, world->handle[handle].domid);

	for (uint32_t port = 1; port < d->ports_used; port++) {
		uint64_t binding = atomic_load(&d->port[port].binding);

		if (atomic_load(&d->port[port].handle) == handle + 1 &&
		    binding_state(binding) == WORLD_PORT_INTERDOMAIN)
			port_revive(world, binding_domid(binding),
				    binding_port(binding));
	}
}

/* --- binding --- */

static int port_alloc(struct world *world, uint32_t handle, uint64_t binding)
{
	struct world_domain *d = world_dom(world, world->handle[handle].domid);

	for (uint32_t port = 1; port < WORLD_PORTS; port++) {
		struct world_port *p = &d->port[port];

		if (atomic_load(&p->binding) != 0)
			continue;
		if (port >= d->ports_used)
			d->ports_used = port + 1;
		atomic_store(&p->flags, 0);
		atomic_store(&p->handle, handle + 1);
		atomic_store(&p->binding, binding);
		d->held.ports++;
		return (int)port;
	}
	return -ENOSPC;
}

int world_port_alloc(struct world *world, uint32_t handle, uint32_t remote)
{
	int port;

	world_lock(world);
	port = port_alloc(world, handle,
			  binding_make(WORLD_PORT_UNBOUND, remote, 0));
	world_unlock(world);
	return port;
}

static int bind_locked(struct world *world, uint32_t handle, uint32_t remote,
		       uint32_t remote_port)
{
	uint32_t domid = world->handle[handle].domid;
	struct world_port *peer = &world_dom(world, remote)->port[remote_port];
	int port;

	if (atomic_load(&peer->binding) !=
	    binding_make(WORLD_PORT_UNBOUND, domid, 0))
		return -EINVAL;
	port = port_alloc(
		world, handle,
		binding_make(WORLD_PORT_INTERDOMAIN, remote, remote_port));
	if (port < 0)
		return port;
	atomic_store(&peer->binding, binding_make(WORLD_PORT_INTERDOMAIN, domid,
						  (uint32_t)port));
	port_fire(world, domid, (uint32_t)port);
	return port;
}

int world_port_bind(struct world *world, uint32_t handle, uint32_t remote,
		    uint32_t remote_port)
{
	int port;

	if (!world_domain_live(world, remote))
		return -ESRCH;
	if (remote_port == 0 || remote_port >= WORLD_PORTS)
		return -EINVAL;
	world_lock(world);
	port = bind_locked(world, handle, remote, remote_port);
	world_unlock(world);
	return port;
}

int world_port_bind_virq(struct world *world, uint32_t handle, uint32_t virq)
{
	struct world_domain *d = world_dom(world, world->handle[handle].domid);
	int port = -EEXIST;

	if (virq >= WORLD_VIRQS)
		return -EINVAL;
	world_lock(world);
	if (d->virq[virq] == 0) {
		port = port_alloc(world, handle,
				  binding_make(WORLD_PORT_VIRQ, 0, virq));
		if (port > 0)
			d->virq[virq] = (uint32_t)port;
	}
	world_unlock(world);
	return port;
}

void world_virq_raise(struct world *world, uint32_t domid, uint32_t virq)
{
	uint32_t port;

	if (!world_domain_live(world, domid) || virq >= WORLD_VIRQS)
		return;
	world_lock(world);
	port = world_dom(world, domid)->virq[virq];
	if (port != 0)
		port_fire(world, domid, port);
	world_unlock(world);
}

/* --- closing --- */

static void close_locked(struct world *world, uint32_t domid, uint32_t port)
{
	struct world_domain *d = world_dom(world, domid);
	struct world_port *p = &d->port[port];
	uint64_t binding = atomic_load(&p->binding);
	uint32_t handle = atomic_load(&p->handle);

	if (binding_state(binding) == WORLD_PORT_VIRQ)
		d->virq[binding_port(binding)] = 0;
	if (binding_state(binding) == WORLD_PORT_INTERDOMAIN) {
		uint64_t ours =
			binding_make(WORLD_PORT_INTERDOMAIN, domid, port);

		/* A process that died in here is closed twice: the peer may be
		 * bound to another port of ours by then. */
		atomic_compare_exchange_strong(
			&world_dom(world, binding_domid(binding))
				 ->port[binding_port(binding)]
				 .binding,
			&ours, binding_make(WORLD_PORT_UNBOUND, domid, 0));
	}
	atomic_store(&p->handle, 0);
	atomic_store(&p->flags, 0);
	/* Linux may still hand out a closed port that had fired; we do not. */
	if (handle != 0)
		atomic_fetch_and(&world->handle[handle - 1].fired[port / 64],
				 ~(1ull << port % 64));
	atomic_store(&p->binding, 0);
	d->held.ports--;
}

int world_port_close(struct world *world, uint32_t handle, uint32_t port)
{
	int error = -ENOTCONN;

	world_lock(world);
	if (port_of(world, handle, port) != NULL) {
		close_locked(world, world->handle[handle].domid, port);
		error = 0;
	}
	world_unlock(world);
	return error;
}

/* --- handles --- */

static int handle_alloc(struct world *world, uint32_t *handle)
{
	for (uint32_t h = 0; h < WORLD_HANDLES; h++)
		if (world->handle[h].owner == 0) {
			if (h >= world->handles_used)
				world->handles_used = h + 1;
			*handle = h;
			return 0;
		}
	return -ENOMEM;
}

int world_handle_open(struct world *world, uint32_t domid, uint32_t owner,
		      uint32_t *handle)
{
	int error;

	if (!world_domain_live(world, domid))
		return -EINVAL;
	world_lock(world);
	error = handle_alloc(world, handle);
	if (error == 0) {
		struct world_handle *h = &world->handle[*handle];

		memset(h, 0, sizeof(*h));
		h->domid = domid;
		h->owner = owner;
		world_dom(world, domid)->held.handles++;
	}
	world_unlock(world);
	return error;
}

void world_ports_close_handle(struct world *world, uint32_t handle)
{
	uint32_t domid = world->handle[handle].domid;
	struct world_domain *d = world_dom(world, domid);

	for (uint32_t port = 1; port < d->ports_used; port++)
		if (atomic_load(&d->port[port].handle) == handle + 1)
			close_locked(world, domid, port);
	world->handle[handle].owner = 0;
	d->held.handles--;
}

void world_handle_close(struct world *world, uint32_t handle)
{
	world_lock(world);
	world_ports_close_handle(world, handle);
	world_unlock(world);
}
