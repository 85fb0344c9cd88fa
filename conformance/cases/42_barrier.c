/* Write barriers: what comes before one and what after, on one ring and over
 * several. */
#include "conformance/case.h"

static void connect_with_barrier(struct guest *g, unsigned int queues)
{
	guest_connect(g, .queues = queues);
	guest_need(g, guest_offers(g, "feature-barrier"),
		   "the backend offers no barrier");
}

static struct guest_request *barrier(struct guest *g, unsigned int queue,
				     uint64_t sector, uint64_t seed)
{
	return guest_request(g, BLKIF_OP_WRITE_BARRIER,
			     &(struct guest_io){.queue = queue,
						.sector = sector,
						.seed = seed});
}

static struct guest_request *empty_barrier(struct guest *g, unsigned int queue)
{
	return guest_empty(g, BLKIF_OP_WRITE_BARRIER,
			   &(struct guest_io){.queue = queue});
}

static void all_okay(struct guest *g)
{
	for (struct guest_request *r = g->requests; r != NULL; r = r->next)
		expect_okay(g, r);
}

CASE("blkif.barrier.offer", MUST, "feature-barrier is 0 or 1 if it is there.",
     .clause = "C1")
{
	guest_connect(g);
	guest_need(g, guest_has_node(g, "feature-barrier"),
		   "the backend says nothing about barriers");
	expect_number(g, "feature-barrier", 0, 1);
}

CASE("blkif.barrier.with-data", QUIRK,
     "The segments of a barrier are written when it is answered.",
     .clause = "C1 Q8")
{
	struct guest_request *b;

	connect_with_barrier(g, 1);
	b = guest_request(
		g, BLKIF_OP_WRITE_BARRIER,
		&(struct guest_io){.sector = 16, .segments = 11, .seed = 1});
	guest_send(g, b);
	expect_okay(g, b);
	expect_disk(g, 16, 88, 1);
}

CASE("blkif.barrier.empty", QUIRK,
     "A barrier without segments is answered OKAY, whatever its sector.",
     .clause = "C1 K13")
{
	struct guest_request *b;

	connect_with_barrier(g, 1);
	b = empty_barrier(g, 0);
	b->wire.sector = UINT64_MAX;
	guest_send(g, b);
	expect_okay(g, b);
}

CASE("blkif.barrier.one-ring", MUST,
     "A write before a barrier is done before it, one behind it after it.",
     .clause = "I2")
{
	connect_with_barrier(g, 1);
	for (unsigned int i = 0; i < 8; i++) {
		const uint64_t sector = 8 * i;

		guest_submit(g, guest_write(g, .sector = sector, .seed = 1));
		guest_submit(g, barrier(g, 0, sector, 2));
		guest_submit(g,
			     guest_write(g, .sector = sector + 64, .seed = 3));
		guest_submit(g, barrier(g, 0, sector + 64, 4));
	}
	guest_push(g, 0);
	all_okay(g);
	expect_disk(g, 0, 64, 2);
	expect_disk(g, 64, 64, 4);
}

CASE("blkif.barrier.write-behind", MUST,
     "A write behind a barrier is not undone by it.", .clause = "I2")
{
	connect_with_barrier(g, 1);
	for (unsigned int i = 0; i < 8; i++) {
		guest_submit(g, barrier(g, 0, 8 * i, 1));
		guest_submit(g, guest_write(g, .sector = 8 * i, .seed = 2));
	}
	guest_push(g, 0);
	all_okay(g);
	expect_disk(g, 0, 64, 2);
}

CASE("blkif.barrier.other-rings", QUIRK,
     "What was sent on other rings before a barrier is done before it.",
     .clause = "K9 I2 G6")
{
	connect_with_barrier(g, 4);
	for (unsigned int q = 1; q < 4; q++) {
		for (unsigned int i = 0; i < 8; i++)
			guest_submit(g, guest_write(g, .queue = q,
						    .sector = 64 * q + 8 * i,
						    .seed = 1));
		guest_push(g, q);
	}
	for (unsigned int i = 0; i < 24; i++)
		guest_submit(g, barrier(g, 0, 64 + 8 * i, 2));
	guest_push(g, 0);
	all_okay(g);
	expect_disk(g, 64, 192, 2);
}

CASE("blkif.barrier.before-other-rings", QUIRK,
     "What is sent on another ring after a barrier's answer is done after it.",
     .clause = "K9 I2 G6")
{
	connect_with_barrier(g, 2);
	for (unsigned int i = 0; i < 4; i++) {
		struct guest_request *b = barrier(g, i % 2, 8, 10 + i);
		struct guest_request *w = guest_write(
			g, .queue = (i + 1) % 2, .sector = 8, .seed = 20 + i);

		guest_send(g, b);
		expect_okay(g, b);
		guest_send(g, w);
		expect_okay(g, w);
		expect_disk(g, 8, 8, 20 + i);
	}
}

