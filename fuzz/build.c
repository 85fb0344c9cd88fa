/*
 * From a REQUEST record to a slot: valid fields by default, exactly one thing
 * wrong when the record says so.
 *
 * Pages and sectors are chosen so that requests in flight do not meet, unless
 * the record asks for overlap: only then is what they move judged byte for
 * byte.
 */
#include <string.h>

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

static unsigned int choose_page(struct player *player, uint8_t wanted,
				unsigned int count, bool overlap)
{
	unsigned int page = wanted;

	if (overlap)
		return page % GUEST_DATA_PAGES;
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
			      uint32_t count, bool overlap)
{
	uint64_t places;
	uint64_t sector;

	if (count == 0 || count > player->disk.sectors)
		return wanted;
	places = player->disk.sectors - count + 1;
	if (overlap)
		return wanted % places;
	sector = (wanted + player->next_sector) % places;
	for (unsigned int tries = 0; tries < 16; tries++) {
		if (!model_disk_busy(&player->model, sector, count))
			break;
		sector = (sector + count) % places;
	}
	player->next_sector += count;
	return sector;
}

static uint32_t fill_segments(const struct script_record *r, unsigned int page,
			      struct guest_request *request)
{
	uint8_t skip = script_u8(r, REQUEST_SKIP) % PAGE_SECTORS;
	uint8_t trim = script_u8(r, REQUEST_TRIM) % PAGE_SECTORS;
	unsigned int count = request->nr_segments < REFERENCE_SEGMENTS
				     ? request->nr_segments
				     : REFERENCE_SEGMENTS;
	uint32_t sectors = 0;

	for (unsigned int i = 0; i < count; i++) {
		uint8_t first = i == 0 ? skip : 0;
		uint8_t last = PAGE_SECTORS - 1;

		if (i == count - 1)
			last = (uint8_t)(last - (trim + first < PAGE_SECTORS
							 ? trim
							 : 0));
		request->segment[i].gref =
			GREF_DATA + (page + i) % GUEST_DATA_PAGES;
		request->segment[i].first = first;
		request->segment[i].last = last;
		sectors += last - first + 1u;
	}
	return sectors;
}

static void fill_data(struct player *player, const struct script_record *r,
		      const struct guest_request *request)
{
	unsigned int count = request->nr_segments;
	uint8_t data = script_u8(r, REQUEST_DATA);

	if (request->operation == 0 || data >= 0xf0)
		return;
	for (unsigned int i = 0; i < count && i < REFERENCE_SEGMENTS; i++) {
		unsigned int page = request->segment[i].gref - GREF_DATA;

		for (unsigned int s = request->segment[i].first;
		     s <= request->segment[i].last; s++)
			actions_pattern(player, page, s,
					data + (request->id << 8));
	}
}

static void twist(const struct player *player, const struct script_record *r,
		  uint32_t sectors, struct guest_request *request)
{
	uint8_t value = script_u8(r, REQUEST_TWIST);
	unsigned int count = request->nr_segments < REFERENCE_SEGMENTS
				     ? request->nr_segments
				     : REFERENCE_SEGMENTS;
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
		request->sector = player->disk.sectors - sectors;
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
	unsigned int count = request->nr_segments < REFERENCE_SEGMENTS
				     ? request->nr_segments
				     : REFERENCE_SEGMENTS;
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

void build_request(struct player *player, const struct script_record *r,
		   struct guest_request *request)
{
	struct guest *guest = &player->guest;
	bool overlap = script_u8(r, REQUEST_OVERLAP) >= SCRIPT_ODD;
	unsigned int count;
	unsigned int page;
	uint32_t sectors;

	memset(request, 0, sizeof(*request));
	request->operation = operation_of(script_u8(r, REQUEST_OPERATION));
	request->nr_segments = segments_of(script_u8(r, REQUEST_SEGMENTS),
					   request->operation == 3);
	request->handle = script_u8(r, REQUEST_TRIM);
	request->id = choose_id(
		&guest->queue[script_u8(r, ANY_QUEUE) % guest->shape.queues],
		script_u8(r, REQUEST_ID));
	count = request->nr_segments < REFERENCE_SEGMENTS ? request->nr_segments
							  : REFERENCE_SEGMENTS;
	page = choose_page(player, script_u8(r, REQUEST_PAGE), count, overlap);
	sectors = fill_segments(r, page, request);
	request->sector = choose_sector(player, script_u16(r, REQUEST_SECTOR),
					sectors, overlap);
	fill_data(player, r, request);
	choose_grants(r, request);
	twist(player, r, sectors, request);
}
