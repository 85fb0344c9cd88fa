/*
 * Requests that no honest frontend makes: the exact status of each, no byte
 * moved, and the ring goes on.
 */
#include "conformance/case.h"

#include <string.h>

/* Nothing of the guest's or the disk's changed, and the next request is served.
 */
static void refused_harmlessly(struct guest *g, struct guest_request *bad,
			       int status)
{
	guest_send(g, bad);
	expect_status(g, bad, status);
	expect_untouched(g, bad);
	if (guest_read_only(g))
		return;
	guest_fill(g, 64, 8, 99);
	expect_disk(g, 64, 8, 99);
}

static void refuse_operation(struct guest *g, uint8_t operation)
{
	guest_connect(g);
	refused_harmlessly(
		g, guest_request(g, operation, &(struct guest_io){.seed = 1}),
		BLKIF_RSP_EOPNOTSUPP);
}

CASE("blkif.hostile.operation-reserved", QUIRK,
     "The reserved operation 4 is answered EOPNOTSUPP.", .clause = "I4 K5",
     .refusal = "OPERATION_UNKNOWN")
{
	refuse_operation(g, BLKIF_OP_RESERVED_1);
}

CASE("blkif.hostile.operation-7", QUIRK,
     "An operation that nobody defined is answered EOPNOTSUPP.",
     .clause = "K5 K13 J11", .refusal = "OPERATION_UNKNOWN")
{
	refuse_operation(g, 7);
}

CASE("blkif.hostile.operation-255", QUIRK,
     "Operation 255 is answered EOPNOTSUPP.", .clause = "K5 J10",
     .refusal = "OPERATION_UNKNOWN")
{
	refuse_operation(g, 255);
}

CASE("blkif.hostile.barrier-not-offered", QUIRK,
     "A barrier that was not offered is answered EOPNOTSUPP.",
     .clause = "K5 C1", .refusal = "OPERATION_UNKNOWN", .disk = DISK_PLAIN)
{
	guest_connect(g);
	guest_need(g, !guest_offers(g, "feature-barrier"),
		   "the backend offers barriers");
	refused_harmlessly(g,
			   guest_request(g, BLKIF_OP_WRITE_BARRIER,
					 &(struct guest_io){.seed = 1}),
			   BLKIF_RSP_EOPNOTSUPP);
}

CASE("blkif.hostile.discard-not-offered", QUIRK,
     "A discard that was not offered is answered EOPNOTSUPP.",
     .clause = "K5 C4 E1", .refusal = "OPERATION_UNKNOWN",
     .disk = DISK_READ_ONLY)
{
	struct guest_request *discard;

	guest_connect(g);
	guest_need(g, !guest_offers(g, "feature-discard"),
		   "the backend offers discard");
	discard = guest_empty(g, BLKIF_OP_DISCARD, &(struct guest_io){0});
	discard->wire.discard_sectors = 16;
	refused_harmlessly(g, discard, BLKIF_RSP_EOPNOTSUPP);
}

CASE("blkif.hostile.indirect-not-offered", QUIRK,
     "An indirect request that was not offered is answered EOPNOTSUPP.",
     .clause = "K5 I7 D4", .refusal = "OPERATION_UNKNOWN", .disk = DISK_PLAIN)
{
	guest_connect(g);
	guest_need(g, !guest_offers(g, "feature-max-indirect-segments"),
		   "the backend offers indirect segments");
	refused_harmlessly(
		g, guest_request(g, BLKIF_OP_INDIRECT, &(struct guest_io){0}),
		BLKIF_RSP_EOPNOTSUPP);
}

CASE("blkif.hostile.no-segments-read", QUIRK,
     "A read without segments is refused.", .clause = "K13",
     .refusal = "SEGMENTS_NONE")
{
	guest_connect(g);
	refused_harmlessly(g,
			   guest_empty(g, BLKIF_OP_READ, &(struct guest_io){0}),
			   BLKIF_RSP_ERROR);
}

CASE("blkif.hostile.no-segments-write", QUIRK,
     "A write without segments is refused.", .clause = "K13",
     .refusal = "SEGMENTS_NONE")
{
	guest_connect(g);
	refused_harmlessly(
		g, guest_empty(g, BLKIF_OP_WRITE, &(struct guest_io){0}),
		BLKIF_RSP_ERROR);
}

static void too_many_segments(struct guest *g, uint8_t operation,
			      uint8_t segments)
{
	struct guest_request *bad;

	guest_connect(g);
	bad = guest_request(g, operation,
			    &(struct guest_io){.segments = 11, .seed = 1});
	bad->wire.segments = segments;
	refused_harmlessly(g, bad, BLKIF_RSP_ERROR);
}

