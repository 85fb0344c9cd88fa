/*
 * Requests whose segments stand in pages of the guest: room for them, and the
 * one look at those pages.  See inside.h; submit.c calls it.
 *
 * A unit is the room of one such request, made when the ring is attached: its
 * segments and all that goes with each.  The descriptors are copied into it, by
 * words from a page that the cache keeps mapped or by grant copy, before anybody
 * judges them; nothing is read from the guest's page again.
 */
#include "backend/worker/inside.h"

#include <errno.h>
#include <stdlib.h>
#include <xen/io/blkif.h>

#include "backend/base/check.h"
#include "backend/worker/persistent.h"

/* What a descriptor is in a guest's page, a segment is here. */
_Static_assert(sizeof(struct segment) == sizeof(struct blkif_request_segment) &&
		       offsetof(struct segment, gref) ==
			       offsetof(struct blkif_request_segment, gref) &&
		       offsetof(struct segment, first_sector) ==
			       offsetof(struct blkif_request_segment,
					first_sect) &&
		       offsetof(struct segment, last_sector) ==
			       offsetof(struct blkif_request_segment,
					last_sect),
	       "copied as it stands");

#define SEGMENT_WORDS (sizeof(struct segment) / 4)

struct indirect_unit {
	struct indirect_unit *next; /* of the free ones */
	uint32_t *words;	    /* its descriptors, as they arrive */
	struct iovec *iov;
	void **page;
	struct persistent_entry **entry;
};

struct indirect {
	struct indirect_unit *free;
	unsigned int units;
	uint32_t *words; /* of all units; and so on */
	struct iovec *iov;
	void **page;
	struct persistent_entry **entry;
	struct indirect_unit unit[];
};

static unsigned int units_of(unsigned int segments, unsigned int slots)
{
	unsigned int units = LIMIT_INDIRECT_UNDER_WAY / segments;

	return units < slots ? units : slots;
}

int indirect_create(unsigned int segments, unsigned int slots,
		    struct indirect **indirect)
{
	const unsigned int units = units_of(segments, slots);
	const size_t all = (size_t)units * segments;
	struct indirect *n;

	CHECK(segments >= 1 && segments <= LIMIT_INDIRECT_SEGMENTS);
	CHECK(units >= 1);
	n = calloc(1, sizeof(*n) + units * sizeof(n->unit[0]));
	if (!n)
		return -ENOMEM;
	/* Address space at first: a unit costs memory once it is used, and the
	 * one that was used last is used next. */
	n->words = calloc(all * SEGMENT_WORDS, sizeof(n->words[0]));
	n->iov = calloc(all, sizeof(n->iov[0]));
	n->page = calloc(all, sizeof(n->page[0]));
	n->entry = calloc(all, sizeof(n->entry[0]));
	if (!n->words || !n->iov || !n->page || !n->entry) {
		indirect_destroy(n);
		return -ENOMEM;
	}
	n->units = units;
	for (unsigned int i = units; i-- > 0;) {
		const size_t first = (size_t)i * segments;

		n->unit[i] = (struct indirect_unit){
			.next = n->free,
			.words = n->words + first * SEGMENT_WORDS,
			.iov = n->iov + first,
			.page = n->page + first,
			.entry = n->entry + first,
		};
		n->free = &n->unit[i];
	}
	*indirect = n;
	return 0;
}

void indirect_destroy(struct indirect *indirect)
{
	if (!indirect)
		return;
	free(indirect->entry);
	free(indirect->page);
	free(indirect->iov);
	free(indirect->words);
	free(indirect);
}

unsigned int indirect_units(const struct indirect *indirect)
{
	return indirect ? indirect->units : 0;
}

bool indirect_take(struct submit *s, struct io *io)
{
	struct indirect_unit *unit = s->indirect->free;

	CHECK(io->unit == NULL && io->held == 0);
	if (!unit)
		return false;
	s->indirect->free = unit->next;
	unit->next = NULL;
	io->unit = unit;
	io->segment = (const struct segment *)(const void *)unit->words;
	io->iov = unit->iov;
	io->page = unit->page;
	io->entry = unit->entry;
	return true;
}

void indirect_give(struct submit *s, struct io *io)
{
	CHECK(io->unit != NULL && io->held == 0);
	io->unit->next = s->indirect->free;
	s->indirect->free = io->unit;
	io->unit = NULL;
	io_use_own(io);
}

/* One page of descriptors; false when it has to be copied. */
static bool read_cached(struct submit *s, uint32_t gref, uint32_t *to,
			unsigned int segments)
{
	struct persistent_entry *entry =
		s->persistent ? persistent_get(s->persistent, gref) : NULL;

	if (!entry)
		return false;
	persistent_copy_words(entry, to, segments * SEGMENT_WORDS);
	persistent_put(s->persistent, entry, s->now_ns);
	return true;
}

void indirect_read(struct submit *s, struct io *io)
{
	const struct request *r = &io->slot->request;
	unsigned int left = r->segments;

	CHECK(io->unit != NULL && r->indirect);
	CHECK(grants_copy_room(s->grants) >= LIMIT_DESCRIPTOR_PAGES);
	io->copy_first = (uint16_t)grants_copy_count(s->grants);
	for (unsigned int i = 0; left > 0; i++) {
		const unsigned int n =
			left < LIMIT_DESCRIPTORS ? left : LIMIT_DESCRIPTORS;
		uint32_t *to =
			io->unit->words + i * LIMIT_DESCRIPTORS * SEGMENT_WORDS;
		const struct grants_span span = {
			.gref = r->descriptors[i],
			.length = (uint16_t)(n * sizeof(struct segment)),
		};

		left -= n;
		if (read_cached(s, span.gref, to, n))
			continue;
		grants_copy_in(s->grants, &span, to);
		io->bounced++;
	}
}

enum refusal indirect_judge(struct submit *s, struct io *io)
{
	struct request *r = &io->slot->request;
	const bool arrived =
		grants_copied(s->grants, io->copy_first, io->bounced);

	CHECK(io->unit != NULL && r->indirect);
	stats_add(&s->stats->copies, io->bounced);
	io->bounced = 0;
	if (!arrived)
		return REFUSE_DESCRIPTORS_BAD;
	if (s->recorder)
		recorder_segments(s->recorder, io->slot->index, io->segment,
				  r->segments);
	return request_describe(r, io->segment, &s->rules);
}
