/*
 * The frontends that are in use, each written out as it connects: which keys,
 * in which states, and what it relies on afterwards.
 */
#include "conformance/case.h"

static void transfers(struct guest *g, uint64_t seed)
{
	for (unsigned int q = 0; q < front_queues(g->front); q++) {
		struct guest_request *w =
			guest_write(g, .queue = q, .sector = 88 * q,
				    .segments = 11, .seed = seed);

		guest_send(g, w);
		expect_okay(g, w);
	}
	expect_disk(g, 0, 88ull * front_queues(g->front), seed);
}

/* As many queues and pages as it likes, no more than there are. */
static void as(struct guest *g, const char *personality, uint64_t seed)
{
	guest_connect(g, .personality = personality);
	transfers(g, seed);
	guest_close(g);
}

CASE("blkif.frontend.linux-before-4.2", QUIRK,
     "Linux before 4.2: one ring of one page, persistent grants.",
     .clause = "F1 F2 G3 F7")
{
	guest_connect(g, .persistent = true);
	transfers(g, 1);
}

CASE("blkif.frontend.linux-4.2", QUIRK,
     "Linux 4.2 and 4.3: one ring, ring-page-order only if it has several "
     "pages.",
     .clause = "F3 F5 G3")
{
	guest_connect(g, .persistent = true, .ring_order = 2);
	transfers(g, 2);
}

CASE("blkif.frontend.linux-4.5", QUIRK,
     "Linux since 4.5: four queues below queue-N, persistent grants.",
     .clause = "G4 F7")
{
	as(g, "linux", 3);
}

CASE("blkif.frontend.linux-one-processor", QUIRK,
     "Linux with one processor writes no number of queues.", .clause = "G3")
{
	as(g, "kdump", 4);
}

CASE("blkif.frontend.linux-many-queues", QUIRK,
     "Linux that was told to use all it can get gets it.", .clause = "G2 G5")
{
	as(g, "linux-big", 5);
}

CASE("blkif.frontend.linux-persistent-off", QUIRK,
     "Linux since 5.19 writes feature-persistent = 0 when it was told not to "
     "keep grants.",
     .clause = "F7 C7 A6")
{
	struct guest_request *w;

	guest_prepare(g);
	guest_node(g, "feature-persistent", "0");
	guest_finish(g);
	w = guest_write(g, .sector = 8, .segments = 11, .seed = 6);
	guest_send(g, w);
	expect_okay(g, w);
	expect_unmapped(g, w);
	expect_disk(g, 8, 88, 6);
}

CASE("blkif.frontend.linux-untrusting", QUIRK,
     "Linux that does not trust its backend grants each page anew.",
     .clause = "F13 F8")
{
	as(g, "linux-bounce", 7);
}

CASE("blkif.frontend.linux-32-bit", QUIRK,
     "A 32-bit Linux: four queues with the 32-bit layout.", .clause = "J12 G4")
{
	as(g, "x86_32-linux", 8);
}

CASE("blkif.frontend.linux-resumes", QUIRK,
     "Linux after a migration or a resume: new rings for a disk that it never "
     "closed.",
     .clause = "Q12 H8")
{
	guest_connect(g, .personality = "linux");
	transfers(g, 9);
	/* its old rings are gone with the old host */
	guest_vanish(g);
	guest_connect(g, .personality = "linux");
	expect_disk(g, 0, 88, 9);
	transfers(g, 10);
}

CASE("blkif.frontend.linux-kexec", QUIRK,
     "The kernel after a kexec takes a Connected disk through Closing and "
     "Closed to the start, with another number of queues.",
     .clause = "Q12 G6")
{
	guest_connect(g, .personality = "linux-big");
	transfers(g, 11);
	guest_vanish(g);
	guest_connect(g, .personality = "kdump");
	expect_disk(g, 0, 88, 11);
}

CASE("blkif.frontend.windows", QUIRK,
     "Windows: rings of 16 pages, its number of queues always written, "
     "feature-large-sector-size.",
     .clause = "G2 F12 F5 K1")
{
	guest_connect(g, .personality = "windows");
	expect_number(g, "sector-size", 512, 512);
	transfers(g, 12);
}