CASE("blkif.hostile.twelve-segments", ROBUST,
     "A read of twelve segments is refused.", .clause = "I12 K13",
     .refusal = "SEGMENTS_MANY")
{
	too_many_segments(g, BLKIF_OP_READ, 12);
}

CASE("blkif.hostile.255-segments", ROBUST,
     "A write of 255 segments is refused.", .clause = "I12 K13",
     .refusal = "SEGMENTS_MANY")
{
	too_many_segments(g, BLKIF_OP_WRITE, 255);
}

CASE("blkif.hostile.flush-twelve-segments", ROBUST,
     "A flush of twelve segments is refused.", .clause = "I12 Q7",
     .refusal = "SEGMENTS_MANY")
{
	too_many_segments(g, BLKIF_OP_FLUSH_DISKCACHE, 12);
}

/* One segment of three is as given; the others are honest. */
static void bad_segment(struct guest *g, unsigned int which, uint8_t first,
			uint8_t last)
{
	struct guest_request *bad;

	guest_connect(g);
	bad = guest_read(g, .segments = 3);
	bad->wire.segment[which].first_sector = first;
	bad->wire.segment[which].last_sector = last;
	refused_harmlessly(g, bad, BLKIF_RSP_ERROR);
}

CASE("blkif.hostile.segment-reversed", ROBUST,
     "A segment whose first sector lies behind its last is refused.",
     .clause = "J1 K13", .refusal = "SEGMENT_REVERSED")
{
	bad_segment(g, 0, 5, 4);
}

CASE("blkif.hostile.last-segment-reversed", ROBUST,
     "So is one that comes last, and nothing of the others moves.",
     .clause = "J1 K13", .refusal = "SEGMENT_REVERSED")
{
	bad_segment(g, 2, 7, 0);
}

CASE("blkif.hostile.segment-past-page", ROBUST,
     "A segment that ends beyond its page is refused and no byte moves.",
     .clause = "J1 K13", .refusal = "SEGMENT_PAST_PAGE")
{
	bad_segment(g, 0, 0, 8);
}

CASE("blkif.hostile.segment-255", ROBUST,
     "A segment that ends at sector 255 is refused.", .clause = "J1 K13",
     .refusal = "SEGMENT_PAST_PAGE")
{
	bad_segment(g, 1, 255, 255);
}

/* Neither direction may move a byte at a place that is not there. */
static void bad_place(struct guest *g, uint64_t sector, unsigned int segments)
{
	guest_connect(g);
	refused_harmlessly(
		g, guest_read(g, .sector = sector, .segments = segments),
		BLKIF_RSP_ERROR);
	refused_harmlessly(g,
			   guest_write(g, .sector = sector,
				       .segments = segments, .seed = 1),
			   BLKIF_RSP_ERROR);
}

CASE("blkif.hostile.at-the-end", ROBUST,
     "A request that starts where the disk ends is refused.", .clause = "K13",
     .refusal = "BEYOND_END")
{
	bad_place(g, guest_sectors(g), 1);
}

CASE("blkif.hostile.across-the-end", ROBUST,
     "A request whose last sector lies beyond the end is refused as a whole.",
     .clause = "K13", .refusal = "BEYOND_END")
{
	guest_connect(g);
	guest_fill(g, guest_sectors(g) - 7, 7, 1);
	refused_harmlessly(
		g, guest_write(g, .sector = guest_sectors(g) - 7, .seed = 2),
		BLKIF_RSP_ERROR);
	expect_disk(g, guest_sectors(g) - 7, 7, 1);
}

CASE("blkif.hostile.sector-wraps", ROBUST,
     "A sector number whose end wraps past 64 bits is refused.",
     .clause = "K13", .refusal = "BEYOND_END")
{
	bad_place(g, UINT64_MAX - 7, 11);
}

CASE("blkif.hostile.sector-wraps-in-bytes", ROBUST,
     "A sector number that wraps when counted in bytes is refused.",
     .clause = "K13", .refusal = "BEYOND_END")
{
	bad_place(g, 1ull << 55, 1);
}

CASE("blkif.hostile.sector-sign", ROBUST,
     "A sector number with its highest bit set is refused.", .clause = "K13",
     .refusal = "BEYOND_END")
{
	bad_place(g, 1ull << 63, 1);
}

