/*
 * From a REQUEST record to a slot: valid fields by default, exactly one thing
 * wrong when the record says so.
 *
 * Pages and sectors are chosen so that requests in flight do not meet, unless
 * the record asks for overlap: only then is what they move judged byte for
 * byte.
 */
#include <string.h>

#include "backend/base/checked.h"
#include "fuzz/player.h"

enum {
	TWIST_REVERSED,
	TWIST_PAST_PAGE,
	TWIST_FAR_PAST_PAGE,
	TWIST_PAST_END,
	TWIST_AT_END,
	TWIST_WRAP,
	TWIST_WRAP_BYTES,
	TWIST_HUGE,
	TWIST_COUNT,
};

static uint8_t operation_of(uint8_t value)
{
	static const uint8_t usual[] = {0, 1, 3, 1, 0, 1, 0, 1};

	if (value < SCRIPT_ODD)
		return usual[value % 8];
	return value == 0xff ? 0xff : (uint8_t)(value - SCRIPT_ODD);
}

/* What nr_segments says; may be more than a slot has. */
static uint8_t segments_of(uint8_t value, bool flush)
{
	if (value >= SCRIPT_ODD)
		return value == 0xff ? 255
		       : value >= SCRIPT_ODD + 12
			       ? (uint8_t)(value - SCRIPT_ODD)
			       : (uint8_t)((value - SCRIPT_ODD) * 23);
	if (value == 0)
		return flush ? 0 : 1;
	return (uint8_t)(1 + (value - 1) % REFERENCE_SEGMENTS);
}

struct place build_place(const struct player *player, unsigned int queue)
{
	const unsigned int half = GUEST_DATA_PAGES / 2;
	const uint64_t sectors = player->disk.sectors;

	if (player->bend.place != PLACE_HALVES)
		return (struct place){0, GUEST_DATA_PAGES, 0, sectors};
	if (queue == 0)
		return (struct place){0, half, 0, sectors / 2};
	return (struct place){half, half, sectors / 2, sectors - sectors / 2};
}

static unsigned int choose_page(struct player *player, uint8_t wanted,
				unsigned int count, const struct place *place)
{
	unsigned int page = wanted;

	if (place != NULL)
		return place->page + page % place->pages;
	page += player->next_page;
	for (unsigned int tries = 0; tries < GUEST_DATA_PAGES;
	     tries++, page++) {
		bool busy = false;

		for (unsigned int i = 0; i < count && !busy; i++)
			busy = model_page_busy(&player->model,
					       (page + i) % GUEST_DATA_PAGES);
		if (!busy)
			break;
	}
	player->next_page += count;
	return page % GUEST_DATA_PAGES;
}

static uint64_t choose_sector(struct player *player, uint16_t wanted,
			      uint64_t count, const struct place *place)
{
	uint64_t places;
	uint64_t sector;

	if (place != NULL && count > place->sectors)
		return player->disk.sectors;
	if (count == 0 || count > player->disk.sectors)
		return wanted;
	if (place != NULL)
		return place->sector + wanted % (place->sectors - count + 1);
	places = player->disk.sectors - count + 1;
	sector = (wanted + player->next_sector) % places;
	for (unsigned int tries = 0; tries < 16; tries++) {
		if (!model_disk_busy(&player->model, sector, (uint32_t)count))
			break;
		sector = (sector + count) % places;
	}
	player->next_sector += (uint32_t)count;
	return sector;
}

static uint64_t sectors_of(const struct guest_request *request)
{
	uint64_t sectors = request->discard ? request->extent : 0;

	for (unsigned int i = 0; i < guest_segments(request); i++)
		sectors += request->segment[i].last -
			   request->segment[i].first + 1u;
	return sectors;
}

/* Every other segment ends within its page, and the next begins in its own where
 * that one ended: what joins in its offsets lies in two pages all the same. */
static void cut_segments(struct guest_request *request, unsigned int count,
			 uint8_t at)
{
	for (unsigned int i = 0; i + 1 < count; i += 2) {
		if (request->segment[i].first >= at ||
		    request->segment[i + 1].last < at)
			continue;
		request->segment[i].last = (uint8_t)(at - 1);
		request->segment[i + 1].first = at;
	}
}

static void fill_segments(const struct script_record *r,
			  const struct place *place, unsigned int page,
			  struct guest_request *request)
{
	uint8_t skip = script_u8(r, REQUEST_SKIP) % PAGE_SECTORS;
	uint8_t trim = script_u8(r, REQUEST_TRIM) % PAGE_SECTORS;
	unsigned int count = guest_segments(request);

