/*
 * The handshake of a well-behaved frontend: what is offered when, which of the
 * legal ways to connect work, and what the properties say.
 */
#include "conformance/case.h"

CASE("blkif.offer.ring-before-initwait", QUIRK,
     "The largest ring is there as soon as the backend waits.",
     .clause = "Q2 H2 K12 A9")
{
	guest_open(g);
	guest_set_state(g, XenbusStateInitialising);
	expect_backend_state(g, XenbusStateInitWait);
	expect_number(g, "max-ring-page-order", 0, 16);
}

CASE("blkif.offer.queues-before-initwait", QUIRK,
     "The number of queues is there as soon as the backend waits, or never.",
     .clause = "Q2 H2 K12 A9 G1")
{
	bool early;

	guest_open(g);
	guest_set_state(g, XenbusStateInitialising);
	expect_backend_state(g, XenbusStateInitWait);
	early = guest_has_node(g, "multi-queue-max-queues");
	guest_vanish(g);
	guest_connect(g);
	if (!early)
		expect_no_node(g, "multi-queue-max-queues");
	else
		expect_number(g, "multi-queue-max-queues", 1, 256);
}

CASE("blkif.offer.flush-before-initwait", QUIRK,
     "That a flush is understood is published before the backend waits.",
     .clause = "K12 H2 C3")
{
	guest_open(g);
	guest_set_state(g, XenbusStateInitialising);
	expect_backend_state(g, XenbusStateInitWait);
	expect_number(g, "feature-flush-cache", 0, 1);
}

CASE("blkif.offer.persistent-before-initwait", QUIRK,
     "That grants are kept is published before the backend waits, or never.",
     .clause = "K12 H2 C5")
{
	bool early;

	guest_open(g);
	guest_set_state(g, XenbusStateInitialising);
	expect_backend_state(g, XenbusStateInitWait);
	early = guest_has_node(g, "feature-persistent");
	guest_vanish(g);
	guest_connect(g);
	if (!early)
		expect_no_node(g, "feature-persistent");
	else
		expect_number(g, "feature-persistent", 0, 1);
}

CASE("blkif.offer.ring-limits-agree", SHOULD,
     "max-ring-pages says the same as max-ring-page-order.",
     .clause = "D1 D2 D3 K8")
{
	uint64_t order;

	guest_open(g);
	guest_set_state(g, XenbusStateInitialising);
	expect_backend_state(g, XenbusStateInitWait);
	order = expect_number(g, "max-ring-page-order", 0, 16);
	expect_number(g, "max-ring-pages", 1u << order, 1u << order);
}

CASE("blkif.offer.no-indirect-node", MUST,
     "A backend that does not know INDIRECT has no node for its segments.",
     .clause = "D4 I7")
{
	struct guest_request *r;

	guest_connect(g);
	r = guest_empty(g, BLKIF_OP_INDIRECT, &(struct guest_io){0});
	guest_send(g, r);
	expect_answer(g, r);
	if (r->response.status == BLKIF_RSP_EOPNOTSUPP)
		expect_no_node(g, "feature-max-indirect-segments");
}

CASE("blkif.offer.discard-secure-alone", QUIRK,
     "discard-secure is not published without feature-discard.",
     .clause = "K17 E7", .disk = DISK_READ_ONLY)
{
	guest_connect(g);
	guest_need(g, !guest_offers(g, "feature-discard"),
		   "the backend offers discard");
	expect_no_node(g, "discard-secure");
}

CASE("blkif.offer.discard-pair", SHOULD,
     "Discard granularity and alignment are published together or not at all.",
     .clause = "E4 E2 E3")
{
	guest_connect(g);
	if (!guest_offers(g, "feature-discard")) {
		expect_no_node(g, "discard-granularity");
		expect_no_node(g, "discard-alignment");
		return;
	}
	expect_number(g, "discard-granularity", 512, UINT32_MAX);
	expect_number(g, "discard-alignment", 0, UINT32_MAX);
}

CASE("blkif.properties.before-connected", QUIRK,
     "sectors, sector-size and info are there once the backend is Connected.",
     .clause = "Q1 H4 A4")
{
	guest_prepare(g);
	guest_set_state(g, XenbusStateInitialised);
	expect_backend_state(g, XenbusStateConnected);
	expect_number(g, "sectors", 1, UINT64_MAX);
	expect_number(g, "sector-size", 512, 65536);
	expect_number(g, "info", 0, 7);
}

