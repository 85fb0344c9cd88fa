/* Indirect requests: their segments stand in pages of the guest, where that is
 * offered. */
#include "conformance/case.h"

static void connect_for(struct guest *g, unsigned int segments,
			const struct guest_shape *shape)
{
	EXPECT(g, guest_connect_as(g, shape));
	guest_need(g, guest_properties(g)->max_indirect_segments >= segments,
		   "the backend offers no such indirect requests");
}

#define connect_for_segments(g, segments, ...)                                 \
	connect_for((g), (segments), &(struct guest_shape){__VA_ARGS__})

static void round_trip(struct guest *g, unsigned int segments)
{
	struct guest_request *w, *r;

	w = guest_indirect(g, BLKIF_OP_WRITE,
			   &(struct guest_io){.sector = 16,
					      .segments = segments,
					      .seed = segments});
	guest_send(g, w);
	expect_okay(g, w);
	r = guest_indirect(
		g, BLKIF_OP_READ,
		&(struct guest_io){.sector = 16, .segments = segments});
	guest_send(g, r);
	expect_okay(g, r);
	expect_data(g, r, segments);
}

static void connect_and_round_trip(struct guest *g, unsigned int segments)
{
	connect_for_segments(g, segments, .queues = 1);
	guest_fill(g, 0, 16, 1);
	guest_fill(g, 16 + 8 * segments, 8, 2);
	round_trip(g, segments);
	expect_disk(g, 0, 16, 1);
	expect_disk(g, 16 + 8 * segments, 8, 2);
}

CASE("blkif.indirect.one-segment", MUST,
     "An indirect request of one segment is carried out.", .clause = "I7 I9")
{
	connect_and_round_trip(g, 1);
}

CASE("blkif.indirect.11-segments", MUST,
     "An indirect request may have as few segments as a direct one.",
     .clause = "I7 I9")
{
	connect_and_round_trip(g, 11);
}

CASE("blkif.indirect.12-segments", MUST,
     "An indirect request has more segments than a slot holds.",
     .clause = "I9 D5")
{
	connect_and_round_trip(g, 12);
}

CASE("blkif.indirect.255-segments", MUST,
     "An indirect request of 255 segments is carried out.", .clause = "I9 I10")
{
	connect_and_round_trip(g, 255);
}

CASE("blkif.indirect.256-segments", MUST,
     "An indirect request of 256 segments is carried out.", .clause = "I9 I10")
{
	connect_and_round_trip(g, 256);
}

CASE("blkif.indirect.as-many-as-published", QUIRK,
     "The published number of segments is allowed itself.",
     .clause = "K4 I8 D5")
{
	unsigned int most;

	connect_for_segments(g, 1, .queues = 1);
	most = guest_properties(g)->max_indirect_segments;
	guest_need(g, most <= FRONT_MAX_INDIRECT,
		   "the backend offers more than this suite sends");
	round_trip(g, most);
}

CASE("blkif.indirect.node", MUST,
     "The node of indirect segments says a number within the protocol's limit.",
     .clause = "D4 D5 I11")
{
	guest_connect(g);
	guest_need(g, guest_has_node(g, "feature-max-indirect-segments"),
		   "the backend offers no indirect requests");
	expect_number(g, "feature-max-indirect-segments", 1, 4096);
}

CASE("blkif.indirect.operation-echoed", QUIRK,
     "The response to an indirect request says what was done, not how.",
     .clause = "K2 Q3 J10")
{
	struct guest_request *r;

	connect_for_segments(g, 1, .queues = 1);
	r = guest_indirect(g, BLKIF_OP_WRITE,
			   &(struct guest_io){.sector = 8, .seed = 3});
	guest_send(g, r);
	expect_answer(g, r);
	expect_true(g, r->response.operation == BLKIF_OP_WRITE,
		    "the response to an indirect write says WRITE");
}

