/*
 * What may be kept mapped, for how long, and what is dropped first.  Only a
 * target that can see a guest's mappings can tell; others skip most of these.
 */
#include "conformance/case.h"

/* Requests of 11 pages that name more than any backend that is known keeps: 1056
 * grants for a ring. */
#define MORE_THAN_ARE_KEPT 110u

/* What a full ring of full requests names. */
static unsigned int full_ring(struct guest *g)
{
	const unsigned int most = guest_properties(g)->max_indirect_segments;

	return 32 * (most > FRONT_MAX_SEGMENTS ? most : FRONT_MAX_SEGMENTS);
}

static void connect_persistent(struct guest *g)
{
	guest_connect(g, .persistent = true);
	guest_need(g, guest_offers(g, "feature-persistent"),
		   "the backend keeps no grants");
}

static struct guest_request *written(struct guest *g, uint64_t sector,
				     unsigned int segments, uint64_t seed)
{
	struct guest_request *w = guest_write(
		g, .sector = sector, .segments = segments, .seed = seed);

	guest_send(g, w);
	expect_okay(g, w);
	return w;
}

CASE("blkif.persistent.kept", SHOULD,
     "Grants of a frontend that reuses them stay mapped after the response.",
     .clause = "C5 F7")
{
	struct guest_request *w;

	connect_persistent(g);
	w = written(g, 8, 11, 1);
	expect_true(g, guest_mapped(g, w) == 11, "each grant is mapped once");
}

CASE("blkif.persistent.kept-once", SHOULD,
     "A grant that is used again is not mapped again.", .clause = "C5")
{
	struct guest_request *first, *next;

	connect_persistent(g);
	first = written(g, 8, 4, 1);
	for (unsigned int i = 0; i < 10; i++) {
		next = guest_write(g, .sector = 8, .segments = 4, .seed = i);
		guest_borrow_pages(g, next, first);
		guest_send(g, next);
		expect_okay(g, next);
	}
	expect_true(g, guest_mapped(g, first) == 4,
		    "each grant is mapped once");
}

CASE("blkif.persistent.not-said", SHOULD,
     "Grants of a frontend that wrote feature-persistent = 0 are not kept.",
     .clause = "C7 F7")
{
	struct guest_request *w;

	guest_prepare(g);
	guest_node(g, "feature-persistent", "0");
	guest_finish(g);
	w = written(g, 8, 11, 2);
	expect_true(g, guest_mapped(g, w) == 0, "nothing is mapped");
}

CASE("blkif.persistent.cap", SHOULD,
     "No more grants are kept than a full ring of full requests names.",
     .clause = "C6 C8")
{
	unsigned int kept = 0;

	connect_persistent(g);
	for (unsigned int i = 0; i < MORE_THAN_ARE_KEPT; i++)
		written(g, 88 * i, 11, 3);
	for (struct guest_request *w = g->requests; w != NULL; w = w->next)
		kept += guest_mapped(g, w);
	expect_true(g, kept > 0, "some are kept");
	expect_true(g, kept <= full_ring(g),
		    "at most as many as a full ring names");
}

CASE("blkif.persistent.hot-grant-stays", QUIRK,
     "A grant that is used all the time stays while others come and go.",
     .clause = "K10 C10")
{
	struct guest_request *hot;

	connect_persistent(g);
	hot = written(g, 0, 1, 4);
	for (unsigned int i = 1; i < MORE_THAN_ARE_KEPT; i++) {
		struct guest_request *again =
			guest_write(g, .sector = 0, .seed = i);

		guest_borrow_pages(g, again, hot);
		guest_send(g, again);
		expect_okay(g, again);
		written(g, 88 * i, 11, 5);
		expect_true(g, guest_mapped(g, hot) == 1, "it is still mapped");
		/* A backend may keep what was used a moment ago: let that be
		 * over. */
		if (i % 16 == 0)
			(void)front_wait(g->front, 1200);
	}
}

