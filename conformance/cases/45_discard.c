/* Discard: what of a range may be lost, what may not, and what is refused. */
#include "conformance/case.h"

#include <string.h>

#include "conformance/pattern.h"

static void connect_with_discard(struct guest *g)
{
	guest_connect(g, .queues = 2);
	guest_need(g, guest_offers(g, "feature-discard"),
		   "the backend offers no discard");
}

static struct guest_request *discard(struct guest *g, uint64_t sector,
				     uint64_t sectors)
{
	struct guest_request *d = guest_empty(
		g, BLKIF_OP_DISCARD, &(struct guest_io){.sector = sector});

	d->wire.discard_sectors = sectors;
	return d;
}

static void send_discard(struct guest *g, uint64_t sector, uint64_t sectors,
			 int status)
{
	struct guest_request *d = discard(g, sector, sectors);

	guest_send(g, d);
	expect_status(g, d, status);
}

/* Each sector is what it was, or zeroes: nothing else, and of no sector a part. */
static void expect_old_or_zero(struct guest *g, uint64_t sector,
			       unsigned int sectors, uint64_t seed)
{
	static const char zeroes[PATTERN_SECTOR_BYTES];
	struct guest_request *r =
		guest_read(g, .sector = sector, .segments = (sectors + 7) / 8);

	guest_send(g, r);
	expect_okay(g, r);
	for (unsigned int i = 0; i < sectors; i++) {
		const char *at = (const char *)r->page[i / 8].data +
				 i % 8 * PATTERN_SECTOR_BYTES;

		expect_true(g,
			    memcmp(at, zeroes, sizeof(zeroes)) == 0 ||
				    pattern_differs(at, seed, sector + i, 1) <
					    0,
			    "a discarded sector is as it was, or zeroes");
	}
}

CASE("blkif.discard.range", MUST,
     "A discard is answered OKAY, and its range is as it was or reads as "
     "zeroes.",
     .clause = "C4 I5 J6 K7 Q6")
{
	connect_with_discard(g);
	guest_fill(g, 64, 64, 1);
	send_discard(g, 64, 64, BLKIF_RSP_OKAY);
	expect_old_or_zero(g, 64, 64, 1);
}

CASE("blkif.discard.neighbours", MUST,
     "What lies before and behind a discarded range keeps its data.",
     .clause = "I5 J6")
{
	connect_with_discard(g);
	guest_fill(g, 0, 192, 2);
	send_discard(g, 64, 64, BLKIF_RSP_OKAY);
	expect_disk(g, 0, 64, 2);
	expect_disk(g, 128, 64, 2);
}

CASE("blkif.discard.unaligned", QUIRK,
     "A range that ends inside an extent loses nothing outside of it.",
     .clause = "K7 E3 E6")
{
	connect_with_discard(g);
	guest_fill(g, 0, 88, 3);
	send_discard(g, 3, 71, BLKIF_RSP_OKAY);
	expect_disk(g, 0, 3, 3);
	expect_disk(g, 74, 14, 3);
	expect_old_or_zero(g, 3, 71, 3);
}

CASE("blkif.discard.one-sector", QUIRK, "A single sector may be discarded.",
     .clause = "K7 E4")
{
	connect_with_discard(g);
	guest_fill(g, 8, 8, 4);
	send_discard(g, 11, 1, BLKIF_RSP_OKAY);
	expect_disk(g, 8, 3, 4);
	expect_disk(g, 12, 4, 4);
	expect_old_or_zero(g, 11, 1, 4);
}

CASE("blkif.discard.nothing", QUIRK,
     "A discard of no sectors is answered OKAY and does nothing.",
     .clause = "K7")
{
	connect_with_discard(g);
	guest_fill(g, 8, 8, 5);
	send_discard(g, 8, 0, BLKIF_RSP_OKAY);
	expect_disk(g, 8, 8, 5);
}

CASE("blkif.discard.whole-disk", QUIRK,
     "All of the disk may be discarded at once.", .clause = "K7 J6")
{
	connect_with_discard(g);
	guest_fill(g, 0, 8, 6);
	guest_fill(g, guest_sectors(g) - 8, 8, 6);
	send_discard(g, 0, guest_sectors(g), BLKIF_RSP_OKAY);
	expect_old_or_zero(g, 0, 8, 6);
	expect_old_or_zero(g, guest_sectors(g) - 8, 8, 6);
}

CASE("blkif.discard.large-disk", QUIRK,
     "A range longer than 32 bits count is discarded.", .clause = "K7 J6 E14",
     .disk = DISK_LARGE)
{
	connect_with_discard(g);
	guest_fill(g, 0, 8, 7);
	send_discard(g, 8, guest_sectors(g) - 8, BLKIF_RSP_OKAY);
	expect_disk(g, 0, 8, 7);
}

