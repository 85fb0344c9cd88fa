/*
 * Where a segment begins and ends in its page, and where a request begins and
 * ends on the disk: everything that is allowed, and the first that is not.
 */
#include "conformance/case.h"

#include <stddef.h>
#include <string.h>

CASE("blkif.bounds.every-part-of-a-page", MUST,
     "Every run of sectors of a page can be read, and no other byte of it "
     "changes.",
     .clause = "J1")
{
	guest_connect(g);
	guest_fill(g, 0, 16, 1);
	for (uint8_t first = 0; first < 8; first++) {
		for (uint8_t last = first; last < 8; last++) {
			struct guest_request *r = guest_read(g, .sector = 3);

			r->wire.segment[0].first_sector = first;
			r->wire.segment[0].last_sector = last;
			guest_send(g, r);
			expect_okay(g, r);
			expect_data(g, r, 1);
		}
	}
}

CASE("blkif.bounds.every-part-is-written", MUST,
     "Every run of sectors of a page can be written, and its neighbours on the "
     "disk stay.",
     .clause = "J1 J3")
{
	guest_connect(g);
	for (uint8_t first = 0; first < 8; first++) {
		for (uint8_t last = first; last < 8; last++) {
			unsigned int sectors = last - first + 1u;
			struct guest_request *w;

			guest_fill(g, 80, 24, 2);
			w = guest_write(g, .sector = 88, .seed = 3);
			w->wire.segment[0].first_sector = first;
			w->wire.segment[0].last_sector = last;
			guest_send(g, w);
			expect_okay(g, w);
			expect_disk(g, 80, 8, 2);
			expect_disk(g, 88, sectors, 3);
			expect_disk(g, 88 + sectors, 16 - sectors, 2);
		}
	}
}

CASE("blkif.bounds.eleven-single-sectors", MUST,
     "Eleven segments of one sector each are eleven sectors in a row.",
     .clause = "J1 I12")
{
	struct guest_request *w;

	guest_connect(g);
	w = guest_write(g, .sector = 40, .segments = 11, .seed = 4);
	for (uint8_t i = 0; i < 11; i++) {
		w->wire.segment[i].first_sector = i % 8;
		w->wire.segment[i].last_sector = i % 8;
	}
	guest_send(g, w);
	expect_okay(g, w);
	expect_disk(g, 40, 11, 4);
}

CASE("blkif.bounds.every-number-of-segments", MUST,
     "A request may have any number of segments from one to eleven.",
     .clause = "I12 J1")
{
	guest_connect(g);
	for (unsigned int segments = 1; segments <= 11; segments++) {
		struct guest_request *w =
			guest_write(g, .sector = 96, .segments = segments,
				    .seed = segments);

		guest_send(g, w);
		expect_okay(g, w);
		expect_disk(g, 96, 8ull * segments, segments);
	}
}

CASE("blkif.bounds.same-page-eleven-times", QUIRK,
     "All segments of a write may name the same part of the same page.",
     .clause = "Q15 J1")
{
	struct guest_request *w, *r;

	guest_connect(g);
	w = guest_write(g, .sector = 200, .segments = 11, .seed = 5);
	for (unsigned int i = 0; i < 11; i++) {
		w->wire.segment[i].gref = w->page[0].gref;
		w->wire.segment[i].last_sector = 0;
	}
	guest_send(g, w);
	expect_okay(g, w);
	/* the page holds what the last segment was filled with */
	r = guest_read(g, .sector = 200, .segments = 2);
	r->wire.segment[1].last_sector = 2;
	guest_send(g, r);
	expect_okay(g, r);
	for (unsigned int i = 0; i < 11; i++)
		expect_true(g,
			    memcmp((char *)r->page[i / 8].data + 512 * (i % 8),
				   w->page[0].data, 512) == 0,
			    "each of the sectors holds what the page holds");
}

/* In the slot of a request that is submitted and nobody has seen yet. */
static void spoil_segments(struct guest *g, const struct guest_request *r,
			   unsigned int from)
{
	struct front_indices now;
	char *slot;

	front_indices(guest_queue(g, r->queue), &now);
	slot = front_slot(guest_queue(g, r->queue), now.req_prod);
	memset(slot + offsetof(blkif_request_t, seg) +
		       from * sizeof(struct blkif_request_segment),
	       0xff, (11 - from) * sizeof(struct blkif_request_segment));
}

CASE("blkif.bounds.segments-beyond-the-count", QUIRK,
     "What stands behind the last segment that counts is not looked at.",
     .clause = "I12 K13")
{
	struct guest_request *r;

	guest_connect(g);
	guest_fill(g, 8, 8, 6);
	r = guest_read(g, .sector = 8);
	guest_submit(g, r);
	spoil_segments(g, r, 1);
	guest_push(g, 0);
	expect_okay(g, r);
	expect_data(g, r, 6);
}