CASE("blkif.properties.not-early", QUIRK,
     "The backend waits: no Connected and no sectors before the frontend is "
     "Initialised.",
     .clause = "K11 H4")
{
	guest_prepare(g);
	expect_backend_state(g, XenbusStateInitWait);
	expect_no_node(g, "sectors");
}

CASE("blkif.properties.sectors", MUST,
     "sectors is the capacity of the disk in units of 512 bytes.",
     .clause = "E14 E11")
{
	guest_connect(g);
	expect_number(g, "sectors", guest_sectors(g), guest_sectors(g));
}

CASE("blkif.properties.sector-size", QUIRK,
     "sector-size is 512, the one value on which all frontends agree.",
     .clause = "K1 E9 E12")
{
	guest_connect(g);
	expect_number(g, "sector-size", 512, 512);
}

CASE("blkif.properties.physical-sector-size", MUST,
     "physical-sector-size is a multiple of sector-size.", .clause = "E13")
{
	uint64_t logical, physical;

	guest_connect(g);
	guest_need(g, guest_offers(g, "physical-sector-size"),
		   "the backend publishes no physical-sector-size");
	logical = expect_number(g, "sector-size", 512, 65536);
	physical =
		expect_number(g, "physical-sector-size", logical, UINT32_MAX);
	expect_true(g, physical % logical == 0,
		    "physical-sector-size is a multiple of sector-size");
}

CASE("blkif.properties.writable", MUST,
     "info of a writable disk does not say that it is read-only.",
     .clause = "E8 B1")
{
	guest_connect(g);
	expect_true(g, (guest_properties(g)->info & VDISK_READONLY) == 0,
		    "the read-only bit of info is clear");
}

CASE("blkif.properties.read-only", MUST, "info of a read-only disk says so.",
     .clause = "E8 B1", .disk = DISK_READ_ONLY)
{
	guest_connect(g);
	expect_true(g, (guest_properties(g)->info & VDISK_READONLY) != 0,
		    "the read-only bit of info is set");
}

CASE("blkif.properties.removable", QUIRK,
     "The removable bit of info says what the toolstack's node says.",
     .clause = "K18 E8")
{
	guest_connect(g);
	expect_true(g,
		    ((guest_properties(g)->info & VDISK_REMOVABLE) != 0) ==
			    guest_offers(g, "removable"),
		    "the removable bit of info equals the node removable");
}

CASE("blkif.offer.hotplug-status", QUIRK,
     "hotplug-status tells the toolstack that the disk is ready.",
     .clause = "P6")
{
	guest_open(g);
	guest_set_state(g, XenbusStateInitialising);
	expect_backend_state(g, XenbusStateInitWait);
	expect_text(g, "hotplug-status", "connected");
}

CASE("blkif.protocol.x86-64", MUST,
     "A frontend with the 64-bit layout is served.", .clause = "J12 F4")
{
	guest_connect(g, .protocol = XEN_IO_PROTO_ABI_X86_64);
	guest_fill(g, 0, 88, 1);
	expect_disk(g, 0, 88, 1);
}

CASE("blkif.protocol.x86-32", MUST,
     "A frontend with the 32-bit layout is served.", .clause = "J12 F4")
{
	guest_connect(g, .protocol = XEN_IO_PROTO_ABI_X86_32);
	guest_fill(g, 0, 88, 2);
	expect_disk(g, 0, 88, 2);
}

CASE("blkif.protocol.missing", QUIRK,
     "A frontend that names no protocol has the 32-bit layout.",
     .clause = "K3 Q10 A6")
{
	guest_connect(g, .no_protocol = true);
	guest_fill(g, 0, 88, 3);
	expect_disk(g, 0, 88, 3);
}

CASE("blkif.handshake.early-frontend", MAY,
     "A frontend that goes to Initialised without waiting is served.",
     .clause = "H6 H8 A6")
{
	/* where it can be: before the backend has looked at it at all */
	if (g->world->replug != NULL)
		guest_replug(g);
	guest_connect(g, .early = true);
	guest_fill(g, 8, 8, 4);
	expect_disk(g, 8, 8, 4);
}