CASE("blkif.indirect.parts-of-pages", MUST,
     "Each segment of an indirect request moves its own sectors, no others.",
     .clause = "J1 I9")
{
	struct guest_request *w, *r;

	connect_for_segments(g, 20, .queues = 1);
	guest_fill(g, 0, 160, 1);
	w = guest_indirect(
		g, BLKIF_OP_WRITE,
		&(struct guest_io){.sector = 40, .segments = 20, .seed = 2});
	r = guest_indirect(g, BLKIF_OP_READ,
			   &(struct guest_io){.sector = 40, .segments = 20});
	for (unsigned int i = 0; i < 20; i++) {
		w->indirect[i].first_sector = (uint8_t)(i % 8);
		w->indirect[i].last_sector = (uint8_t)(i % 8);
		r->indirect[i].first_sector = (uint8_t)(7 - i % 8);
		r->indirect[i].last_sector = (uint8_t)(7 - i % 8);
	}
	guest_send(g, w);
	expect_okay(g, w);
	guest_send(g, r);
	expect_okay(g, r);
	expect_data(g, r, 2);
	expect_disk(g, 0, 40, 1);
	expect_disk(g, 60, 100, 1);
}

CASE("blkif.indirect.grant-twice", QUIRK,
     "Two segments of an indirect write may name one page.", .clause = "Q15")
{
	struct guest_request *w;

	connect_for_segments(g, 2, .queues = 1);
	w = guest_indirect(
		g, BLKIF_OP_WRITE,
		&(struct guest_io){.sector = 8, .segments = 2, .seed = 4});
	/* The same sector of the disk's pattern cannot be in two places. */
	w->indirect[0].last_sector = 3;
	w->indirect[1] = w->indirect[0];
	w->indirect[1].first_sector = 4;
	w->indirect[1].last_sector = 7;
	guest_send(g, w);
	expect_okay(g, w);
	expect_disk(g, 8, 8, 4);
}

CASE("blkif.indirect.persistent", QUIRK,
     "With persistent grants, pages of descriptors may be kept and used again.",
     .clause = "F7 I9")
{
	struct guest_request *first, *again;

	connect_for_segments(g, 32, .queues = 1, .persistent = true);
	first = guest_indirect(
		g, BLKIF_OP_WRITE,
		&(struct guest_io){.sector = 0, .segments = 32, .seed = 1});
	guest_send(g, first);
	expect_okay(g, first);
	again = guest_indirect(
		g, BLKIF_OP_WRITE,
		&(struct guest_io){.sector = 256, .segments = 32, .seed = 2});
	again->list = first->list;
	again->wire.indirect_gref[0] = first->list.gref;
	guest_send(g, again);
	expect_okay(g, again);
	expect_disk(g, 0, 256, 1);
	expect_disk(g, 256, 256, 2);
}

CASE("blkif.indirect.x86-32", MUST,
     "The packed layout of an indirect request is understood.",
     .clause = "J9 J12 F4")
{
	connect_for_segments(g, 30, .queues = 1, .protocol = "x86_32-abi");
	round_trip(g, 30);
}

CASE("blkif.indirect.all-queues", MUST,
     "Indirect requests are served on every queue.", .clause = "I7 G4")
{
	struct guest_request *w[2];

	connect_for_segments(g, 64, .queues = 2);
	for (unsigned int q = 0; q < 2; q++) {
		w[q] = guest_indirect(g, BLKIF_OP_WRITE,
				      &(struct guest_io){.queue = q,
							 .sector = 512 * q,
							 .segments = 64,
							 .seed = 5});
		guest_send(g, w[q]);
	}
	for (unsigned int q = 0; q < 2; q++)
		expect_okay(g, w[q]);
	expect_disk(g, 0, 1024, 5);
}

CASE("blkif.indirect.read-only-disk", ROBUST,
     "An indirect read of a read-only disk is served.", .clause = "Q20 I7",
     .disk = DISK_READ_ONLY)
{
	struct guest_request *r;

	connect_for_segments(g, 12, .queues = 1);
	r = guest_indirect(g, BLKIF_OP_READ,
			   &(struct guest_io){.sector = 0, .segments = 12});
	guest_send(g, r);
	expect_okay(g, r);
}
