/* Who is told what, and when: req_event and rsp_event. */
#include "conformance/case.h"

/* Looks without asking for an event; true when all has been answered. */
static bool all_answered(struct guest *g)
{
	struct front_indices now;

	front_indices(guest_queue(g, 0), &now);
	return now.rsp_prod == now.req_prod;
}

CASE("blkif.notify.not-asked", MAY,
     "A frontend that asked for an event at the fifth response is not told of "
     "the first four.",
     .clause = "A3 R8")
{
	struct guest_request *r;

	guest_connect(g);
	r = guest_read(g);
	guest_send(g, r);
	expect_okay(g, r);
	expect_true(g, !front_arm_after(guest_queue(g, 0), 5),
		    "nothing is answered before it is asked");
	for (unsigned int i = 0; i < 4; i++)
		guest_submit(g, guest_read(g, .sector = 8 * i));
	guest_push(g, 0);
	/* bound: the time of an expectation, in small pieces */
	for (int i = 0; i < g->world->timeout_ms / 20 && !all_answered(g); i++)
		expect_true(g, front_queue_wait(guest_queue(g, 0), 20) == 0,
			    "no event");
	for (r = g->requests; r != NULL; r = r->next)
		expect_okay(g, r);
}

CASE("blkif.notify.each-asked", MUST,
     "A frontend that asks for an event at each response gets it, time and "
     "again.",
     .clause = "A3")
{
	guest_connect(g);
	for (unsigned int i = 0; i < 100; i++) {
		struct guest_request *r = guest_read(g, .sector = 8 * i);

		expect_true(g, !front_arm(guest_queue(g, 0)),
			    "nothing is answered before it is asked");
		guest_send(g, r);
		expect_okay(g, r);
	}
}

CASE("blkif.notify.bursts", MUST,
     "A frontend that kicks only when it was asked to is heard, whatever the "
     "size of its bursts.",
     .clause = "A1")
{
	guest_connect(g);
	for (unsigned int burst = 1; burst <= 32; burst++) {
		struct guest_request *last = NULL;

		for (unsigned int i = 0; i < burst; i++) {
			last = guest_read(g, .sector = 8 * i);
			guest_submit(g, last);
		}
		guest_push(g, 0);
		for (struct guest_request *r = g->requests; r != NULL;
		     r = r->next)
			expect_okay(g, r);
	}
}

CASE("blkif.notify.one-by-one", MUST,
     "So is one that publishes its requests one by one while others are under "
     "way.",
     .clause = "A1 R9")
{
	guest_connect(g);
	for (unsigned int i = 0; i < 32; i++)
		guest_send(g, guest_write(g, .sector = 8 * i, .seed = 1));
	for (struct guest_request *r = g->requests; r != NULL; r = r->next)
		expect_okay(g, r);
	expect_disk(g, 0, 256, 1);
}

CASE("blkif.notify.event-at-start", MUST,
     "The first request after the connection needs no more than the kick that "
     "req_event asks for.",
     .clause = "A1 R1")
{
	struct front_indices now;
	struct guest_request *r;

	guest_connect(g);
	front_indices(guest_queue(g, 0), &now);
	expect_true(g, now.req_event == 1, "req_event stands at 1");
	r = guest_read(g);
	guest_send(g, r);
	expect_okay(g, r);
}

CASE("blkif.notify.every-queue", MUST,
     "Every queue has its own events: a kick on one is heard there.",
     .clause = "A1 G4")
{
	guest_connect(g, .queues = 2);
	for (unsigned int i = 0; i < 20; i++) {
		struct guest_request *r =
			guest_read(g, .queue = i % 2, .sector = 8 * i);

		guest_send(g, r);
		expect_okay(g, r);
	}
}

CASE("blkif.notify.kicks-between", ROBUST,
     "Kicks between requests that are not published yet show nothing of them.",
     .clause = "Q19 R4")
{
	struct guest_request *r;

	guest_connect(g);
	for (unsigned int i = 0; i < 8; i++) {
		r = guest_write(g, .sector = 8 * i, .seed = 2);
		guest_submit(g, r);
		front_kick(guest_queue(g, 0));
		expect_no_answer(g, r);
	}
	guest_push(g, 0);
	for (r = g->requests; r != NULL; r = r->next)
		expect_okay(g, r);
	expect_disk(g, 0, 64, 2);
}

CASE("blkif.notify.kicks-on-another-queue", ROBUST,
     "Kicks on an idle queue do not disturb the busy one.", .clause = "Q19 G6")
{
	guest_connect(g, .queues = 2);
	for (unsigned int i = 0; i < 32; i++) {
		guest_send(g, guest_write(g, .queue = 0, .sector = 8 * i,
					  .seed = 3));
		front_kick(guest_queue(g, 1));
	}
	for (struct guest_request *r = g->requests; r != NULL; r = r->next)
		expect_okay(g, r);
	expect_disk(g, 0, 256, 3);
}

CASE("blkif.notify.event-far-away", ROBUST,
     "A rsp_event half the number range ahead costs the frontend its events "
     "and nobody else anything.",
     .clause = "A3 R8")
{
	struct guest_request *r;

	guest_connect(g);
	front_arm_after(guest_queue(g, 0), 0x80000000u);
	r = guest_write(g, .sector = 8, .seed = 4);
	guest_send(g, r);
	expect_okay(g, r);
	expect_disk(g, 8, 8, 4);
}

CASE("blkif.notify.event-passed", ROBUST,
     "A rsp_event that lies behind asks for nothing; the next honest one is "
     "heard.",
     .clause = "A3 R8")
{
	struct guest_request *r;

	guest_connect(g);
	guest_fill(g, 0, 80, 5);
	front_arm_after(guest_queue(g, 0), 0u - 5u);
	r = guest_read(g, .sector = 8);
	guest_send(g, r);
	expect_okay(g, r);
	expect_data(g, r, 5);
}
