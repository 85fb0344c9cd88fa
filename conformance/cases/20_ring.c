/* The ring: sizes, indices, notifications, and one response per request. */
#include "conformance/case.h"

#include <string.h>

/* Every slot of the ring carries a request at once, twice around. */
static void use_every_slot(struct guest *g, unsigned int ring_order)
{
	guest_connect(g, .ring_order = ring_order);
	for (unsigned int round = 0; round < 2; round++) {
		struct guest_request *last = NULL;
		unsigned int slots = front_room(guest_queue(g, 0));

		expect_true(g, slots == guest_properties(g)->ring_slots,
			    "the whole ring is free");
		for (unsigned int i = 0; i < slots; i++) {
			last = guest_write(g, .sector = 8 * i, .seed = round);
			guest_submit(g, last);
		}
		guest_push(g, 0);
		for (struct guest_request *r = g->requests; r != NULL;
		     r = r->next)
			expect_okay(g, r);
	}
	expect_disk(g, 0, 8 * 32, 1);
}

CASE("blkif.ring.order-0", MUST, "A ring of 1 page holds its 32 requests.",
     .clause = "R2 D1 F2")
{
	use_every_slot(g, 0);
}

CASE("blkif.ring.order-1", MUST, "A ring of 2 pages holds its requests.",
     .clause = "R2 D1 F3 F5")
{
	use_every_slot(g, 1);
}

CASE("blkif.ring.order-2", MUST, "A ring of 4 pages holds its requests.",
     .clause = "R2 D1 F3 F5")
{
	use_every_slot(g, 2);
}

CASE("blkif.ring.order-3", MUST, "A ring of 8 pages holds its requests.",
     .clause = "R2 D1 F3 F5")
{
	use_every_slot(g, 3);
}

CASE("blkif.ring.order-4", MUST, "A ring of 16 pages holds its requests.",
     .clause = "R2 D1 F3 F5")
{
	use_every_slot(g, 4);
}

CASE("blkif.ring.order-4-x86-32", MUST,
     "A ring of 16 pages with the 32-bit layout holds its requests.",
     .clause = "R2 J12")
{
	struct guest_request *r;

	guest_connect(g, .ring_order = 4, .protocol = XEN_IO_PROTO_ABI_X86_32);
	while (front_room(guest_queue(g, 0)) > 0) {
		r = guest_write(g, .sector = 16, .seed = 1);
		guest_submit(g, r);
	}
	guest_push(g, 0);
	for (r = g->requests; r != NULL; r = r->next)
		expect_okay(g, r);
	expect_disk(g, 16, 8, 1);
}

CASE("blkif.ring.wrap", MUST,
     "Requests go on when the indices pass the end of the ring.",
     .clause = "R2 R9")
{
	guest_connect(g);
	for (unsigned int i = 0; i < 3 * guest_properties(g)->ring_slots; i++) {
		struct guest_request *r =
			guest_write(g, .sector = 8 * (i % 16), .seed = i);

		guest_send(g, r);
		expect_okay(g, r);
	}
}

CASE("blkif.ring.index-wrap", MUST,
     "Requests go on when the 32-bit indices pass zero.",
     .clause = "R2 K14 R10")
{
	guest_allocate(g);
	front_set_req_prod(guest_queue(g, 0), UINT32_MAX - 10);
	front_set_rsp_prod(guest_queue(g, 0), UINT32_MAX - 10);
	guest_publish(g);
	guest_finish(g);
	for (unsigned int i = 0; i < 40; i++) {
		struct guest_request *r =
			guest_write(g, .sector = 8, .seed = i);

		guest_send(g, r);
		expect_okay(g, r);
	}
	expect_disk(g, 8, 8, 39);
}

CASE("blkif.ring.start-not-zero", QUIRK,
     "A ring that was used before is continued from its rsp_prod.",
     .clause = "K14 R10")
{
	struct guest_request *r;

	guest_allocate(g);
	front_set_req_prod(guest_queue(g, 0), 77);
	front_set_rsp_prod(guest_queue(g, 0), 77);
	guest_publish(g);
	guest_finish(g);
	r = guest_write(g, .sector = 8, .segments = 3, .seed = 1);
	guest_send(g, r);
	expect_okay(g, r);
	expect_disk(g, 8, 24, 1);
}

CASE("blkif.ring.posted-before-connection", QUIRK,
     "Requests that stand in the ring before the connection are answered.",
     .clause = "K14")
{
	struct guest_request *first, *second;

	guest_allocate(g);
	first = guest_write(g, .sector = 0, .seed = 1);
	second = guest_write(g, .sector = 8, .seed = 1);
	guest_submit(g, first);
	guest_submit(g, second);
	guest_push(g, 0);
	guest_publish(g);
	guest_finish(g);
	expect_okay(g, first);
	expect_okay(g, second);
	expect_disk(g, 0, 16, 1);
}

CASE("blkif.ring.full-before-connection", QUIRK,
     "A full ring at connection is legal: every request is answered.",
     .clause = "K14")
{
	guest_allocate(g);
	while (front_room(guest_queue(g, 0)) > 0)
		guest_submit(g, guest_write(g, .sector = 24, .seed = 6));
	guest_push(g, 0);
	guest_publish(g);
	guest_finish(g);
	for (struct guest_request *r = g->requests; r != NULL; r = r->next)
		expect_okay(g, r);
	expect_disk(g, 24, 8, 6);
}

