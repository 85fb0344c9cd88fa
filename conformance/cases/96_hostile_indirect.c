/*
 * Indirect requests that no honest frontend makes: the exact status of each, no
 * byte moved, and the ring goes on.
 */
#include "conformance/case.h"

static void connect_for(struct guest *g, unsigned int segments)
{
	guest_connect(g);
	guest_need(g, guest_properties(g)->max_indirect_segments >= segments,
		   "the backend offers no such indirect requests");
}

static void refused_harmlessly(struct guest *g, struct guest_request *bad)
{
	guest_send(g, bad);
	expect_status(g, bad, BLKIF_RSP_ERROR);
	expect_untouched(g, bad);
	if (g->one->disk == DISK_READ_ONLY)
		return;
	guest_fill(g, 64, 8, 99);
	expect_disk(g, 64, 8, 99);
}

static struct guest_request *indirect_write(struct guest *g,
					    unsigned int segments)
{
	return guest_indirect(g, BLKIF_OP_WRITE,
			      &(struct guest_io){.sector = 0,
						 .segments = segments,
						 .seed = 7});
}

static struct guest_request *indirect_read(struct guest *g,
					   unsigned int segments)
{
	return guest_indirect(
		g, BLKIF_OP_READ,
		&(struct guest_io){.sector = 0, .segments = segments});
}

static void nested(struct guest *g, uint8_t operation)
{
	struct guest_request *bad;

	connect_for(g, 1);
	bad = guest_indirect(g, operation, &(struct guest_io){.seed = 1});
	refused_harmlessly(g, bad);
}

CASE("blkif.hostile.indirect-nested", ROBUST,
     "An indirect request inside an indirect request is refused.",
     .clause = "J9 K13", .refusal = "INDIRECT_OPERATION")
{
	nested(g, BLKIF_OP_INDIRECT);
}

CASE("blkif.hostile.indirect-flush", ROBUST, "An indirect flush is refused.",
     .clause = "J9 K13", .refusal = "INDIRECT_OPERATION")
{
	nested(g, BLKIF_OP_FLUSH_DISKCACHE);
}

CASE("blkif.hostile.indirect-barrier", ROBUST,
     "An indirect barrier is refused.", .clause = "J9 K13",
     .refusal = "INDIRECT_OPERATION")
{
	nested(g, BLKIF_OP_WRITE_BARRIER);
}

CASE("blkif.hostile.indirect-discard", ROBUST,
     "An indirect discard is refused.", .clause = "J9 K13",
     .refusal = "INDIRECT_OPERATION")
{
	nested(g, BLKIF_OP_DISCARD);
}

CASE("blkif.hostile.indirect-operation-255", ROBUST,
     "An indirect request of an operation that nobody defined is refused.",
     .clause = "J9 K13", .refusal = "INDIRECT_OPERATION")
{
	nested(g, 255);
}

CASE("blkif.hostile.indirect-no-segments", ROBUST,
     "An indirect request without segments is refused.", .clause = "K13",
     .refusal = "SEGMENTS_NONE")
{
	struct guest_request *bad;

	connect_for(g, 1);
	bad = indirect_read(g, 1);
	bad->wire.indirect_segments = 0;
	refused_harmlessly(g, bad);
}

CASE("blkif.hostile.indirect-too-many", ROBUST,
     "One segment more than was published is refused.", .clause = "I8 K13",
     .refusal = "INDIRECT_MANY")
{
	struct guest_request *bad;

	connect_for(g, 1);
	bad = indirect_write(g, FRONT_MAX_INDIRECT);
	bad->wire.indirect_segments =
		(uint16_t)(guest_properties(g)->max_indirect_segments + 1);
	refused_harmlessly(g, bad);
}

CASE("blkif.hostile.indirect-65535", ROBUST,
     "65535 segments, more than any pages hold, are refused.",
     .clause = "I8 I11 K13", .refusal = "INDIRECT_MANY")
{
	struct guest_request *bad;

	connect_for(g, 1);
	bad = indirect_read(g, 16);
	for (unsigned int i = 0; i < FRONT_MAX_LISTS; i++)
		bad->wire.indirect_gref[i] = bad->list.gref;
	bad->wire.indirect_segments = 65535;
	refused_harmlessly(g, bad);
}

CASE("blkif.hostile.indirect-first-reversed", ROBUST,
     "A first segment that ends before it begins is refused.",
     .clause = "J1 K13", .refusal = "SEGMENT_REVERSED")
{
	struct guest_request *bad;

	connect_for(g, 20);
	bad = indirect_write(g, 20);
	bad->indirect[0].first_sector = 5;
	bad->indirect[0].last_sector = 4;
	refused_harmlessly(g, bad);
}

