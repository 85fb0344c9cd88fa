/* Ends and new beginnings: what a kexec, a driver reload or a crash looks like.
 */
#include "conformance/case.h"

CASE("blkif.reconnect.closed", QUIRK,
     "After an orderly end the backend is Closed.", .clause = "H9 P7")
{
	guest_connect(g);
	guest_set_state(g, XenbusStateClosing);
	expect_backend_state(g, XenbusStateClosing);
	guest_set_state(g, XenbusStateClosed);
	expect_backend_state(g, XenbusStateClosed);
}

CASE("blkif.reconnect.served-while-closing", QUIRK,
     "A frontend that is Closing may still use its disk until it is Closed.",
     .clause = "H9")
{
	guest_connect(g);
	guest_set_state(g, XenbusStateClosing);
	expect_backend_state(g, XenbusStateClosing);
	guest_fill(g, 8, 8, 1);
	expect_disk(g, 8, 8, 1);
}

CASE("blkif.reconnect.again", QUIRK,
     "A frontend that goes from Closed to Initialising is served again, and "
     "finds its data.",
     .clause = "Q12 P7")
{
	guest_connect(g);
	guest_fill(g, 8, 88, 1);
	guest_close(g);
	guest_connect(g);
	expect_disk(g, 8, 88, 1);
}

CASE("blkif.reconnect.ten-times", QUIRK, "It may do so again and again.",
     .clause = "Q12")
{
	for (unsigned int i = 0; i < 10; i++) {
		guest_connect(g);
		guest_fill(g, 8 * i, 8, 2);
		guest_close(g);
	}
	guest_connect(g);
	expect_disk(g, 0, 80, 2);
}

CASE("blkif.reconnect.other-shape", QUIRK,
     "Another kernel may come with other queues, rings and layout.",
     .clause = "Q12 G6")
{
	guest_connect(g, .queues = 4, .ring_order = 1, .persistent = true);
	guest_fill(g, 0, 88, 3);
	guest_close(g);
	guest_connect(g, .no_protocol = true);
	expect_disk(g, 0, 88, 3);
	guest_close(g);
	guest_connect(g, .queues = 2, .ring_order = 2);
	expect_disk(g, 0, 88, 3);
}

CASE("blkif.reconnect.stale-keys", QUIRK,
     "Keys of the last connection do not confuse the next.", .clause = "Q12")
{
	guest_connect(g, .queues = 2);
	guest_close(g);
	guest_prepare(g);
	guest_node(g, "queue-0/ring-ref", "%u", 0xffffff);
	guest_node(g, "queue-0/event-channel", "%u", 0xffffff);
	guest_finish(g);
	guest_fill(g, 0, 8, 4);
	expect_disk(g, 0, 8, 4);
}

CASE("blkif.reconnect.crash", QUIRK,
     "A frontend that vanishes without a word and starts again is served.",
     .clause = "Q12 Q14")
{
	guest_connect(g, .persistent = true);
	guest_fill(g, 8, 88, 5);
	guest_vanish(g);
	guest_connect(g);
	expect_disk(g, 8, 88, 5);
}

CASE("blkif.reconnect.crash-in-flight", ROBUST,
     "So is one that vanishes with a full ring of requests.",
     .clause = "Q12 Q14")
{
	guest_connect(g);
	guest_fill(g, 8, 8, 6);
	while (front_room(guest_queue(g, 0)) > 0)
		guest_submit(g, guest_read(g, .sector = 8, .segments = 11));
	guest_push(g, 0);
	guest_vanish(g);
	guest_connect(g);
	expect_disk(g, 8, 8, 6);
}

CASE("blkif.reconnect.close-in-flight", QUIRK,
     "Closing with requests in flight ends in Closed.", .clause = "H9")
{
	guest_connect(g);
	while (front_room(guest_queue(g, 0)) > 0)
		guest_submit(g, guest_write(g, .sector = 8, .segments = 11,
					    .seed = 7));
	guest_push(g, 0);
	guest_set_state(g, XenbusStateClosed);
	expect_backend_state(g, XenbusStateClosed);
}

CASE("blkif.reconnect.closed-at-once", QUIRK,
     "A frontend that goes to Closed without Closing finds Closed.",
     .clause = "H9 Q14")
{
	guest_connect(g);
	guest_set_state(g, XenbusStateClosed);
	expect_backend_state(g, XenbusStateClosed);
}

CASE("blkif.reconnect.state-gone", ROBUST,
     "A frontend whose state is gone is taken as Closed.", .clause = "Q14")
{
	guest_connect(g);
	guest_remove_node(g, "state");
	expect_backend_state(g, XenbusStateClosed);
}

CASE("blkif.reconnect.after-refusal", QUIRK,
     "A handshake that was refused can be repeated properly.",
     .clause = "K13 Q12")
{
	guest_prepare(g);
	guest_node(g, "ring-page-order", "99");
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
	guest_close(g);
	guest_connect(g);
	guest_fill(g, 0, 8, 8);
	expect_disk(g, 0, 8, 8);
}

CASE("blkif.reconnect.after-overflow", QUIRK,
     "A frontend that broke its ring can close and start again.",
     .clause = "R4 Q12", .refusal = "RING_OVERFLOW")
{
	guest_connect(g);
	guest_fill(g, 0, 8, 9);
	front_set_req_prod(guest_queue(g, 0), 0x80000000u);
	front_kick(guest_queue(g, 0));
	expect_refused(g);
	guest_close(g);
	guest_connect(g);
	expect_disk(g, 0, 8, 9);
}

CASE("blkif.reconnect.plugged-again", QUIRK,
     "A disk that the toolstack takes away and gives back is served.",
     .clause = "P7 H1")
{
	guest_connect(g);
	guest_fill(g, 8, 8, 10);
	guest_close(g);
	guest_replug(g);
	guest_connect(g);
	guest_fill(g, 16, 8, 11);
	expect_disk(g, 16, 8, 11);
	if (g->world->durable)
		expect_disk(g, 8, 8, 10);
}

CASE("blkif.reconnect.unplugged-in-use", QUIRK,
     "A toolstack may take away a disk whose frontend is connected, once the "
     "frontend agrees.",
     .clause = "P7 H9")
{
	guest_connect(g);
	guest_fill(g, 8, 8, 12);
	guest_ask_unplug(g);
	expect_backend_state(g, XenbusStateClosing);
	/* what is in flight is still served: the frontend may have data to save
	 */
	guest_fill(g, 16, 8, 12);
	guest_close(g);
	guest_replug(g);
}