CASE("blkif.frontend.windows-one-processor", QUIRK,
     "Windows with one processor says that it has one queue, and puts its keys "
     "at the top.",
     .clause = "G2 G3 F12")
{
	as(g, "windows-up", 13);
}

CASE("blkif.frontend.windows-driver-reload", QUIRK,
     "A Windows driver that is updated closes and connects again.",
     .clause = "Q12 H9")
{
	as(g, "windows", 14);
	guest_connect(g, .personality = "windows-up");
	expect_disk(g, 0, 88, 14);
}

CASE("blkif.frontend.freebsd", QUIRK,
     "FreeBSD: a ring of 8 pages with both ways to say so.",
     .clause = "F3 F5 F6 D3")
{
	guest_prepare(g, .ring_order = 3);
	guest_node(g, "num-ring-pages", "8");
	guest_finish(g);
	transfers(g, 15);
}

CASE("blkif.frontend.freebsd-one-page", QUIRK,
     "FreeBSD with one page: ring-page-order 0, num-ring-pages 1 and "
     "ring-ref.",
     .clause = "Q11 F2 F6")
{
	guest_prepare(g);
	guest_node(g, "num-ring-pages", "1");
	guest_node(g, "ring-page-order", "0");
	guest_finish(g);
	transfers(g, 16);
}

CASE("blkif.frontend.netbsd", QUIRK,
     "NetBSD: one page, grants that are ended after each request.",
     .clause = "F2 F8")
{
	as(g, "netbsd", 17);
}

CASE("blkif.frontend.grub", QUIRK,
     "GRUB publishes at once and waits for Connected only.", .clause = "H6 H8")
{
	as(g, "grub", 18);
}

CASE("blkif.frontend.grub-then-linux", QUIRK,
     "GRUB hands its disk over to Linux.", .clause = "H6 Q12")
{
	as(g, "grub", 19);
	guest_connect(g, .personality = "linux");
	expect_disk(g, 0, 88, 19);
	transfers(g, 20);
}

CASE("blkif.frontend.mini-os", QUIRK,
     "Mini-OS publishes at once and goes straight to Connected.",
     .clause = "H6 H8 Q13")
{
	guest_open(g, .early = true);
	expect_true(g, front_allocate(g->front) == 0, "a ring can be made");
	guest_publish(g);
	guest_set_state(g, XenbusStateConnected);
	expect_backend_state(g, XenbusStateConnected);
	expect_true(g, front_read_properties(g->front) == 0,
		    "the properties can be read");
	g->connected = true;
	transfers(g, 21);
}

CASE("blkif.frontend.firmware", QUIRK,
     "Firmware waits for InitWait, then goes straight to Connected.",
     .clause = "Q13 H8")
{
	guest_prepare(g);
	guest_set_state(g, XenbusStateConnected);
	expect_backend_state(g, XenbusStateConnected);
	guest_finish(g);
	transfers(g, 22);
}

CASE("blkif.frontend.firmware-hands-over", QUIRK,
     "Firmware that is done walks to Closed and back to Initialising, and "
     "leaves a backend that waits for the system.",
     .clause = "Q12 H9")
{
	guest_prepare(g);
	guest_set_state(g, XenbusStateConnected);
	expect_backend_state(g, XenbusStateConnected);
	guest_finish(g);
	transfers(g, 23);
	guest_set_state(g, XenbusStateClosing);
	expect_backend_state(g, XenbusStateClosing);
	guest_set_state(g, XenbusStateClosed);
	expect_backend_state(g, XenbusStateClosed);
	guest_set_state(g, XenbusStateInitialising);
	expect_backend_state(g, XenbusStateInitWait);
	guest_vanish(g);
	guest_connect(g, .personality = "linux");
	expect_disk(g, 0, 88, 23);
}

CASE("blkif.frontend.without-protocol", QUIRK,
     "An old 32-bit frontend names no protocol.", .clause = "K3 Q10")
{
	as(g, "legacy32", 24);
}

CASE("blkif.frontend.keys-of-its-own", QUIRK,
     "Keys that only a frontend knows are not looked at.", .clause = "A7")
{
	guest_prepare(g);
	guest_node(g, "feature-surprise-remove", "yes");
	guest_node(g, "backend-uevent", "none");
	guest_node(g, "feature-max-indirect-segments", "none");
	guest_finish(g);
	transfers(g, 25);
}
