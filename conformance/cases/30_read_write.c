/* Reading and writing: exact data, and not one byte beside it. */
#include "conformance/case.h"

CASE("blkif.rw.round-trip", MUST, "What was written is read back.",
     .clause = "I1 J3 J11")
{
	guest_connect(g);
	guest_fill(g, 0, 256, 1);
	expect_disk(g, 0, 256, 1);
}

CASE("blkif.rw.overwrite", MUST, "The last write to a sector is what is read.",
     .clause = "I1")
{
	guest_connect(g);
	guest_fill(g, 40, 24, 1);
	guest_fill(g, 48, 8, 2);
	expect_disk(g, 40, 8, 1);
	expect_disk(g, 48, 8, 2);
	expect_disk(g, 56, 8, 1);
}

CASE("blkif.rw.eleven-segments", MUST,
     "A request may have eleven segments of a whole page.", .clause = "I12")
{
	struct guest_request *w, *r;

	guest_connect(g);
	w = guest_write(g, .sector = 8, .segments = 11, .seed = 3);
	guest_send(g, w);
	expect_okay(g, w);
	guest_fill(g, 800, 88, 4);
	r = guest_read(g, .sector = 8, .segments = 11);
	guest_send(g, r);
	expect_okay(g, r);
	expect_data(g, r, 3);
}

CASE("blkif.rw.single-sector", MUST,
     "A segment of one sector moves 512 bytes and no others.",
     .clause = "J1 E12")
{
	struct guest_request *r;

	guest_connect(g);
	guest_fill(g, 0, 16, 1);
	r = guest_read(g, .sector = 5);
	r->wire.segment[0].first_sector = 3;
	r->wire.segment[0].last_sector = 3;
	guest_send(g, r);
	expect_okay(g, r);
	expect_data(g, r, 1);
}

CASE("blkif.rw.write-single-sector", MUST,
     "A write of one sector leaves its neighbours on the disk alone.",
     .clause = "J1 J3")
{
	struct guest_request *w;

	guest_connect(g);
	guest_fill(g, 0, 16, 1);
	w = guest_write(g, .sector = 5, .seed = 2);
	w->wire.segment[0].first_sector = 7;
	guest_send(g, w);
	expect_okay(g, w);
	expect_disk(g, 0, 5, 1);
	expect_disk(g, 5, 1, 2);
	expect_disk(g, 6, 10, 1);
}

CASE("blkif.rw.ragged-segments", MUST,
     "Segments of different parts of their pages are joined in order.",
     .clause = "J1")
{
	struct guest_request *w, *r;

	guest_connect(g);
	w = guest_write(g, .sector = 101, .segments = 3, .seed = 4);
	w->wire.segment[0].first_sector = 6;
	w->wire.segment[1].first_sector = 2;
	w->wire.segment[1].last_sector = 4;
	w->wire.segment[2].last_sector = 0;
	guest_send(g, w);
	expect_okay(g, w);
	r = guest_read(g, .sector = 101, .segments = 2);
	r->wire.segment[0].last_sector = 3;
	r->wire.segment[1].first_sector = 6;
	guest_send(g, r);
	expect_okay(g, r);
	expect_data(g, r, 4);
}

CASE("blkif.rw.first-sector", MUST, "The first sector of the disk is sector 0.",
     .clause = "J3")
{
	guest_connect(g);
	guest_fill(g, 0, 1, 5);
	expect_disk(g, 0, 1, 5);
}

CASE("blkif.rw.last-sector", MUST,
     "The last sector that is published can be written and read.",
     .clause = "E14 J3")
{
	guest_connect(g);
	guest_fill(g, guest_sectors(g) - 1, 1, 6);
	expect_disk(g, guest_sectors(g) - 1, 1, 6);
}

CASE("blkif.rw.up-to-the-end", MUST,
     "A request may end with the last sector of the disk.", .clause = "E14")
{
	guest_connect(g);
	guest_fill(g, guest_sectors(g) - 88, 88, 7);
	expect_disk(g, guest_sectors(g) - 88, 88, 7);
}

