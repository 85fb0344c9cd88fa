/* Taking and comparing what a play left behind.  See outcome.h. */
#include "fuzz/outcome.h"

#include <string.h>

#include "backend/base/checked.h"
#include "fuzz/bytes.h"
#include "fuzz/player.h"

/* A script has fewer requests than that. */
#define SEQUENCES 256u
#define NONE	  OUTCOME_UNANSWERED

_Static_assert(SEQUENCES > SCRIPT_MAX_OPERATIONS, "a number for each");

static void take_disk(const struct disk *disk, struct outcome *o)
{
	o->sectors = disk->sectors;
	memcpy(o->touched, disk->touched, sizeof(o->touched));
	for (unsigned int w = 0; w < ARRAY_SIZE(o->touched); w++)
		for (uint64_t bits = o->touched[w]; bits != 0;
		     bits &= bits - 1) {
			size_t at =
				(64 * w + (unsigned int)__builtin_ctzll(bits)) *
				SECTOR_BYTES;

			bytes_copy(o->bytes + at, disk->bytes + at,
				   SECTOR_BYTES);
		}
}

void outcome_take(const struct player *player, struct outcome *o)
{
	const struct model *model = &player->model;

	o->blind = model->blind;
	sim_ledger(BACKEND_DOMID, &o->work);
	memcpy(o->pace, player->pace, sizeof(o->pace));
	o->answers = model->answers;
	memcpy(o->answer, model->answer,
	       model->answers * sizeof(model->answer[0]));
	take_disk(&player->disk, o);
	o->page_touched = model->page_touched;
	for (unsigned int p = 0; p < GUEST_DATA_PAGES; p++)
		if ((o->page_touched >> p & 1) != 0)
			bytes_copy(o->page[p],
				   player->guest.memory + p * XEN_PAGE_BYTES,
				   XEN_PAGE_BYTES);
}

/* What a sector holds that may never have been written. */
static const uint8_t *sector_of(const struct outcome *o, uint64_t sector,
				uint8_t *pattern)
{
	if ((o->touched[sector / 64] >> sector % 64 & 1) != 0)
		return o->bytes + sector * SECTOR_BYTES;
	disk_pattern(sector, pattern);
	return pattern;
}

static const uint8_t *page_of(const struct outcome *o, unsigned int page)
{
	static const uint8_t zeroes[XEN_PAGE_BYTES];

	return (o->page_touched >> page & 1) != 0 ? o->page[page] : zeroes;
}

static struct outcome_difference disk_difference(const struct outcome *a,
						 const struct outcome *b,
						 uint64_t sectors)
{
	uint8_t one[SECTOR_BYTES], other[SECTOR_BYTES];

	for (unsigned int w = 0; w < ARRAY_SIZE(a->touched); w++)
		for (uint64_t bits = a->touched[w] | b->touched[w]; bits != 0;
		     bits &= bits - 1) {
			uint64_t s =
				64 * w + (unsigned int)__builtin_ctzll(bits);

			if (s < sectors &&
			    !bytes_equal(sector_of(a, s, one),
					 sector_of(b, s, other), SECTOR_BYTES))
				return (struct outcome_difference){
					.what = "disk sector", .where = s};
		}
	return (struct outcome_difference){0};
}

struct outcome_difference outcome_data(const struct outcome *a,
				       const struct outcome *b,
				       const struct outcome_part *part)
{
	for (unsigned int p = 0; p < part->pages; p++)
		if (((a->page_touched | b->page_touched) >> p & 1) != 0 &&
		    !bytes_equal(page_of(a, p), page_of(b, p), XEN_PAGE_BYTES))
			return (struct outcome_difference){.what = "guest page",
							   .where = p};
	return disk_difference(a, b, part->sectors);
}

struct outcome_difference outcome_statuses(const struct outcome *a,
					   const struct outcome *b)
{
	int16_t status[SEQUENCES];
	unsigned int left = SEQUENCES;

	for (unsigned int i = 0; i < SEQUENCES; i++)
		status[i] = NONE;
	for (unsigned int i = 0; i < a->answers; i++)
		status[a->answer[i].id % SEQUENCES] = a->answer[i].status;
	for (unsigned int i = 0; i < b->answers; i++) {
		unsigned int at = b->answer[i].id % SEQUENCES;

		if (status[at] != b->answer[i].status)
			return (struct outcome_difference){
				.what = "request",
				.where = at,
				.one = status[at],
				.other = b->answer[i].status};
		status[at] = NONE;
	}
	while (left-- > 0)
		if (status[left] != NONE)
			return (struct outcome_difference){.what = "request",
							   .where = left,
							   .one = status[left],
							   .other = NONE};
	return (struct outcome_difference){0};
}
