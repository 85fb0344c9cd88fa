/* A disk of 3 TiB: sector numbers of more than 32 bits. */
#include "conformance/case.h"

#define TWO_TIB (1ull << 32) /* in sectors */

CASE("blkif.large.capacity", MUST,
     "The capacity of a disk beyond 2 TiB is told in full.",
     .clause = "E14 E11 A10", .disk = DISK_LARGE)
{
	guest_connect(g);
	expect_number(g, "sectors", guest_sectors(g), guest_sectors(g));
}

CASE("blkif.large.last-sectors", MUST, "Its last sectors can be used.",
     .clause = "J3 E14", .disk = DISK_LARGE)
{
	uint64_t last;

	guest_connect(g);
	last = guest_sectors(g) - 88;
	/* where a number of 32 bits would lead */
	guest_fill(g, last % TWO_TIB, 88, 9);
	guest_fill(g, last, 88, 1);
	expect_disk(g, last, 88, 1);
	expect_disk(g, last % TWO_TIB, 88, 9);
}

CASE("blkif.large.not-the-beginning", MUST,
     "A write at 2 TiB does not end up at the start of the disk.",
     .clause = "J3 A10", .disk = DISK_LARGE)
{
	guest_connect(g);
	guest_fill(g, 0, 88, 2);
	guest_fill(g, TWO_TIB, 88, 3);
	expect_disk(g, 0, 88, 2);
	expect_disk(g, TWO_TIB, 88, 3);
}

CASE("blkif.large.across", MUST,
     "A request may begin below 2 TiB and end above.", .clause = "J3 A10",
     .disk = DISK_LARGE)
{
	struct guest_request *w;

	guest_connect(g);
	w = guest_write(g, .sector = TWO_TIB - 40, .segments = 11, .seed = 4);
	guest_send(g, w);
	expect_okay(g, w);
	expect_disk(g, TWO_TIB - 40, 88, 4);
}

CASE("blkif.large.sign", MUST, "Sector 2^31 is a sector like any other.",
     .clause = "J3 A10", .disk = DISK_LARGE)
{
	guest_connect(g);
	guest_fill(g, 1ull << 31, 16, 5);
	expect_disk(g, 1ull << 31, 16, 5);
}

CASE("blkif.large.end", ROBUST,
     "The end of a large disk is as firm as that of a small one.",
     .clause = "K13 E14", .refusal = "BEYOND_END", .disk = DISK_LARGE)
{
	struct guest_request *bad;

	guest_connect(g);
	bad = guest_write(g, .sector = guest_sectors(g) - 7, .seed = 6);
	guest_send(g, bad);
	expect_status(g, bad, BLKIF_RSP_ERROR);
}

CASE("blkif.large.x86-32", MUST,
     "The 32-bit layout has all 64 bits of a sector number.",
     .clause = "J12 A10", .disk = DISK_LARGE)
{
	guest_connect(g, .protocol = XEN_IO_PROTO_ABI_X86_32);
	guest_fill(g, 0, 16, 7);
	guest_fill(g, TWO_TIB + 8, 8, 8);
	expect_disk(g, TWO_TIB + 8, 8, 8);
	expect_disk(g, 0, 16, 7);
}
