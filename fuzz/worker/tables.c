/*
 * A worker that its guest took over: what stands in the region and on the ring
 * when it dies is what it liked.  See bench.h.
 *
 * tables_unpush() leaves what a sound worker could leave too: it takes back the
 * end of a turn, so that the last requests are anywhere on their way.
 */
#include <stdint.h>
#include <string.h>
#include <xen/io/blkif.h>

#include "fuzz/worker/bench.h"

static void store(_Atomic uint32_t *word, uint32_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

/* One whose segments the next worker reads once more. */
static void fill_indirect(struct request *request,
			  const struct script_record *r)
{
	const uint8_t how = script_u8(r, 6);

	request->indirect = how < 0xf0 ? 1 : how - 0xeeu;
	request->operation = how % 2;
	request->kind = how % 4 == 3 ? REQUEST_FLUSH : how % 2;
	request->segments = script_u8(r, 7);
	request->sectors = 0;
	request->descriptors[0] = GREF_DATA_OF(0);
	rings_describe(0, request->segments, 0);
}

static void fill(struct inflight_slot *slot, const struct script_record *r,
		 uint32_t index)
{
	static const uint8_t operations[] = {
		[REQUEST_READ] = BLKIF_OP_READ,
		[REQUEST_WRITE] = BLKIF_OP_WRITE,
		[REQUEST_FLUSH] = BLKIF_OP_FLUSH_DISKCACHE,
		[REQUEST_BARRIER] = BLKIF_OP_WRITE_BARRIER,
		[REQUEST_DISCARD] = BLKIF_OP_DISCARD,
	};
	struct request *request = &slot->request;

	_Static_assert(sizeof(operations) == REQUEST_KIND_COUNT,
		       "an operation for each kind");
	memset(request, 0, sizeof(*request));
	request->id = index;
	request->sector = script_u8(r, 5);
	request->kind = script_u8(r, 6) % REQUEST_KIND_COUNT;
	request->operation = operations[request->kind];
	request->segments = script_u8(r, 7) % 3;
	request->sectors = 8u * request->segments;
	for (unsigned int i = 0; i < request->segments; i++)
		request->segment[i] = (struct segment){.gref = GREF_DATA_OF(i),
						       .last_sector = 7};
	if (request->segments == 0)
		request->sector = 0;
	if (script_u8(r, 6) >= SCRIPT_ODD)
		fill_indirect(request, r);
	slot->index = index;
	slot->status = (int16_t) - (script_u8(r, 8) % 3);
}

/* Which step of a push the end is in: before it, begun, done but not over. */
static void put_indices(struct inflight_queue *table, unsigned int queue,
			uint32_t from, uint32_t to, uint8_t step)
{
	store(&table->rsp_prod, from);
	store(&table->rsp_pushing, step % 3 == 0 ? from : to);
	rings_set_index(queue, RING_RSP_PROD, step % 3 == 2 ? to : from);
}

void tables_unpush(struct bench *bench, const struct script_record *how)
{
	const unsigned int queue = script_u8(how, 1) % bench->shape.queues;
	struct inflight_queue *table = &bench->region->queue[queue];
	const uint32_t over = atomic_load(&table->rsp_prod);
	uint32_t count = 1 + script_u8(how, 2) % 8, moved = 0;
	const uint8_t state = script_u8(how, 3);

	if (table->slots == 0 || table->slots > LIMIT_RING_SLOTS)
		return;
	for (uint32_t i = 0; i < table->slots && moved < count; i++) {
		struct inflight_slot *slot = &table->slot[i];

		if (inflight_state(slot) != INFLIGHT_FREE)
			continue;
		fill(slot, how, over - count + moved);
		store(&slot->state,
		      INFLIGHT_TAKEN + (state + moved * (state / 16)) %
					       (INFLIGHT_STATE_COUNT - 1));
		moved++;
	}
	/* The guest has not seen them: it finds them answered once more. */
	bench->ring[queue].rsp_seen -= moved;
	put_indices(table, queue, over - moved, over, script_u8(how, 9));
	bench->bent = true;
}

void tables_write(struct bench *bench, const struct script_record *how)
{
	const unsigned int queue = script_u8(how, 1) % BENCH_QUEUES;
	struct inflight_queue *table = &bench->region->queue[queue];
	const uint32_t value = script_u32(how, 8);
	struct inflight_slot *slot =
		&table->slot[script_u8(how, 3) % LIMIT_RING_SLOTS];

	bench->bent = true;
	switch (script_u8(how, 2) % 8) {
	case 0:
		table->slots = value;
		break;
	case 1:
		store(&table->req_cons, atomic_load(&table->req_cons) + value);
		break;
	case 2:
		store(&table->rsp_prod, atomic_load(&table->rsp_prod) + value);
		break;
	case 3:
		store(&table->rsp_pushing,
		      atomic_load(&table->rsp_pushing) + value);
		break;
	case 4:
		store(&slot->state, value);
		break;
	case 5:
		slot->status = (int16_t)value;
		break;
	case 6:
		slot->next = slot->index = value;
		break;
	default:
		((uint8_t *)&slot
			 ->request)[script_u8(how, 4) % sizeof(slot->request)] =
			(uint8_t)value;
		break;
	}
}
