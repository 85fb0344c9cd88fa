/*
 * What a toolstack does to a disk, whatever its frontend is doing: take it
 * away, forget the guest, repair nodes.
 */
#include "conformance/case.h"

CASE("blkif.toolstack.unplug-unused", QUIRK,
     "A disk that no frontend ever used is given back at once.",
     .clause = "P7 H9")
{
	guest_need(g, g->world->replug != NULL,
		   "the target has no toolstack at hand");
	guest_open(g);
	expect_backend_state(g, XenbusStateInitWait);
	guest_ask_unplug(g);
	expect_backend_state(g, XenbusStateClosed);
	guest_vanish(g);
	guest_replug(g);
}

CASE("blkif.toolstack.unplug-closed", QUIRK,
     "So is one whose frontend has closed it.", .clause = "P7 H9")
{
	guest_need(g, g->world->replug != NULL,
		   "the target has no toolstack at hand");
	guest_connect(g);
	guest_fill(g, 8, 8, 1);
	guest_set_state(g, XenbusStateClosed);
	expect_backend_state(g, XenbusStateClosed);
	guest_ask_unplug(g);
	expect_backend_state(g, XenbusStateClosed);
	guest_vanish(g);
	guest_replug(g);
}

CASE("blkif.toolstack.unplug-half-connected", QUIRK,
     "So is one whose frontend has published its keys and never said so.",
     .clause = "P7 H9")
{
	guest_need(g, g->world->replug != NULL,
		   "the target has no toolstack at hand");
	guest_prepare(g);
	guest_ask_unplug(g);
	expect_backend_state(g, XenbusStateClosed);
	guest_vanish(g);
	guest_replug(g);
}

CASE("blkif.toolstack.unplug-refused", QUIRK,
     "So is one whose frontend was refused and insists.", .clause = "P7 K13")
{
	guest_need(g, g->world->replug != NULL,
		   "the target has no toolstack at hand");
	guest_prepare(g);
	guest_node(g, "protocol", "none");
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
	guest_ask_unplug(g);
	expect_backend_state(g, XenbusStateClosed);
	guest_vanish(g);
	guest_replug(g);
}

CASE("blkif.toolstack.unplug-twice", QUIRK,
     "A disk that is asked for twice is given back once its frontend lets go.",
     .clause = "P7")
{
	guest_need(g, g->world->replug != NULL,
		   "the target has no toolstack at hand");
	guest_connect(g);
	guest_ask_unplug(g);
	guest_ask_unplug(g);
	expect_backend_state(g, XenbusStateClosing);
	guest_fill(g, 8, 8, 2);
	guest_close(g);
	guest_replug(g);
}

CASE("blkif.toolstack.unplug-under-load", QUIRK,
     "What is under way when the disk is asked for is answered.",
     .clause = "P7 R9 H9")
{
	guest_need(g, g->world->replug != NULL,
		   "the target has no toolstack at hand");
	guest_connect(g);
	while (front_room(guest_queue(g, 0)) > 0)
		guest_submit(g, guest_write(g, .sector = 8, .segments = 11,
					    .seed = 3));
	guest_push(g, 0);
	guest_ask_unplug(g);
	for (struct guest_request *w = g->requests; w != NULL; w = w->next)
		expect_okay(g, w);
	guest_close(g);
	guest_replug(g);
}

CASE("blkif.toolstack.offline-serves", QUIRK,
     "online = 0 alone takes nothing from a frontend that is connected.",
     .clause = "P7")
{
	guest_connect(g);
	guest_deed(g, DEED_OFFLINE);
	guest_rest(g);
	guest_fill(g, 8, 8, 4);
	expect_disk(g, 8, 8, 4);
	guest_close(g);
	guest_replug(g);
}

CASE("blkif.toolstack.offline-ends", QUIRK,
     "With online = 0 the disk of a frontend that closed is not offered to the "
     "next.",
     .clause = "P7 Q12")
{
	guest_connect(g);
	guest_deed(g, DEED_OFFLINE);
	guest_set_state(g, XenbusStateClosed);
	expect_backend_state(g, XenbusStateClosed);
	guest_set_state(g, XenbusStateInitialising);
	guest_rest(g);
	expect_backend_state(g, XenbusStateClosed);
	guest_vanish(g);
	guest_replug(g);
}

CASE("blkif.toolstack.frontend-forgotten", ROBUST,
     "A frontend whose directory is gone is taken for Closed, and nothing of "
     "it stays mapped.",
     .clause = "Q14 H9")
{
	struct guest_request *w;

	guest_connect(g, .persistent = true);
	w = guest_write(g, .sector = 8, .segments = 11, .seed = 5);
	guest_send(g, w);
	expect_okay(g, w);
	guest_deed(g, DEED_FORGET_FRONTEND);
	expect_backend_state(g, XenbusStateClosed);
	expect_unmapped(g, w);
	guest_vanish(g);
	guest_replug(g);
}

CASE("blkif.toolstack.forgotten-under-load", ROBUST,
     "So it is with a full ring of requests.", .clause = "Q14 H9")
{
	guest_connect(g, .queues = 2);
	for (unsigned int q = 0; q < 2; q++) {
		while (front_room(guest_queue(g, q)) > 0)
			guest_submit(g,
				     guest_read(g, .queue = q, .segments = 11));
		guest_push(g, q);
	}
	guest_deed(g, DEED_FORGET_FRONTEND);
	expect_backend_state(g, XenbusStateClosed);
	guest_vanish(g);
	guest_replug(g);
}

CASE("blkif.toolstack.forgotten-while-waiting", ROBUST,
     "A frontend that is forgotten before it connected leaves a disk that can "
     "be taken away.",
     .clause = "Q14 P7")
{
	guest_prepare(g);
	guest_deed(g, DEED_FORGET_FRONTEND);
	guest_vanish(g);
	guest_replug(g);
}

CASE("blkif.toolstack.nodes-touched", QUIRK,
     "Watches that fire although nothing changed change nothing.",
     .clause = "Q13 A9")
{
	guest_connect(g);
	for (unsigned int i = 0; i < 10; i++) {
		guest_deed(g, DEED_TOUCH);
		guest_set_state(g, XenbusStateConnected);
		guest_fill(g, 8 * i, 8, 6);
	}
	expect_backend_state(g, XenbusStateConnected);
	expect_disk(g, 0, 80, 6);
}

CASE("blkif.toolstack.touched-while-waiting", QUIRK,
     "Nor do they before the connection.", .clause = "Q13 A9")
{
	guest_prepare(g);
	guest_deed(g, DEED_TOUCH);
	guest_rest(g);
	expect_backend_state(g, XenbusStateInitWait);
	guest_finish(g);
	guest_fill(g, 8, 8, 7);
	expect_disk(g, 8, 8, 7);
}

CASE("blkif.toolstack.plugged-time-and-again", QUIRK,
     "A disk can be plugged and taken away though nobody uses it.",
     .clause = "P7 H1 H2")
{
	for (unsigned int i = 0; i < 5; i++)
		guest_replug(g);
	guest_connect(g);
	guest_fill(g, 8, 8, 8);
	expect_disk(g, 8, 8, 8);
}

CASE("blkif.toolstack.no-error-after-all", QUIRK,
     "The error node of a refused handshake is gone once the frontend is "
     "connected.",
     .clause = "K13 H4")
{
	guest_prepare(g);
	guest_node(g, "ring-page-order", "99");
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
	guest_close(g);
	guest_connect(g);
	expect_no_error(g);
}
