/*
 * A disk whose store takes blocks of 4096 bytes only: its guest sees sectors of
 * 512 bytes, and each is its own.
 */
#include "conformance/case.h"

#define BLOCK 8u /* in sectors */

/* Written anew with its surroundings; then a part of that; all of it is right. */
static void write_among(struct guest *g, uint64_t sector, unsigned int sectors,
			uint64_t seed)
{
	const uint64_t from = sector - BLOCK;
	const unsigned int all = sectors + 2 * BLOCK;

	guest_fill(g, from, all, seed);
	guest_fill(g, sector, sectors, seed + 1);
	expect_disk(g, from, BLOCK, seed);
	expect_disk(g, sector, sectors, seed + 1);
	expect_disk(g, sector + sectors, BLOCK, seed);
}

CASE("blkif.blocks.told", QUIRK,
     "Its sectors have 512 bytes, and physical-sector-size tells of its "
     "blocks.",
     .clause = "K1 E9 E13 E14", .disk = DISK_BLOCKS)
{
	guest_connect(g);
	expect_number(g, "sector-size", 512, 512);
	expect_number(g, "physical-sector-size", 4096, 4096);
	expect_number(g, "sectors", guest_sectors(g), guest_sectors(g));
}

CASE("blkif.blocks.every-sector", QUIRK,
     "Each sector of a block can be written, and the others keep their data.",
     .clause = "K1 J1 J3", .disk = DISK_BLOCKS)
{
	guest_connect(g);
	for (unsigned int i = 0; i < BLOCK; i++)
		write_among(g, 5 * BLOCK + i, 1, 10 + 2 * i);
}

CASE("blkif.blocks.across", QUIRK,
     "A write may begin and end anywhere in two blocks, and what lies before "
     "and behind it stays.",
     .clause = "K1 J3", .disk = DISK_BLOCKS)
{
	guest_connect(g);
	for (unsigned int i = 0; i < BLOCK; i++)
		for (unsigned int end = BLOCK + 1; end <= 2 * BLOCK; end++)
			write_among(g, 9 * BLOCK + i, end - i, 30 + i + end);
}

CASE("blkif.blocks.long", QUIRK,
     "So may a write of eleven pages, from every sector of a block on.",
     .clause = "K1 I12 J3", .disk = DISK_BLOCKS)
{
	guest_connect(g);
	for (unsigned int i = 0; i < BLOCK; i++)
		write_among(g, 20 * BLOCK + i, 11 * BLOCK, 60 + 2 * i);
}

CASE("blkif.blocks.read", QUIRK, "A read may begin and end in a block as well.",
     .clause = "K1 J1", .disk = DISK_BLOCKS)
{
	guest_connect(g);
	guest_fill(g, 0, 24 * BLOCK, 90);
	for (unsigned int i = 0; i < BLOCK; i++) {
		expect_disk(g, 3 * BLOCK + i, 1, 90);
		expect_disk(g, 3 * BLOCK + i, 10 * BLOCK, 90);
	}
}

CASE("blkif.blocks.pieces", QUIRK,
     "A whole block may come in pieces, from any place of its pages.",
     .clause = "K1 J1", .disk = DISK_BLOCKS)
{
	struct guest_request *w;

	guest_connect(g);
	guest_fill(g, BLOCK, 3 * BLOCK, 91);
	w = guest_write(g, .sector = 2 * BLOCK, .segments = BLOCK, .seed = 92);
	for (uint8_t i = 0; i < BLOCK; i++) {
		w->wire.segment[i].first_sector = (uint8_t)(7 - i);
		w->wire.segment[i].last_sector = (uint8_t)(7 - i);
	}
	guest_send(g, w);
	expect_okay(g, w);
	expect_disk(g, BLOCK, BLOCK, 91);
	expect_disk(g, 2 * BLOCK, BLOCK, 92);
	expect_disk(g, 3 * BLOCK, BLOCK, 91);
}

