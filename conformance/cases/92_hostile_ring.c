/* Ring indices that no honest frontend writes: the service ends, nothing else.
 */
#include "conformance/case.h"

#include <string.h>

/* Make req_prod lie while one honest request waits behind it. */
static void run_away(struct guest *g, uint32_t req_prod)
{
	struct guest_request *r;

	guest_connect(g);
	r = guest_read(g, .sector = 0);
	guest_submit(g, r);
	front_set_req_prod(guest_queue(g, 0), req_prod);
	front_kick(guest_queue(g, 0));
	expect_refused(g);
	expect_no_answer(g, r);
	expect_untouched(g, r);
}

CASE("blkif.ring.overflow", QUIRK,
     "A req_prod one further than the ring is long ends the service: error "
     "node, Closing, no response.",
     .clause = "R4 K13", .refusal = "RING_OVERFLOW")
{
	run_away(g, 33);
}

CASE("blkif.ring.overflow-far", QUIRK,
     "So does one that is half the number range ahead.", .clause = "R4 K13",
     .refusal = "RING_OVERFLOW")
{
	run_away(g, 0x80000000u);
}

CASE("blkif.ring.backwards", QUIRK,
     "A req_prod that goes backwards is an overflow as well.",
     .clause = "R4 K13", .refusal = "RING_OVERFLOW")
{
	run_away(g, UINT32_MAX);
}

CASE("blkif.ring.overflow-under-load", QUIRK,
     "An overflow behind requests in flight ends the service; those are "
     "finished or left alone, never answered twice.",
     .clause = "R4 Q4", .refusal = "RING_OVERFLOW")
{
	guest_connect(g);
	for (unsigned int i = 0; i < 16; i++)
		guest_submit(g, guest_write(g, .sector = 8 * i, .segments = 11,
					    .seed = 1));
	guest_push(g, 0);
	front_set_req_prod(guest_queue(g, 0), 16 + 33 + 32);
	front_kick(guest_queue(g, 0));
	expect_refused(g);
	guest_collect(g);
}

CASE("blkif.ring.rsp-prod-overwritten", QUIRK,
     "A frontend that overwrites rsp_prod confuses only itself.",
     .clause = "R4 K13")
{
	struct guest_request *r;

	guest_connect(g);
	r = guest_read(g, .sector = 0);
	guest_send(g, r);
	expect_okay(g, r);
	front_set_rsp_prod(guest_queue(g, 0), 0xdeadbeef);
	r = guest_read(g, .sector = 8);
	guest_send(g, r);
	expect_okay(g, r);
}

CASE("blkif.ring.slots-overwritten", ROBUST,
     "A frontend that overwrites a slot after its request is served costs "
     "nobody.",
     .clause = "K13")
{
	struct guest_request *r;

	guest_connect(g);
	r = guest_read(g, .sector = 0);
	guest_send(g, r);
	expect_okay(g, r);
	for (unsigned int i = 0; i < 32; i++)
		memset(front_slot(guest_queue(g, 0), i), 0xff, 64);
	r = guest_read(g, .sector = 8);
	guest_send(g, r);
	expect_okay(g, r);
}
