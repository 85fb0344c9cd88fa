/* Which keys count with several queues, and what one queue owes another. */
#include "conformance/case.h"

static void each_serves(struct guest *g, uint64_t seed)
{
	for (unsigned int q = 0; q < front_queues(g->front); q++) {
		struct guest_request *w = guest_write(
			g, .queue = q, .sector = 8 * q, .seed = seed);

		guest_send(g, w);
		expect_okay(g, w);
	}
	expect_disk(g, 0, 8ull * front_queues(g->front), seed);
}

CASE("blkif.queues.keys-at-the-top", QUIRK,
     "With two queues, keys at the top are not looked at.", .clause = "G4")
{
	guest_prepare(g, .queues = 2);
	guest_node(g, "ring-ref", "4000000");
	guest_node(g, "event-channel", "bell");
	guest_finish(g);
	each_serves(g, 1);
}

CASE("blkif.queues.keys-beyond-the-number", QUIRK,
     "Directories of queues beyond the number are not looked at.",
     .clause = "G2 G4")
{
	guest_prepare(g, .queues = 2);
	guest_node(g, "queue-2/ring-ref", "none");
	guest_node(g, "queue-2/event-channel", "none");
	guest_finish(g);
	each_serves(g, 2);
}

CASE("blkif.queues.order-of-one", QUIRK,
     "A ring-page-order below queue-N is not looked at.", .clause = "G5")
{
	guest_prepare(g, .queues = 2);
	guest_node(g, "queue-0/ring-page-order", "99");
	guest_node(g, "queue-1/ring-page-order", "3");
	guest_finish(g);
	each_serves(g, 3);
}

CASE("blkif.queues.one-below-queue-0", QUIRK,
     "One queue whose keys stand below queue-0 only is refused.",
     .clause = "G3")
{
	guest_prepare(g, .queue_count_node = true);
	guest_copy_node(g, "ring-ref", "queue-0/ring-ref");
	guest_copy_node(g, "event-channel", "queue-0/event-channel");
	guest_remove_node(g, "ring-ref");
	guest_remove_node(g, "event-channel");
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
}

CASE("blkif.queues.numbered-ring-of-one-page", QUIRK,
     "Two queues may name their single pages ring-ref0.", .clause = "Q11 G5")
{
	guest_connect(g, .queues = 2, .ring_order_node = true);
	each_serves(g, 4);
}

CASE("blkif.queues.x86-32", MUST, "Two queues with the 32-bit layout serve.",
     .clause = "J12 G4")
{
	guest_connect(g, .queues = 2, .protocol = XEN_IO_PROTO_ABI_X86_32);
	each_serves(g, 5);
}

CASE("blkif.queues.fewer-next-time", QUIRK,
     "A connection with fewer queues than the last one serves on those.",
     .clause = "Q12 G2")
{
	guest_connect(g, .queues = 4);
	each_serves(g, 6);
	guest_close(g);
	guest_connect(g, .queues = 2);
	expect_disk(g, 0, 32, 6);
	each_serves(g, 7);
}

CASE("blkif.queues.more-next-time", QUIRK,
     "One with more queues serves on all of them.", .clause = "Q12 G2")
{
	guest_connect(g);
	each_serves(g, 8);
	guest_close(g);
	guest_connect(g, .queues = 4, .ring_order = 2);
	each_serves(g, 9);
}

CASE("blkif.queues.same-sectors", MUST,
     "Two queues that write the same sectors leave one of the two writes "
     "there, whole.",
     .clause = "G6")
{
	struct guest_request *a, *b, *now;

	guest_connect(g, .queues = 2);
	a = guest_write(g, .queue = 0, .sector = 8, .seed = 10);
	b = guest_write(g, .queue = 1, .sector = 8, .seed = 11);
	a->wire.segment[0].last_sector = 0;
	b->wire.segment[0].last_sector = 0;
	guest_send(g, a);
	guest_send(g, b);
	expect_okay(g, a);
	expect_okay(g, b);
	now = guest_read(g, .sector = 8);
	now->wire.segment[0].last_sector = 0;
	guest_send(g, now);
	expect_okay(g, now);
	expect_true(g, guest_holds(now, 10) || guest_holds(now, 11),
		    "the sector is the one or the other");
}

CASE("blkif.queues.ids-of-each", MUST,
     "The same id on two queues is two requests.", .clause = "J4 G6")
{
	struct guest_request *a, *b;

	guest_connect(g, .queues = 2);
	guest_fill(g, 0, 16, 12);
	a = guest_read(g, .queue = 0, .sector = 0);
	b = guest_read(g, .queue = 1, .sector = 8);
	b->wire.id = a->wire.id;
	guest_send(g, a);
	guest_send(g, b);
	expect_okay(g, a);
	expect_okay(g, b);
	expect_data(g, a, 12);
	expect_data(g, b, 12);
}

CASE("blkif.queues.idle-ones", MUST,
     "A queue that was idle for long serves at its first kick.",
     .clause = "G6 A1")
{
	guest_connect(g, .queues = 4);
	for (unsigned int i = 0; i < 64; i++) {
		struct guest_request *w =
			guest_write(g, .queue = 0, .sector = 8 * i, .seed = 13);

		guest_send(g, w);
		expect_okay(g, w);
	}
	each_serves(g, 14);
}

CASE("blkif.queues.refused-on-each", ROBUST,
     "A bad request is refused on every queue, and each goes on.",
     .clause = "K13 G6", .refusal = "SEGMENT_PAST_PAGE")
{
	guest_connect(g, .queues = 4);
	for (unsigned int q = 0; q < 4; q++) {
		struct guest_request *bad = guest_read(g, .queue = q);

		bad->wire.segment[0].last_sector = 8;
		guest_send(g, bad);
		expect_status(g, bad, BLKIF_RSP_ERROR);
		expect_untouched(g, bad);
	}
	each_serves(g, 15);
}

CASE("blkif.queues.flush-after-each", MUST,
     "A flush on one queue is answered after writes of all, and the data is "
     "there.",
     .clause = "K9 I3")
{
	struct guest_request *flush;

	guest_connect(g, .queues = 4);
	guest_need(g, guest_offers(g, "feature-flush-cache"),
		   "the backend offers no flush");
	for (unsigned int q = 0; q < 4; q++)
		guest_send(g, guest_write(g, .queue = q, .sector = 88 * q,
					  .segments = 11, .seed = 16));
	flush = guest_flush(g, .queue = 3);
	guest_send(g, flush);
	expect_okay(g, flush);
	for (struct guest_request *w = g->requests; w != NULL; w = w->next)
		expect_okay(g, w);
	expect_disk(g, 0, 352, 16);
}
