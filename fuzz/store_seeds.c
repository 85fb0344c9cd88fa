/*
 * What queues and NBD servers do with each other, once in every form.  See
 * seed_makers.h.
 */
#include <stdint.h>
#include <string.h>

#include "backend/base/checked.h"
#include "fuzz/nbd/client.h"
#include "fuzz/seed_makers.h"

#define RECORDS 12u

struct seed {
	const char *name;
	uint8_t record[RECORDS][SCRIPT_RECORD]; /* the first: of the device */
};

#define SECTORS 63
#define NO_MORE                                                                \
	{                                                                      \
		NBD_COLLECT, 0, 7                                              \
	}

static const struct seed seeds[] = {
	{"all-is-well",
	 {{3, 0, 0, SECTORS},
	  {NBD_WRITE, 0, 8, 3, 0x0a, 1, 1, 0, 7},
	  {NBD_ANSWER, 0, 1, 0, 7},
	  {NBD_COLLECT, 0, 0},
	  {NBD_FLUSH, 0},
	  {NBD_ANSWER, 0},
	  {NBD_COLLECT, 0, 7},
	  {NBD_READ, 1, 8, 3, 0, 1},
	  {NBD_READ, 2, 30, 7, 0xff, 0xff},
	  {NBD_ANSWER, 1, 0, 0, 7},
	  NO_MORE}},
	{"errors",
	 {{1, 0, 0, SECTORS},
	  {NBD_READ, 0, 8, 3, 0x0f, 0},
	  {NBD_ANSWER, 0, 1, 0xf0},
	  {NBD_ANSWER, 0, 0, 0, 7},
	  {NBD_COLLECT, 0, 7},
	  {NBD_WRITE, 1, 8, 3, 0x0f, 0},
	  {NBD_ANSWER, 1, 2, 0xf1, 7},
	  {NBD_COLLECT, 1, 7},
	  {NBD_FLUSH, 1},
	  {NBD_ANSWER, 1, 0, 0xf2},
	  NO_MORE}},
	{"silence",
	 {{1, 0, 0, SECTORS, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
	  {NBD_READ, 0, 8, 3, 0x0f, 0},
	  {NBD_CLOCK, 0, 0, 0, 0, 0, 0, 0, 0x88, 0x13},
	  {NBD_COLLECT, 0, 7},
	  {NBD_WRITE, 1, 8, 0},
	  NO_MORE}},
	{"it-leaves",
	 {{1, 0, 0, SECTORS, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2},
	  {NBD_READ, 0, 8, 3, 0x0f, 0},
	  {NBD_LEAVE, 1, 1},
	  {NBD_WRITE, 1, 40, 0},
	  {NBD_COLLECT, 1, 7},
	  {NBD_WRITE, 1, 40, 0},
	  {NBD_LEAVE, 0, 0},
	  NO_MORE}},
	{"not-taken",
	 {{0, 0, 1, SECTORS},
	  {NBD_REFUSE, 0, 2, 1},
	  {NBD_WRITE, 0, 8, 3, 0x0f, 0},
	  {NBD_PROMPT, 0, 1},
	  {NBD_READ, 0, 8, 3},
	  {NBD_FLUSH, 0},
	  {NBD_ANSWER, 0, 0, 0, 7},
	  NO_MORE}},
	{"trims",
	 {{0, 0, 0, SECTORS},
	  {NBD_WRITE, 0, 8, 3, 0x0a, 1, 0, 0, 7},
	  {NBD_ANSWER, 0, 1, 0, 7},
	  {NBD_COLLECT, 0, 7},
	  {NBD_TRIM, 0, 9, 1},
	  {NBD_TRIM, 0, 30, 15},
	  {NBD_ANSWER, 0, 0, 0},
	  {NBD_ANSWER, 0, 0, 0xf0},
	  {NBD_COLLECT, 0, 7},
	  {NBD_READ, 0, 8, 3},
	  NO_MORE}},
	{"trims-nothing",
	 {{0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 1}, {NBD_TRIM, 0, 2, 3}, NO_MORE}},
	{"no-flush", {{0, 0, 4, SECTORS}, {NBD_FLUSH, 0}, NO_MORE}},
	{"cannot-be-asked", {{3, 0, 10, 7}, {NBD_FLUSH, 0}, NO_MORE}},
	{"read-only", {{0, 0, 16, 7}, {NBD_WRITE, 0}, {NBD_READ, 0}, NO_MORE}},
	{"at-rest",
	 {{0, 0, 0, 7},
	  {NBD_READ, 0},
	  {NBD_ANSWER, 0},
	  {NBD_COLLECT, 0},
	  {NBD_CLOCK, 0, 0, 0, 0, 0, 0, 0, 0x88, 0x13},
	  {NBD_COLLECT, 0},
	  {NBD_CLOCK, 0, 0, 0, 0, 0, 0, 0, 0x88, 0x13},
	  NO_MORE}},
	{"looks",
	 {{0, 0, 0, 7},
	  {NBD_LOOK, 0, 0, 7, 1, 2, 0, 5},
	  {NBD_LOOK, 0, 10, 7, 3, 4},
	  {NBD_LOOK, 0, 64, 7, 5, 6},
	  {NBD_LOOK, 0, 128, 7, 0, 0, 0, 2, 0, 3},
	  {NBD_LOOK, 0, 128, 7, 0, 0, 0, 2, 5, 1},
	  {NBD_LOOK, 0, 32, 7, 0, 0, 0, 0, 1, 4},
	  {NBD_LOOK, 0, 128, 7, 0, 0, 0, 0, 1, 2}}},
	{"smaller", {{0, 0xe0, 0, 7}}},
	{"no-size", {{0, 0, 32, 7}}},
};

static void put(struct seed_folder *to, const struct seed *seed)
{
	static const uint8_t none[SCRIPT_RECORD];
	size_t records = RECORDS;

	/* A read of the first sector is all zeroes, too: not the last one. */
	while (records > 1 &&
	       memcmp(seed->record[records - 1], none, sizeof(none)) == 0)
		records--;
	seed_put(to, seed->name, seed->record, records * SCRIPT_RECORD);
}

/* Each call of opening fails once. */
static void put_failures(struct seed_folder *to)
{
	struct seed seed = {.name = "fails-00", .record = {{1, 0, 0, 7}}};
	char name[] = "fails-00";

	seed.name = name;
	for (unsigned int k = 1; k < 24; k++) {
		name[6] = (char)('0' + k / 10);
		name[7] = (char)('0' + k % 10);
		seed.record[0][6] = (uint8_t)k;
		put(to, &seed);
	}
}

void store_seeds(const char *harness, struct seed_folder *to)
{
	(void)harness;
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++)
		put(to, &seeds[i]);
	put_failures(to);
}
