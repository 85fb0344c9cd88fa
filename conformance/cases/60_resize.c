/*
 * A disk that gets another size while it is in use, or is about to be.
 *
 * The header says nothing of it; Linux's backend and QEMU write sectors and then
 * the same state once more, and Linux's frontend reads sectors again (Q9).
 */
#include "conformance/case.h"

/* The disk has SMALL, WHOLE at first, or LARGE sectors. */
#define SMALL 8192u
#define WHOLE 16384u
#define LARGE 24576u

/* The last page below an end is there, and nothing behind it. */
static void ends_at(struct guest *g, unsigned int queue, uint64_t sectors)
{
	struct guest_request *last, *beyond, *across;

	last = guest_read(g, .queue = queue, .sector = sectors - 8);
	beyond = guest_read(g, .queue = queue, .sector = sectors);
	across = guest_write(g, .queue = queue, .sector = sectors - 4,
			     .seed = 9);
	guest_submit(g, last);
	guest_submit(g, beyond);
	guest_submit(g, across);
	guest_push(g, queue);
	expect_okay(g, last);
	expect_status(g, beyond, BLKIF_RSP_ERROR);
	expect_untouched(g, beyond);
	expect_status(g, across, BLKIF_RSP_ERROR);
}

static void holds(struct guest *g, uint64_t sector, uint64_t seed)
{
	if (guest_keeps(g))
		expect_disk(g, sector, 8, seed);
}

CASE("blkif.resize.grow", QUIRK,
     "A disk that grows tells its guest, which has all of it then.",
     .clause = "Q9 H9 E14", .disk = DISK_ELASTIC)
{
	guest_connect(g);
	ends_at(g, 0, WHOLE);
	guest_fill(g, WHOLE - 8, 8, 1);
	guest_resize(g, LARGE);
	expect_told_size(g, LARGE);
	expect_backend_state(g, XenbusStateConnected);
	ends_at(g, 0, LARGE);
	guest_fill(g, WHOLE, 8, 2);
	holds(g, WHOLE - 8, 1);
	holds(g, WHOLE, 2);
}

CASE("blkif.resize.shrink", QUIRK,
     "A disk that shrinks tells its guest, and what lies beyond is refused.",
     .clause = "Q9 H9 K13", .refusal = "BEYOND_END", .disk = DISK_ELASTIC)
{
	guest_connect(g);
	guest_fill(g, SMALL - 8, 8, 1);
	guest_resize(g, SMALL);
	expect_told_size(g, SMALL);
	expect_backend_state(g, XenbusStateConnected);
	ends_at(g, 0, SMALL);
	holds(g, SMALL - 8, 1);
}

CASE("blkif.resize.there-and-back", QUIRK,
     "A disk may change its size time and again.", .clause = "Q9",
     .disk = DISK_ELASTIC)
{
	guest_connect(g);
	guest_fill(g, 0, 8, 3);
	for (unsigned int i = 0; i < 3; i++) {
		guest_resize(g, i % 2 == 0 ? LARGE : SMALL);
		expect_told_size(g, i % 2 == 0 ? LARGE : SMALL);
		holds(g, 0, 3);
	}
	guest_resize(g, WHOLE);
	expect_told_size(g, WHOLE);
	ends_at(g, 0, WHOLE);
}

CASE("blkif.resize.under-way", QUIRK,
     "Requests that are under way while a disk grows are answered, once each.",
     .clause = "Q9 R9", .disk = DISK_ELASTIC)
{
	guest_connect(g);
	for (unsigned int i = 0; i < 24; i++)
		guest_submit(g, i % 2 == 0 ? guest_write(g, .sector = 8ull * i,
							 .seed = i)
					   : guest_read(g, .sector = 512));
	guest_push(g, 0);
	guest_resize(g, LARGE);
	expect_told_size(g, LARGE);
	for (struct guest_request *r = g->requests; r != NULL; r = r->next)
		expect_okay(g, r);
	for (unsigned int i = 0; i < 24; i += 2)
		holds(g, 8ull * i, i);
}

CASE("blkif.resize.before-it-is-told", ROBUST,
     "What a guest asks for beyond the end before it is told is answered.",
     .clause = "Q9 R9", .refusal = "BEYOND_END", .disk = DISK_ELASTIC)
{
	struct guest_request *r;

	guest_connect(g);
	guest_resize(g, SMALL);
	for (unsigned int i = 0; i < 16; i++)
		guest_submit(g, guest_read(g, .sector = WHOLE - 8 * (i + 1)));
	guest_push(g, 0);
	for (r = g->requests; r != NULL; r = r->next)
		expect_answer(g, r);
	expect_told_size(g, SMALL);
	ends_at(g, 0, SMALL);
}

CASE("blkif.resize.every-queue", QUIRK,
     "All queues of a disk agree about its size.", .clause = "Q9 G6",
     .refusal = "BEYOND_END", .disk = DISK_ELASTIC)
{
	guest_connect(g, .queues = 2);
	guest_resize(g, SMALL);
	expect_told_size(g, SMALL);
	ends_at(g, 0, SMALL);
	ends_at(g, 1, SMALL);
	guest_resize(g, LARGE);
	expect_told_size(g, LARGE);
	ends_at(g, 1, LARGE);
	ends_at(g, 0, LARGE);
}

CASE("blkif.resize.persistent", QUIRK,
     "Grants that are kept serve on when a disk gets another size.",
     .clause = "Q9 F7", .disk = DISK_ELASTIC)
{
	struct guest_request *before, *after;

	guest_connect(g, .persistent = true);
	before = guest_write(g, .sector = 8, .seed = 4);
	guest_send(g, before);
	expect_okay(g, before);
	guest_resize(g, LARGE);
	expect_told_size(g, LARGE);
	after = guest_read(g, .sector = 8);
	guest_borrow_pages(g, after, before);
	guest_send(g, after);
	expect_okay(g, after);
	holds(g, 8, 4);
}

CASE("blkif.resize.before-the-connection", QUIRK,
     "A size that changes before the connection is the one that is published.",
     .clause = "Q9 H4 E14", .disk = DISK_ELASTIC)
{
	guest_prepare(g);
	guest_resize(g, LARGE);
	guest_rest(g);
	expect_backend_state(g, XenbusStateInitWait);
	guest_finish(g);
	expect_number(g, "sectors", LARGE, LARGE);
	ends_at(g, 0, LARGE);
}

CASE("blkif.resize.reconnect", QUIRK,
     "A size that changed while connected is still the same for the next "
     "connection.",
     .clause = "Q9 Q12 E14", .disk = DISK_ELASTIC)
{
	guest_connect(g);
	guest_resize(g, SMALL);
	expect_told_size(g, SMALL);
	guest_close(g);
	guest_connect(g);
	expect_number(g, "sectors", SMALL, SMALL);
	ends_at(g, 0, SMALL);
}

CASE("blkif.resize.odd", MUST,
     "The capacity is a multiple of physical-sector-size after a resize, too.",
     .clause = "E14 E13 Q9", .disk = DISK_ELASTIC)
{
	uint64_t physical;

	guest_connect(g);
	guest_resize(g, SMALL + 1);
	expect_told_size(g, SMALL + 1);
	physical = guest_has_node(g, "physical-sector-size")
			   ? expect_number(g, "physical-sector-size", 512,
					   UINT32_MAX)
			   : 512;
	expect_true(g, (SMALL + 1) * 512ull % physical == 0,
		    "sectors times 512 is a multiple of physical-sector-size");
}
