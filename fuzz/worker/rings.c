/* The guest: its rings, its requests, and what it finds answered.  See bench.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/blkif.h>

#include "fuzz/oracle/oracle.h"
#include "fuzz/worker/bench.h"
#include "sim/sim.h"

#define FRAME_RING(queue, page) (4u * (queue) + (page))
#define FRAME_DATA(page)	(16u + (page))
#define HEADER			64u
#define SECTORS			64u /* of the disk */

/* Copies from or to a ring, whose pages lie anywhere. */
static void touch(unsigned int queue, size_t at, void *bytes, size_t count,
		  bool write)
{
	for (size_t i = 0; i < count; i++, at++) {
		uint8_t *page = sim_guest_page(
			BENCH_GUEST,
			FRAME_RING(queue, (unsigned int)(at / XEN_PAGE_BYTES)));
		uint8_t *byte = &((uint8_t *)bytes)[i];

		if (write)
			page[at % XEN_PAGE_BYTES] = *byte;
		else
			*byte = page[at % XEN_PAGE_BYTES];
	}
}

uint32_t rings_index(unsigned int queue, unsigned int at)
{
	uint32_t value;

	touch(queue, at, &value, sizeof(value), false);
	return value;
}

void rings_set_index(unsigned int queue, unsigned int at, uint32_t value)
{
	touch(queue, at, &value, sizeof(value), true);
}

static size_t stride(const struct bench *bench)
{
	return bench->shape.abi == LINK_ABI_X86_32 ? 108 : 112;
}

uint32_t rings_slots(const struct bench *bench)
{
	size_t room = (XEN_PAGE_BYTES << bench->shape.ring_order) - HEADER;
	uint32_t slots = 1;

	while (2 * slots * stride(bench) <= room)
		slots *= 2;
	return slots;
}

static size_t slot_at(const struct bench *bench, uint32_t index)
{
	return HEADER + (index & (rings_slots(bench) - 1)) * stride(bench);
}

/* --- connecting --- */

void rings_boot(struct bench *bench)
{
	if (sim_domain_create(BENCH_GUEST, 64) < 0)
		abort();
	for (unsigned int q = 0; q < BENCH_QUEUES; q++)
		for (unsigned int i = 0; i < 1u << BENCH_ORDER; i++)
			sim_grant(BENCH_GUEST, GREF_RING_OF(q, i), 0,
				  FRAME_RING(q, i), 0);
	for (unsigned int i = 0; i < BENCH_PAGES; i++)
		sim_grant(BENCH_GUEST, GREF_DATA_OF(i), 0, FRAME_DATA(i),
			  i + 1 == BENCH_PAGES ? SIM_GRANT_READONLY : 0);
	sim_enter(BENCH_GUEST);
	bench->evtchn = xenevtchn_open(NULL, 0);
	for (unsigned int q = 0; q < BENCH_QUEUES; q++)
		bench->ring[q].port =
			(evtchn_port_t)xenevtchn_bind_unbound_port(
				bench->evtchn, 0);
	sim_enter(0);
}

void rings_begin(struct bench *bench, uint32_t index)
{
	memset(bench->unanswered, 0, sizeof(bench->unanswered));
	for (unsigned int q = 0; q < BENCH_QUEUES; q++) {
		rings_set_index(q, RING_REQ_PROD, index);
		rings_set_index(q, RING_RSP_PROD, index);
		rings_set_index(q, RING_REQ_EVENT, index + 1);
		rings_set_index(q, RING_RSP_EVENT, index + 1);
		bench->ring[q].req_prod = bench->ring[q].rsp_seen = index;
	}
}

/* --- requests --- */

static void put(uint8_t *slot, size_t at, uint64_t value, size_t bytes)
{
	memcpy(slot + at, &value, bytes);
}

/* Its fields stand where others have segments. */
static void build_discard(const struct script_record *r, uint8_t *slot,
			  size_t shift)
{
	slot[0] = BLKIF_OP_DISCARD;
	slot[1] = script_u8(r, 5) % 2;
	put(slot, 24 - shift, script_u8(r, 3) % (SECTORS + 2), 8);
}

/* How many segments it claims to have: few, or more than a page describes. */
static unsigned int claimed_of(uint8_t value)
{
	return value < SCRIPT_ODD ? value % 25u
				  : (value - SCRIPT_ODD + 1u) * 40u;
}

void rings_describe(unsigned int page, unsigned int segments, uint8_t last)
{
	for (unsigned int i = 0; i < segments && i < LIMIT_DESCRIPTORS; i++) {
		uint8_t *at =
			sim_guest_page(BENCH_GUEST, FRAME_DATA(page)) + 8u * i;
		const uint32_t gref =
			GREF_DATA_OF((page + 1 + i) % BENCH_PAGES);

		memcpy(at, &gref, sizeof(gref));
		at[4] = 0;
		at[5] = last;
		at[6] = at[7] = 0;
	}
}

/* Its segments stand in data pages, all of them in the same one. */
static void build_indirect(const struct script_record *r, uint8_t *slot,
			   size_t shift)
{
	const unsigned int segments = claimed_of(script_u8(r, 3));
	const unsigned int page = script_u8(r, 5) % BENCH_PAGES;
	const uint8_t operation = script_u8(r, 2);

	slot[0] = BLKIF_OP_INDIRECT;
	slot[1] = operation % 8 == 7 ? BLKIF_OP_FLUSH_DISKCACHE : operation % 2;
	put(slot, 2, segments, 2);
	rings_describe(page, segments, (uint8_t)(script_u8(r, 7) % 9));
	for (unsigned int i = 0; i < LIMIT_DESCRIPTOR_PAGES; i++)
		put(slot, 28 - shift + 4 * (size_t)i,
		    script_u8(r, 6) >= SCRIPT_ODD + i ? GREF_NOT_THERE
						      : GREF_DATA_OF(page),
		    4);
}