CASE("blkif.hostile.write-read-only", ROBUST,
     "A write to a read-only disk is refused and changes nothing.",
     .clause = "Q20", .refusal = "READ_ONLY", .disk = DISK_READ_ONLY)
{
	struct guest_request *before, *after;

	guest_connect(g);
	before = guest_read(g, .sector = 8);
	guest_send(g, before);
	expect_okay(g, before);
	refused_harmlessly(g, guest_write(g, .sector = 8, .seed = 0xbad),
			   BLKIF_RSP_ERROR);
	after = guest_read(g, .sector = 8);
	guest_send(g, after);
	expect_okay(g, after);
	expect_true(g,
		    memcmp(before->page[0].data, after->page[0].data,
			   FRONT_PAGE_BYTES) == 0,
		    "the disk holds what it held");
}

static void bad_grant(struct guest *g, unsigned int which, uint32_t gref)
{
	struct guest_request *bad;

	guest_connect(g);
	bad = guest_write(g, .sector = 0, .segments = 11, .seed = 1);
	bad->wire.segment[which].gref = gref;
	guest_send(g, bad);
	expect_status(g, bad, BLKIF_RSP_ERROR);
	expect_unmapped(g, bad);
	guest_fill(g, 64, 8, 3);
	expect_disk(g, 64, 8, 3);
}

CASE("blkif.hostile.first-grant-bad", ROBUST,
     "A bad first grant fails the request; the other grants are released.",
     .clause = "K13", .refusal = "GRANT_BAD")
{
	bad_grant(g, 0, UINT32_MAX);
}

CASE("blkif.hostile.last-grant-bad", ROBUST,
     "A bad last grant fails the request; the other grants are released.",
     .clause = "K13", .refusal = "GRANT_BAD")
{
	bad_grant(g, 10, UINT32_MAX);
}

CASE("blkif.hostile.grant-not-there", ROBUST,
     "A reference that was never granted fails the request.", .clause = "K13",
     .refusal = "GRANT_BAD")
{
	bad_grant(g, 5, 4000);
}

CASE("blkif.hostile.grant-ended", ROBUST,
     "A grant that was ended fails the request.", .clause = "K13",
     .refusal = "GRANT_BAD")
{
	struct guest_request *bad;
	struct front_page page;
	uint32_t gref;

	guest_connect(g);
	expect_true(g, front_page_get(g->front, &page) == 0,
		    "a page can be granted");
	gref = page.gref;
	expect_true(g, front_page_end(g->front, &page) == 0,
		    "an unused grant can be ended");
	bad = guest_empty(g, BLKIF_OP_READ, &(struct guest_io){0});
	bad->wire.segments = 1;
	bad->wire.segment[0] =
		(struct front_segment){.gref = gref, .last_sector = 7};
	refused_harmlessly(g, bad, BLKIF_RSP_ERROR);
}

CASE("blkif.hostile.read-into-read-only-grant", ROBUST,
     "A read into a page that the backend may not write is refused.",
     .clause = "K13", .refusal = "GRANT_BAD")
{
	guest_connect(g);
	guest_fill(g, 8, 8, 1);
	refused_harmlessly(g,
			   guest_read(g, .sector = 8, .readonly_grants = true),
			   BLKIF_RSP_ERROR);
}

CASE("blkif.hostile.read-beside-bad-grant", ROBUST,
     "A read with a bad grant is answered, and its other pages are intact or "
     "hold the disk's data, nothing else.",
     .clause = "K13", .refusal = "GRANT_BAD")
{
	struct guest_request *bad;

	guest_connect(g);
	guest_fill(g, 0, 8, 1);
	bad = guest_read(g, .sector = 0, .segments = 2);
	bad->wire.segment[1].gref = UINT32_MAX;
	guest_send(g, bad);
	expect_status(g, bad, BLKIF_RSP_ERROR);
	bad->wire.segments = 1;
	if (memcmp(bad->page[0].data, bad->before, FRONT_PAGE_BYTES) != 0)
		expect_data(g, bad, 1);
}

CASE("blkif.hostile.mixed-with-good", QUIRK,
     "Among refused requests the good ones are served.", .clause = "K13 R9")
{
	guest_connect(g);
	for (unsigned int i = 0; i < 8; i++) {
		struct guest_request *bad = guest_read(g);
		struct guest_request *worse = guest_read(g);

		bad->wire.segment[0].last_sector = 200;
		worse->wire.operation = 77;
		guest_submit(g, bad);
		guest_submit(g, guest_write(g, .sector = 8 * i, .seed = 4));
		guest_submit(g, worse);
	}
	guest_push(g, 0);
	for (struct guest_request *r = g->requests; r != NULL; r = r->next) {
		if (r->wire.operation == BLKIF_OP_WRITE)
			expect_okay(g, r);
		else
			expect_status(g, r,
				      r->wire.operation == 77
					      ? BLKIF_RSP_EOPNOTSUPP
					      : BLKIF_RSP_ERROR);
	}
	expect_disk(g, 0, 64, 4);
}