CASE("blkif.handshake.connected-at-once", QUIRK,
     "A frontend seen in Connected without Initialised is connected.",
     .clause = "Q13 H8")
{
	guest_prepare(g);
	guest_set_state(g, XenbusStateConnected);
	expect_backend_state(g, XenbusStateConnected);
}

CASE("blkif.handshake.large-sector-feature", SHOULD,
     "feature-large-sector-size changes nothing.", .clause = "F12 K1")
{
	guest_prepare(g);
	guest_node(g, "feature-large-sector-size", "1");
	guest_finish(g);
	expect_number(g, "sector-size", 512, 512);
	expect_number(g, "sectors", guest_sectors(g), guest_sectors(g));
}

CASE("blkif.handshake.single-ring-ref", MUST,
     "A ring of one page is named by ring-ref.", .clause = "F2 F1 G3")
{
	guest_connect(g);
	guest_fill(g, 0, 8, 5);
	expect_disk(g, 0, 8, 5);
}

CASE("blkif.handshake.ring-ref0", QUIRK,
     "A ring of one page may be named by ring-page-order 0 and ring-ref0.",
     .clause = "Q11 F3 F5")
{
	guest_connect(g, .ring_order_node = true);
	guest_fill(g, 0, 8, 6);
	expect_disk(g, 0, 8, 6);
}

CASE("blkif.handshake.order-zero-with-ring-ref", QUIRK,
     "ring-page-order 0 beside a plain ring-ref is understood too.",
     .clause = "Q11")
{
	guest_prepare(g);
	guest_node(g, "ring-page-order", "0");
	guest_finish(g);
	guest_fill(g, 0, 8, 7);
	expect_disk(g, 0, 8, 7);
}

CASE("blkif.handshake.num-ring-pages", QUIRK,
     "num-ring-pages counts where ring-page-order is missing.",
     .clause = "K8 F6")
{
	guest_prepare(g, .ring_order = 1);
	guest_remove_node(g, "ring-page-order");
	guest_node(g, "num-ring-pages", "2");
	guest_finish(g);
	guest_fill(g, 0, 88, 8);
	expect_disk(g, 0, 88, 8);
}

CASE("blkif.handshake.order-wins", QUIRK,
     "Where both are there, ring-page-order counts.", .clause = "K8")
{
	guest_prepare(g, .ring_order = 1);
	guest_node(g, "num-ring-pages", "1");
	guest_finish(g);
	guest_fill(g, 0, 88, 9);
	expect_disk(g, 0, 88, 9);
}

CASE("blkif.handshake.one-queue-node", MUST,
     "A frontend may say that it has one queue, and use the keys at the top.",
     .clause = "G2 G3")
{
	guest_connect(g, .queue_count_node = true);
	guest_fill(g, 0, 8, 10);
	expect_disk(g, 0, 8, 10);
}

CASE("blkif.handshake.persistent-later", QUIRK,
     "feature-persistent written after the connection changes nothing.",
     .clause = "K15")
{
	struct guest_request *r;

	guest_connect(g);
	guest_node(g, "feature-persistent", "1");
	r = guest_write(g, .sector = 0, .segments = 2, .seed = 11);
	guest_send(g, r);
	expect_okay(g, r);
	expect_unmapped(g, r);
}

CASE("blkif.handshake.close-half-way", QUIRK,
     "A frontend that gives up before it is Initialised finds Closed, and may "
     "start again.",
     .clause = "H9 Q12")
{
	guest_prepare(g);
	guest_set_state(g, XenbusStateClosing);
	expect_backend_state(g, XenbusStateClosing);
	guest_set_state(g, XenbusStateClosed);
	expect_backend_state(g, XenbusStateClosed);
	guest_vanish(g);
	guest_connect(g);
	guest_fill(g, 0, 8, 12);
	expect_disk(g, 0, 8, 12);
}

CASE("blkif.handshake.personalities", QUIRK,
     "The known frontends connect and transfer data.", .clause = "H4 F4 G3")
{
	/* bound: the frontend library's table of personalities */
	for (unsigned int i = 0; front_personality_at(i) != NULL; i++) {
		guest_connect(g, .personality = front_personality_at(i)->name);
		guest_fill(g, 88 * i, 88, 13 + i);
		expect_disk(g, 88 * i, 88, 13 + i);
		guest_close(g);
	}
}
