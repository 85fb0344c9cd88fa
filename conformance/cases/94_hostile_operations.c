/* Everything that an operation or a count of segments may not be. */
#include "conformance/case.h"

#include <stddef.h>
#include <string.h>

/* What is answered EOPNOTSUPP whatever a backend offers. */
static bool is_nobodys(unsigned int operation)
{
	return operation == BLKIF_OP_RESERVED_1 ||
	       operation > BLKIF_OP_INDIRECT;
}

CASE("blkif.hostile.every-operation", QUIRK,
     "Every operation that nobody defined is answered EOPNOTSUPP, and echoed.",
     .clause = "K5 I4 J10 J11", .refusal = "OPERATION_UNKNOWN")
{
	guest_connect(g);
	for (unsigned int i = 0; i < 256; i++) {
		struct guest_request *r;

		if (!is_nobodys(i))
			continue;
		r = guest_empty(g, (uint8_t)i, &(struct guest_io){0});
		guest_send(g, r);
		expect_status(g, r, BLKIF_RSP_EOPNOTSUPP);
	}
}

CASE("blkif.hostile.every-count", ROBUST,
     "Every number of segments above eleven is refused.", .clause = "I12 K13",
     .refusal = "SEGMENTS_MANY")
{
	guest_connect(g);
	for (unsigned int i = 12; i < 256; i++) {
		struct guest_request *r = guest_read(g);

		r->wire.segments = (uint8_t)i;
		guest_send(g, r);
		expect_status(g, r, BLKIF_RSP_ERROR);
		expect_untouched(g, r);
	}
}

CASE("blkif.hostile.every-end-of-a-segment", ROBUST,
     "Every segment that ends beyond its page is refused.", .clause = "J1 K13",
     .refusal = "SEGMENT_PAST_PAGE")
{
	struct guest_request *first = NULL;

	guest_connect(g);
	for (unsigned int last = 8; last < 256; last++) {
		struct guest_request *r = guest_read(g, .sector = 8);

		if (first == NULL)
			first = r;
		else
			guest_borrow_pages(g, r, first);
		r->wire.segment[0].last_sector = (uint8_t)last;
		guest_send(g, r);
		expect_status(g, r, BLKIF_RSP_ERROR);
		expect_untouched(g, r);
	}
}

CASE("blkif.hostile.every-reversed-segment", ROBUST,
     "Every segment that ends before it begins is refused.", .clause = "J1 K13",
     .refusal = "SEGMENT_REVERSED")
{
	guest_connect(g);
	for (uint8_t first = 1; first < 8; first++) {
		for (uint8_t last = 0; last < first; last++) {
			struct guest_request *r = guest_read(g, .sector = 8);

			r->wire.segment[0].first_sector = first;
			r->wire.segment[0].last_sector = last;
			guest_send(g, r);
			expect_status(g, r, BLKIF_RSP_ERROR);
			expect_untouched(g, r);
		}
	}
}

CASE("blkif.hostile.middle-segment", ROBUST,
     "One bad segment among eleven fails the request: nothing of the others "
     "is written.",
     .clause = "J1 K13", .refusal = "SEGMENT_REVERSED")
{
	struct guest_request *bad;

	guest_connect(g);
	guest_fill(g, 0, 88, 1);
	bad = guest_write(g, .sector = 0, .segments = 11, .seed = 2);
	bad->wire.segment[5].first_sector = 4;
	bad->wire.segment[5].last_sector = 3;
	guest_send(g, bad);
	expect_status(g, bad, BLKIF_RSP_ERROR);
	expect_disk(g, 0, 88, 1);
}

CASE("blkif.hostile.flush-segment", ROBUST,
     "A flush with a bad segment is refused and writes nothing.",
     .clause = "Q7 J1", .refusal = "SEGMENT_PAST_PAGE")
{
	struct guest_request *bad;

	guest_connect(g);
	guest_need(g, guest_offers(g, "feature-flush-cache"),
		   "the backend offers no flush");
	guest_fill(g, 8, 8, 3);
	bad = guest_request(g, BLKIF_OP_FLUSH_DISKCACHE,
			    &(struct guest_io){.sector = 8, .seed = 4});
	bad->wire.segment[0].last_sector = 8;
	guest_send(g, bad);
	expect_status(g, bad, BLKIF_RSP_ERROR);
	expect_disk(g, 8, 8, 3);
}