CASE("blkif.persistent.oldest-goes", QUIRK,
     "The grant that was not used for longest goes first.", .clause = "K10 C10")
{
	struct guest_request *oldest, *newest = NULL;

	connect_persistent(g);
	oldest = written(g, 0, 11, 6);
	for (unsigned int i = 1; i < MORE_THAN_ARE_KEPT; i++)
		written(g, 88 * i, 11, 7);
	/* Not at once: a backend may keep what was used a moment ago. */
	(void)guest_wait(g);
	g->result.timed_out = false;
	newest = written(g, 0, 11, 8);
	expect_true(g, guest_mapped(g, oldest) == 0,
		    "the oldest is not mapped any more");
	expect_true(g, guest_mapped(g, newest) == 11, "the newest is");
}

CASE("blkif.persistent.idle-given-back", QUIRK,
     "Grants that nobody used for a long time are given back.",
     .clause = "Q17 C9")
{
	struct guest_request *w;

	connect_persistent(g);
	guest_need(g, g->world->wait != NULL,
		   "a long time takes long where time is real");
	w = written(g, 8, 11, 8);
	expect_true(g, guest_mapped(g, w) > 0, "they were kept");
	/* bound: half an hour of the simulator's time */
	for (unsigned int i = 0; i < 360 && guest_mapped(g, w) > 0; i++)
		guest_wait(g);
	g->result.timed_out = false;
	expect_true(g, guest_mapped(g, w) == 0, "they are given back");
}

CASE("blkif.persistent.then-without", QUIRK,
     "A next connection without feature-persistent finds nothing kept.",
     .clause = "K15 C7 Q12")
{
	struct guest_request *w;

	connect_persistent(g);
	written(g, 8, 11, 9);
	guest_close(g);
	guest_connect(g);
	w = written(g, 8, 11, 10);
	expect_true(g, guest_mapped(g, w) == 0, "nothing is mapped");
	expect_disk(g, 8, 88, 10);
}

CASE("blkif.persistent.taken-back-while-connected", QUIRK,
     "feature-persistent that is taken back after the connection changes "
     "nothing.",
     .clause = "K15")
{
	connect_persistent(g);
	written(g, 8, 11, 11);
	guest_node(g, "feature-persistent", "0");
	written(g, 8, 11, 12);
	guest_remove_node(g, "feature-persistent");
	written(g, 8, 11, 13);
	expect_disk(g, 8, 88, 13);
}

CASE("blkif.persistent.each-queue-its-own", QUIRK,
     "A grant that two queues use is mapped for each.", .clause = "Q16 G6")
{
	struct guest_request *a, *b;

	guest_connect(g, .persistent = true, .queues = 2);
	guest_need(g, guest_offers(g, "feature-persistent"),
		   "the backend keeps no grants");
	a = written(g, 8, 1, 14);
	b = guest_write(g, .queue = 1, .sector = 8, .seed = 14);
	guest_borrow_pages(g, b, a);
	guest_send(g, b);
	expect_okay(g, b);
	expect_true(g, guest_mapped(g, a) == 2, "it is mapped twice");
}

CASE("blkif.persistent.refused-keeps-nothing-busy", ROBUST,
     "A request that is refused leaves its kept grants free for the next.",
     .clause = "K13 C9", .refusal = "GRANT_BAD")
{
	struct guest_request *good, *bad;

	connect_persistent(g);
	good = written(g, 8, 3, 15);
	for (unsigned int i = 0; i < 50; i++) {
		bad = guest_write(g, .sector = 8, .segments = 3, .seed = 16);
		guest_borrow_pages(g, bad, good);
		bad->wire.segment[2].gref = UINT32_MAX;
		guest_send(g, bad);
		expect_status(g, bad, BLKIF_RSP_ERROR);
	}
	guest_set_state(g, XenbusStateClosed);
	expect_backend_state(g, XenbusStateClosed);
	expect_unmapped(g, good);
}