	for (unsigned int i = 0; i < count; i++) {
		uint8_t first = i == 0 ? skip : 0;
		uint8_t last = PAGE_SECTORS - 1;

		if (i == count - 1)
			last = (uint8_t)(last - (trim + first < PAGE_SECTORS
							 ? trim
							 : 0));
		request->segment[i].gref =
			GREF_DATA + place->page +
			(page - place->page + i) % place->pages;
		request->segment[i].first = first;
		request->segment[i].last = last;
	}
	if (script_u8(r, REQUEST_SKIP) >= SCRIPT_CUT)
		cut_segments(request, count,
			     script_u8(r, REQUEST_SKIP) / PAGE_SECTORS %
				     PAGE_SECTORS);
}

static void fill_data(struct player *player, const struct script_record *r,
		      const struct guest_request *request)
{
	unsigned int count = guest_segments(request);
	uint8_t data = script_u8(r, REQUEST_DATA);

	if (request->operation == 0 || data >= 0xf0)
		return;
	for (unsigned int i = 0; i < count; i++) {
		unsigned int page = request->segment[i].gref - GREF_DATA;

		for (unsigned int s = request->segment[i].first;
		     s <= request->segment[i].last; s++)
			actions_pattern(player, page, s,
					data + (request->id << 8));
	}
}

static void twist(const struct player *player, const struct script_record *r,
		  const struct place *place, struct guest_request *request)
{
	const uint64_t sectors = sectors_of(request);
	uint8_t value = script_u8(r, REQUEST_TWIST);
	unsigned int count = guest_segments(request);
	unsigned int victim =
		count == 0 ? 0 : script_u8(r, REQUEST_VICTIM) % count;

	if (value < SCRIPT_ODD)
		return;
	switch ((value - SCRIPT_ODD) % TWIST_COUNT) {
	case TWIST_REVERSED:
		request->segment[victim].first = 5;
		request->segment[victim].last = 2;
		break;
	case TWIST_PAST_PAGE:
		request->segment[victim].last = PAGE_SECTORS;
		break;
	case TWIST_FAR_PAST_PAGE:
		request->segment[victim].last = 255;
		break;
	case TWIST_PAST_END:
		request->sector = player->disk.sectors - sectors + 1;
		break;
	case TWIST_AT_END:
		request->sector = place->sector + place->sectors - sectors;
		break;
	case TWIST_WRAP:
		request->sector = UINT64_MAX - sectors + 1;
		break;
	case TWIST_WRAP_BYTES:
		request->sector |= UINT64_C(1) << 55;
		break;
	default:
		request->sector |= UINT64_C(1) << 63;
		break;
	}
}

static void choose_grants(const struct script_record *r,
			  struct guest_request *request)
{
	static const uint32_t bad[] = {GREF_UNUSED, GREF_OTHER, UINT32_MAX, 0};
	uint8_t value = script_u8(r, REQUEST_GRANT);
	unsigned int count = guest_segments(request);
	uint32_t *victim;

	if (value < 0xc0 || count == 0)
		return;
	victim = &request->segment[script_u8(r, REQUEST_VICTIM) % count].gref;
	if (value >= SCRIPT_ODD)
		*victim = bad[value % 4];
	else if (value >= 0xd0)
		*victim += GREF_READONLY - GREF_DATA;
	else
		for (unsigned int i = 0; i < count; i++)
			request->segment[i].gref = *victim;
}

static uint64_t choose_id(struct guest_queue *q, uint8_t value)
{
	if (value < SCRIPT_ODD)
		return ++q->next_id;
	switch (value % 4) {
	case 0:
		return q->next_id;
	case 1:
		return 0;
	case 2:
		return UINT64_MAX;
	default:
		return value;
	}
}

/* In a straight play every id is another, and tells which request it is. */
static uint64_t straight_id(struct player *player, uint8_t value)
{
	return UINT64_C(0x8123456700000000) ^ (uint64_t)value << 24 ^
	       ++player->straight.sequence;
}

static void fill_head(struct player *player, const struct script_record *r,
		      struct guest_request *request)
{
	struct guest *guest = &player->guest;
	unsigned int queue = script_u8(r, ANY_QUEUE) % guest->shape.queues;
	uint8_t id = script_u8(r, REQUEST_ID);

	memset(request, 0, sizeof(*request));
	request->operation = operation_of(script_u8(r, REQUEST_OPERATION));
	request->nr_segments = segments_of(script_u8(r, REQUEST_SEGMENTS),
					   request->operation == 3);
	request->handle = script_u8(r, REQUEST_TRIM);
	request->id = player->bend.place == PLACE_STRAIGHT
			      ? straight_id(player, id)
			      : choose_id(&guest->queue[queue], id);
}

/* Mostly a few sectors; odd: what ends in a wrong place when it is cut or
 * multiplied. */
