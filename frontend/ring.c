/*
 * The frontend's half of a ring: indices, barriers, notification hold-off.
 *
 * The only file that touches the shared head of a ring.  A queue is driven by
 * one thread at a time; nothing here allocates, and only front_push() and
 * front_kick() can make a system call.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <xen/io/blkif.h>

#include "frontend/inside.h"
#include "frontend/request.h"

static_assert(sizeof(struct front_head) == 64, "ring.h of Xen: 64 bytes");
static_assert(sizeof(blkif_request_t) == FRONT_ENTRY_BYTES_64,
	      "a 64-bit build of blkif.h has our x86_64 layout");

/* Pairs with the backend's stores: an index is an index or it is torn. */
static uint32_t shared_load(const uint32_t *index)
{
	return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

static void shared_store(uint32_t *index, uint32_t value)
{
	__atomic_store_n(index, value, __ATOMIC_RELEASE);
}

/* xen_mb(): our store of an index before our look at the other side's. */
static void full_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

uint32_t front_ring_entry_bytes(const char *protocol)
{
	/* Without the node, backends of x86 assume the 32-bit layout (Q10). */
	if (!protocol || !strcmp(protocol, "x86_32-abi"))
		return FRONT_ENTRY_BYTES_32;
	return FRONT_ENTRY_BYTES_64;
}

uint32_t front_ring_slots(size_t bytes, uint32_t entry_bytes)
{
	size_t entries = (bytes - sizeof(struct front_head)) / entry_bytes;
	uint32_t slots = 1;

	while (slots * 2 <= entries)
		slots *= 2;
	return slots;
}

void front_ring_init(struct front_ring *ring, void *shared, size_t bytes,
		     uint32_t entry_bytes)
{
	struct front_head *head = shared;

	memset(head, 0, sizeof(*head));
	head->req_event = 1;
	head->rsp_event = 1;
	*ring = (struct front_ring){
		.head = head,
		.entries = (uint8_t *)shared + sizeof(*head),
		.entry_bytes = entry_bytes,
		.slots = front_ring_slots(bytes, entry_bytes),
	};
}

static void *ring_entry(const struct front_ring *ring, uint32_t index)
{
	return ring->entries +
	       (size_t)(index & (ring->slots - 1)) * ring->entry_bytes;
}

unsigned int front_room(const struct front_queue *queue)
{
	const struct front_ring *ring = &queue->ring;
	uint32_t used = ring->req_prod - ring->rsp_cons;

	return used < ring->slots ? ring->slots - used : 0;
}

int front_submit(struct front_queue *queue, const struct front_request *request)
{
	struct front_ring *ring = &queue->ring;

	if (!front_room(queue))
		return -ENOSPC;
	front_request_write(ring_entry(ring, ring->req_prod), ring->entry_bytes,
			    request);
	ring->req_prod++;
	return 0;
}

void front_kick(struct front_queue *queue)
{
	queue->counters.notifies++;
	xenevtchn_notify(queue->event, queue->port);
}

bool front_push(struct front_queue *queue)
{
	struct front_ring *ring = &queue->ring;
	uint32_t old = __atomic_load_n(&ring->head->req_prod, __ATOMIC_RELAXED);
	uint32_t now = ring->req_prod;

	if (now == old)
		return false;
	queue->counters.pushes++;
	/* Pairs with the backend's read barrier after it looked at req_prod. */
	shared_store(&ring->head->req_prod, now);
	/* Pairs with the backend's barrier between req_event and its last look.
	 */
	full_barrier();
	if (now - shared_load(&ring->head->req_event) >= now - old)
		return false;
	front_kick(queue);
	return true;
}

static uint32_t ring_responses(const struct front_ring *ring)
{
	uint32_t ready = shared_load(&ring->head->rsp_prod) - ring->rsp_cons;

	/* More than the ring holds is nonsense: nothing of it is usable. */
	return ready <= ring->slots ? ready : 0;
}

unsigned int front_reap(struct front_queue *queue,
			struct front_response *response, unsigned int room)
{
	struct front_ring *ring = &queue->ring;
	uint32_t ready = ring_responses(ring);

	if (ready > room)
		ready = room;
	for (uint32_t i = 0; i < ready; i++)
		front_response_read(ring_entry(ring, ring->rsp_cons + i),
				    ring->entry_bytes, &response[i]);
	ring->rsp_cons += ready;
	return ready;
}

bool front_arm_after(struct front_queue *queue, unsigned int responses)
{
	struct front_ring *ring = &queue->ring;

	if (ring_responses(ring))
		return true;
	shared_store(&ring->head->rsp_event, ring->rsp_cons + responses);
	/* Pairs with the backend's barrier between rsp_prod and rsp_event. */
	full_barrier();
	return ring_responses(ring) != 0;
}

bool front_arm(struct front_queue *queue)
{
	return front_arm_after(queue, 1);
}

void front_counters(const struct front_queue *queue, struct front_counters *now)
{
	*now = queue->counters;
}

void front_indices(const struct front_queue *queue, struct front_indices *now)
{
	const struct front_head *head = queue->ring.head;

	now->req_prod = shared_load(&head->req_prod);
	now->req_event = shared_load(&head->req_event);
	now->rsp_prod = shared_load(&head->rsp_prod);
	now->rsp_event = shared_load(&head->rsp_event);
}

void front_set_req_prod(struct front_queue *queue, uint32_t value)
{
	queue->ring.req_prod = value;
	shared_store(&queue->ring.head->req_prod, value);
}

void front_set_rsp_prod(struct front_queue *queue, uint32_t value)
{
	if (!queue->front->published)
		queue->ring.rsp_cons = value;
	shared_store(&queue->ring.head->rsp_prod, value);
}

void *front_slot(struct front_queue *queue, uint32_t index)
{
	return ring_entry(&queue->ring, index);
}