CASE("blkif.discard.then-write", MUST,
     "A discarded range can be written again.", .clause = "I5")
{
	connect_with_discard(g);
	guest_fill(g, 64, 64, 8);
	send_discard(g, 64, 64, BLKIF_RSP_OKAY);
	guest_fill(g, 64, 64, 9);
	expect_disk(g, 64, 64, 9);
}

CASE("blkif.discard.other-queue", MUST,
     "What one queue discarded another one writes and reads.",
     .clause = "I5 G4")
{
	struct guest_request *w;

	connect_with_discard(g);
	guest_need(g, front_queues(g->front) > 1, "the backend has one queue");
	guest_fill(g, 64, 8, 10);
	send_discard(g, 64, 8, BLKIF_RSP_OKAY);
	w = guest_write(g, .sector = 64, .seed = 11, .queue = 1);
	guest_send(g, w);
	expect_okay(g, w);
	expect_disk(g, 64, 8, 11);
}

CASE("blkif.discard.many", MUST,
     "Discards in flight together are all answered.", .clause = "I5 R9")
{
	connect_with_discard(g);
	guest_fill(g, 0, 8, 12);
	for (uint64_t at = 8; front_room(guest_queue(g, 0)) > 0; at += 8)
		guest_submit(g, discard(g, at, 8));
	guest_push(g, 0);
	for (struct guest_request *d = g->requests; d != NULL; d = d->next)
		if (d->wire.operation == BLKIF_OP_DISCARD)
			expect_okay(g, d);
	expect_disk(g, 0, 8, 12);
}

CASE("blkif.discard.secure-ignored", MUST,
     "The secure flag means nothing where secure discard is not offered.",
     .clause = "J7 E7 K17")
{
	struct guest_request *d;

	connect_with_discard(g);
	guest_need(g, !guest_offers(g, "discard-secure"),
		   "the backend offers secure discard");
	guest_fill(g, 64, 72, 13);
	d = discard(g, 64, 64);
	d->wire.discard_flag = BLKIF_DISCARD_SECURE;
	guest_send(g, d);
	expect_okay(g, d);
	expect_old_or_zero(g, 64, 64, 13);
	expect_disk(g, 128, 8, 13);
}

CASE("blkif.discard.flags-unknown", QUIRK,
     "Flags that nobody defined mean nothing.", .clause = "J6 J7")
{
	struct guest_request *d;

	connect_with_discard(g);
	d = discard(g, 64, 64);
	d->wire.discard_flag = 0xfe;
	guest_send(g, d);
	expect_okay(g, d);
}

static void refuse_range(struct guest *g, uint64_t sector, uint64_t sectors)
{
	const uint64_t last = guest_sectors(g) - 8;

	guest_fill(g, 0, 8, 14);
	guest_fill(g, last, 8, 14);
	send_discard(g, sector, sectors, BLKIF_RSP_ERROR);
	expect_disk(g, 0, 8, 14);
	expect_disk(g, last, 8, 14);
}

CASE("blkif.discard.beyond-end", ROBUST,
     "A discard that reaches one sector beyond the end is refused whole.",
     .clause = "K7 J15", .refusal = "BEYOND_END")
{
	connect_with_discard(g);
	refuse_range(g, guest_sectors(g) - 8, 9);
}

CASE("blkif.discard.all-beyond-end", ROBUST,
     "A discard behind the end is refused.", .clause = "K7 J15",
     .refusal = "BEYOND_END")
{
	connect_with_discard(g);
	refuse_range(g, guest_sectors(g), 8);
}

CASE("blkif.discard.wrapping", ROBUST,
     "A discard whose end wraps to the disk's beginning is refused.",
     .clause = "K7 J15", .refusal = "BEYOND_END")
{
	connect_with_discard(g);
	refuse_range(g, UINT64_MAX - 7, 16);
}

CASE("blkif.discard.wrapping-in-bytes", ROBUST,
     "A discard whose place wraps when it is counted in bytes is refused.",
     .clause = "K7 J15", .refusal = "BEYOND_END")
{
	connect_with_discard(g);
	refuse_range(g, UINT64_C(1) << 55, 8);
}

CASE("blkif.discard.endless", ROBUST,
     "A discard of more sectors than there can be is refused.",
     .clause = "K7 J15", .refusal = "BEYOND_END")
{
	connect_with_discard(g);
	refuse_range(g, 0, UINT64_MAX);
}

CASE("blkif.discard.read-only-disk", ROBUST, "A read-only disk keeps its data.",
     .clause = "Q20 K7 C4", .disk = DISK_READ_ONLY)
{
	struct guest_request *d;

	guest_connect(g);
	d = discard(g, 0, 8);
	guest_send(g, d);
	expect_answer(g, d);
	expect_true(g, d->response.status != BLKIF_RSP_OKAY,
		    "an answer other than OKAY");
}
