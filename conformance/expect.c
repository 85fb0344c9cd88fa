/*
 * Expectations of answers and data.  See expect.h.
 *
 * Waiting here has one shape: look, and if it is not so yet, let time pass
 * until something may have happened; give up when the expectation's time is
 * over.
 */
#include "conformance/expect.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conformance/guest.h"
#include "conformance/pattern.h"

void expect_at(struct guest *g, const char *file, int line)
{
	const char *base = strrchr(file, '/');

	snprintf(g->result.file, sizeof(g->result.file), "%s",
		 base == NULL ? file : base + 1);
	g->result.line = line;
}

static void no_answer(struct guest *g, const struct guest_request *r)
{
	guest_fail(g, "the request is answered",
		   "no response on queue %u; the backend is in state %u",
		   r->queue, front_backend_state(g->front));
}

/* We always ask for an event at the next response before we wait (A3, R6). */
static void wait_for_answer(struct guest *g, struct guest_request *r)
{
	bool woken = true;

	for (unsigned int i = 0; i < EXPECT_WAKEUPS && woken; i++) {
		guest_collect(g);
		if (r->answered)
			return;
		woken = guest_wait(g);
	}
	guest_collect(g);
	if (!r->answered)
		no_answer(g, r);
	if (!woken)
		guest_fail(g, "the notification that was asked for",
			   "the response came without one");
}

static const char *status_name(int status, char *buffer, size_t bytes)
{
	switch (status) {
	case BLKIF_RSP_OKAY:
		return "OKAY";
	case BLKIF_RSP_ERROR:
		return "ERROR";
	case BLKIF_RSP_EOPNOTSUPP:
		return "EOPNOTSUPP";
	default:
		snprintf(buffer, bytes, "%d", status);
		return buffer;
	}
}

static void check_echo(struct guest *g, const struct guest_request *r)
{
	/* K2: an indirect request is answered as what it does. */
	const uint8_t wanted = r->described > 0 ? r->wire.indirect_operation
						: r->wire.operation;

	if (r->response.operation != wanted)
		guest_fail(g, "the response echoes the operation",
			   "operation %u for a request of operation %u",
			   r->response.operation, wanted);
}

/*
 * A backend that writes its fields into the slot leaves there what the request
 * had: the guest's own bytes are no leak.  Any other byte is the backend's.
 */
void expect_padding_of(struct guest *g, struct guest_request *r,
		       const uint8_t *own)
{
	for (unsigned int i = 0; i < sizeof(r->response.padding); i++) {
		uint8_t now = r->response.padding[i];

		if (now == 0 || (own != NULL && now == own[i]))
			continue;
		guest_fail(g,
			   own == NULL
				   ? "the unused bytes of a response are zero"
				   : "the unused bytes of a response are zero "
				     "or the guest's own",
			   "unused byte %u is 0x%02x", i, now);
	}
}

void expect_answer_of(struct guest *g, struct guest_request *r)
{
	wait_for_answer(g, r);
}

void expect_status_of(struct guest *g, struct guest_request *r, int status)
{
	char expected[64], wanted[16], came[16];

	wait_for_answer(g, r);
	if (r->response.status != status) {
		snprintf(expected, sizeof(expected), "status %s",
			 status_name(status, wanted, sizeof(wanted)));
		guest_fail(g, expected, "status %s for operation %u",
			   status_name(r->response.status, came, sizeof(came)),
			   r->wire.operation);
	}
	check_echo(g, r);
}

void expect_no_answer_of(struct guest *g, struct guest_request *r)
{
	guest_collect(g);
	if (r->answered)
		guest_fail(g, "the request is not answered",
			   "a response with status %d", r->response.status);
}

/* Which bytes of a page the segments cover, sector by sector. */
static unsigned int covered_sectors(struct guest_request *r, unsigned int page)
{
	unsigned int covered = 0;

	for (unsigned int i = 0; i < guest_segments(r); i++) {
		const struct front_segment *s = guest_segment(r, i);

		if (s->gref != r->page[page].gref)
			continue;
		for (unsigned int n = s->first_sector;
		     n <= s->last_sector && n < 8; n++)
			covered |= 1u << n;
	}
	return covered;
}

