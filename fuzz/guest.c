/* The guest's memory, grants and rings.  See guest.h. */
#include "fuzz/guest.h"

#include <string.h>
#include <xenevtchn.h>

#include "backend/base/check.h"
#include "fuzz/taping.h"
#include "sim/sim.h"

static const unsigned int index_offset[] = {
	[GUEST_REQ_PROD] = 0,
	[GUEST_REQ_EVENT] = 4,
	[GUEST_RSP_PROD] = 8,
	[GUEST_RSP_EVENT] = 12,
};

#define HEADER_BYTES 64u

/* The bystander's pages stand behind the same numbers in its own table, so that
 * a backend that confuses domains maps them instead of failing. */
static void boot_bystander(void)
{
	for (uint32_t i = 0; i < OTHER_PAGES; i++) {
		memset(sim_guest_page(OTHER_DOMID, i), 0xc5, XEN_PAGE_BYTES);
		sim_grant(OTHER_DOMID, GREF_DATA + i, BACKEND_DOMID, i, 0);
	}
}

static void grant_all(struct guest *guest)
{
	memset(guest->grant, 0, sizeof(guest->grant));
	for (uint32_t i = 0; i < GUEST_DATA_PAGES; i++) {
		guest_grant_page(guest, GREF_DATA + i, i, false);
		guest_grant_page(guest, GREF_READONLY + i, i, true);
	}
	for (uint32_t i = 0; i < 4; i++) {
		sim_grant(GUEST_DOMID, GREF_OTHER + i, OTHER_DOMID, i, 0);
		guest->grant[GREF_OTHER + i].page = (uint8_t)i;
	}
}

void guest_boot(struct guest *guest)
{
	uint32_t before;

	CHECK(sim_domain_create(GUEST_DOMID, GUEST_PAGES) == 0);
	CHECK(sim_domain_create(OTHER_DOMID, OTHER_PAGES) == 0);
	guest->memory = sim_guest_page(GUEST_DOMID, 0);
	/* A frame is cleared when it is first asked for. */
	for (uint32_t i = 0; i < GUEST_DATA_PAGES; i++)
		(void)sim_guest_page(GUEST_DOMID, i);
	CHECK(sim_guest_page(GUEST_DOMID, GUEST_PAGES - 1) ==
	      guest->memory + (GUEST_PAGES - 1) * XEN_PAGE_BYTES);
	boot_bystander();
	grant_all(guest);
	before = sim_enter(GUEST_DOMID);
	guest->evtchn = xenevtchn_open(NULL, 0);
	sim_enter(before);
	CHECK(guest->evtchn != NULL);
	memset(guest->queue, 0, sizeof(guest->queue));
}

void guest_shutdown(struct guest *guest)
{
	xenevtchn_close(guest->evtchn);
	guest->evtchn = NULL;
}

static uint8_t *ring_memory(const struct guest *guest, unsigned int queue)
{
	CHECK(queue < GUEST_QUEUES);
	return guest->memory +
	       (GUEST_RING_FRAME + queue * LIMIT_RING_PAGES) * XEN_PAGE_BYTES;
}

const uint8_t *guest_ring(const struct guest *guest, unsigned int queue)
{
	return ring_memory(guest, queue);
}

void guest_ring_write(struct guest *guest, unsigned int queue, size_t at,
		      const void *bytes, size_t count)
{
	CHECK(at + count <= sizeof(guest->shadow[0]));
	memcpy(ring_memory(guest, queue) + at, bytes, count);
	memcpy(guest->shadow[queue] + at, bytes, count);
	taping_ring(guest, queue, at, bytes, count);
}

uint32_t guest_index(struct guest *guest, unsigned int queue,
		     enum guest_index which)
{
	uint32_t value;

	memcpy(&value, guest_ring(guest, queue) + index_offset[which], 4);
	return value;
}

void guest_set_index(struct guest *guest, unsigned int queue,
		     enum guest_index which, uint32_t value)
{
	guest_ring_write(guest, queue, index_offset[which], &value, 4);
}

