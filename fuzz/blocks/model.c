/* Who has written what.  See model.h. */
#include "fuzz/blocks/model.h"

#include <string.h>

#include "backend/base/check.h"
#include "fuzz/bytes.h"

#define WORDS (SECTOR_BYTES / 8)

struct span {
	struct model_range range;
	uint32_t began, over; /* over 0: under way */
};

static struct {
	uint32_t now, count;
	struct span span[MODEL_NUMBERS + 1]; /* the first: nobody's */
	/* The latest beginning of those that ended well. */
	uint32_t since[DISK_MAX_SECTORS];
} model;

void model_begin(void)
{
	model.now = model.count = 0;
	memset(model.since, 0, sizeof(model.since));
}

uint32_t model_now(void)
{
	return model.now;
}

uint32_t model_start(const struct model_range *range)
{
	CHECK(model.count < MODEL_NUMBERS);
	CHECK(range->sector + range->sectors <= DISK_MAX_SECTORS);
	model.span[++model.count] =
		(struct span){.range = *range, .began = ++model.now};
	return model.count;
}

void model_over(uint32_t number, bool well)
{
	struct span *span = &model.span[number];
	const uint32_t end = span->range.sector + span->range.sectors;

	CHECK(number >= 1 && number <= model.count && span->over == 0);
	span->over = ++model.now;
	if (!well || span->range.discard)
		return;
	for (uint32_t s = span->range.sector; s < end; s++)
		if (model.since[s] < span->began)
			model.since[s] = span->began;
}

/* The first word is the number; no word is odd, as those of disk_pattern() are. */
void model_fill(uint32_t number, uint32_t sector, uint8_t bytes[SECTOR_BYTES])
{
	const uint64_t first = number * UINT64_C(0x9e3779b97f4a7c15) +
			       sector * UINT64_C(0xc2b2ae3d27d4eb4f);
	uint64_t word[WORDS];

	for (unsigned int i = 0; i < WORDS; i++)
		word[i] = (first + i * UINT64_C(0xd1342543de82ef95)) &
			  ~UINT64_C(1);
	word[0] = (uint64_t)number << 1;
	memcpy(bytes, word, sizeof(word));
}

uint32_t model_since(uint32_t sector)
{
	return model.since[sector];
}

static bool covers(const struct span *span, uint32_t sector, uint32_t since)
{
	return sector >= span->range.sector &&
	       sector - span->range.sector < span->range.sectors &&
	       (span->over == 0 || span->over >= since);
}

static bool may_be_zero(uint32_t sector, uint32_t since)
{
	for (uint32_t n = 1; n <= model.count; n++)
		if (model.span[n].range.discard &&
		    covers(&model.span[n], sector, since))
			return true;
	return false;
}

bool model_allows(uint32_t sector, const uint8_t bytes[SECTOR_BYTES],
		  uint32_t since)
{
	uint8_t expected[SECTOR_BYTES] = {0};
	uint64_t first;

	CHECK(sector < DISK_MAX_SECTORS);
	memcpy(&first, bytes, sizeof(first));
	if (first % 2 != 0) {
		disk_pattern(sector, expected);
		return since == 0 && bytes_equal(bytes, expected, SECTOR_BYTES);
	}
	if (first == 0)
		return may_be_zero(sector, since) &&
		       bytes_equal(bytes, expected, SECTOR_BYTES);
	if (first >> 1 > model.count)
		return false;
	model_fill((uint32_t)(first >> 1), sector, expected);
	return !model.span[first >> 1].range.discard &&
	       covers(&model.span[first >> 1], sector, since) &&
	       bytes_equal(bytes, expected, SECTOR_BYTES);
}
