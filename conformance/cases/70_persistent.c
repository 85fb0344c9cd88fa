/*
 * Persistent grants: a frontend that reuses its grants, one that does not keep
 * its word, and one that has more of them than anybody would keep.
 */
#include "conformance/case.h"

static void connect_persistent(struct guest *g, unsigned int queues)
{
	guest_connect(g, .persistent = true, .queues = queues);
	guest_need(g, guest_offers(g, "feature-persistent"),
		   "the backend keeps no grants");
}

CASE("blkif.persistent.reuse", SHOULD,
     "The same grants serve request after request.", .clause = "C5 F7")
{
	struct guest_request *first;

	connect_persistent(g, 1);
	first = guest_write(g, .sector = 8, .segments = 4, .seed = 1);
	guest_send(g, first);
	expect_okay(g, first);
	for (unsigned int i = 0; i < 20; i++) {
		struct guest_request *w = guest_write(g, .sector = 40 * i,
						      .segments = 4, .seed = 2);

		guest_borrow_pages(g, w, first);
		guest_send(g, w);
		expect_okay(g, w);
	}
	expect_disk(g, 0, 32, 2);
	expect_disk(g, 40, 32, 2);
	expect_disk(g, 40 * 19, 32, 2);
}

CASE("blkif.persistent.read-after-write", SHOULD,
     "A kept grant that carried a write receives a read.", .clause = "F7 C5")
{
	struct guest_request *w, *r;

	connect_persistent(g, 1);
	guest_fill(g, 800, 16, 3);
	w = guest_write(g, .sector = 8, .segments = 2, .seed = 1);
	guest_send(g, w);
	expect_okay(g, w);
	r = guest_read(g, .sector = 800, .segments = 2);
	guest_borrow_pages(g, r, w);
	guest_send(g, r);
	expect_okay(g, r);
	expect_data(g, r, 3);
}

CASE("blkif.persistent.more-than-the-cap", SHOULD,
     "A frontend with more grants than the backend keeps gets the right data.",
     .clause = "C6 C8 C10 F8")
{
	connect_persistent(g, 1);
	/* 130 requests of 11 pages: more than the 1056 that Linux keeps */
	for (unsigned int i = 0; i < 130; i++) {
		struct guest_request *w = guest_write(
			g, .sector = 88 * i, .segments = 11, .seed = 4);

		guest_send(g, w);
		expect_okay(g, w);
	}
	/* now the oldest again: whatever was dropped must come back */
	for (unsigned int i = 0; i < 130; i++)
		expect_disk(g, 88 * i, 88, 4);
}

CASE("blkif.persistent.old-grants-again", SHOULD,
     "Grants that were dropped for others are mapped again when used.",
     .clause = "C9 C10 F8")
{
	struct guest_request *first;

	connect_persistent(g, 1);
	first = guest_write(g, .sector = 0, .segments = 11, .seed = 1);
	guest_send(g, first);
	expect_okay(g, first);
	for (unsigned int i = 1; i < 110; i++) {
		struct guest_request *w = guest_write(
			g, .sector = 88 * i, .segments = 11, .seed = 2);

		guest_send(g, w);
		expect_okay(g, w);
	}
	struct guest_request *again =
		guest_read(g, .sector = 88 * 50, .segments = 11);

	guest_borrow_pages(g, again, first);
	guest_send(g, again);
	expect_okay(g, again);
	expect_data(g, again, 2);
}

CASE("blkif.persistent.read-only-grants", QUIRK,
     "Read-only grants of a persistent frontend still serve writes.",
     .clause = "F8 F7")
{
	struct guest_request *w;

	connect_persistent(g, 1);
	w = guest_write(g, .sector = 8, .segments = 3, .seed = 5,
			.readonly_grants = true);
	guest_send(g, w);
	expect_okay(g, w);
	expect_disk(g, 8, 24, 5);
}

CASE("blkif.persistent.released-at-close", MUST,
     "Nothing stays mapped after an orderly end: every grant can be used anew.",
     .clause = "C5 H9")
{
	struct guest_request *w;

	connect_persistent(g, 1);
	w = guest_write(g, .sector = 8, .segments = 11, .seed = 6);
	guest_send(g, w);
	expect_okay(g, w);
	guest_set_state(g, XenbusStateClosing);
	expect_backend_state(g, XenbusStateClosing);
	guest_set_state(g, XenbusStateClosed);
	expect_backend_state(g, XenbusStateClosed);
	expect_unmapped(g, w);
}

CASE("blkif.persistent.grant-after-close", QUIRK,
     "A reference that names another page in the next connection gets that "
     "page.",
     .clause = "C5 Q12")
{
	struct guest_request *w;

	connect_persistent(g, 1);
	w = guest_write(g, .sector = 8, .segments = 11, .seed = 7);
	guest_send(g, w);
	expect_okay(g, w);
	guest_close(g);
	/* every page was ended: the library hands out the same references */
	connect_persistent(g, 1);
	w = guest_write(g, .sector = 8, .segments = 11, .seed = 8);
	guest_send(g, w);
	expect_okay(g, w);
	expect_disk(g, 8, 88, 8);
}

CASE("blkif.persistent.same-grant-twice", QUIRK,
     "A kept grant may be named twice by a request.", .clause = "Q15")
{
	struct guest_request *w;

	connect_persistent(g, 1);
	for (unsigned int i = 0; i < 3; i++) {
		w = guest_write(g, .sector = 16 * i, .segments = 2, .seed = 9);
		w->wire.segment[1].gref = w->wire.segment[0].gref;
		w->wire.segment[0].last_sector = 3;
		w->wire.segment[1].first_sector = 4;
		guest_send(g, w);
		expect_okay(g, w);
		expect_disk(g, 16 * i, 8, 9);
	}
}

CASE("blkif.persistent.same-grant-on-two-queues", QUIRK,
     "A kept grant may be used on two queues.", .clause = "Q16")
{
	struct guest_request *a, *b;

	connect_persistent(g, 2);
	a = guest_write(g, .queue = 0, .sector = 8, .seed = 1);
	a->wire.segment[0].last_sector = 3;
	b = guest_write(g, .queue = 1, .sector = 12, .seed = 1);
	guest_borrow_pages(g, b, a);
	b->wire.segment[0].first_sector = 4;
	guest_send(g, a);
	guest_send(g, b);
	expect_okay(g, a);
	expect_okay(g, b);
	expect_disk(g, 8, 8, 1);
}

CASE("blkif.persistent.bad-grant", ROBUST,
     "A bad grant among kept ones fails its request only.", .clause = "K13",
     .refusal = "GRANT_BAD")
{
	struct guest_request *w, *bad;

	connect_persistent(g, 1);
	w = guest_write(g, .sector = 8, .segments = 3, .seed = 1);
	guest_send(g, w);
	expect_okay(g, w);
	bad = guest_read(g, .sector = 8, .segments = 3);
	guest_borrow_pages(g, bad, w);
	bad->wire.segment[1].gref = UINT32_MAX;
	guest_send(g, bad);
	expect_status(g, bad, BLKIF_RSP_ERROR);
	expect_disk(g, 8, 24, 1);
}
