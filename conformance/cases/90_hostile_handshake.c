/*
 * Handshakes that no honest frontend makes: each gets an error node and
 * Closing, never a guess.
 */
#include "conformance/case.h"

#include <string.h>

static void leave_out(struct guest *g, const char *key)
{
	guest_prepare(g);
	guest_remove_node(g, key);
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
	expect_error_names(g, key);
}

CASE("blkif.hostile.protocol-unknown", QUIRK, "An unknown protocol is refused.",
     .clause = "K13 K3 F4")
{
	expect_lie_refused(g, "protocol", "sparc-abi");
}

CASE("blkif.hostile.protocol-empty", QUIRK, "An empty protocol is refused.",
     .clause = "K13 K3")
{
	expect_lie_refused(g, "protocol", "");
}

CASE("blkif.hostile.protocol-long", QUIRK,
     "A protocol of a thousand bytes is refused.", .clause = "K13 K3")
{
	char value[1001];

	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	expect_lie_refused(g, "protocol", value);
}

CASE("blkif.hostile.ring-order-too-big", QUIRK,
     "A ring-page-order above the maximum is refused.", .clause = "K13 F5")
{
	uint64_t order;

	guest_prepare(g);
	order = expect_number(g, "max-ring-page-order", 0, 16);
	guest_node(g, "ring-page-order", "%u", (unsigned int)order + 1);
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
	expect_error_names(g, "ring-page-order");
}

CASE("blkif.hostile.ring-order-shift", QUIRK,
     "A ring-page-order of 32, which a shift would make 1, is refused.",
     .clause = "K13 F5")
{
	expect_lie_refused(g, "ring-page-order", "32");
}

CASE("blkif.hostile.ring-order-huge", QUIRK,
     "A ring-page-order that no integer holds is refused.",
     .clause = "K13 F5 A5")
{
	expect_lie_refused(g, "ring-page-order", "18446744073709551616");
}

CASE("blkif.hostile.ring-order-negative", QUIRK,
     "A negative ring-page-order is refused.", .clause = "K13 F5")
{
	expect_lie_refused(g, "ring-page-order", "-1");
}

CASE("blkif.hostile.ring-order-garbage", QUIRK,
     "A ring-page-order that is no number is refused.", .clause = "K13 A4")
{
	expect_lie_refused(g, "ring-page-order", "two");
}

CASE("blkif.hostile.ring-order-trailing", QUIRK,
     "A ring-page-order with something behind the number is refused.",
     .clause = "K13 A4")
{
	expect_lie_refused(g, "ring-page-order", "0 1");
}

CASE("blkif.hostile.ring-order-empty", QUIRK,
     "An empty ring-page-order is refused.", .clause = "K13 A4")
{
	expect_lie_refused(g, "ring-page-order", "");
}

CASE("blkif.hostile.ring-pages-not-power", QUIRK,
     "num-ring-pages that is no power of two is refused.", .clause = "K8 F6")
{
	expect_lie_refused(g, "num-ring-pages", "3");
}

CASE("blkif.hostile.ring-pages-zero", QUIRK, "num-ring-pages 0 is refused.",
     .clause = "K8 F6")
{
	expect_lie_refused(g, "num-ring-pages", "0");
}

CASE("blkif.hostile.ring-pages-too-many", QUIRK,
     "num-ring-pages above the maximum is refused.", .clause = "K8 F6")
{
	expect_lie_refused(g, "num-ring-pages", "1048576");
}

CASE("blkif.hostile.queues-zero", QUIRK, "No queues at all are refused.",
     .clause = "K13 G2")
{
	expect_lie_refused(g, "multi-queue-num-queues", "0");
}

CASE("blkif.hostile.queues-too-many", QUIRK,
     "More queues than offered are refused.", .clause = "K13 G2")
{
	uint64_t most;

	guest_prepare(g);
	most = expect_number_or(g, 1u, "multi-queue-max-queues", 1, 256);
	guest_node(g, "multi-queue-num-queues", "%u", (unsigned int)most + 1);
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
	expect_error_names(g, "multi-queue-num-queues");
}

CASE("blkif.hostile.queues-huge", QUIRK,
     "A number of queues that no integer holds is refused.", .clause = "K13 G2")
{
	expect_lie_refused(g, "multi-queue-num-queues", "4294967297");
}

CASE("blkif.hostile.queues-garbage", QUIRK,
     "A number of queues that is no number is refused.", .clause = "K13 A4")
{
	expect_lie_refused(g, "multi-queue-num-queues", "0x2");
}

CASE("blkif.hostile.queue-keys-missing", QUIRK,
     "Two queues without their directories are refused.", .clause = "G4 K13")
{
	guest_prepare(g);
	guest_node(g, "multi-queue-num-queues", "2");
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
	expect_error_names(g, "queue-");
}

CASE("blkif.hostile.one-queue-incomplete", QUIRK,
     "One queue of two without a ring is refused as a whole.",
     .clause = "G4 K13")
{
	guest_prepare(g, .queues = 2);
	guest_remove_node(g, "queue-1/ring-ref");
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
}

CASE("blkif.hostile.event-channel-missing", QUIRK,
     "A missing event-channel is refused.", .clause = "F1 K13")
{
	leave_out(g, "event-channel");
}

