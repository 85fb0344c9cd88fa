/* Flush: with and without data, where it is offered. */
#include "conformance/case.h"

static void connect_with_flush(struct guest *g)
{
	guest_connect(g);
	guest_need(g, guest_offers(g, "feature-flush-cache"),
		   "the backend offers no flush");
}

CASE("blkif.flush.empty", MUST, "A flush without segments is answered OKAY.",
     .clause = "C3 I3")
{
	struct guest_request *f;

	connect_with_flush(g);
	f = guest_flush(g);
	guest_send(g, f);
	expect_okay(g, f);
}

CASE("blkif.flush.after-writes", MUST,
     "A flush behind writes is answered, and the data is there.",
     .clause = "I3 C3")
{
	struct guest_request *w, *f;

	connect_with_flush(g);
	w = guest_write(g, .sector = 8, .segments = 11, .seed = 1);
	f = guest_flush(g);
	guest_submit(g, w);
	guest_submit(g, f);
	guest_push(g, 0);
	expect_okay(g, f);
	expect_okay(g, w);
	expect_disk(g, 8, 88, 1);
}

CASE("blkif.flush.with-data", QUIRK,
     "The segments of a flush are written before it is answered.",
     .clause = "Q7")
{
	struct guest_request *f;

	connect_with_flush(g);
	f = guest_request(
		g, BLKIF_OP_FLUSH_DISKCACHE,
		&(struct guest_io){.sector = 16, .segments = 2, .seed = 2});
	guest_send(g, f);
	expect_okay(g, f);
	expect_disk(g, 16, 16, 2);
}

CASE("blkif.flush.sector-ignored", QUIRK,
     "The sector of a flush without segments means nothing.", .clause = "K13")
{
	struct guest_request *f;

	connect_with_flush(g);
	f = guest_flush(g, .sector = UINT64_MAX);
	guest_send(g, f);
	expect_okay(g, f);
}

CASE("blkif.flush.data-beyond-end", ROBUST,
     "A flush whose data lies beyond the end is refused.", .clause = "K13 Q7",
     .refusal = "BEYOND_END")
{
	struct guest_request *f;

	connect_with_flush(g);
	f = guest_request(g, BLKIF_OP_FLUSH_DISKCACHE,
			  &(struct guest_io){.sector = guest_sectors(g)});
	guest_send(g, f);
	expect_status(g, f, BLKIF_RSP_ERROR);
}

CASE("blkif.flush.read-only-disk", QUIRK,
     "A flush of a read-only disk is answered OKAY.", .clause = "Q20",
     .disk = DISK_READ_ONLY)
{
	struct guest_request *f;

	connect_with_flush(g);
	f = guest_flush(g);
	guest_send(g, f);
	expect_okay(g, f);
}

CASE("blkif.flush.data-to-read-only-disk", ROBUST,
     "A flush with data for a read-only disk is refused.", .clause = "Q20 Q7",
     .refusal = "READ_ONLY", .disk = DISK_READ_ONLY)
{
	struct guest_request *f;

	connect_with_flush(g);
	f = guest_request(g, BLKIF_OP_FLUSH_DISKCACHE,
			  &(struct guest_io){.sector = 0, .seed = 9});
	guest_send(g, f);
	expect_status(g, f, BLKIF_RSP_ERROR);
}

CASE("blkif.flush.many", MUST, "Flushes in flight together are all answered.",
     .clause = "I3 R9")
{
	connect_with_flush(g);
	while (front_room(guest_queue(g, 0)) > 0)
		guest_submit(g, guest_flush(g));
	guest_push(g, 0);
	for (struct guest_request *f = g->requests; f != NULL; f = f->next)
		expect_okay(g, f);
}