size_t guest_slot_offset(const struct guest *guest, uint32_t index)
{
	return HEADER_BYTES + (index & (guest->slots - 1)) * guest->slot_bytes;
}

static void new_ring(struct guest *guest, unsigned int queue)
{
	struct guest_queue *q = &guest->queue[queue];
	uint32_t start = guest->shape.start;
	uint64_t id = q->next_id;
	uint32_t port = q->port;

	memset(ring_memory(guest, queue), 0,
	       (size_t)XEN_PAGE_BYTES << guest->shape.order);
	memset(guest->shadow[queue], 0,
	       (size_t)XEN_PAGE_BYTES << guest->shape.order);
	*q = (struct guest_queue){
		.port = port,
		.private_prod = start,
		.published = start,
		.rsp_seen = start,
		/* The high half is not zero, and not symmetric. */
		.next_id = id != 0 ? id : UINT64_C(0x8123456700000000) + queue,
	};
	guest_set_index(guest, queue, GUEST_REQ_PROD, start);
	guest_set_index(guest, queue, GUEST_RSP_PROD, start);
	guest_set_index(guest, queue, GUEST_REQ_EVENT, start + 1);
	guest_set_index(guest, queue, GUEST_RSP_EVENT, start + 1);
}

static void grant_ring_page(unsigned int queue, uint32_t page)
{
	uint32_t at = queue * LIMIT_RING_PAGES + page;

	sim_grant(GUEST_DOMID, GREF_RING + at, BACKEND_DOMID,
		  GUEST_RING_FRAME + at, 0);
	/* A frame is cleared when it is first asked for: not later. */
	(void)sim_guest_page(GUEST_DOMID, GUEST_RING_FRAME + at);
}

static void connect_queue(struct guest *guest, unsigned int queue, bool go_on)
{
	struct guest_queue *q = &guest->queue[queue];
	int port;

	if (q->port != 0)
		xenevtchn_unbind(guest->evtchn, q->port);
	port = xenevtchn_bind_unbound_port(guest->evtchn, BACKEND_DOMID);
	CHECK(port > 0);
	q->port = (uint32_t)port;
	for (uint32_t i = 0; i < 1u << guest->shape.order; i++)
		grant_ring_page(queue, i);
	if (!go_on)
		new_ring(guest, queue);
}

void guest_connect(struct guest *guest, const struct guest_shape *shape,
		   bool go_on)
{
	uint32_t fit;

	guest->shape = *shape;
	guest->slot_bytes = reference_slot_bytes(shape->packed);
	fit = (uint32_t)(((XEN_PAGE_BYTES << shape->order) - HEADER_BYTES) /
			 guest->slot_bytes);
	guest->slots = 1;
	while (guest->slots * 2 <= fit)
		guest->slots *= 2;
	taping_rings(guest, !go_on);
	for (unsigned int i = 0; i < shape->queues; i++)
		connect_queue(guest, i, go_on);
}

static void put_indirect(const struct guest_request *r, bool packed,
			 uint8_t *slot)
{
	const size_t shift = packed ? 4 : 0;
	uint32_t list = r->list;

	slot[0] = 6;
	slot[1] = r->operation;
	memcpy(slot + 2, &r->claimed, 2);
	memcpy(slot + 8 - shift, &r->id, 8);
	memcpy(slot + 16 - shift, &r->sector, 8);
	memcpy(slot + 24 - shift, &r->handle, 2);
	for (size_t at = 28 - shift; at < 60 - shift; at += 4, list++)
		memcpy(slot + at, &list, 4);
}

static void put_slot(const struct guest_request *r, bool packed, uint8_t *slot)
{
	const size_t shift = packed ? 4 : 0;
	size_t at = 24 - shift;

	slot[0] = r->operation;
	slot[1] = r->nr_segments;
	memcpy(slot + 2, &r->handle, 2);
	memcpy(slot + 8 - shift, &r->id, 8);
	memcpy(slot + 16 - shift, &r->sector, 8);
	for (unsigned int i = 0; i < REFERENCE_SEGMENTS; i++, at += 8) {
		memcpy(slot + at, &r->segment[i].gref, 4);
		slot[at + 4] = r->segment[i].first;
		slot[at + 5] = r->segment[i].last;
	}
}

