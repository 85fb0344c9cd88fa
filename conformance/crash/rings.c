/* The crash checker's guest: see rings.h. */
#include "conformance/crash/rings.h"

#include <string.h>

#include <xenevtchn.h>
#include <xen/io/blkif.h>

#include "backend/base/check.h"
#include "conformance/crash/device.h"
#include "sim/sim.h"

#define FIRST_FRAME 16u
#define FIRST_GREF  64u
#define SLOTS	    32u
#define QUEUE_GREF  8u
#define FIRST_ID    5000u

static blkif_sring_t *ring_of(unsigned int queue)
{
	return sim_guest_page(RINGS_GUEST, queue);
}

static void *page_of(unsigned int page)
{
	return sim_guest_page(RINGS_GUEST, FIRST_FRAME + page);
}

void rings_make(struct rings *rings, const struct history *history,
		struct link_attach *attach)
{
	xenevtchn_handle *ports;

	memset(rings, 0, sizeof(*rings));
	memset(attach, 0, sizeof(*attach));
	rings->queues = history->queues;
	sim_reset(1);
	CHECK(sim_domain_create(RINGS_GUEST, FIRST_FRAME + RINGS_PAGES) == 0);
	for (unsigned int i = 0; i < RINGS_PAGES; i++) {
		CHECK(sim_grant(RINGS_GUEST, FIRST_GREF + i, 0, FIRST_FRAME + i,
				0) == 0);
		rings->free[rings->free_count++] = (uint8_t)i;
	}
	sim_enter(RINGS_GUEST);
	ports = xenevtchn_open(NULL, 0);
	CHECK(ports != NULL);
	for (unsigned int q = 0; q < history->queues; q++) {
		SHARED_RING_INIT(ring_of(q));
		CHECK(sim_grant(RINGS_GUEST, QUEUE_GREF + q, 0, q, 0) == 0);
		attach->queue[q].ring_gref[0] = QUEUE_GREF + q;
		attach->queue[q].event_channel =
			(uint32_t)xenevtchn_bind_unbound_port(ports, 0);
	}
	sim_enter(0);
	attach->queues = history->queues;
	attach->abi = LINK_ABI_X86_64;
	attach->persistent = history->persistent;
	attach->indirect = LIMIT_SEGMENTS;
	attach->barrier = history->barriers;
}

static unsigned int segments_of(const struct step *step)
{
	return (step->sectors + step->part - 1u) / step->part;
}

bool rings_room(const struct rings *rings, const struct step *step)
{
	const blkif_sring_t *ring = ring_of(step->queue);

	return rings->free_count > segments_of(step) &&
	       ring->req_prod - rings->seen[step->queue] < SLOTS;
}

static struct blkif_request_segment describe(const struct ring_request *r,
					     unsigned int i)
{
	const unsigned int left = r->sectors - i * r->part;
	const unsigned int length = left < r->part ? left : r->part;

	return (struct blkif_request_segment){
		.gref = FIRST_GREF + r->page[i],
		.first_sect = r->first,
		.last_sect = (uint8_t)(r->first + length - 1)};
}

const void *rings_data(const struct rings *rings, uint32_t number,
		       unsigned int i)
{
	const struct ring_request *r = &rings->request[number];

	CHECK(i < r->sectors);
	return (const char *)page_of(r->page[i / r->part]) +
	       (size_t)(r->first + i % r->part) * SECTOR_BYTES;
}

/* What is to be written; for a read, what no sector ever holds. */
static void fill(struct rings *rings, const struct step *step, uint32_t number)
{
	struct ring_request *r = &rings->request[number];

	for (unsigned int i = 0; i < r->pages; i++)
		memset(page_of(r->page[i]), 0xee, XEN_PAGE_BYTES);
	for (unsigned int i = 0; i < r->sectors && step->operation > CRASH_READ;
	     i++)
		device_stamp((char *)page_of(r->page[i / r->part]) +
				     (size_t)(r->first + i % r->part) *
					     SECTOR_BYTES,
			     number, r->sector + i);
}

static uint8_t wire_operation(const struct step *step)
{
	static const uint8_t wire[CRASH_OPERATIONS] = {
		[CRASH_READ] = BLKIF_OP_READ,
		[CRASH_WRITE] = BLKIF_OP_WRITE,
		[CRASH_FLUSH] = BLKIF_OP_FLUSH_DISKCACHE,
		[CRASH_BARRIER] = BLKIF_OP_WRITE_BARRIER,
	};

	CHECK(step->operation < CRASH_OPERATIONS);
	return wire[step->operation];
}

static void write_direct(blkif_request_t *wire, const struct ring_request *r,
			 uint32_t number)
{
	wire->id = FIRST_ID + number;
	wire->sector_number = r->sector;
	wire->nr_segments = (uint8_t)r->segments;
	for (unsigned int i = 0; i < r->segments; i++)
		wire->seg[i] = describe(r, i);
}

static void write_indirect(blkif_request_t *wire, const struct ring_request *r,
			   uint32_t number)
{
	const unsigned int list = r->page[r->pages - 1];
	struct blkif_request_segment *segment = page_of(list);
	blkif_request_indirect_t *indirect = (void *)wire;
	const uint8_t operation = wire->operation;

	for (unsigned int i = 0; i < r->segments; i++)
		segment[i] = describe(r, i);
	indirect->operation = BLKIF_OP_INDIRECT;
	indirect->indirect_op = operation;
	indirect->nr_segments = (uint16_t)r->segments;
	indirect->id = FIRST_ID + number;
	indirect->sector_number = r->sector;
	indirect->indirect_grefs[0] = FIRST_GREF + list;
}

static void take_pages(struct rings *rings, const struct step *step,
		       struct ring_request *r)
{
	*r = (struct ring_request){.waiting = true,
				   .part = step->part,
				   .first = step->first,
				   .sector = step->sector,
				   .sectors = step->sectors,
				   .segments = segments_of(step)};
	r->pages = r->segments + step->indirect;
	CHECK(r->pages <= RINGS_SPAN && r->pages <= rings->free_count);
	for (unsigned int i = 0; i < r->pages; i++)
		r->page[i] = rings->free[--rings->free_count];
}

void rings_put(struct rings *rings, const struct step *step, uint32_t number)
{
	struct ring_request *r = &rings->request[number];
	blkif_sring_t *ring = ring_of(step->queue);
	blkif_request_t *wire = &ring->ring[ring->req_prod % SLOTS].req;

	CHECK(number >= 1 && number <= CRASH_REQUESTS && !r->waiting);
	CHECK(ring->req_prod - rings->seen[step->queue] < SLOTS);
	take_pages(rings, step, r);
	fill(rings, step, number);
	memset(wire, 0, sizeof(*wire));
	wire->operation = wire_operation(step);
	if (step->indirect)
		write_indirect(wire, r, number);
	else
		write_direct(wire, r, number);
	ring->req_prod++;
}

bool rings_answer(struct rings *rings, unsigned int queue,
		  struct ring_answer *answer)
{
	const blkif_sring_t *ring = ring_of(queue);
	const blkif_response_t *response;

	if (rings->seen[queue] == ring->rsp_prod)
		return false;
	response = &ring->ring[rings->seen[queue]++ % SLOTS].rsp;
	answer->number = (uint32_t)(response->id - FIRST_ID);
	answer->status = response->status;
	return true;
}

void rings_done(struct rings *rings, uint32_t number)
{
	struct ring_request *r = &rings->request[number];

	CHECK(r->waiting);
	r->waiting = false;
	for (unsigned int i = r->pages; i-- > 0;)
		rings->free[rings->free_count++] = r->page[i];
}
