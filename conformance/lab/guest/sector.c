/*
 * The content of sectors: see sector.h.
 *
 * Owns the pattern and the judgement, nothing else.  Called by load.c.  A head
 * names seed, place and generation; the rest is a sequence that follows from
 * these, so that two sectors that differ in one of them differ everywhere.
 */
#include "conformance/lab/guest/sector.h"

#include <stdbool.h>
#include <string.h>

#define MAGIC 0x6b7369646c62616cull /* "labldisk" in a dump */
#define WORDS (SECTOR_BYTES / sizeof(uint64_t))

struct head {
	uint64_t magic;
	uint64_t seed;
	uint64_t sector;
	uint64_t generation;
};

#define HEAD_WORDS (sizeof(struct head) / sizeof(uint64_t))

uint64_t sector_mix(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

void sector_fill(void *data, const struct sector_id *id)
{
	uint64_t word[WORDS];
	struct head head = {MAGIC, id->seed, id->sector, id->generation};
	uint64_t state = id->seed ^ (id->sector << 24) ^ id->generation;

	memcpy(word, &head, sizeof(head));
	for (unsigned int i = HEAD_WORDS; i < WORDS; i++)
		word[i] = sector_mix(&state);
	memcpy(data, word, sizeof(word));
}

static bool is_whole(const void *data, const struct head *head)
{
	unsigned char right[SECTOR_BYTES];
	struct sector_id id = {head->seed, head->sector,
			       (uint32_t)head->generation};

	sector_fill(right, &id);
	return memcmp(data, right, sizeof(right)) == 0;
}

enum sector_verdict sector_judge(const void *data, const struct sector_id *id)
{
	struct head head;

	memcpy(&head, data, sizeof(head));
	if (head.magic != MAGIC || head.seed != id->seed)
		return SECTOR_FOREIGN;
	if (!is_whole(data, &head))
		return SECTOR_TORN;
	if (head.sector != id->sector)
		return SECTOR_MISPLACED;
	if (head.generation == id->generation)
		return SECTOR_RIGHT;
	return head.generation < id->generation ? SECTOR_STALE : SECTOR_EARLY;
}

const char *sector_verdict_name(enum sector_verdict verdict)
{
	static const char *const names[SECTOR_VERDICTS] = {
		"right", "stale", "early", "misplaced", "torn", "foreign",
	};

	return verdict < SECTOR_VERDICTS ? names[verdict] : "unknown";
}