static void put_discard(const struct guest_request *r, bool packed,
			uint8_t *slot)
{
	const size_t shift = packed ? 4 : 0;

	slot[0] = r->operation;
	slot[1] = r->flags;
	memcpy(slot + 2, &r->handle, 2);
	memcpy(slot + 8 - shift, &r->id, 8);
	memcpy(slot + 16 - shift, &r->sector, 8);
	memcpy(slot + 24 - shift, &r->extent, 8);
}

bool guest_place(struct guest *guest, unsigned int queue,
		 const struct guest_request *request)
{
	struct guest_queue *q = &guest->queue[queue];
	const size_t at = guest_slot_offset(guest, q->private_prod);
	uint8_t slot[128];

	if (q->private_prod - q->rsp_seen >= guest->slots)
		return false;
	/* What stood in the padding stays there. */
	memcpy(slot, guest->shadow[queue] + at, guest->slot_bytes);
	if (request->indirect)
		put_indirect(request, guest->shape.packed, slot);
	else if (request->discard)
		put_discard(request, guest->shape.packed, slot);
	else
		put_slot(request, guest->shape.packed, slot);
	guest_ring_write(guest, queue, at, slot, guest->slot_bytes);
	q->private_prod++;
	return true;
}

bool guest_publish(struct guest *guest, unsigned int queue, uint32_t count)
{
	struct guest_queue *q = &guest->queue[queue];
	uint32_t old = q->published;
	uint32_t now = q->private_prod;
	uint32_t event = guest_index(guest, queue, GUEST_REQ_EVENT);

	if (count != 0 && count < now - old)
		now = old + count;
	guest_set_index(guest, queue, GUEST_REQ_PROD, now);
	q->published = now;
	if (now - event >= now - old)
		return false;
	q->owed_kick = true;
	return true;
}

void guest_kick(struct guest *guest, unsigned int queue)
{
	guest->queue[queue].owed_kick = false;
	taping_kick(guest, queue);
	xenevtchn_notify(guest->evtchn, guest->queue[queue].port);
}

void guest_take_events(struct guest *guest)
{
	xenevtchn_port_or_error_t port;

	for (unsigned int i = 0; i < guest->shape.queues; i++)
		while (sim_port_pending(GUEST_DOMID, guest->queue[i].port)) {
			port = xenevtchn_pending(guest->evtchn);
			if (port <= 0)
				break;
			xenevtchn_unmask(guest->evtchn, (evtchn_port_t)port);
		}
}

void guest_grant_page(struct guest *guest, uint32_t gref, unsigned int page,
		      bool readonly)
{
	struct guest_grant *g = &guest->grant[gref];

	CHECK(gref < GREF_COUNT && page < GUEST_DATA_PAGES);
	taping_grant(guest, gref, page, readonly);
	if (sim_grant_mapped(GUEST_DOMID, gref) > 0) {
		g->torn = true;
		g->torn_pages |= 1u << page;
		if (g->page < GUEST_DATA_PAGES)
			g->torn_pages |= 1u << g->page;
	}
	sim_grant(GUEST_DOMID, gref, BACKEND_DOMID, page,
		  readonly ? SIM_GRANT_READONLY : 0);
	g->valid = true;
	g->readonly = readonly;
	g->page = (uint8_t)page;
	g->generation++;
}

bool guest_grant_end(struct guest *guest, uint32_t gref)
{
	struct guest_grant *g = &guest->grant[gref];

	CHECK(gref < GREF_COUNT);
	if (sim_grant_end(GUEST_DOMID, gref) != 0)
		return false;
	taping_grant_end(guest, gref);
	g->valid = false;
	g->torn = false;
	g->torn_pages = 0;
	g->generation++;
	return true;
}
