/*
 * Named fields to a slot of the ring, and a slot back to a response.
 *
 * Pure: called by ring.c with a slot that belongs to us at that moment.  It
 * checks nothing, because writing nonsense is what a test frontend is for.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <xen/io/blkif.h>

#include "frontend/inside.h"
#include "frontend/request.h"

static_assert(sizeof(struct front_wire_segment) ==
		      sizeof(struct blkif_request_segment),
	      "a segment is the same in every layout");
static_assert(sizeof(struct front_wire_direct) + 8 == FRONT_ENTRY_BYTES_64,
	      "x86_64: the body starts at offset 8");
static_assert(sizeof(struct front_wire_direct) + 4 == FRONT_ENTRY_BYTES_32,
	      "x86_32: the body starts at offset 4");
static_assert(sizeof(struct front_wire_indirect) == 52, "8 grefs at 20");
static_assert(sizeof(struct front_wire_response) == 12, "x86_32 has no tail");

static void write_direct(struct front_wire_direct *body,
			 const struct front_request *request)
{
	unsigned int segments = request->segments;

	if (segments > FRONT_MAX_SEGMENTS)
		segments = FRONT_MAX_SEGMENTS;
	body->id = request->id;
	body->sector = request->sector;
	for (unsigned int i = 0; i < segments; i++) {
		body->segment[i].gref = request->segment[i].gref;
		body->segment[i].first_sector =
			request->segment[i].first_sector;
		body->segment[i].last_sector = request->segment[i].last_sector;
	}
}

static void write_discard(struct front_wire_discard *body,
			  const struct front_request *request)
{
	body->id = request->id;
	body->sector = request->sector;
	body->sectors = request->discard_sectors;
}

static void write_indirect(struct front_wire_indirect *body,
			   const struct front_request *request)
{
	body->id = request->id;
	body->sector = request->sector;
	body->handle = request->handle;
	body->pad = 0;
	memcpy(body->gref, request->indirect_gref, sizeof(body->gref));
}

void front_describe(void *list, unsigned int i,
		    const struct front_segment *segment)
{
	const struct front_wire_segment wire = {
		.gref = segment->gref,
		.first_sector = segment->first_sector,
		.last_sector = segment->last_sector,
	};

	memcpy((uint8_t *)list + i * sizeof(wire), &wire, sizeof(wire));
}

void front_request_write(void *slot, uint32_t entry_bytes,
			 const struct front_request *request)
{
	uint8_t *head = slot;
	void *body = head + (entry_bytes == FRONT_ENTRY_BYTES_64 ? 8 : 4);
	uint16_t half = request->handle;

	head[0] = request->operation;
	head[1] = request->segments;
	switch (request->operation) {
	case BLKIF_OP_DISCARD:
		head[1] = request->discard_flag;
		write_discard(body, request);
		break;
	case BLKIF_OP_INDIRECT:
		head[1] = request->indirect_operation;
		half = request->indirect_segments;
		write_indirect(body, request);
		break;
	default:
		write_direct(body, request);
		break;
	}
	memcpy(head + 2, &half, sizeof(half));
}

void front_response_read(const void *slot, uint32_t entry_bytes,
			 struct front_response *response)
{
	const struct front_wire_response *wire = slot;

	response->id = wire->id;
	response->operation = wire->operation;
	response->status = wire->status;
	response->padding[0] = wire->pad;
	if (entry_bytes == FRONT_ENTRY_BYTES_64)
		memcpy(&response->padding[1], wire + 1, 4);
	else
		memset(&response->padding[1], 0, 4);
}