static uint64_t extent_of(uint8_t value)
{
	static const uint64_t odd[] = {
		(UINT64_C(1) << 32) + 8, UINT64_C(1) << 54,
		(UINT64_C(1) << 55) + 8, UINT64_MAX,
		UINT64_MAX / 512,	 DISK_MAX_SECTORS,
	};

	if (value < SCRIPT_ODD)
		return value;
	return odd[(value - SCRIPT_ODD) % ARRAY_SIZE(odd)];
}

/* Where discards are offered, some of what else is a read is one. */
static void make_discard(const struct script_record *r,
			 struct guest_request *request)
{
	const uint8_t operation = script_u8(r, REQUEST_OPERATION);

	if (operation < SCRIPT_ODD && operation % 8 == 6)
		request->operation = 5;
	if (request->operation != 5)
		return;
	request->discard = true;
	request->nr_segments = 0;
	request->flags = script_u8(r, REQUEST_SKIP);
	request->extent = extent_of(script_u8(r, REQUEST_SEGMENTS));
}

static uint16_t claimed_of(uint8_t value)
{
	static const uint16_t odd[] = {0, REFERENCE_MOST + 1, 255, 65535};

	if (value >= SCRIPT_ODD)
		return odd[(value - SCRIPT_ODD) % 4];
	return value == 0 ? 1 : (uint16_t)(1u + (value - 1u) % REFERENCE_MOST);
}

/* What an indirect request does, how many segments it claims to have, and where
 * they stand. */
static void fill_indirect(struct player *player, const struct script_record *r,
			  struct guest_request *request)
{
	static const uint32_t bad[] = {GREF_UNUSED, GREF_OTHER, UINT32_MAX};
	const uint8_t operation = script_u8(r, REQUEST_OPERATION);
	const uint8_t list = script_u8(r, INDIRECT_LIST);

	request->indirect = true;
	request->operation = operation < SCRIPT_ODD ? operation % 2
						    : operation_of(operation);
	request->claimed = claimed_of(script_u8(r, REQUEST_SEGMENTS));
	request->nr_segments =
		(uint8_t)(request->claimed < REFERENCE_MOST ? request->claimed
							    : REFERENCE_MOST);
	request->list_page = (uint8_t)choose_page(player, list, 1, NULL);
	request->list = GREF_DATA + request->list_page;
	if (list >= SCRIPT_ODD)
		request->list = (list - SCRIPT_ODD) % 4 == 3
					? GREF_READONLY + request->list_page
					: bad[(list - SCRIPT_ODD) % 4];
}

/* The page of descriptors, written last: it may carry data as well. */
static void write_list(struct player *player,
		       const struct guest_request *request)
{
	uint8_t bytes[REFERENCE_MOST * 8] = {0};

	for (unsigned int i = 0; i < guest_segments(request); i++) {
		memcpy(bytes + 8 * i, &request->segment[i].gref, 4);
		bytes[8 * i + 4] = request->segment[i].first;
		bytes[8 * i + 5] = request->segment[i].last;
	}
	model_guest_writes(&player->model, request->list_page, 0, bytes,
			   sizeof(bytes));
}

bool build_request(struct player *player, const struct script_record *r,
		   struct guest_request *request)
{
	const unsigned int queue =
		script_u8(r, ANY_QUEUE) % player->guest.shape.queues;
	const struct place place = build_place(player, queue);
	/* NULL: where it meets nobody who is in flight. */
	const struct place *fixed = &place;
	struct guest_request plain;
	unsigned int count;
	unsigned int page;

	const bool indirect = script_kind(r) == SCRIPT_INDIRECT;

	/* Plays that are compared, or taped, do without: nobody else plays it. */
	if (indirect &&
	    (player->bend.place != PLACE_APART || player->tape != NULL))
		return false;
	if (player->bend.place == PLACE_APART &&
	    (indirect || script_u8(r, REQUEST_OVERLAP) < SCRIPT_ODD))
		fixed = NULL;
	fill_head(player, r, request);
	if (indirect)
		fill_indirect(player, r, request);
	else if (player->guest.shape.discard)
		make_discard(r, request);
	count = guest_segments(request);
	page = choose_page(player, script_u8(r, REQUEST_PAGE), count, fixed);
	fill_segments(r, &place, page, request);
	request->sector = choose_sector(player, script_u16(r, REQUEST_SECTOR),
					sectors_of(request), fixed);
	plain = *request;
	choose_grants(r, request);
	twist(player, r, &place, request);
	if (player->bend.place == PLACE_STRAIGHT &&
	    !straight_admit(player, &plain, request))
		return false;
	fill_data(player, r, &plain);
	if (indirect)
		write_list(player, request);
	return true;
}