CASE("blkif.hostile.event-channel-garbage", QUIRK,
     "An event-channel that is no number is refused.", .clause = "F1 A4")
{
	expect_lie_refused(g, "event-channel", "bell");
}

CASE("blkif.hostile.event-channel-unbound", QUIRK,
     "An event-channel that nobody offered is refused.", .clause = "F1",
     .refusal = "EVENT_CHANNEL")
{
	guest_prepare(g);
	guest_node(g, "event-channel", "1000");
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
}

CASE("blkif.hostile.event-channel-huge", QUIRK,
     "An event-channel beyond 32 bits is refused.", .clause = "F1 A5")
{
	expect_lie_refused(g, "event-channel", "4294967296");
}

CASE("blkif.hostile.ring-ref-missing", QUIRK, "A missing ring-ref is refused.",
     .clause = "F2 K13")
{
	leave_out(g, "ring-ref");
}

CASE("blkif.hostile.ring-ref-bad", QUIRK,
     "A ring-ref that was not granted is refused.", .clause = "F2",
     .refusal = "RING_GRANT")
{
	guest_prepare(g);
	guest_node(g, "ring-ref", "4000000");
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
}

CASE("blkif.hostile.ring-ref-garbage", QUIRK,
     "A ring-ref that is no number is refused.", .clause = "F2 A4")
{
	expect_lie_refused(g, "ring-ref", "ring");
}

CASE("blkif.hostile.ring-ref-read-only", QUIRK,
     "A ring that the backend may not write is refused.", .clause = "F2",
     .refusal = "RING_GRANT")
{
	struct front_page page;

	guest_prepare(g);
	expect_true(g, front_page_get_readonly(g->front, &page) == 0,
		    "a page can be granted");
	guest_node(g, "ring-ref", "%u", page.gref);
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
}

CASE("blkif.hostile.ring-refs-incomplete", QUIRK,
     "A ring of two pages that names one is refused.", .clause = "F3 K13")
{
	guest_prepare(g, .ring_order = 1);
	guest_remove_node(g, "ring-ref1");
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
}

CASE("blkif.hostile.second-ring-page-bad", QUIRK,
     "A ring whose second page was not granted is refused.", .clause = "F3",
     .refusal = "RING_GRANT")
{
	guest_prepare(g, .ring_order = 1);
	guest_node(g, "ring-ref1", "4000000");
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
}

CASE("blkif.hostile.ring-page-twice", QUIRK,
     "Two queues on the same ring page are refused.", .clause = "F2 K13")
{
	guest_prepare(g, .queues = 2);
	guest_copy_node(g, "queue-0/ring-ref", "queue-1/ring-ref");
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
	expect_error_names(g, "queue-1/ring-ref");
}

CASE("blkif.hostile.event-channel-twice", QUIRK,
     "Two queues on the same event channel are refused.", .clause = "F1 K13")
{
	guest_prepare(g, .queues = 2);
	guest_copy_node(g, "queue-0/event-channel", "queue-1/event-channel");
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
	expect_error_names(g, "queue-1/event-channel");
}

CASE("blkif.hostile.persistent-garbage", QUIRK,
     "A feature-persistent that is neither 0 nor 1 is refused.",
     .clause = "K13 F7 A4")
{
	expect_lie_refused(g, "feature-persistent", "yes");
}

CASE("blkif.hostile.ring-start-overflow", QUIRK,
     "A ring whose indices at connection are further apart than it is long is "
     "refused.",
     .clause = "K14", .refusal = "RING_ATTACH")
{
	guest_prepare(g);
	front_set_req_prod(guest_queue(g, 0), 33);
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
	expect_no_node(g, "sectors"); /* it never was Connected */
}

CASE("blkif.hostile.ring-start-behind", QUIRK,
     "A ring whose req_prod lies behind its rsp_prod at connection is refused.",
     .clause = "K14", .refusal = "RING_ATTACH")
{
	guest_allocate(g);
	front_set_rsp_prod(guest_queue(g, 0), 5);
	front_set_req_prod(guest_queue(g, 0), 4);
	guest_publish(g);
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
	expect_no_node(g, "sectors");
}

CASE("blkif.hostile.state-garbage", ROBUST,
     "A state that is no number is taken as none, and an honest one still "
     "works.",
     .clause = "A4 Q14")
{
	guest_prepare(g);
	guest_node(g, "state", "connected");
	guest_node(g, "state", "99");
	guest_node(g, "state", "-1");
	guest_close(g);
	guest_connect(g);
	guest_fill(g, 0, 8, 1);
	expect_disk(g, 0, 8, 1);
}

CASE("blkif.hostile.key-storm", ROBUST,
     "A frontend that rewrites its keys all the time harms only itself.",
     .clause = "A9 K15")
{
	guest_connect(g);
	for (unsigned int i = 0; i < 200; i++) {
		guest_node(g, "ring-ref", "%u", i);
		guest_node(g, "event-channel", "%u", i);
		guest_node(g, "ring-page-order", "%u", i);
	}
	guest_fill(g, 0, 8, 2);
	expect_disk(g, 0, 8, 2);
}
