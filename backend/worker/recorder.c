/* Records into a queue's ring of memory.  See recorder.h. */
#include "backend/worker/recorder.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/blkif.h>

#include "backend/base/check.h"
#include "backend/base/clock.h"

struct recorder {
	struct record_region *region;
	struct record_ring *ring;
	uint64_t now_ns;
	uint64_t head; /* our own: what is in the ring is not read back */
	uint64_t tail; /* as last looked at; it only grows */
	uint64_t lost;
	uint16_t index;
	/* A record is built here, then copied into the ring once. */
	union {
		struct record_header header;
		_Alignas(8) unsigned char byte[LIMIT_RECORD_BYTES];
	} draft;
};

int recorder_create(struct record_region *region, unsigned int index,
		    struct recorder **recorder)
{
	struct recorder *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	CHECK(index < region->queues);
	r->region = region;
	r->ring = &region->ring[index];
	r->index = (uint16_t)index;
	/* A worker that comes after another goes on where that one stopped. */
	r->head = atomic_load_explicit(&r->ring->head, memory_order_relaxed);
	r->tail = atomic_load_explicit(&r->ring->tail, memory_order_relaxed);
	*recorder = r;
	return 0;
}

void recorder_destroy(struct recorder *recorder)
{
	free(recorder);
}

void recorder_now(struct recorder *recorder, uint64_t now_ns)
{
	const uint64_t start_ns = recorder->region->start_ns;

	recorder->now_ns = now_ns > start_ns ? now_ns - start_ns : 0;
}

static bool has_stopped(const struct recorder *r)
{
	return atomic_load_explicit(&r->region->stopped,
				    memory_order_relaxed) != 0;
}

/* Where the payload of a new record is built. */
static void *draft(struct recorder *r, enum record_kind kind, size_t payload)
{
	struct record_header *h = &r->draft.header;
	const size_t bytes = record_padded(sizeof(*h) + payload);

	CHECK(bytes <= LIMIT_RECORD_BYTES);
	h->bytes = (uint32_t)bytes;
	h->kind = (uint16_t)kind;
	h->queue = r->index;
	h->time_ns = r->now_ns;
	h->domid = 0; /* stamped on by the supervisor */
	h->devid = 0;
	/* What a payload does not fill is no secret of ours. */
	memset(r->draft.byte + bytes - 8, 0, 8);
	return r->draft.byte + sizeof(*h);
}

static bool has_room(struct recorder *r, size_t bytes)
{
	if (r->head - r->tail + bytes <= LIMIT_RECORD_RING_BYTES)
		return true;
	/* Acquire: what the supervisor has read, we may overwrite. */
	r->tail = atomic_load_explicit(&r->ring->tail, memory_order_acquire);
	return r->head - r->tail + bytes <= LIMIT_RECORD_RING_BYTES;
}

static void copy_in(struct recorder *r, const void *record, size_t bytes)
{
	const size_t at = r->head % LIMIT_RECORD_RING_BYTES;
	const size_t first = LIMIT_RECORD_RING_BYTES - at < bytes
				     ? LIMIT_RECORD_RING_BYTES - at
				     : bytes;

	memcpy(r->ring->byte + at, record, first);
	memcpy(r->ring->byte, (const unsigned char *)record + first,
	       bytes - first);
	r->head += bytes;
	/* Release: the record is there before the head says so. */
	atomic_store_explicit(&r->ring->head, r->head, memory_order_release);
}

static void set_lost(struct recorder *r, uint64_t lost)
{
	r->lost = lost;
	atomic_store_explicit(&r->ring->lost, lost, memory_order_relaxed);
}

/* First what is missing before this record, at the place where it is missing. */
static bool tell_lost(struct recorder *r)
{
	struct {
		struct record_header header;
		struct record_number number;
	} record = {
		.header = {.bytes = sizeof(record),
			   .kind = RECORD_LOST,
			   .queue = r->index,
			   .time_ns = r->now_ns},
		.number = {r->lost},
	};

	if (!has_room(r, sizeof(record) + r->draft.header.bytes))
		return false;
	copy_in(r, &record, sizeof(record));
	set_lost(r, 0);
	return true;
}

static void commit(struct recorder *r)
{
	const size_t bytes = r->draft.header.bytes;

	if ((r->lost > 0 && !tell_lost(r)) || !has_room(r, bytes)) {
		set_lost(r, r->lost + 1);
		return;
	}
	copy_in(r, r->draft.byte, bytes);
}

void recorder_attach(struct recorder *recorder,
		     const struct link_attach *attach, const struct ring *ring,
		     enum refusal refusal)
{
	const struct link_queue *link = &attach->queue[recorder->index];
	struct record_attach *a;

	if (has_stopped(recorder))
		return;
	recorder_now(recorder, clock_now_ns());
	a = draft(recorder, RECORD_ATTACH, sizeof(*a));
	*a = (struct record_attach){
		.refusal = (uint32_t)refusal,
		.abi = attach->abi,
		.ring_order = attach->ring_order,
		.slots = ring->slots,
		.index = ring->req_cons,
		.event_channel = link->event_channel,
		.persistent = attach->persistent,
		.queues = attach->queues,
		.resume = attach->resume,
	};
	for (size_t i = 0; i < (size_t)1 << attach->ring_order; i++)
		a->ring_gref[i] = link->ring_gref[i];
	commit(recorder);
}

void recorder_detach(struct recorder *recorder)
{
	if (has_stopped(recorder))
		return;
	recorder_now(recorder, clock_now_ns());
	draft(recorder, RECORD_DETACH, 0);
	commit(recorder);
}

