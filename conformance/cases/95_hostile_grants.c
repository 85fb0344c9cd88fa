/* Grants that are not there, not enough, or those of the ring itself. */
#include "conformance/case.h"

#include <stdlib.h>

static uint32_t ring_grant(struct guest *g)
{
	char *value = front_read(g->front, "ring-ref");
	uint32_t gref = value ? (uint32_t)strtoul(value, NULL, 10) : 0;

	free(value);
	return gref;
}

static void serves(struct guest *g, uint64_t seed)
{
	guest_fill(g, 64, 8, seed);
	expect_disk(g, 64, 8, seed);
}

CASE("blkif.hostile.every-place-of-a-bad-grant", ROBUST,
     "A bad grant at any place of a request fails it, and nothing of it stays "
     "mapped.",
     .clause = "K13", .refusal = "GRANT_BAD")
{
	guest_connect(g);
	for (unsigned int at = 0; at < 11; at++) {
		struct guest_request *bad =
			guest_write(g, .sector = 0, .segments = 11, .seed = 1);

		bad->wire.segment[at].gref = UINT32_MAX;
		guest_send(g, bad);
		expect_status(g, bad, BLKIF_RSP_ERROR);
		expect_unmapped(g, bad);
	}
	serves(g, 2);
}

CASE("blkif.hostile.all-grants-bad", ROBUST,
     "A request of which no grant is good is refused.", .clause = "K13",
     .refusal = "GRANT_BAD")
{
	struct guest_request *bad;

	guest_connect(g);
	bad = guest_read(g, .segments = 11);
	for (unsigned int i = 0; i < 11; i++)
		bad->wire.segment[i].gref = 4000 + i;
	guest_send(g, bad);
	expect_status(g, bad, BLKIF_RSP_ERROR);
	expect_untouched(g, bad);
	serves(g, 3);
}

CASE("blkif.hostile.bad-write-changes-nothing", ROBUST,
     "A write with a bad grant is answered ERROR; what it leaves on the disk "
     "is the old or the new, nothing else.",
     .clause = "K13", .refusal = "GRANT_BAD")
{
	struct guest_request *bad, *now;

	guest_connect(g);
	guest_fill(g, 0, 16, 4);
	bad = guest_write(g, .sector = 0, .segments = 2, .seed = 5);
	bad->wire.segment[1].gref = UINT32_MAX;
	guest_send(g, bad);
	expect_status(g, bad, BLKIF_RSP_ERROR);
	now = guest_read(g, .sector = 0);
	guest_send(g, now);
	expect_okay(g, now);
	expect_true(g, guest_holds(now, 4) || guest_holds(now, 5),
		    "the first page is the old or the new one");
	expect_disk(g, 8, 8, 4);
}

CASE("blkif.hostile.bad-grants-without-end", ROBUST,
     "A frontend that sends bad grants all the time costs no more than its "
     "answers.",
     .clause = "K13 R9", .refusal = "GRANT_BAD")
{
	guest_connect(g);
	for (unsigned int round = 0; round < 10; round++) {
		while (front_room(guest_queue(g, 0)) > 0) {
			struct guest_request *bad = guest_empty(
				g, BLKIF_OP_READ, &(struct guest_io){0});

			bad->wire.segments = 1;
			bad->wire.segment[0] = (struct front_segment){
				.gref = 5000, .last_sector = 7};
			guest_submit(g, bad);
		}
		guest_push(g, 0);
		for (struct guest_request *r = g->requests; r != NULL;
		     r = r->next)
			expect_status(g, r, BLKIF_RSP_ERROR);
	}
	serves(g, 6);
}

CASE("blkif.hostile.persistent-bad-grants", ROBUST,
     "So it is where grants are kept.", .clause = "K13 C6",
     .refusal = "GRANT_BAD")
{
	guest_connect(g, .persistent = true);
	serves(g, 7);
	for (unsigned int i = 0; i < 400; i++) {
		struct guest_request *bad =
			guest_empty(g, BLKIF_OP_READ, &(struct guest_io){0});

		bad->wire.segments = 1;
		bad->wire.segment[0] = (struct front_segment){.gref = 5000 + i,
							      .last_sector = 7};
		guest_send(g, bad);
		expect_status(g, bad, BLKIF_RSP_ERROR);
	}
	serves(g, 8);
}

CASE("blkif.hostile.persistent-read-into-read-only", ROBUST,
     "A read into a page that may not be written is refused, kept or not.",
     .clause = "K13 F7", .refusal = "GRANT_BAD")
{
	struct guest_request *bad, *write;

	guest_connect(g, .persistent = true);
	guest_fill(g, 8, 8, 9);
	write = guest_write(g, .sector = 16, .seed = 9,
			    .readonly_grants = true);
	guest_send(g, write);
	expect_okay(g, write);
	bad = guest_read(g, .sector = 8);
	guest_borrow_pages(g, bad, write);
	guest_send(g, bad);
	expect_status(g, bad, BLKIF_RSP_ERROR);
	expect_untouched(g, bad);
	serves(g, 10);
}

CASE("blkif.hostile.write-from-the-ring", ROBUST,
     "A write from the ring's own page writes whatever stands there.",
     .clause = "K13")
{
	struct guest_request *w;

	guest_connect(g);
	w = guest_empty(g, BLKIF_OP_WRITE, &(struct guest_io){.sector = 8});
	w->wire.segments = 1;
	w->wire.segment[0] =
		(struct front_segment){.gref = ring_grant(g), .last_sector = 7};
	guest_send(g, w);
	expect_okay(g, w);
	serves(g, 11);
}

CASE("blkif.hostile.read-into-the-ring", ROBUST,
     "A frontend that lets the disk overwrite its ring destroys its own "
     "connection only.",
     .clause = "K13 R4")
{
	struct guest_request *r;

	guest_connect(g);
	guest_fill(g, 8, 8, 12);
	r = guest_empty(g, BLKIF_OP_READ, &(struct guest_io){.sector = 8});
	r->wire.segments = 1;
	r->wire.segment[0] =
		(struct front_segment){.gref = ring_grant(g), .last_sector = 7};
	guest_send(g, r);
	front_wait(g->front, g->world->timeout_ms / 10);
	guest_vanish(g);
	guest_connect(g);
	expect_disk(g, 8, 8, 12);
}
