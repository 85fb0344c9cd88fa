/* The backend's half of a ring.  See ring.h; layouts of slots are in abi.c. */
#include "backend/worker/ring.h"

#include <errno.h>
#include <stddef.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"
#include "backend/worker/shared.h"

/* The ring's header (ring.h of the Xen headers): four indices, then padding. */
enum {
	REQ_PROD = 0,
	REQ_EVENT = 4,
	RSP_PROD = 8,
	RSP_EVENT = 12,
	SLOTS = 64,
};

void ring_check(const struct ring *ring)
{
	CHECK(ring->memory != NULL);
	CHECK(is_power_of_two(ring->slots));
	CHECK(ring->req_cons - ring->rsp_prod <= ring->slots);
	CHECK(ring->rsp_prod - ring->rsp_published <= ring->slots);
	CHECK(ring->req_seen - ring->req_cons <= ring->slots);
}

static size_t slot_offset(const struct ring *ring, uint32_t index)
{
	size_t slot = index & (ring->slots - 1);

	return SLOTS + 4 * abi_slot_words(ring->abi) * slot;
}

bool ring_attach(struct ring *ring, void SHARED *memory, unsigned int pages,
		 enum link_abi abi)
{
	uint32_t req_prod;
	uint32_t rsp_prod;

	CHECK(ring->memory == NULL);
	CHECK(memory != NULL);
	rsp_prod = shared_load(memory, RSP_PROD);
	/* Acquire pairs with the frontend's write barrier before req_prod. */
	req_prod = shared_load_acquire(memory, REQ_PROD);
	ring->abi = abi;
	ring->slots = abi_ring_slots(abi, pages);
	if (req_prod - rsp_prod > ring->slots)
		return false;
	ring->memory = memory;
	ring->req_cons = rsp_prod;
	ring->req_seen = rsp_prod;
	ring->rsp_prod = rsp_prod;
	ring->rsp_published = rsp_prod;
	ring_check(ring);
	return true;
}

uint32_t ring_published(const void SHARED *memory)
{
	CHECK(memory != NULL);
	return shared_load(memory, RSP_PROD);
}

bool ring_resume(struct ring *ring, void SHARED *memory, unsigned int pages,
		 enum link_abi abi, struct ring_place place)
{
	CHECK(ring->memory == NULL);
	CHECK(memory != NULL);
	ring->abi = abi;
	ring->slots = abi_ring_slots(abi, pages);
	ring->memory = memory;
	ring->req_cons = place.req_cons;
	ring->req_seen = place.req_cons;
	ring->rsp_prod = place.rsp_prod;
	ring->rsp_published = place.rsp_prod;
	ring_check(ring);
	if (ring_look(ring) >= 0)
		return true;
	ring->memory = NULL;
	return false;
}

void ring_detach(struct ring *ring)
{
	CHECK(ring->memory != NULL);
	CHECK(ring_unpushed(ring) == 0);
	ring->memory = NULL;
}

int ring_look(struct ring *ring)
{
	uint32_t req_prod;
	uint32_t room;

	CHECK(ring->memory != NULL);
	CHECK(ring_unanswered(ring) <= ring->slots);
	/* Acquire pairs with xen_wmb() in the frontend's RING_PUSH_REQUESTS:
	 * the slots below req_prod are written when we see it. */
	req_prod = shared_load_acquire(ring->memory, REQ_PROD);
	room = ring->slots - ring_unanswered(ring);
	/* One comparison refuses both an index that ran ahead and one that went
	 * back behind req_cons: the latter is a huge distance. */
	if (req_prod - ring->req_cons > room) {
		ring->req_refused = req_prod;
		return -EPROTO;
	}
	ring->req_seen = req_prod;
	return (int)(req_prod - ring->req_cons);
}

void ring_take(struct ring *ring, struct wire_request *request)
{
	uint32_t raw[ABI_SLOT_WORDS];
	size_t slot = slot_offset(ring, ring->req_cons);
	size_t header = abi_header_words(ring->abi);
	size_t used;

	CHECK(ring->req_seen != ring->req_cons);
	CHECK(ring_unanswered(ring) < ring->slots);
	/* R3: the only look at these bytes; everything works on the copy.  The
	 * header says how much follows, and it is our copy that says so. */
	shared_copy_out(raw, ring->memory, slot, header);
	used = abi_used_words(ring->abi, raw);
	CHECK(used <= ABI_SLOT_WORDS);
	shared_copy_out(raw + header, ring->memory, slot + 4 * header,
			used - header);
	ring->req_cons++;
	abi_decode(ring->abi, raw, request);
}

void ring_respond(struct ring *ring, uint64_t id, uint8_t operation,
		  int16_t status)
{
	uint32_t raw[ABI_RESPONSE_WORDS];
	size_t words;

	CHECK(ring_unanswered(ring) > 0);
	CHECK(status <= 0);
	words = abi_encode_response(ring->abi, id, operation, status, raw);
	shared_copy_in(ring->memory, slot_offset(ring, ring->rsp_prod), raw,
		       words);
	ring->rsp_prod++;
}

bool ring_push(struct ring *ring)
{
	uint32_t before = ring->rsp_published;
	uint32_t now = ring->rsp_prod;

	CHECK(ring->memory != NULL);
	CHECK(now - before <= ring->slots);
	if (now == before)
		return false;
	/* Release: the frontend sees the responses before the index (R6); pairs
	 * with its read barrier after rsp_prod. */
	shared_store_release(ring->memory, RSP_PROD, now);
	ring->rsp_published = now;
	/* Full barrier: our index must be visible before we read rsp_event, as
	 * the frontend sets rsp_event and then reads our index (R6). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	ring->rsp_event = shared_load(ring->memory, RSP_EVENT);
	return now - ring->rsp_event < now - before;
}

bool ring_arm(struct ring *ring)
{
	CHECK(ring->memory != NULL);
	CHECK(ring_unpushed(ring) == 0);
	shared_store(ring->memory, REQ_EVENT, ring->req_cons + 1);
	/* Full barrier: the frontend writes req_prod, then reads req_event; we
	 * do the reverse, so at least one of us sees the other (R7). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return shared_load(ring->memory, REQ_PROD) != ring->req_cons;
}
