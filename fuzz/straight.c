/* Who may be in flight together.  See straight.h. */
#include "fuzz/straight.h"

#include <string.h>

#include "fuzz/player.h"

/* The fewest slots that a ring has: with more it would be full. */
#define PLACED_LIMIT 32u

/* What one request touches. */
struct extents {
	bool reads; /* the disk, that is: it writes the guest's pages */
	uint64_t sector;
	uint32_t sectors;
	uint8_t page[GUEST_DATA_PAGES];	  /* by the backend */
	uint8_t filled[GUEST_DATA_PAGES]; /* by the guest before that */
	bool twice;			  /* a page's sector more than once */
	bool uncertain;			  /* a read that fails half-way */
};

void straight_begin(struct straight *straight)
{
	memset(straight, 0, sizeof(*straight));
}

void straight_settle(struct player *player)
{
	struct straight *s = &player->straight;
	const uint32_t sequence = s->sequence;
	const bool held = player->disk.hold;

	if (!player->attached)
		return;
	for (unsigned int i = 0; i < player->guest.shape.queues; i++) {
		(void)guest_publish(&player->guest, i, 0);
		guest_kick(&player->guest, i);
	}
	disk_release(&player->disk);
	turns_run_all(player);
	player->disk.hold = held;
	straight_begin(s);
	s->sequence = sequence;
}

/* Which data page a reference means to the one who wrote the table. */
static unsigned int page_of(const struct guest *guest, uint32_t gref)
{
	if (gref >= GREF_COUNT || !guest->grant[gref].valid)
		return GUEST_DATA_PAGES;
	return guest->grant[gref].page;
}

static uint8_t mask_of(uint8_t first, uint8_t last)
{
	if (first > last || last >= PAGE_SECTORS)
		return 0;
	return (uint8_t)(((2u << (last - first)) - 1) << first);
}

static void collect(const struct guest *guest,
		    const struct guest_request *plain,
		    const struct guest_request *request, struct extents *e)
{
	memset(e, 0, sizeof(*e));
	e->reads = request->operation == 0;
	e->sector = request->sector;
	if (request->discard)
		e->sectors = request->extent < DISK_MAX_SECTORS
				     ? (uint32_t)request->extent
				     : DISK_MAX_SECTORS;
	for (unsigned int i = 0;
	     i < request->nr_segments && i < REFERENCE_SEGMENTS; i++) {
		uint32_t gref = request->segment[i].gref;
		unsigned int page = page_of(guest, gref);
		uint8_t mask = mask_of(request->segment[i].first,
				       request->segment[i].last);

		e->sectors += (uint32_t)__builtin_popcount(mask);
		e->filled[plain->segment[i].gref - GREF_DATA] |= mask_of(
			plain->segment[i].first, plain->segment[i].last);
		if (page == GUEST_DATA_PAGES || guest->grant[gref].readonly)
			e->uncertain = request->nr_segments > 1;
		if (page == GUEST_DATA_PAGES)
			continue;
		if ((e->page[page] & mask) != 0)
			e->twice = true;
		e->page[page] |= mask;
	}
}

static bool disk_meets(const struct straight *s, const struct extents *e)
{
	for (uint64_t at = e->sector; at < e->sector + e->sectors; at++) {
		uint64_t bit = UINT64_C(1) << at % 64;

		if (at >= DISK_MAX_SECTORS)
			return false; /* it is refused */
		if ((s->disk_written[at / 64] & bit) != 0 ||
		    (!e->reads && (s->disk_read[at / 64] & bit) != 0))
			return true;
	}
	return false;
}

static bool pages_meet(const struct straight *s, const struct extents *e)
{
	for (unsigned int p = 0; p < GUEST_DATA_PAGES; p++) {
		uint8_t used = s->page_read[p] | s->page_written[p];

		if ((e->filled[p] & used) != 0 ||
		    (e->page[p] & (e->reads ? used : s->page_written[p])) != 0)
			return true;
	}
	return false;
}

static void note(struct straight *s, const struct extents *e)
{
	uint64_t *disk = e->reads ? s->disk_read : s->disk_written;
	uint8_t *page = e->reads ? s->page_written : s->page_read;

	s->placed++;
	for (uint64_t at = e->sector;
	     at < e->sector + e->sectors && at < DISK_MAX_SECTORS; at++)
		disk[at / 64] |= UINT64_C(1) << at % 64;
	for (unsigned int p = 0; p < GUEST_DATA_PAGES; p++)
		page[p] |= e->page[p];
}

bool straight_admit(struct player *player, const struct guest_request *plain,
		    const struct guest_request *request)
{
	struct straight *s = &player->straight;
	struct extents e;

	collect(&player->guest, plain, request, &e);
	if (e.reads && (e.twice || e.uncertain))
		return false;
	if (s->placed == PLACED_LIMIT || disk_meets(s, &e) || pages_meet(s, &e))
		straight_settle(player);
	note(s, &e);
	return true;
}

void straight_guest_writes(struct player *player, unsigned int page,
			   unsigned int sector)
{
	const struct straight *s = &player->straight;

	if (((s->page_read[page] | s->page_written[page]) >> sector & 1) != 0)
		straight_settle(player);
}
