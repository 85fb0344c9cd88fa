/* The decoder of requests.  See request.h. */
#include "backend/worker/request.h"

#include <xen/io/blkif.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"

_Static_assert(LIMIT_SEGMENTS == BLKIF_MAX_SEGMENTS_PER_REQUEST,
	       "our bound is the protocol's");

static enum refusal decode_kind(uint8_t operation,
				const struct request_rules *rules,
				struct request *request)
{
	switch (operation) {
	case BLKIF_OP_READ:
		request->kind = REQUEST_READ;
		return REFUSAL_NONE;
	case BLKIF_OP_WRITE:
		request->kind = REQUEST_WRITE;
		return REFUSAL_NONE;
	case BLKIF_OP_FLUSH_DISKCACHE:
		request->kind = REQUEST_FLUSH;
		return REFUSAL_NONE;
	case BLKIF_OP_WRITE_BARRIER:
		request->kind = REQUEST_BARRIER;
		/* C1, K5. */
		return rules->barrier ? REFUSAL_NONE : REFUSE_OPERATION_UNKNOWN;
	default:
		/* K5: also what the protocol knows but we did not offer. */
		return REFUSE_OPERATION_UNKNOWN;
	}
}

/* J1: both ends within the frame, in this order. */
static enum refusal judge_segment(uint8_t first, uint8_t last)
{
	if (last >= PAGE_SECTORS)
		return REFUSE_SEGMENT_PAST_PAGE;
	if (first > last)
		return REFUSE_SEGMENT_REVERSED;
	return REFUSAL_NONE;
}

static enum refusal decode_segments(const struct wire_request *wire,
				    struct request *request)
{
	CHECK(wire->nr_segments <= LIMIT_SEGMENTS);
	for (unsigned int i = 0; i < wire->nr_segments; i++) {
		uint8_t first = wire->seg[i].first_sect;
		uint8_t last = wire->seg[i].last_sect;
		enum refusal refusal = judge_segment(first, last);

		if (refusal != REFUSAL_NONE)
			return refusal;
		request->segment[i].gref = wire->seg[i].gref;
		request->segment[i].first_sector = first;
		request->segment[i].last_sector = last;
		request->sectors += (uint32_t)(last - first) + 1;
	}
	request->segments = wire->nr_segments;
	CHECK(request->sectors <= LIMIT_SEGMENTS * PAGE_SECTORS);
	return REFUSAL_NONE;
}

/* All but the segments, which only the guest's pages hold. */
static enum refusal decode_indirect(const struct wire_request *wire,
				    const struct request_rules *rules,
				    struct request *request)
{
	/* I7, K5: not understood where it was not offered. */
	if (rules->indirect == 0)
		return REFUSE_OPERATION_UNKNOWN;
	/* K2: whatever comes of it, the answer carries this one. */
	request->operation = wire->indirect_op;
	if (wire->indirect_op != BLKIF_OP_READ &&
	    wire->indirect_op != BLKIF_OP_WRITE)
		return REFUSE_INDIRECT_OPERATION;
	request->kind = wire->indirect_op == BLKIF_OP_READ ? REQUEST_READ
							   : REQUEST_WRITE;
	if (wire->nr_segments > rules->indirect)
		return REFUSE_INDIRECT_MANY;
	if (wire->nr_segments == 0)
		return REFUSE_SEGMENTS_NONE;
	if (request->kind == REQUEST_WRITE && rules->readonly)
		return REFUSE_READ_ONLY;
	request->segments = wire->nr_segments;
	request->indirect = 1;
	for (unsigned int i = 0; i < abi_descriptor_pages(wire->nr_segments);
	     i++)
		request->descriptors[i] = wire->descriptors[i];
	return REFUSAL_NONE;
}

/* K7: any range of the disk, whatever its alignment; an empty one, too.  J7: the
 * flags mean nothing, since secure discard is not offered. */
static enum refusal decode_discard(const struct wire_request *wire,
				   const struct request_rules *rules,
				   struct request *request)
{
	if (!rules->discard)
		return REFUSE_OPERATION_UNKNOWN;
	request->kind = REQUEST_DISCARD;
	request->extent = wire->discard_sectors;
	if (rules->readonly)
		return REFUSE_READ_ONLY;
	if (!range_fits(request->sector, wire->discard_sectors,
			rules->capacity_sectors))
		return REFUSE_BEYOND_END;
	return REFUSAL_NONE;
}

