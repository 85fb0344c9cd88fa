/*
 * The data of one request: the pages that it holds, and the copies between the
 * guest's pages and ours.  See inside.h; submit.c calls it.
 *
 * A segment takes one of three ways.  Straight: the image works on the guest's
 * own page, which the cache keeps mapped.  Copied: a page of ours and grant
 * copies, for what the cache cannot map.  Staged: a page of ours and a plain
 * copy from or to the mapped page.
 *
 * Staged is for direct I/O in a PV dom0.  The kernel pins the pages of direct
 * I/O; when a worker is killed meanwhile, gntdev puts off their unmapping until
 * the pins are gone, and by then the page tables that it must unmap from are
 * gone, too: the unmapping fails, and dom0 is left with pages that are broken
 * until it reboots (seen with Linux 6.1: WARNs in __unmap_grant_pages_done,
 * then errors of later I/O).  A copy of 4 KiB costs less than such an I/O by far.
 */
#include "backend/worker/inside.h"

#include "backend/base/check.h"
#include "backend/worker/pages.h"
#include "backend/worker/persistent.h"

void io_use_own(struct io *io)
{
	CHECK(io->unit == NULL && io->held == 0);
	io->iov = io->own_iov;
	io->page = io->own_page;
	io->entry = io->own_entry;
}

/* The bytes of a segment in a page of ours.  Not what is in iov: an engine moves
 * that on after a short transfer. */
static struct iovec bounced_bytes(const struct io *io, unsigned int i)
{
	const struct segment *segment = &io->segment[i];

	CHECK(io->page[i] != NULL);
	return (struct iovec){
		.iov_base = (unsigned char *)io->page[i] +
			    segment->first_sector * SECTOR_BYTES,
		.iov_len = (size_t)(segment->last_sector -
				    segment->first_sector + 1) *
			   SECTOR_BYTES,
	};
}

void io_release_pages(struct submit *s, struct io *io)
{
	while (io->held > 0) {
		unsigned int i = --io->held;

		if (io->entry[i])
			persistent_put(s->persistent, io->entry[i], s->now_ns);
		if (io->page[i])
			pages_give(s->pages, io->page[i]);
		io->entry[i] = NULL;
		io->page[i] = NULL;
	}
	io->bounced = 0;
}

/* What the image works on for a segment: NULL when the pool is short of pages;
 * then nothing of this segment is held. */
static unsigned char *hold_segment(struct submit *s, struct io *io,
				   unsigned int i)
{
	const struct segment *segment = &io->segment[i];

	CHECK(i == io->held);
	io->entry[i] = NULL;
	io->page[i] = NULL;
	if (s->persistent)
		io->entry[i] = persistent_get(s->persistent, segment->gref);
	if (io->entry[i] && !s->staged) {
		io->held++;
		return persistent_page(io->entry[i]);
	}
	io->page[i] = pages_take(s->pages);
	if (io->page[i]) {
		io->held++;
		if (!io->entry[i])
			io->bounced++;
		return io->page[i];
	}
	if (io->entry[i])
		persistent_put(s->persistent, io->entry[i], s->now_ns);
	io->entry[i] = NULL;
	return NULL;
}

/*
 * A page for every segment.  What cannot be mapped is copied, and the copy
 * decides whether the grant is good.  Return: false when the pool is short of
 * pages; then nothing is held.
 */
bool io_hold_pages(struct submit *s, struct io *io)
{
	const struct request *r = &io->slot->request;

	CHECK(io->held == 0 && io->bounced == 0);
	for (unsigned int i = 0; i < r->segments; i++) {
		const struct segment *segment = &io->segment[i];
		unsigned char *page = hold_segment(s, io, i);

		if (!page) {
			io_release_pages(s, io);
			return false;
		}
		io->iov[i].iov_base =
			page + segment->first_sector * SECTOR_BYTES;
		io->iov[i].iov_len = (size_t)(segment->last_sector -
					      segment->first_sector + 1) *
				     SECTOR_BYTES;
	}
	return true;
}

/* Put the request's bounced segments into the copy batch, in either direction.
 */
void io_collect_copies(struct submit *s, struct io *io, bool in)
{
	const struct request *r = &io->slot->request;

	CHECK(grants_copy_room(s->grants) >= io->bounced);
	io->copy_first = (uint16_t)grants_copy_count(s->grants);
	for (unsigned int i = 0; i < r->segments; i++) {
		struct grants_span span = {
			.gref = io->segment[i].gref,
			.offset = (uint16_t)(io->segment[i].first_sector *
					     SECTOR_BYTES),
		};
		struct iovec ours;

		if (io->entry[i])
			continue;
		ours = bounced_bytes(io, i);
		span.length = (uint16_t)ours.iov_len;
		if (in)
			grants_copy_in(s->grants, &span, ours.iov_base);
		else
			grants_copy_out(s->grants, &span, ours.iov_base);
	}
	stats_add(&s->stats->copies, io->bounced);
}

/* Between the guest's mapped pages and ours, for segments that are staged. */
void io_stage(struct submit *s, struct io *io, bool in)
{
	const struct request *r = &io->slot->request;
	unsigned int staged = 0;

	CHECK(io->held == r->segments);
	for (unsigned int i = 0; i < r->segments; i++) {
		const unsigned int offset =
			io->segment[i].first_sector * SECTOR_BYTES;
		struct iovec ours;

		if (!io->entry[i] || !io->page[i])
			continue;
		ours = bounced_bytes(io, i);
		staged++;
		if (in)
			persistent_copy_in(io->entry[i], offset, ours.iov_base,
					   ours.iov_len);
		else
			persistent_copy_out(io->entry[i], offset, ours.iov_base,
					    ours.iov_len);
	}
	if (staged > 0)
		stats_add(&s->stats->staged, staged);
}