CASE("blkif.barrier.on-every-ring", QUIRK,
     "Barriers on all rings at once are all answered.", .clause = "K9 G6")
{
	connect_with_barrier(g, 4);
	for (unsigned int i = 0; i < 6; i++)
		for (unsigned int q = 0; q < 4; q++) {
			guest_submit(g, guest_write(g, .queue = q,
						    .sector = 64 * q + 8 * i,
						    .seed = 1));
			guest_submit(g, barrier(g, q, 64 * q + 8 * i, 2));
		}
	for (unsigned int q = 0; q < 4; q++)
		guest_push(g, q);
	all_okay(g);
	for (unsigned int q = 0; q < 4; q++)
		expect_disk(g, 64 * q, 48, 2);
}

CASE("blkif.barrier.full-ring", MUST,
     "A ring that is full of barriers is answered, and the next one, too.",
     .clause = "I2 R9")
{
	connect_with_barrier(g, 1);
	for (unsigned int round = 1; round < 3; round++) {
		for (unsigned int i = 0; front_room(guest_queue(g, 0)) > 0; i++)
			guest_submit(g, i % 2 == 0 ? barrier(g, 0, 8, round)
						   : empty_barrier(g, 0));
		guest_push(g, 0);
		all_okay(g);
		expect_disk(g, 8, 8, round);
	}
}

CASE("blkif.barrier.other-ring-idle", QUIRK,
     "Rings that have nothing to do hold no barrier up.", .clause = "K9 G6")
{
	struct guest_request *b;

	connect_with_barrier(g, 4);
	b = barrier(g, 2, 8, 1);
	guest_send(g, b);
	expect_okay(g, b);
	expect_disk(g, 8, 8, 1);
}

CASE("blkif.barrier.data-beyond-end", ROBUST,
     "A barrier whose data lies beyond the end is refused.", .clause = "K13 I2",
     .refusal = "BEYOND_END")
{
	struct guest_request *b;

	connect_with_barrier(g, 1);
	b = barrier(g, 0, guest_sectors(g), 1);
	guest_send(g, b);
	expect_status(g, b, BLKIF_RSP_ERROR);
}

CASE("blkif.barrier.bad-grant", ROBUST,
     "A barrier with a bad grant is refused, and the rings go on.",
     .clause = "K13 I2", .refusal = "GRANT_BAD")
{
	struct guest_request *b, *w;

	connect_with_barrier(g, 2);
	b = barrier(g, 0, 8, 1);
	b->wire.segment[0].gref = 0x00ffffff;
	guest_send(g, b);
	w = guest_write(g, .queue = 1, .sector = 16, .seed = 2);
	guest_send(g, w);
	expect_status(g, b, BLKIF_RSP_ERROR);
	expect_okay(g, w);
	expect_disk(g, 16, 8, 2);
}

CASE("blkif.barrier.read-only-disk", QUIRK,
     "A barrier without data for a read-only disk is answered OKAY.",
     .clause = "Q20 C1", .disk = DISK_READ_ONLY)
{
	struct guest_request *b;

	connect_with_barrier(g, 1);
	b = empty_barrier(g, 0);
	guest_send(g, b);
	expect_okay(g, b);
}

CASE("blkif.barrier.data-to-read-only-disk", ROBUST,
     "A barrier with data for a read-only disk is refused.", .clause = "Q20 C1",
     .refusal = "READ_ONLY", .disk = DISK_READ_ONLY)
{
	struct guest_request *b;

	connect_with_barrier(g, 1);
	b = barrier(g, 0, 0, 1);
	guest_send(g, b);
	expect_status(g, b, BLKIF_RSP_ERROR);
}

CASE("blkif.barrier.guest-gone", ROBUST,
     "A guest that goes away over barriers finds its disk again.",
     .clause = "I2 K13")
{
	struct guest_request *b;

	connect_with_barrier(g, 2);
	for (unsigned int q = 0; q < 2; q++) {
		guest_submit(g, guest_write(g, .queue = q, .sector = 64 * q,
					    .segments = 8, .seed = 1));
		guest_submit(g, barrier(g, q, 128 + 8 * q, 2));
		guest_push(g, q);
	}
	guest_vanish(g);
	connect_with_barrier(g, 2);
	b = barrier(g, 1, 8, 3);
	guest_send(g, b);
	expect_okay(g, b);
	expect_disk(g, 8, 8, 3);
}