CASE("blkif.hostile.indirect-last-reversed", ROBUST,
     "A last segment that ends before it begins is refused.",
     .clause = "J1 K13", .refusal = "SEGMENT_REVERSED")
{
	struct guest_request *bad;

	connect_for(g, 256);
	bad = indirect_read(g, 256);
	bad->indirect[255].first_sector = 7;
	bad->indirect[255].last_sector = 0;
	refused_harmlessly(g, bad);
}

CASE("blkif.hostile.indirect-past-page", ROBUST,
     "A segment that ends beyond its page is refused, and no byte moves.",
     .clause = "J1 K13", .refusal = "SEGMENT_PAST_PAGE")
{
	struct guest_request *bad;

	connect_for(g, 20);
	bad = indirect_read(g, 20);
	bad->indirect[12].last_sector = 8;
	refused_harmlessly(g, bad);
}

CASE("blkif.hostile.indirect-segment-255", ROBUST,
     "A segment that ends at sector 255 of its page is refused.",
     .clause = "J1 K13", .refusal = "SEGMENT_PAST_PAGE")
{
	struct guest_request *bad;

	connect_for(g, 20);
	bad = indirect_write(g, 20);
	bad->indirect[19].last_sector = 255;
	refused_harmlessly(g, bad);
}

CASE("blkif.hostile.indirect-across-the-end", ROBUST,
     "An indirect request across the end of the disk is refused.",
     .clause = "K13", .refusal = "BEYOND_END")
{
	struct guest_request *bad;

	connect_for(g, 32);
	bad = indirect_write(g, 32);
	bad->wire.sector = guest_sectors(g) - 255;
	refused_harmlessly(g, bad);
}

CASE("blkif.hostile.indirect-sector-wraps", ROBUST,
     "An indirect request whose end wraps is refused.", .clause = "K13",
     .refusal = "BEYOND_END")
{
	struct guest_request *bad;

	connect_for(g, 32);
	bad = indirect_read(g, 32);
	bad->wire.sector = UINT64_MAX - 100;
	refused_harmlessly(g, bad);
}

CASE("blkif.hostile.indirect-bad-list", ROBUST,
     "A page of descriptors that was never granted fails the request, whatever "
     "the request before it named.",
     .clause = "I9 K13", .refusal = "DESCRIPTORS_BAD")
{
	struct guest_request *good, *bad;

	connect_for(g, 16);
	good = indirect_write(g, 16);
	guest_send(g, good);
	expect_okay(g, good);
	bad = indirect_write(g, 16);
	bad->wire.indirect_gref[0] = UINT32_MAX;
	refused_harmlessly(g, bad);
}

CASE("blkif.hostile.indirect-bad-grant", ROBUST,
     "A bad grant among good ones fails the request; the others are released.",
     .clause = "K13", .refusal = "GRANT_BAD")
{
	struct guest_request *bad;

	connect_for(g, 40);
	bad = indirect_write(g, 40);
	bad->indirect[39].gref = UINT32_MAX;
	guest_send(g, bad);
	expect_status(g, bad, BLKIF_RSP_ERROR);
	expect_unmapped(g, bad);
	guest_fill(g, 64, 8, 3);
	expect_disk(g, 64, 8, 3);
}

CASE("blkif.hostile.indirect-write-read-only", ROBUST,
     "An indirect write to a read-only disk is refused.", .clause = "Q20",
     .refusal = "READ_ONLY", .disk = DISK_READ_ONLY)
{
	connect_for(g, 16);
	refused_harmlessly(g, indirect_write(g, 16));
}

CASE("blkif.hostile.indirect-list-rewritten", ROBUST,
     "Descriptors that change once the request was sent do no harm.",
     .clause = "K13")
{
	struct guest_request *r;

	connect_for(g, 64);
	guest_fill(g, 0, 64 * 8, 1);
	r = indirect_read(g, 64);
	guest_send(g, r);
	/* Nobody can say which of them the backend has seen. */
	for (unsigned int i = 0; i < 64; i++)
		front_describe(r->list.data, i,
			       &(struct front_segment){
				       .gref = r->page[i].gref,
				       .first_sector = 7,
				       .last_sector = 255,
			       });
	expect_answer(g, r);
	guest_fill(g, 1024, 8, 3);
	expect_disk(g, 1024, 8, 3);
}