CASE("blkif.ring.id-64-bits", MUST,
     "A response carries all 64 bits of its request's id.", .clause = "J4 Q4")
{
	static const uint64_t ids[] = {0, 1, UINT64_MAX, 1ull << 63,
				       0x0123456789abcdefull};

	guest_connect(g);
	for (unsigned int i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		struct guest_request *r = guest_read(g, .sector = 8 * i);

		r->wire.id = ids[i];
		guest_send(g, r);
		expect_okay(g, r);
	}
}

CASE("blkif.ring.operation-echoed", MUST,
     "A response carries the operation of its request.", .clause = "J10 I1")
{
	struct guest_request *read, *write, *flush;

	guest_connect(g);
	read = guest_read(g, .sector = 0);
	write = guest_write(g, .sector = 8, .seed = 1);
	flush = guest_flush(g);
	guest_send(g, read);
	guest_send(g, write);
	guest_send(g, flush);
	expect_answer(g, flush);
	expect_okay(g, read);
	expect_okay(g, write);
	expect_true(g, flush->response.operation == BLKIF_OP_FLUSH_DISKCACHE,
		    "the response to the flush is one of operation 3");
}

/* A request in a slot that was full of ones, and what the guest has in its
 * gaps. */
static struct guest_request *answered_in_dirty_slot(struct guest *g)
{
	struct guest_request *r;

	guest_connect(g);
	memset(front_slot(guest_queue(g, 0), 0), 0xff, 64);
	r = guest_read(g, .sector = 0);
	guest_send(g, r);
	expect_okay(g, r);
	return r;
}

CASE("blkif.ring.response-leak", ROBUST,
     "The bytes of a response that carry nothing show nothing of the backend.",
     .clause = "Q18")
{
	static const uint8_t ones[5] = {0xff, 0xff, 0xff, 0xff, 0xff};
	struct guest_request *r;

	guest_connect(g);
	/* the request covers the gaps of the response with known bytes */
	r = guest_read(g, .sector = 0xffffffffffffffffu);
	r->wire.id = 0xffffffffffffffffu;
	guest_submit(g, r);
	memset(front_slot(guest_queue(g, 0), 0), 0xff, 64);
	guest_push(g, 0);
	expect_answer(g, r);
	expect_padding(g, r, ones);
}

CASE("blkif.ring.response-padding", QUIRK,
     "The bytes of a response that carry nothing are zero.", .clause = "Q18")
{
	struct guest_request *r = answered_in_dirty_slot(g);

	expect_padding(g, r, NULL);
}

CASE("blkif.ring.one-response-each", MUST,
     "A full ring of requests gets exactly as many responses.",
     .clause = "R9 R5 Q4")
{
	struct front_indices now;
	struct guest_request *r;
	unsigned int slots;

	guest_connect(g);
	slots = front_room(guest_queue(g, 0));
	for (unsigned int i = 0; i < slots; i++)
		guest_submit(g, guest_read(g, .sector = 8 * i));
	guest_push(g, 0);
	for (r = g->requests; r != NULL; r = r->next)
		expect_okay(g, r);
	r = guest_read(g, .sector = 0);
	guest_send(g, r);
	expect_okay(g, r);
	front_indices(guest_queue(g, 0), &now);
	expect_true(g, now.rsp_prod == now.req_prod,
		    "as many responses as requests");
}

CASE("blkif.ring.event-armed", MUST,
     "An idle backend has asked for an event at the next request.",
     .clause = "A1")
{
	struct guest_request *r;
	struct front_indices now;

	guest_connect(g);
	for (unsigned int i = 0; i < 5; i++) {
		/* no kick of our own: only what req_event asks for */
		r = guest_read(g, .sector = 8 * i);
		guest_send(g, r);
		expect_okay(g, r);
	}
	/* a backend that still polls has not armed it yet: let it come to rest
	 */
	do {
		front_indices(guest_queue(g, 0), &now);
	} while (now.req_event != now.req_prod + 1 && guest_wait(g));
	front_indices(guest_queue(g, 0), &now);
	expect_true(g, now.req_event == now.req_prod + 1,
		    "req_event is one more than req_prod");
}

CASE("blkif.ring.hold-off", MAY,
     "An event index further ahead batches notifications: the first wake-up "
     "finds all the responses asked for.",
     .clause = "A3 R8")
{
	struct guest_request *r[4];
	struct front_indices now;
	bool told;

	guest_connect(g);
	for (unsigned int i = 0; i < 4; i++) {
		r[i] = guest_read(g, .sector = 8 * i);
		guest_submit(g, r[i]);
	}
	expect_true(g, !front_arm_after(guest_queue(g, 0), 4),
		    "no response before a request is visible");
	guest_push(g, 0);
	/* not guest_wait(): that would ask for an event at the first response
	 */
	do {
		told = front_queue_wait(guest_queue(g, 0),
					g->world->timeout_ms) > 0;
		front_indices(guest_queue(g, 0), &now);
	} while (told && now.rsp_prod != now.req_prod);
	expect_true(g, told, "an event at the fourth response");
	for (unsigned int i = 0; i < 4; i++)
		expect_okay(g, r[i]);
}

CASE("blkif.ring.needless-kick", ROBUST,
     "Kicks without a request cost nothing and are not answered.",
     .clause = "Q19")
{
	struct guest_request *r;
	struct front_indices now;

	guest_connect(g);
	for (unsigned int i = 0; i < 100; i++)
		front_kick(guest_queue(g, 0));
	r = guest_read(g, .sector = 0);
	guest_send(g, r);
	expect_okay(g, r);
	front_indices(guest_queue(g, 0), &now);
	expect_true(g, now.rsp_prod == 1, "one response to one request");
}