static void record_indirect(struct recorder *recorder,
			    const struct wire_request *request, uint32_t index)
{
	const unsigned int all = abi_descriptor_pages(request->nr_segments);
	const unsigned int pages =
		all < LIMIT_DESCRIPTOR_PAGES ? all : LIMIT_DESCRIPTOR_PAGES;
	struct record_indirect *n =
		draft(recorder, RECORD_INDIRECT, sizeof(*n) + 4u * pages);

	*n = (struct record_indirect){
		.id = request->id,
		.sector_number = request->sector_number,
		.index = index,
		.operation = request->indirect_op,
		.nr_segments = request->nr_segments,
		.handle = request->handle,
		.pages = (uint16_t)pages,
	};
	memcpy(n + 1, request->descriptors, 4u * pages);
	commit(recorder);
}

static void record_discard(struct recorder *recorder,
			   const struct wire_request *request, uint32_t index)
{
	struct record_discard *n = draft(recorder, RECORD_DISCARD, sizeof(*n));

	*n = (struct record_discard){
		.id = request->id,
		.sector_number = request->sector_number,
		.sectors = request->discard_sectors,
		.index = index,
		.handle = request->handle,
		.flags = request->discard_flags,
	};
	commit(recorder);
}

void recorder_request(struct recorder *recorder,
		      const struct wire_request *request, uint32_t index)
{
	const unsigned int segments = request->nr_segments < LIMIT_SEGMENTS
					      ? request->nr_segments
					      : LIMIT_SEGMENTS;
	struct record_request *q;
	struct record_segment *seg;

	if (has_stopped(recorder))
		return;
	if (request->operation == BLKIF_OP_INDIRECT) {
		record_indirect(recorder, request, index);
		return;
	}
	if (request->operation == BLKIF_OP_DISCARD) {
		record_discard(recorder, request, index);
		return;
	}
	q = draft(recorder, RECORD_REQUEST,
		  sizeof(*q) + segments * sizeof(*seg));
	seg = (struct record_segment *)(q + 1);
	q->id = request->id;
	q->sector_number = request->sector_number;
	q->index = index;
	q->operation = request->operation;
	q->nr_segments = (uint8_t)request->nr_segments;
	q->handle = request->handle;
	for (unsigned int i = 0; i < segments; i++)
		seg[i] = (struct record_segment){
			.gref = request->seg[i].gref,
			.first_sect = request->seg[i].first_sect,
			.last_sect = request->seg[i].last_sect,
		};
	commit(recorder);
}

void recorder_segments(struct recorder *recorder, uint32_t index,
		       const struct segment *segments, unsigned int count)
{
	CHECK(count <= LIMIT_INDIRECT_SEGMENTS);
	for (unsigned int first = 0; first < count && !has_stopped(recorder);
	     first += LIMIT_RECORD_ENTRIES) {
		const unsigned int n = count - first < LIMIT_RECORD_ENTRIES
					       ? count - first
					       : LIMIT_RECORD_ENTRIES;
		struct record_segments *r =
			draft(recorder, RECORD_SEGMENTS,
			      sizeof(*r) + n * sizeof(struct record_segment));
		struct record_segment *to = (struct record_segment *)(r + 1);

		*r = (struct record_segments){index, (uint16_t)first,
					      (uint16_t)n};
		for (unsigned int i = 0; i < n; i++)
			to[i] = (struct record_segment){
				.gref = segments[first + i].gref,
				.first_sect = segments[first + i].first_sector,
				.last_sect = segments[first + i].last_sector,
			};
		commit(recorder);
	}
}

void recorder_response(struct recorder *recorder,
		       const struct record_response *response)
{
	if (has_stopped(recorder))
		return;
	memcpy(draft(recorder, RECORD_RESPONSE, sizeof(*response)), response,
	       sizeof(*response));
	commit(recorder);
}

void recorder_push(struct recorder *recorder, const struct ring *ring,
		   uint32_t count, bool notified)
{
	struct record_push *p;

	if (has_stopped(recorder))
		return;
	p = draft(recorder, RECORD_PUSH, sizeof(*p));
	p->rsp_prod = ring->rsp_published;
	p->rsp_event = ring->rsp_event;
	p->count = count;
	p->notified = notified;
	commit(recorder);
}

void recorder_event(struct recorder *recorder)
{
	if (has_stopped(recorder))
		return;
	recorder_now(recorder, clock_now_ns());
	draft(recorder, RECORD_EVENT, 0);
	commit(recorder);
}

void recorder_overflow(struct recorder *recorder, const struct ring *ring)
{
	struct record_overflow *o;

	if (has_stopped(recorder))
		return;
	o = draft(recorder, RECORD_OVERFLOW, sizeof(*o));
	o->req_prod = ring->req_refused;
	o->req_cons = ring->req_cons;
	o->rsp_prod = ring->rsp_prod;
	o->slots = ring->slots;
	commit(recorder);
}

void recorder_grants(struct recorder *recorder, enum record_kind kind,
		     const uint32_t *grefs, unsigned int count, int result)
{
	struct record_grants *g;

	CHECK(count <= LIMIT_RING_PAGES);
	if (has_stopped(recorder))
		return;
	g = draft(recorder, kind, sizeof(*g) + count * sizeof(grefs[0]));
	g->count = count;
	g->result = result;
	memcpy(g + 1, grefs, count * sizeof(grefs[0]));
	commit(recorder);
}

struct record_copy *recorder_copies(struct recorder *recorder,
				    enum record_kind kind, unsigned int count,
				    int result)
{
	struct record_copies *c;

	if (has_stopped(recorder))
		return NULL;
	c = draft(recorder, kind,
		  sizeof(*c) + count * sizeof(struct record_copy));
	c->count = count;
	c->result = result;
	return (struct record_copy *)(c + 1);
}

void recorder_copies_done(struct recorder *recorder)
{
	commit(recorder);
}
