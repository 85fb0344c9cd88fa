/*
 * The guest's requests: built with their pages, submitted, matched with their
 * responses.  See guest.h.
 *
 * Every request keeps a copy of its pages as they were when it was submitted,
 * so that an expectation can be exact about bytes that must not change.
 */
#include "conformance/guest.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/check.h"
#include "conformance/pattern.h"

#define LAST_SECTOR 7u

static struct guest_request *new_request(struct guest *g, uint8_t operation,
					 const struct guest_io *io)
{
	struct guest_request *r = calloc(1, sizeof(*r));

	CHECK(r != NULL);
	r->queue = io->queue;
	r->seed = io->seed;
	r->wire.operation = operation;
	r->wire.sector = io->sector;
	r->wire.handle = (uint16_t)g->world->devid[g->one->disk];
	r->wire.id = g->next_id++;
	r->next = g->requests;
	g->requests = r;
	return r;
}

static void get_page(struct guest *g, struct guest_request *r, bool readonly)
{
	struct front_page *page = &r->page[r->pages];
	int result = readonly ? front_page_get_readonly(g->front, page)
			      : front_page_get(g->front, page);

	if (result != 0)
		guest_end(g, GUEST_BROKEN, "a page can be granted",
			  strerror(-result));
	memset(page->data, PATTERN_SENTINEL, FRONT_PAGE_BYTES);
	r->pages++;
}

unsigned int guest_segments(const struct guest_request *r)
{
	if (r->described > 0)
		return r->wire.indirect_segments < r->described
			       ? r->wire.indirect_segments
			       : r->described;
	return r->wire.segments < FRONT_MAX_SEGMENTS ? r->wire.segments
						     : FRONT_MAX_SEGMENTS;
}

struct front_segment *guest_segment(struct guest_request *r, unsigned int i)
{
	return r->described > 0 ? &r->indirect[i] : &r->wire.segment[i];
}

struct guest_request *guest_request(struct guest *g, uint8_t operation,
				    const struct guest_io *io)
{
	struct guest_request *r = new_request(g, operation, io);
	unsigned int segments = io->segments == 0 ? 1 : io->segments;

	CHECK(segments <= FRONT_MAX_SEGMENTS);
	for (unsigned int i = 0; i < segments; i++) {
		get_page(g, r, io->readonly_grants);
		r->wire.segment[i] = (struct front_segment){
			.gref = r->page[i].gref,
			.last_sector = LAST_SECTOR,
		};
	}
	r->wire.segments = (uint8_t)segments;
	return r;
}

struct guest_request *guest_indirect(struct guest *g, uint8_t operation,
				     const struct guest_io *io)
{
	struct guest_request *r = new_request(g, BLKIF_OP_INDIRECT, io);
	unsigned int segments = io->segments == 0 ? 1 : io->segments;

	CHECK(segments <= GUEST_MAX_SEGMENTS);
	for (unsigned int i = 0; i < segments; i++) {
		get_page(g, r, io->readonly_grants);
		r->indirect[i] = (struct front_segment){
			.gref = r->page[i].gref,
			.last_sector = LAST_SECTOR,
		};
	}
	r->described = segments;
	r->wire.indirect_operation = operation;
	r->wire.indirect_segments = (uint16_t)segments;
	if (front_page_get(g->front, &r->list) != 0)
		guest_end(g, GUEST_BROKEN, "a page can be granted",
			  "no page for the segments");
	r->wire.indirect_gref[0] = r->list.gref;
	return r;
}

static void describe(struct guest_request *r)
{
	for (unsigned int i = 0; i < r->described; i++)
		front_describe(r->list.data, i, &r->indirect[i]);
}

struct guest_request *guest_empty(struct guest *g, uint8_t operation,
				  const struct guest_io *io)
{
	return new_request(g, operation, io);
}

void guest_borrow_pages(struct guest *g, struct guest_request *r,
			const struct guest_request *owner)
{
	CHECK(r->pages <= owner->pages && !r->sent);
	for (unsigned int i = 0; i < r->pages; i++) {
		front_page_put(g->front, &r->page[i]);
		r->page[i] = owner->page[i];
		r->wire.segment[i].gref = owner->page[i].gref;
	}
	r->borrowed = true;
}

/* The page that a segment's grant names, or NULL for a grant that is not ours.
 */
static unsigned char *page_of(struct guest_request *r, unsigned int segment)
{
	for (unsigned int i = 0; i < r->pages; i++) {
		if (r->page[i].gref == guest_segment(r, segment)->gref)
			return r->page[i].data;
	}
	return NULL;
}

/* What a write carries: each segment's sectors hold the pattern of their place
 * on the disk. */
static void fill_segments(struct guest_request *r)
{
	uint64_t sector = r->wire.sector;

	for (unsigned int i = 0; i < guest_segments(r); i++) {
		const struct front_segment *s = guest_segment(r, i);
		unsigned char *page = page_of(r, i);

		if (s->first_sector > s->last_sector ||
		    s->last_sector > LAST_SECTOR)
			continue;
		size_t sectors = (size_t)(s->last_sector - s->first_sector) + 1;

		if (page != NULL)
			pattern_fill(page + s->first_sector *
						     PATTERN_SECTOR_BYTES,
				     r->seed, sector, sectors);
		sector += sectors;
	}
}