CASE("blkif.hostile.flush-grant", ROBUST, "So is one with a bad grant.",
     .clause = "Q7 K13", .refusal = "GRANT_BAD")
{
	struct guest_request *bad;

	guest_connect(g);
	guest_need(g, guest_offers(g, "feature-flush-cache"),
		   "the backend offers no flush");
	bad = guest_request(g, BLKIF_OP_FLUSH_DISKCACHE,
			    &(struct guest_io){.sector = 8, .seed = 5});
	bad->wire.segment[0].gref = UINT32_MAX;
	guest_send(g, bad);
	expect_status(g, bad, BLKIF_RSP_ERROR);
}

CASE("blkif.hostile.same-id-in-flight", ROBUST,
     "Two requests in flight with one id are answered, both of them.",
     .clause = "J4 R9")
{
	struct front_indices now;
	struct guest_request *a, *b;

	guest_connect(g);
	a = guest_write(g, .sector = 8, .seed = 6);
	b = guest_write(g, .sector = 16, .seed = 6);
	guest_submit(g, a);
	guest_submit(g, b);
	/* in the ring they have one id; here they are told apart */
	memcpy((char *)front_slot(guest_queue(g, 0), 1) +
		       offsetof(blkif_request_t, id),
	       &a->wire.id, sizeof(a->wire.id));
	front_arm_after(guest_queue(g, 0), 2);
	guest_push(g, 0);
	do {
		front_indices(guest_queue(g, 0), &now);
	} while (now.rsp_prod != now.req_prod &&
		 front_wait(g->front, g->world->timeout_ms) > 0);
	front_indices(guest_queue(g, 0), &now);
	expect_true(g, now.rsp_prod == now.req_prod,
		    "as many responses as requests");
	guest_vanish(g);
	guest_connect(g);
	expect_disk(g, 8, 16, 6);
}

CASE("blkif.hostile.full-ring-of-nonsense", QUIRK,
     "A full ring of bad requests is answered like a full ring of good ones.",
     .clause = "K13 R9", .refusal = "SEGMENTS_NONE")
{
	guest_connect(g, .ring_order = 2);
	for (unsigned int round = 0; round < 3; round++) {
		while (front_room(guest_queue(g, 0)) > 0)
			guest_submit(g, guest_empty(g, BLKIF_OP_WRITE,
						    &(struct guest_io){0}));
		guest_push(g, 0);
		for (struct guest_request *r = g->requests; r != NULL;
		     r = r->next)
			expect_status(g, r, BLKIF_RSP_ERROR);
	}
}

CASE("blkif.hostile.x86-32-segments", ROBUST,
     "The 32-bit layout is held to the same bounds.", .clause = "J12 J1 I12",
     .refusal = "SEGMENT_PAST_PAGE")
{
	struct guest_request *bad;

	guest_connect(g, .protocol = XEN_IO_PROTO_ABI_X86_32);
	bad = guest_read(g, .segments = 11);
	bad->wire.segment[10].last_sector = 8;
	guest_send(g, bad);
	expect_status(g, bad, BLKIF_RSP_ERROR);
	expect_untouched(g, bad);
	guest_fill(g, 8, 8, 7);
	expect_disk(g, 8, 8, 7);
}

CASE("blkif.hostile.x86-32-overflow", QUIRK, "So are the indices of its ring.",
     .clause = "J12 R4", .refusal = "RING_OVERFLOW")
{
	guest_connect(g, .protocol = XEN_IO_PROTO_ABI_X86_32);
	front_set_req_prod(guest_queue(g, 0), 33);
	front_kick(guest_queue(g, 0));
	expect_refused(g);
}

CASE("blkif.hostile.large-ring-overflow", QUIRK,
     "A ring of sixteen pages overflows at 513.", .clause = "R4 R2",
     .refusal = "RING_OVERFLOW")
{
	guest_connect(g, .ring_order = 4);
	front_set_req_prod(guest_queue(g, 0), 513);
	front_kick(guest_queue(g, 0));
	expect_refused(g);
}

CASE("blkif.hostile.overflow-after-wrap", QUIRK,
     "An index that runs away is noticed as well when it has passed zero.",
     .clause = "R4 K14", .refusal = "RING_OVERFLOW")
{
	guest_allocate(g);
	front_set_req_prod(guest_queue(g, 0), UINT32_MAX - 3);
	front_set_rsp_prod(guest_queue(g, 0), UINT32_MAX - 3);
	guest_publish(g);
	guest_finish(g);
	front_set_req_prod(guest_queue(g, 0), 33 - 4);
	front_kick(guest_queue(g, 0));
	expect_refused(g);
}