/* No sector of the page changed but those in the mask. */
static void check_unchanged(struct guest *g, const struct guest_request *r,
			    unsigned int page, unsigned int may_change)
{
	const unsigned char *now = r->page[page].data;
	const unsigned char *before =
		r->before + (size_t)page * FRONT_PAGE_BYTES;

	for (unsigned int n = 0; n < 8; n++) {
		size_t at = n * PATTERN_SECTOR_BYTES;

		if ((may_change >> n & 1u) == 0 &&
		    memcmp(now + at, before + at, PATTERN_SECTOR_BYTES) != 0)
			guest_fail(g,
				   "no byte changes beside what was asked for",
				   "sector %u of page %u was changed", n, page);
	}
}

void expect_untouched_of(struct guest *g, struct guest_request *r)
{
	for (unsigned int page = 0; page < r->pages; page++)
		check_unchanged(g, r, page, 0);
}

static const unsigned char *segment_data(struct guest_request *r,
					 unsigned int i)
{
	const struct front_segment *s = guest_segment(r, i);

	for (unsigned int page = 0; page < r->pages; page++) {
		if (r->page[page].gref == s->gref)
			return (const unsigned char *)r->page[page].data +
			       s->first_sector * PATTERN_SECTOR_BYTES;
	}
	return NULL;
}

void expect_data_of(struct guest *g, struct guest_request *r, uint64_t seed)
{
	uint64_t sector = r->wire.sector;

	for (unsigned int i = 0; i < guest_segments(r); i++) {
		const struct front_segment *s = guest_segment(r, i);
		size_t sectors = (size_t)(s->last_sector - s->first_sector) + 1;
		long wrong = pattern_differs(segment_data(r, i), seed, sector,
					     sectors);

		if (wrong >= 0)
			guest_fail(g, "the data of the disk, byte for byte",
				   "segment %u, sector %" PRIu64
				   ": byte %ld is wrong",
				   i, sector, wrong);
		sector += sectors;
	}
	for (unsigned int page = 0; page < r->pages; page++)
		check_unchanged(g, r, page, covered_sectors(r, page));
}

/* A backend that reads into pages of its own finds there what was written a
 * moment ago: other data must have gone through them, or a read that never
 * happened looks right. */
static void read_elsewhere(struct guest *g, uint64_t sector)
{
	uint64_t capacity = guest_sectors(g);
	struct guest_request *r;

	if (capacity < 4096)
		return;
	r = guest_read(g, .sector = (sector + 1024) % (capacity - 88),
		       .segments = 11);
	guest_send(g, r);
	expect_status_of(g, r, BLKIF_RSP_OKAY);
}

void expect_disk_holds(struct guest *g, uint64_t sector, uint64_t sectors,
		       uint64_t seed)
{
	while (sectors > 0) {
		uint64_t part = sectors < 88 ? sectors : 88;
		unsigned int pages = (unsigned int)((part + 7) / 8);
		struct guest_request *r;

		read_elsewhere(g, sector);
		r = guest_read(g, .sector = sector, .segments = pages);

		r->wire.segment[pages - 1].last_sector =
			(uint8_t)((part - 1) % 8);
		guest_send(g, r);
		expect_status_of(g, r, BLKIF_RSP_OKAY);
		expect_data_of(g, r, seed);
		sector += part;
		sectors -= part;
	}
}

/* Ending a grant always succeeds for a guest; only a target may know who maps
 * it. */
void expect_pages_unmapped(struct guest *g, struct guest_request *r)
{
	unsigned int mappings = 1;

	if (g->world->mapped == NULL)
		return;
	/* A backend may still be about it. */
	for (unsigned int i = 0; i < 20 && mappings != 0; i++) {
		if (i > 0)
			(void)front_wait(g->front, g->world->timeout_ms / 20);
		mappings = guest_mapped(g, r);
	}
	if (mappings != 0)
		guest_fail(g,
			   "the backend keeps no grant of the request mapped",
			   "its grants are mapped %u times", mappings);
}

void expect_condition(struct guest *g, bool condition, const char *expected)
{
	if (!condition)
		guest_fail(g, expected, "it is not so");
}