bool guest_holds(const struct guest_request *r, uint64_t seed)
{
	const struct front_segment *s = &r->wire.segment[0];
	const char *data = r->page[0].data;

	CHECK(r->answered && r->wire.segments > 0);
	CHECK(s->gref == r->page[0].gref && s->last_sector <= LAST_SECTOR);
	return pattern_differs(data + s->first_sector * PATTERN_SECTOR_BYTES,
			       seed, r->wire.sector,
			       (size_t)(s->last_sector - s->first_sector) + 1) <
	       0;
}

static void remember_pages(struct guest_request *r)
{
	if (r->pages == 0)
		return;
	r->before = malloc((size_t)r->pages * FRONT_PAGE_BYTES);
	CHECK(r->before != NULL);
	for (unsigned int i = 0; i < r->pages; i++)
		memcpy(r->before + (size_t)i * FRONT_PAGE_BYTES,
		       r->page[i].data, FRONT_PAGE_BYTES);
}

void guest_submit(struct guest *g, struct guest_request *r)
{
	CHECK(!r->sent);
	if (r->wire.operation != BLKIF_OP_READ &&
	    (r->described == 0 || r->wire.indirect_operation != BLKIF_OP_READ))
		fill_segments(r);
	describe(r);
	remember_pages(r);
	if (front_submit(guest_queue(g, r->queue), &r->wire) != 0)
		guest_end(g, GUEST_BROKEN, "a free slot in the ring",
			  "the ring is full");
	r->sent = true;
}

void guest_push(struct guest *g, unsigned int queue)
{
	(void)front_push(guest_queue(g, queue));
}

void guest_send(struct guest *g, struct guest_request *r)
{
	guest_submit(g, r);
	guest_push(g, r->queue);
}

struct front_queue *guest_queue(struct guest *g, unsigned int i)
{
	CHECK(g->front != NULL && i < front_queues(g->front));
	return front_queue(g->front, i);
}

static struct guest_request *find(struct guest *g, unsigned int queue,
				  uint64_t id)
{
	for (struct guest_request *r = g->requests; r != NULL; r = r->next) {
		if (r->queue == queue && r->sent && r->wire.id == id)
			return r;
	}
	return NULL;
}

static void match(struct guest *g, unsigned int queue,
		  const struct front_response *response)
{
	struct guest_request *r = find(g, queue, response->id);

	if (r == NULL)
		guest_fail(g, "responses carry the ids of requests",
			   "queue %u answered the unknown id 0x%llx", queue,
			   (unsigned long long)response->id);
	if (r->answered)
		guest_fail(g, "each request is answered once",
			   "queue %u answered id 0x%llx a second time", queue,
			   (unsigned long long)response->id);
	r->response = *response;
	r->answered = true;
}

void guest_collect(struct guest *g)
{
	struct front_response batch[32];

	for (unsigned int q = 0; q < front_queues(g->front); q++) {
		unsigned int n;

		/* bound: a ring holds FRONT_MAX_RING_PAGES x 32 responses */
		do {
			n = front_reap(front_queue(g->front, q), batch, 32);
			for (unsigned int i = 0; i < n; i++)
				match(g, q, &batch[i]);
		} while (n == 32);
	}
}

bool guest_wait(struct guest *g)
{
	int result;

	/* Ask for an event first; what is already there needs no sleep. */
	for (unsigned int q = 0; g->connected && q < front_queues(g->front);
	     q++) {
		if (front_arm(front_queue(g->front, q)))
			return true;
	}
	result = front_wait(g->front, g->world->timeout_ms);
	if (result < 0)
		guest_end(g, GUEST_BROKEN, "the frontend can wait",
			  strerror(-result));
	g->result.timed_out = result == 0;
	return result > 0;
}

/* Long enough for a backend that does what it must not; one that is too slow
 * for that is let off. */
void guest_rest(struct guest *g)
{
	/* bound: nobody has so much to say */
	for (unsigned int i = 0; i < 1000; i++) {
		if (front_wait(g->front, g->world->timeout_ms / 20) <= 0)
			return;
	}
}

/* One request's worth of a fill; the remaining segments of the last one are
 * cut. */
static struct guest_request *fill_part(struct guest *g, uint64_t sector,
				       uint64_t sectors, uint64_t seed)
{
	unsigned int pages = (unsigned int)((sectors + LAST_SECTOR) / 8);
	struct guest_request *r = guest_write(g, .sector = sector,
					      .segments = pages, .seed = seed);

	r->wire.segment[pages - 1].last_sector =
		(uint8_t)((sectors - 1) % (LAST_SECTOR + 1));
	return r;
}

void guest_fill(struct guest *g, uint64_t sector, uint64_t sectors,
		uint64_t seed)
{
	while (sectors > 0) {
		uint64_t part = sectors < 88 ? sectors : 88;
		struct guest_request *r = fill_part(g, sector, part, seed);

		guest_send(g, r);
		expect_okay(g, r);
		sector += part;
		sectors -= part;
	}
}