enum refusal request_describe(struct request *request,
			      const struct segment *segment,
			      const struct request_rules *rules)
{
	uint32_t sectors = 0;

	CHECK(request->indirect && request->segments >= 1);
	CHECK(request->segments <= rules->indirect);
	for (unsigned int i = 0; i < request->segments; i++) {
		enum refusal refusal = judge_segment(segment[i].first_sector,
						     segment[i].last_sector);

		if (refusal != REFUSAL_NONE)
			return refusal;
		sectors += (uint32_t)(segment[i].last_sector -
				      segment[i].first_sector) +
			   1;
	}
	if (!range_fits(request->sector, sectors, rules->capacity_sectors))
		return REFUSE_BEYOND_END;
	request->sectors = sectors;
	return REFUSAL_NONE;
}

enum refusal request_decode(const struct wire_request *wire,
			    const struct request_rules *rules,
			    struct request *request)
{
	enum refusal refusal;

	request->id = wire->id;
	request->operation = wire->operation;
	request->sector = wire->sector_number;
	request->sectors = 0;
	request->segments = 0;
	request->indirect = 0;
	if (wire->operation == BLKIF_OP_INDIRECT)
		return decode_indirect(wire, rules, request);
	if (wire->operation == BLKIF_OP_DISCARD)
		return decode_discard(wire, rules, request);
	refusal = decode_kind(wire->operation, rules, request);
	if (refusal != REFUSAL_NONE)
		return refusal;
	if (wire->nr_segments > LIMIT_SEGMENTS)
		return REFUSE_SEGMENTS_MANY;
	if (wire->nr_segments == 0) {
		/* Q7: an empty flush is the ordinary one, and an empty barrier
		 * is how a guest flushes that is offered barriers only; the
		 * sector means nothing. */
		request->sector = 0;
		if (request->kind == REQUEST_FLUSH ||
		    request->kind == REQUEST_BARRIER)
			return REFUSAL_NONE;
		return REFUSE_SEGMENTS_NONE;
	}
	if (request->kind != REQUEST_READ && rules->readonly)
		return REFUSE_READ_ONLY;
	refusal = decode_segments(wire, request);
	if (refusal != REFUSAL_NONE)
		return refusal;
	if (!range_fits(request->sector, request->sectors,
			rules->capacity_sectors))
		return REFUSE_BEYOND_END;
	return REFUSAL_NONE;
}

static bool indirect_sound(const struct request *request,
			   const struct request_rules *rules)
{
	struct wire_request wire = {
		.operation = BLKIF_OP_INDIRECT,
		.indirect_op = request->operation,
		.nr_segments = request->segments,
		.sector_number = request->sector,
	};
	struct request again;

	/* Its segments are read anew, and judged then. */
	return request_decode(&wire, rules, &again) == REFUSAL_NONE &&
	       again.kind == request->kind;
}

bool request_sound(const struct request *request,
		   const struct request_rules *rules)
{
	struct wire_request wire = {
		.operation = request->operation,
		.nr_segments = request->segments,
		.id = request->id,
		.sector_number = request->sector,
	};
	struct request again;

	if (request->indirect != 0)
		return request->indirect == 1 && indirect_sound(request, rules);
	if (request->operation == BLKIF_OP_INDIRECT ||
	    request->segments > LIMIT_SEGMENTS)
		return false;
	if (request->operation == BLKIF_OP_DISCARD)
		wire.discard_sectors = request->extent;
	for (unsigned int i = 0; i < request->segments; i++) {
		wire.seg[i].gref = request->segment[i].gref;
		wire.seg[i].first_sect = request->segment[i].first_sector;
		wire.seg[i].last_sect = request->segment[i].last_sector;
	}
	/* One place knows the rules: what it makes of the same request must be
	 * the same. */
	return request_decode(&wire, rules, &again) == REFUSAL_NONE &&
	       again.kind == request->kind && again.sector == request->sector &&
	       again.sectors == request->sectors;
}