CASE("blkif.rw.same-grant-twice-write", QUIRK,
     "Two segments of a write may name the same page.", .clause = "Q15")
{
	struct guest_request *w;

	guest_connect(g);
	w = guest_write(g, .sector = 16, .segments = 2, .seed = 8);
	w->wire.segment[0].last_sector = 3;
	w->wire.segment[1].gref = w->wire.segment[0].gref;
	w->wire.segment[1].first_sector = 4;
	guest_send(g, w);
	expect_okay(g, w);
	expect_disk(g, 16, 8, 8);
}

CASE("blkif.rw.same-grant-twice-read", QUIRK,
     "Two segments of a read may name the same page.", .clause = "Q15")
{
	struct guest_request *r;

	guest_connect(g);
	guest_fill(g, 16, 8, 9);
	r = guest_read(g, .sector = 16, .segments = 2);
	r->wire.segment[0].first_sector = 4;
	r->wire.segment[1].gref = r->wire.segment[0].gref;
	r->wire.segment[1].last_sector = 3;
	guest_send(g, r);
	expect_okay(g, r);
	expect_data(g, r, 9);
}

CASE("blkif.rw.same-grant-in-two-requests", QUIRK,
     "Two requests in flight may write from the same page.", .clause = "Q15")
{
	struct guest_request *first, *second;

	guest_connect(g);
	first = guest_write(g, .sector = 8, .seed = 1);
	first->wire.segment[0].last_sector = 3;
	second = guest_write(g, .sector = 12, .seed = 1);
	guest_borrow_pages(g, second, first);
	second->wire.segment[0].first_sector = 4;
	guest_submit(g, first);
	guest_submit(g, second);
	guest_push(g, 0);
	expect_okay(g, first);
	expect_okay(g, second);
	expect_disk(g, 8, 8, 1);
}

CASE("blkif.rw.write-from-read-only-grant", MUST,
     "A write only reads the guest's page: a read-only grant is enough.",
     .clause = "K13")
{
	struct guest_request *w;

	guest_connect(g);
	w = guest_write(g, .sector = 8, .segments = 2, .seed = 2,
			.readonly_grants = true);
	guest_send(g, w);
	expect_okay(g, w);
	expect_disk(g, 8, 16, 2);
}

CASE("blkif.rw.handle-ignored", QUIRK,
     "The handle of a request is not looked at.", .clause = "J5")
{
	struct guest_request *w;

	guest_connect(g);
	w = guest_write(g, .sector = 8, .seed = 3);
	w->wire.handle = 0xffff;
	guest_send(g, w);
	expect_okay(g, w);
	expect_disk(g, 8, 8, 3);
}

CASE("blkif.rw.many-in-flight", MUST,
     "Reads in flight together each get their own data.", .clause = "R9 J4")
{
	guest_connect(g);
	guest_fill(g, 0, 32 * 8, 4);
	for (unsigned int i = 0; i < 32; i++)
		guest_submit(g, guest_read(g, .sector = 8 * i));
	guest_push(g, 0);
	for (struct guest_request *r = g->requests; r != NULL; r = r->next) {
		expect_okay(g, r);
		if (r->wire.operation == BLKIF_OP_READ)
			expect_data(g, r, 4);
	}
}

CASE("blkif.rw.read-only-disk", MUST, "A read-only disk can be read.",
     .clause = "B1", .disk = DISK_READ_ONLY)
{
	struct guest_request *r;

	guest_connect(g);
	r = guest_read(g, .sector = 0, .segments = 11);
	guest_send(g, r);
	expect_okay(g, r);
}

CASE("blkif.rw.nothing-stays-mapped", SHOULD,
     "Without feature-persistent no grant stays mapped after the response.",
     .clause = "C7")
{
	struct guest_request *w, *r;

	guest_connect(g);
	w = guest_write(g, .sector = 8, .segments = 11, .seed = 5);
	r = guest_read(g, .sector = 200, .segments = 11);
	guest_send(g, w);
	guest_send(g, r);
	expect_okay(g, w);
	expect_okay(g, r);
	expect_unmapped(g, w);
	expect_unmapped(g, r);
}