static void build_segments(const struct script_record *r, uint8_t *slot,
			   size_t shift)
{
	const unsigned int segments = script_u8(r, 3) % 13;

	slot[1] = (uint8_t)segments;
	for (unsigned int i = 0; i < segments && i < LIMIT_SEGMENTS; i++) {
		const size_t at = 24 - shift + 8 * (size_t)i;
		const bool wrong = script_u8(r, 6) >= SCRIPT_ODD + i;

		put(slot, at,
		    wrong ? GREF_NOT_THERE
			  : GREF_DATA_OF((script_u8(r, 5) + i) % BENCH_PAGES),
		    4);
		slot[at + 5] = (uint8_t)(script_u8(r, 7) % 9);
	}
}

/* Fields: 2 operation, from SCRIPT_ODD on eight values each for a discard, a
 * barrier, and two of an indirect request; 3 segments, or sectors of a discard; 4
 * sector, 5 page, 6 what of it is wrong, 7 where segments end. */
static void build(const struct bench *bench, const struct script_record *r,
		  uint8_t slot[112])
{
	static const uint8_t operations[] = {
		BLKIF_OP_READ, BLKIF_OP_WRITE, BLKIF_OP_FLUSH_DISKCACHE,
		BLKIF_OP_READ, BLKIF_OP_WRITE, 77};
	const size_t shift = bench->shape.abi == LINK_ABI_X86_32 ? 4 : 0;
	const uint8_t operation = script_u8(r, 2);

	memset(slot, 0, 112);
	put(slot, 8 - shift, bench->ids, 8);
	put(slot, 16 - shift, script_u8(r, 4) % (SECTORS + 2), 8);
	if (operation >= SCRIPT_ODD + 16) {
		build_indirect(r, slot, shift);
	} else if (operation >= SCRIPT_ODD && operation < SCRIPT_ODD + 8) {
		build_discard(r, slot, shift);
	} else {
		slot[0] = operation < SCRIPT_ODD
				  ? operations[operation % sizeof(operations)]
				  : BLKIF_OP_WRITE_BARRIER;
		build_segments(r, slot, shift);
	}
}

void rings_publish(struct bench *bench, unsigned int queue)
{
	struct bench_ring *ring = &bench->ring[queue];

	rings_set_index(queue, RING_REQ_PROD, ring->req_prod);
	sim_enter(BENCH_GUEST);
	(void)xenevtchn_notify(bench->evtchn, ring->port);
	sim_enter(0);
}

void rings_request(struct bench *bench, const struct script_record *how)
{
	const unsigned int queue = script_u8(how, 1) % bench->shape.queues;
	struct bench_ring *ring = &bench->ring[queue];
	uint8_t slot[112];

	if (ring->req_prod - ring->rsp_seen >= rings_slots(bench) ||
	    bench->ids == BENCH_IDS)
		return;
	build(bench, how, slot);
	touch(queue, slot_at(bench, ring->req_prod), slot, stride(bench), true);
	bench->unanswered[bench->ids++] = 1;
	ring->req_prod++;
	if (script_u8(how, 8) < SCRIPT_ODD)
		rings_publish(bench, queue);
}

void rings_bend(struct bench *bench, unsigned int queue, uint32_t value)
{
	rings_set_index(queue, RING_REQ_PROD,
			bench->ring[queue].req_prod + value);
	bench->bent |= value != 0;
}

/* --- answers --- */

static void judge(struct bench *bench, unsigned int queue, uint32_t index)
{
	uint64_t id;
	int16_t status;

	touch(queue, slot_at(bench, index), &id, sizeof(id), false);
	touch(queue, slot_at(bench, index) + 10, &status, sizeof(status),
	      false);
	bench->answered++;
	bench->okay += status == BLKIF_RSP_OKAY;
	bench->hash = bench->hash * 31 + id + (uint16_t)status;
	if (status != BLKIF_RSP_OKAY && status != BLKIF_RSP_ERROR &&
	    status != BLKIF_RSP_EOPNOTSUPP && !bench->bent)
		oracle_fail(ORACLE_RESPONSES, "a response has status %d",
			    status);
	if (bench->bent)
		return;
	if (id >= bench->ids || !bench->unanswered[id])
		oracle_fail(ORACLE_RESPONSES,
			    "response %u of queue %u answers %llu, which "
			    "waits for none",
			    index, queue, (unsigned long long)id);
	else
		bench->unanswered[id] = 0;
}

void rings_hear(struct bench *bench)
{
	for (unsigned int q = 0; q < bench->shape.queues; q++) {
		struct bench_ring *ring = &bench->ring[q];
		const uint32_t now = rings_index(q, RING_RSP_PROD);

		if (now - ring->rsp_seen > rings_slots(bench)) {
			/* A worker that was taken over may have left that. */
			if (!bench->bent)
				oracle_fail(ORACLE_RING,
					    "rsp_prod of queue %u is %u", q,
					    now);
			ring->rsp_seen = now;
		}
		while (ring->rsp_seen != now)
			judge(bench, q, ring->rsp_seen++);
		rings_set_index(q, RING_RSP_EVENT, now + 1);
	}
}

void rings_rest(struct bench *bench)
{
	if (bench->bent || bench->planned)
		return;
	for (unsigned int q = 0; q < bench->shape.queues; q++) {
		const uint32_t published = rings_index(q, RING_REQ_PROD);

		if (bench->ring[q].rsp_seen != published)
			oracle_fail(ORACLE_PROGRESS,
				    "queue %u rests, and %u requests of it are "
				    "not answered",
				    q, published - bench->ring[q].rsp_seen);
	}
}