CASE("blkif.bounds.flush-without-segments", QUIRK,
     "So it is of a flush that has none.", .clause = "Q7 K13")
{
	struct guest_request *f;

	guest_connect(g);
	guest_need(g, guest_offers(g, "feature-flush-cache"),
		   "the backend offers no flush");
	f = guest_flush(g);
	guest_submit(g, f);
	spoil_segments(g, f, 0);
	guest_push(g, 0);
	expect_okay(g, f);
}

CASE("blkif.bounds.dirty-slot", QUIRK,
     "What the unused bytes of a request hold does not matter.",
     .clause = "J12 K13")
{
	struct guest_request *w;

	guest_connect(g);
	for (unsigned int i = 0; i < 32; i++)
		memset(front_slot(guest_queue(g, 0), i), 0xa5, 112);
	for (unsigned int i = 0; i < 32; i++) {
		w = guest_write(g, .sector = 8 * i, .seed = 7);
		guest_send(g, w);
		expect_okay(g, w);
	}
	expect_disk(g, 0, 256, 7);
}

CASE("blkif.bounds.one-sector-at-the-end", MUST,
     "The last sector alone, at any place of a page.", .clause = "E14 J1")
{
	guest_connect(g);
	guest_fill(g, guest_sectors(g) - 8, 8, 8);
	for (uint8_t at = 0; at < 8; at++) {
		struct guest_request *r =
			guest_read(g, .sector = guest_sectors(g) - 1);

		r->wire.segment[0].first_sector = at;
		r->wire.segment[0].last_sector = at;
		guest_send(g, r);
		expect_okay(g, r);
		expect_data(g, r, 8);
	}
}

/* Refused as a whole; the sectors in front of the end are as they were. */
static void refused_at_the_end(struct guest *g, struct guest_request *bad)
{
	guest_send(g, bad);
	expect_status(g, bad, BLKIF_RSP_ERROR);
	expect_untouched(g, bad);
	expect_disk(g, guest_sectors(g) - 88, 88, 9);
}

CASE("blkif.bounds.one-sector-too-far", ROBUST,
     "The sector behind the last one cannot be read or written.",
     .clause = "K13 E14", .refusal = "BEYOND_END")
{
	struct guest_request *bad;

	guest_connect(g);
	guest_fill(g, guest_sectors(g) - 88, 88, 9);
	bad = guest_read(g, .sector = guest_sectors(g));
	bad->wire.segment[0].last_sector = 0;
	refused_at_the_end(g, bad);
	bad = guest_write(g, .sector = guest_sectors(g), .seed = 10);
	bad->wire.segment[0].last_sector = 0;
	refused_at_the_end(g, bad);
}

CASE("blkif.bounds.last-segment-too-far", ROBUST,
     "If only the last of eleven segments reaches one sector beyond the end, "
     "none is written.",
     .clause = "K13 E14", .refusal = "BEYOND_END")
{
	guest_connect(g);
	guest_fill(g, guest_sectors(g) - 88, 88, 9);
	refused_at_the_end(g, guest_write(g, .sector = guest_sectors(g) - 87,
					  .segments = 11, .seed = 11));
}

CASE("blkif.bounds.last-segment-read-too-far", ROBUST, "Nor is any read.",
     .clause = "K13 E14", .refusal = "BEYOND_END")
{
	guest_connect(g);
	guest_fill(g, guest_sectors(g) - 88, 88, 9);
	refused_at_the_end(g, guest_read(g, .sector = guest_sectors(g) - 87,
					 .segments = 11));
}

static void not_the_beginning(struct guest *g, uint64_t sector,
			      unsigned int segments)
{
	struct guest_request *bad;

	guest_connect(g);
	guest_fill(g, 0, 88, 12);
	bad = guest_write(g, .sector = sector, .segments = segments,
			  .seed = 13);
	guest_send(g, bad);
	expect_status(g, bad, BLKIF_RSP_ERROR);
	expect_disk(g, 0, 88, 12);
}

CASE("blkif.bounds.wraps-to-zero", ROBUST,
     "A range whose end is 2^64 exactly is refused.", .clause = "K13 J3",
     .refusal = "BEYOND_END")
{
	not_the_beginning(g, UINT64_MAX - 87, 11);
}

CASE("blkif.bounds.beyond-32-bits", ROBUST,
     "Sector 2^32 of a small disk is not its sector 0.", .clause = "K13 A10",
     .refusal = "BEYOND_END")
{
	not_the_beginning(g, 1ull << 32, 1);
}

CASE("blkif.bounds.beyond-48-bits", ROBUST, "Nor is sector 2^48.",
     .clause = "K13 A10", .refusal = "BEYOND_END")
{
	not_the_beginning(g, 1ull << 48, 1);
}

CASE("blkif.bounds.byte-wraps-to-zero", ROBUST,
     "Nor is 2^55, whose offset in bytes is 2^64.", .clause = "K13 A10",
     .refusal = "BEYOND_END")
{
	not_the_beginning(g, 1ull << 55, 1);
}
