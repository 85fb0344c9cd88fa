/*
 * Keys that are nearly right, or right for a moment: what is checked must be
 * what is used, and nothing is guessed.
 */
#include "conformance/case.h"

#include <stdlib.h>
#include <string.h>

/* What we have published there. */
static unsigned long long own_number(struct guest *g, const char *key)
{
	char *value = front_read(g->front, key);
	unsigned long long number = value ? strtoull(value, NULL, 10) : 0;

	free(value);
	return number;
}

CASE("blkif.hostile.protocol-space", QUIRK,
     "A protocol with a space behind it is another one.", .clause = "K13 F4")
{
	expect_lie_refused(g, "protocol", "x86_64-abi ");
}

CASE("blkif.hostile.protocol-capitals", QUIRK, "So is one in capital letters.",
     .clause = "K13 F4")
{
	expect_lie_refused(g, "protocol", "X86_64-ABI");
}

CASE("blkif.hostile.protocol-beginning", QUIRK, "So is the beginning of one.",
     .clause = "K13 F4")
{
	expect_lie_refused(g, "protocol", "x86_64");
}

CASE("blkif.hostile.number-plus", QUIRK, "A number has no sign.",
     .clause = "A4 K13")
{
	expect_lie_refused(g, "ring-page-order", "+0");
}

CASE("blkif.hostile.number-space", QUIRK, "Nor a space in front.",
     .clause = "A4 K13")
{
	expect_lie_refused(g, "ring-page-order", " 0");
}

CASE("blkif.hostile.number-line", QUIRK, "Nor a line's end behind.",
     .clause = "A4 K13")
{
	expect_lie_refused(g, "ring-page-order", "0\n");
}

CASE("blkif.hostile.number-hexadecimal", QUIRK, "Nor is it hexadecimal.",
     .clause = "A4 K13")
{
	expect_lie_refused(g, "event-channel", "0x10");
}

CASE("blkif.hostile.number-fraction", QUIRK, "Nor a fraction.",
     .clause = "A4 K13")
{
	expect_lie_refused(g, "multi-queue-num-queues", "1.0");
}

CASE("blkif.hostile.number-twenty-digits", QUIRK,
     "A number of twenty nines, which wraps twice, is refused.",
     .clause = "A5 K13")
{
	expect_lie_refused(g, "ring-ref", "99999999999999999999");
}

CASE("blkif.hostile.ring-ref-huge", QUIRK,
     "A grant reference beyond 32 bits is refused, though its lower half is "
     "good.",
     .clause = "A5 F2")
{
	guest_prepare(g);
	guest_node(g, "ring-ref", "%llu",
		   (1ull << 32) + own_number(g, "ring-ref"));
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
	expect_error_names(g, "ring-ref");
}

CASE("blkif.hostile.event-channel-wraps", QUIRK,
     "So is a port beyond 32 bits whose lower half is good.", .clause = "A5 F1")
{
	guest_prepare(g);
	guest_node(g, "event-channel", "%llu",
		   (1ull << 32) + own_number(g, "event-channel"));
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
	expect_error_names(g, "event-channel");
}

CASE("blkif.hostile.queues-wrap", QUIRK,
     "A number of queues that is 1 in its lower 16 bits is refused.",
     .clause = "A5 G2")
{
	expect_lie_refused(g, "multi-queue-num-queues", "65537");
}

CASE("blkif.hostile.event-channel-zero", QUIRK,
     "Port 0, which nobody is given, is refused.", .clause = "F1 K13")
{
	expect_lie_refused(g, "event-channel", "0");
}

CASE("blkif.hostile.persistent-two", QUIRK, "feature-persistent is 0 or 1.",
     .clause = "F7 K13")
{
	expect_lie_refused(g, "feature-persistent", "2");
}

CASE("blkif.hostile.ring-ref-long", QUIRK,
     "A grant reference of a thousand digits is refused.", .clause = "F2 K13")
{
	char value[1001];

	memset(value, '0', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	expect_lie_refused(g, "ring-ref", value);
}

CASE("blkif.hostile.key-is-a-directory", QUIRK,
     "A key that has become a directory, and so is empty, is refused.",
     .clause = "F2 A4")
{
	guest_prepare(g);
	guest_remove_node(g, "ring-ref");
	guest_node(g, "ring-ref/below", "1");
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
	expect_error_names(g, "ring-ref");
}

CASE("blkif.hostile.several-lies", QUIRK,
     "A handshake that is wrong in many ways is refused like any other.",
     .clause = "K13")
{
	guest_prepare(g);
	guest_node(g, "multi-queue-num-queues", "%s", "many");
	guest_node(g, "ring-page-order", "%s", "large");
	guest_node(g, "protocol", "%s", "own");
	guest_node(g, "ring-ref", "%s", "here");
	guest_node(g, "event-channel", "%s", "there");
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
}

CASE("blkif.hostile.same-page-in-one-ring", QUIRK,
     "A ring whose two pages are the same page is refused.", .clause = "F3 K13")
{
	guest_prepare(g, .ring_order = 1);
	guest_copy_node(g, "ring-ref0", "ring-ref1");
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
	expect_error_names(g, "ring-ref1");
}

CASE("blkif.hostile.last-ring-page-bad", QUIRK,
     "A ring of sixteen pages whose last one was not granted is refused, and "
     "nothing of it stays mapped.",
     .clause = "F3", .refusal = "RING_GRANT")
{
	guest_prepare(g, .ring_order = 4);
	guest_node(g, "ring-ref15", "4000000");
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
}

CASE("blkif.hostile.last-queue-bad", QUIRK,
     "Four queues of which the last has no event channel are refused as a "
     "whole.",
     .clause = "G4 K13", .refusal = "EVENT_CHANNEL")
{
	guest_prepare(g, .queues = 4);
	guest_node(g, "queue-3/event-channel", "1000");
	guest_set_state(g, XenbusStateInitialised);
	expect_refused(g);
}

CASE("blkif.hostile.keys-gone", ROBUST,
     "A frontend that removes its keys once it is connected is served on.",
     .clause = "A9 K15")
{
	guest_connect(g, .queues = 2);
	guest_remove_node(g, "queue-0");
	guest_remove_node(g, "queue-1");
	guest_remove_node(g, "multi-queue-num-queues");
	guest_remove_node(g, "protocol");
	guest_fill(g, 8, 8, 1);
	expect_disk(g, 8, 8, 1);
}

CASE("blkif.hostile.protocol-later", ROBUST,
     "A protocol that is changed while connected changes nothing.",
     .clause = "A9 F4")
{
	guest_connect(g);
	guest_node(g, "protocol", XEN_IO_PROTO_ABI_X86_32);
	guest_fill(g, 8, 88, 2);
	expect_disk(g, 8, 88, 2);
}

CASE("blkif.hostile.refused-again-and-again", QUIRK,
     "A frontend that is refused time and again can connect at last.",
     .clause = "K13 Q12")
{
	for (unsigned int i = 0; i < 10; i++) {
		guest_prepare(g);
		guest_node(g, "event-channel", "%u", 900 + i);
		guest_set_state(g, XenbusStateInitialised);
		expect_refused(g);
		guest_close(g);
	}
	guest_connect(g);
	guest_fill(g, 8, 8, 3);
	expect_disk(g, 8, 8, 3);
}
