/*
 * CD-ROM drives whose medium comes and goes.
 *
 * The header knows a bit of info; what a drive without a medium is, sources
 * disagree about (K16): for us it stays connected, with no sectors.
 */
#include "conformance/case.h"

#define MEDIUM 16384u

static void answers(struct guest *g, bool in)
{
	struct guest_request *r = guest_read(g, .sector = 8, .segments = 2);

	guest_send(g, r);
	expect_status(g, r, in ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR);
	if (!in)
		expect_untouched(g, r);
}

/* Out or in, until the guest has been told. */
static void change(struct guest *g, bool in)
{
	guest_medium(g, in);
	expect_told_size(g, in ? MEDIUM : 0);
	answers(g, in);
}

CASE("blkif.cdrom.eject", QUIRK,
     "A drive that loses its medium stays connected, has no sectors, and "
     "answers with errors.",
     .clause = "K16 Q9", .disk = DISK_CDROM)
{
	guest_connect(g);
	answers(g, true);
	change(g, false);
	expect_backend_state(g, XenbusStateConnected);
	expect_text(g, "sectors", "0");
	change(g, true);
}

CASE("blkif.cdrom.time-and-again", QUIRK,
     "Media come and go as often as one likes.", .clause = "K16 Q9",
     .disk = DISK_CDROM)
{
	guest_connect(g);
	for (unsigned int i = 0; i < 4; i++) {
		change(g, false);
		change(g, true);
	}
}

CASE("blkif.cdrom.empty-at-first", QUIRK,
     "A drive without a medium can be connected; a medium is told of later.",
     .clause = "K16 H4 E8", .disk = DISK_CDROM)
{
	guest_prepare(g);
	guest_medium(g, false);
	guest_rest(g);
	expect_backend_state(g, XenbusStateInitWait);
	guest_finish(g);
	expect_told_size(g, 0);
	expect_text(g, "sectors", "0");
	expect_true(g, (guest_properties(g)->info & VDISK_CDROM) != 0,
		    "the CD-ROM bit of info is set");
	answers(g, false);
	change(g, true);
	expect_number(g, "sectors", MEDIUM, MEDIUM);
}

CASE("blkif.cdrom.empty-and-reconnected", QUIRK,
     "A drive without a medium may be let go of and connected again.",
     .clause = "K16 Q12", .disk = DISK_CDROM)
{
	guest_connect(g);
	change(g, false);
	guest_close(g);
	guest_connect(g);
	expect_text(g, "sectors", "0");
	answers(g, false);
	change(g, true);
}

CASE("blkif.cdrom.under-way", ROBUST,
     "Reads that are under way when the medium is taken out are answered, "
     "once each, whatever the status.",
     .clause = "K16 R9", .disk = DISK_CDROM)
{
	guest_connect(g);
	for (unsigned int i = 0; i < 24; i++)
		guest_submit(g, guest_read(g, .sector = 8ull * i));
	guest_push(g, 0);
	guest_medium(g, false);
	for (struct guest_request *r = g->requests; r != NULL; r = r->next)
		expect_answer(g, r);
	expect_told_size(g, 0);
	answers(g, false);
	change(g, true);
}

CASE("blkif.cdrom.empty-is-read-only", ROBUST,
     "Nothing can be written where there is no medium.", .clause = "K16 Q20",
     .refusal = "READ_ONLY", .disk = DISK_CDROM)
{
	struct guest_request *w;

	guest_connect(g);
	change(g, false);
	w = guest_write(g, .sector = 0, .seed = 1);
	guest_send(g, w);
	expect_status(g, w, BLKIF_RSP_ERROR);
	change(g, true);
}

CASE("blkif.cdrom.every-queue", QUIRK,
     "All queues of a drive agree about its medium.", .clause = "K16 G6",
     .disk = DISK_CDROM)
{
	struct guest_request *r[2];

	guest_connect(g, .queues = 2);
	change(g, false);
	for (unsigned int q = 0; q < 2; q++) {
		r[q] = guest_read(g, .queue = q, .sector = 0);
		guest_send(g, r[q]);
		expect_status(g, r[q], BLKIF_RSP_ERROR);
	}
	change(g, true);
}