/* A sector of a block from each of several queues in turn; all at once. */
static void write_together(struct guest *g, unsigned int queues, uint64_t seed)
{
	guest_fill(g, 4 * BLOCK, 3 * BLOCK, seed);
	for (unsigned int i = 0; i < BLOCK; i++) {
		struct guest_request *w = guest_write(g, .queue = i % queues,
						      .sector = 5 * BLOCK + i,
						      .seed = seed + 1 + i);

		w->wire.segment[0].last_sector = 0;
		guest_submit(g, w);
	}
	for (unsigned int q = 0; q < queues; q++)
		guest_push(g, q);
	for (struct guest_request *r = g->requests; r != NULL; r = r->next)
		expect_okay(g, r);
	expect_disk(g, 4 * BLOCK, BLOCK, seed);
	for (unsigned int i = 0; i < BLOCK; i++)
		expect_disk(g, 5 * BLOCK + i, 1, seed + 1 + i);
	expect_disk(g, 6 * BLOCK, BLOCK, seed);
}

CASE("blkif.blocks.together", QUIRK,
     "Writes to the sectors of one block that are under way together all last.",
     .clause = "K1 J3", .disk = DISK_BLOCKS)
{
	guest_connect(g);
	write_together(g, 1, 100);
}

CASE("blkif.blocks.queues", QUIRK, "So they do on several queues.",
     .clause = "K1 G6", .disk = DISK_BLOCKS)
{
	guest_connect(g, .queues = 2);
	write_together(g, 2, 120);
}

CASE("blkif.blocks.indirect", QUIRK,
     "A write of many segments begins and ends in a block.",
     .clause = "K1 I9 I10", .disk = DISK_BLOCKS)
{
	const unsigned int segments = 64;
	const uint64_t sector = 50 * BLOCK + 3;
	struct guest_request *w;

	guest_connect(g);
	guest_need(g, guest_properties(g)->max_indirect_segments >= segments,
		   "the backend offers no such indirect requests");
	guest_fill(g, sector - BLOCK, (segments + 2) * BLOCK, 140);
	w = guest_indirect(g, BLKIF_OP_WRITE,
			   &(struct guest_io){.sector = sector,
					      .segments = segments,
					      .seed = 141});
	guest_send(g, w);
	expect_okay(g, w);
	expect_disk(g, sector - BLOCK, BLOCK, 140);
	expect_disk(g, sector, (uint64_t)segments * BLOCK, 141);
	expect_disk(g, sector + segments * BLOCK, BLOCK, 140);
}

CASE("blkif.blocks.discard", QUIRK,
     "A discard that begins and ends in a block costs no sector beside it.",
     .clause = "K1 K7", .disk = DISK_BLOCKS)
{
	struct guest_request *d;

	guest_connect(g);
	guest_need(g, guest_offers(g, "feature-discard"),
		   "the backend offers no discard");
	expect_number(g, "discard-granularity", 4096, UINT32_MAX);
	guest_fill(g, 30 * BLOCK, 6 * BLOCK, 150);
	d = guest_empty(g, BLKIF_OP_DISCARD,
			&(struct guest_io){.sector = 31 * BLOCK + 3});
	d->wire.discard_sectors = 3 * BLOCK + 2;
	guest_send(g, d);
	expect_okay(g, d);
	expect_disk(g, 30 * BLOCK, BLOCK + 3, 150);
	expect_disk(g, 34 * BLOCK + 5, BLOCK + 3, 150);
}

CASE("blkif.blocks.last", QUIRK, "Its last sector is one like any other.",
     .clause = "K1 E14", .disk = DISK_BLOCKS)
{
	const uint64_t last = guest_sectors(g) - 1;

	guest_connect(g);
	guest_fill(g, last - 15, 16, 160);
	guest_fill(g, last, 1, 161);
	expect_disk(g, last - 15, 15, 160);
	expect_disk(g, last, 1, 161);
}

CASE("blkif.blocks.end", ROBUST,
     "A write that ends beyond it is refused, and none of it is carried out.",
     .clause = "K1 K13 E14", .refusal = "BEYOND_END", .disk = DISK_BLOCKS)
{
	const uint64_t last = guest_sectors(g) - 1;
	struct guest_request *bad;

	guest_connect(g);
	guest_fill(g, last - 7, 8, 170);
	bad = guest_write(g, .sector = last - 2, .seed = 171);
	guest_send(g, bad);
	expect_status(g, bad, BLKIF_RSP_ERROR);
	expect_disk(g, last - 7, 8, 170);
}
