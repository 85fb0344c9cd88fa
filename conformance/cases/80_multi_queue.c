/* Several queues: each serves, none disturbs another. */
#include "conformance/case.h"

static void write_on_each(struct guest *g, uint64_t seed)
{
	for (unsigned int q = 0; q < front_queues(g->front); q++) {
		struct guest_request *w =
			guest_write(g, .queue = q, .sector = 88 * q,
				    .segments = 11, .seed = seed);

		guest_send(g, w);
	}
	for (struct guest_request *w = g->requests; w != NULL; w = w->next)
		expect_okay(g, w);
	for (unsigned int q = 0; q < front_queues(g->front); q++)
		expect_disk(g, 88 * q, 88, seed);
}

CASE("blkif.queues.two", MUST, "Two queues serve.", .clause = "G1 G2 G4")
{
	guest_connect(g, .queues = 2);
	write_on_each(g, 1);
}

CASE("blkif.queues.four", MUST, "Four queues serve.", .clause = "G2 G4")
{
	guest_connect(g, .queues = 4);
	write_on_each(g, 2);
}

CASE("blkif.queues.three", MUST,
     "A number of queues that is no power of two is as good.", .clause = "G2")
{
	guest_connect(g, .queues = 3);
	write_on_each(g, 3);
}

CASE("blkif.queues.all-that-are-offered", MUST,
     "As many queues as the backend offers serve.", .clause = "G1 G2 D6")
{
	unsigned int most;

	guest_open(g);
	guest_set_state(g, XenbusStateInitialising);
	expect_backend_state(g, XenbusStateInitWait);
	most = (unsigned int)expect_number_or(g, 1u, "multi-queue-max-queues",
					      1, 256);
	guest_vanish(g);
	guest_connect(g, .queues = most > FRONT_MAX_QUEUES ? FRONT_MAX_QUEUES
							   : most);
	write_on_each(g, 4);
}

CASE("blkif.queues.with-larger-rings", MUST,
     "One ring-page-order holds for every queue.", .clause = "G5 F3")
{
	guest_connect(g, .queues = 2, .ring_order = 2);
	for (unsigned int q = 0; q < 2; q++) {
		while (front_room(guest_queue(g, q)) > 0)
			guest_submit(g,
				     guest_write(g, .queue = q, .sector = 8 * q,
						 .seed = 5));
		guest_push(g, q);
	}
	for (struct guest_request *r = g->requests; r != NULL; r = r->next)
		expect_okay(g, r);
	expect_disk(g, 0, 16, 5);
}

CASE("blkif.queues.same-disk", MUST, "What one queue wrote, every other reads.",
     .clause = "G6")
{
	struct guest_request *r;

	guest_connect(g, .queues = 4);
	guest_fill(g, 8, 8, 6);
	for (unsigned int q = 1; q < 4; q++) {
		r = guest_read(g, .queue = q, .sector = 8);
		guest_send(g, r);
		expect_okay(g, r);
		expect_data(g, r, 6);
	}
}

CASE("blkif.queues.bad-request-elsewhere", ROBUST,
     "Bad requests on one queue do not disturb another.", .clause = "K13 G6")
{
	guest_connect(g, .queues = 2);
	for (unsigned int i = 0; i < 16; i++) {
		struct guest_request *bad = guest_read(g, .queue = 0);

		bad->wire.segment[0].last_sector = 8;
		guest_submit(g, bad);
		guest_submit(g, guest_write(g, .queue = 1, .sector = 8 * i,
					    .seed = 7));
	}
	guest_push(g, 0);
	guest_push(g, 1);
	for (struct guest_request *r = g->requests; r != NULL; r = r->next)
		expect_status(g, r,
			      r->queue == 0 ? BLKIF_RSP_ERROR : BLKIF_RSP_OKAY);
	expect_disk(g, 0, 128, 7);
}

CASE("blkif.queues.full-queue-elsewhere", MUST,
     "A queue that is full does not keep another from being served.",
     .clause = "G6")
{
	struct guest_request *r;

	guest_connect(g, .queues = 2);
	while (front_room(guest_queue(g, 0)) > 0)
		guest_submit(g, guest_write(g, .queue = 0, .sector = 8,
					    .segments = 11, .seed = 8));
	guest_push(g, 0);
	r = guest_read(g, .queue = 1, .sector = 800);
	guest_send(g, r);
	expect_okay(g, r);
	for (r = g->requests; r != NULL; r = r->next)
		expect_okay(g, r);
}

CASE("blkif.queues.flush-sees-all", QUIRK,
     "A flush on one queue is answered while others are busy.",
     .clause = "K9 I3")
{
	struct guest_request *flush;

	guest_connect(g, .queues = 2);
	guest_need(g, guest_offers(g, "feature-flush-cache"),
		   "the backend offers no flush");
	while (front_room(guest_queue(g, 0)) > 0)
		guest_submit(
			g, guest_write(g, .queue = 0, .sector = 8, .seed = 9));
	guest_push(g, 0);
	flush = guest_flush(g, .queue = 1);
	guest_send(g, flush);
	expect_okay(g, flush);
	for (struct guest_request *r = g->requests; r != NULL; r = r->next)
		expect_okay(g, r);
}

CASE("blkif.queues.same-grant-on-two", QUIRK,
     "Two queues may use the same grant at once.", .clause = "Q15 Q16")
{
	struct guest_request *a, *b;

	guest_connect(g, .queues = 2);
	a = guest_write(g, .queue = 0, .sector = 8, .seed = 1);
	a->wire.segment[0].last_sector = 3;
	b = guest_write(g, .queue = 1, .sector = 12, .seed = 1);
	guest_borrow_pages(g, b, a);
	b->wire.segment[0].first_sector = 4;
	guest_submit(g, a);
	guest_submit(g, b);
	guest_push(g, 0);
	guest_push(g, 1);
	expect_okay(g, a);
	expect_okay(g, b);
	expect_disk(g, 8, 8, 1);
}

CASE("blkif.queues.overflow-on-one", QUIRK,
     "A queue whose req_prod runs away ends the service of the device.",
     .clause = "R4", .refusal = "RING_OVERFLOW")
{
	guest_connect(g, .queues = 2);
	front_set_req_prod(guest_queue(g, 1), 1000);
	front_kick(guest_queue(g, 1));
	expect_refused(g);
}
