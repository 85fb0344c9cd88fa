/* A disk that may not be written, whatever way is tried. */
#include "conformance/case.h"

#include <string.h>

static struct guest_request *whole_page(struct guest *g, uint64_t sector)
{
	struct guest_request *r = guest_read(g, .sector = sector);

	guest_send(g, r);
	expect_okay(g, r);
	return r;
}

/* Refused, and the disk holds what it held. */
static void not_written(struct guest *g, struct guest_request *bad)
{
	const struct guest_request *before, *now;

	before = whole_page(g, bad->wire.sector);
	guest_send(g, bad);
	expect_status(g, bad, BLKIF_RSP_ERROR);
	expect_untouched(g, bad);
	now = whole_page(g, bad->wire.sector);
	expect_true(g,
		    memcmp(before->page[0].data, now->page[0].data,
			   FRONT_PAGE_BYTES) == 0,
		    "the disk holds what it held");
}

CASE("blkif.read-only.one-sector", ROBUST,
     "A write of a single sector is refused.", .clause = "Q20 B1",
     .refusal = "READ_ONLY", .disk = DISK_READ_ONLY)
{
	struct guest_request *w;

	guest_connect(g);
	w = guest_write(g, .sector = 16, .seed = 1);
	w->wire.segment[0].last_sector = 0;
	not_written(g, w);
}

CASE("blkif.read-only.eleven-segments", ROBUST, "So is one of eleven segments.",
     .clause = "Q20 B1", .refusal = "READ_ONLY", .disk = DISK_READ_ONLY)
{
	guest_connect(g);
	not_written(g, guest_write(g, .sector = 16, .segments = 11, .seed = 2));
}

CASE("blkif.read-only.persistent", ROBUST,
     "So is one from a grant that is kept.", .clause = "Q20 F7",
     .refusal = "READ_ONLY", .disk = DISK_READ_ONLY)
{
	guest_connect(g, .persistent = true);
	whole_page(g, 0);
	not_written(g, guest_write(g, .sector = 16, .seed = 3));
}

CASE("blkif.read-only.every-queue", ROBUST, "So is one on any queue.",
     .clause = "Q20 G6", .refusal = "READ_ONLY", .disk = DISK_READ_ONLY)
{
	guest_connect(g, .queues = 2);
	not_written(g, guest_write(g, .queue = 0, .sector = 16, .seed = 4));
	not_written(g, guest_write(g, .queue = 1, .sector = 16, .seed = 4));
}

CASE("blkif.read-only.reads-between", MUST,
     "Reads among refused writes are served.", .clause = "Q20 R9",
     .disk = DISK_READ_ONLY)
{
	guest_connect(g);
	for (unsigned int i = 0; i < 16; i++) {
		guest_submit(g, guest_read(g, .sector = 8 * i));
		guest_submit(g, guest_write(g, .sector = 8 * i, .seed = 5));
	}
	guest_push(g, 0);
	for (struct guest_request *r = g->requests; r != NULL; r = r->next)
		expect_status(g, r,
			      r->wire.operation == BLKIF_OP_READ
				      ? BLKIF_RSP_OKAY
				      : BLKIF_RSP_ERROR);
}

CASE("blkif.read-only.beyond-the-end", ROBUST,
     "A write that is wrong in two ways is refused once.", .clause = "Q20 K13",
     .disk = DISK_READ_ONLY)
{
	struct guest_request *w;

	guest_connect(g);
	w = guest_write(g, .sector = guest_sectors(g), .seed = 6);
	guest_send(g, w);
	expect_status(g, w, BLKIF_RSP_ERROR);
	whole_page(g, 0);
}

CASE("blkif.read-only.whole", MUST, "The disk can be read to its end.",
     .clause = "B1 E14", .disk = DISK_READ_ONLY)
{
	struct guest_request *r;

	guest_connect(g);
	r = guest_read(g, .sector = guest_sectors(g) - 88, .segments = 11);
	guest_send(g, r);
	expect_okay(g, r);
}

CASE("blkif.read-only.frontend-mode", ROBUST,
     "A mode that the frontend writes into its own directory opens nothing.",
     .clause = "B1 A7", .refusal = "READ_ONLY", .disk = DISK_READ_ONLY)
{
	guest_prepare(g);
	guest_node(g, "mode", "w");
	guest_finish(g);
	not_written(g, guest_write(g, .sector = 16, .seed = 7));
}
