/*
 * What queues do with a store of whole blocks, once in every form.  See
 * seed_makers.h.
 */
#include <stdint.h>
#include <string.h>

#include "backend/base/checked.h"
#include "fuzz/blocks/queues.h"
#include "fuzz/seed_makers.h"

#define RECORDS 14u

struct seed {
	const char *name;
	uint8_t record[RECORDS][SCRIPT_RECORD]; /* the first: of the device */
};

/* clang-format off */
#define SECTORS(n) ((n) - 1)
#define LONG(n) (0xe0 + ((n) - 32) / 9)
#define TIMES(n) (BLOCKS_OFTEN + (n) - 2)
#define HOLDS 1
#define SILENT 1
#define FAILS 0xe0
/* queue, sector, sectors; then how they lie in memory */
#define READ(q, at, ...) {BLOCKS_READ, q, (at) & 255, (at) >> 8, __VA_ARGS__}
#define WRITE(q, at, ...) {BLOCKS_WRITE, q, (at) & 255, (at) >> 8, __VA_ARGS__}
#define DISCARD(q, at, n) {BLOCKS_DISCARD, q, (at) & 255, (at) >> 8, n}
#define FLUSH(q) {BLOCKS_FLUSH, q}
#define DONE(q, which, ...) {BLOCKS_COMPLETE, q, which, __VA_ARGS__}
#define ALL_DONE(q) {BLOCKS_COMPLETE, q, 0, 0, 95}
#define COLLECT(q) {BLOCKS_COLLECT, q, 63}
#define STORE(hold, ...) {BLOCKS_STORE, 0, hold, __VA_ARGS__}
#define AGAIN(q, depth) {BLOCKS_AGAIN, q, depth}

static const struct seed seeds[] = {
	{"whole-blocks",
	 {{1, 2, 0, 0, 2},
	  WRITE(0, 16, SECTORS(16), BLOCKS_WHOLE), COLLECT(0),
	  READ(1, 16, SECTORS(16), BLOCKS_WHOLE), COLLECT(1),
	  FLUSH(0), COLLECT(0),
	  DISCARD(1, 3, SECTORS(24)), DISCARD(1, 1, SECTORS(4)), COLLECT(1),
	  READ(0, 0, SECTORS(32), 3), COLLECT(0)}},
	{"edges",
	 {{0, 2, 0, 0, 2},
	  WRITE(0, 17, SECTORS(1), 1), COLLECT(0),
	  WRITE(0, 20, SECTORS(9), 2), COLLECT(0),
	  WRITE(0, 35, SECTORS(27), 3), COLLECT(0),
	  WRITE(0, 64, SECTORS(26), 4), COLLECT(0),
	  WRITE(0, 99, SECTORS(29), 6), COLLECT(0),
	  READ(0, 13, SECTORS(31), 2), READ(0, 44, LONG(77), 6)}},
	{"long",
	 {{0, 2, 1, 0, 2, 0, 0, 0, SILENT},
	  WRITE(0, 3, LONG(302), 7), COLLECT(0),
	  READ(0, 5, LONG(293), 2), COLLECT(0),
	  WRITE(0, 900, LONG(203), 3), COLLECT(0),
	  WRITE(0, 1016, SECTORS(24), BLOCKS_WHOLE), COLLECT(0),
	  READ(0, 899, LONG(212), 0), COLLECT(0)}},
	{"turns",
	 {{3, 2, 2, 0, 2, 0, HOLDS},
	  WRITE(0, 17, SECTORS(1), 1),
	  WRITE(1, 16, SECTORS(8), BLOCKS_WHOLE),
	  WRITE(2, 14, SECTORS(4), 2), WRITE(0, 23, SECTORS(2), 1),
	  DONE(0, 0, 0, 0), COLLECT(0), DONE(0, 0, 0, 0), COLLECT(0),
	  ALL_DONE(1), COLLECT(1), STORE(0, 0), COLLECT(2)}},
	{"reads-beside",
	 {{2, 2, 0, 0, 2, 0, HOLDS},
	  WRITE(0, 17, SECTORS(3), 1), READ(1, 16, SECTORS(8), 0),
	  DISCARD(2, 8, SECTORS(24)), ALL_DONE(0), COLLECT(0),
	  WRITE(1, 18, SECTORS(1), 1), ALL_DONE(2), COLLECT(2),
	  ALL_DONE(1), COLLECT(1), ALL_DONE(0), COLLECT(0), COLLECT(1)}},
	{"rooms",
	 {{1, 2, 0, 0, 0, 0, HOLDS},
	  WRITE(0, 8, SECTORS(1), 1, TIMES(40), 1),
	  READ(0, 9, SECTORS(5), 2, TIMES(30), 3),
	  WRITE(1, 10, SECTORS(3), 1, TIMES(20), 5),
	  ALL_DONE(0xff), COLLECT(0), ALL_DONE(0xff), COLLECT(1),
	  ALL_DONE(0xff), COLLECT(0), COLLECT(1)}},
	{"many",
	 {{0, 1, 0, 0, 0, 0, HOLDS},
	  READ(0, 0, SECTORS(4), BLOCKS_WHOLE, TIMES(64), 4),
	  WRITE(0, 0, SECTORS(4), BLOCKS_WHOLE, TIMES(32), 4),
	  ALL_DONE(0), {BLOCKS_COLLECT, 0, 2}, COLLECT(0), COLLECT(0)}},
	{"errors",
	 {{1, 2, 0, 0, 2, 0, HOLDS},
	  WRITE(0, 17, SECTORS(1), 1), READ(0, 17, SECTORS(1), 1),
	  WRITE(0, 24, SECTORS(8), BLOCKS_WHOLE), FLUSH(0),
	  DISCARD(0, 40, SECTORS(16)),
	  DONE(0, 0, FAILS), DONE(0, 0, FAILS + 1), DONE(0, 0, FAILS + 2),
	  DONE(0, 0, FAILS + 3), DONE(0, 0, FAILS + 2), COLLECT(0),
	  WRITE(1, 21, SECTORS(2), 1)}},
	{"failed-edge-lets-go",
	 {{1, 2, 0, 0, 2, 0, HOLDS},
	  WRITE(0, 17, SECTORS(1), 1), WRITE(1, 18, SECTORS(1), 1),
	  DONE(0, 0, FAILS), COLLECT(0), STORE(0, 0), COLLECT(1)}},
	{"again",
	 {{1, 2, 0, 0, 2},
	  WRITE(0, 17, SECTORS(1), 1), AGAIN(0, 3), COLLECT(0),
	  AGAIN(0, 3), WRITE(0, 18, SECTORS(2), 1), COLLECT(0),
	  AGAIN(0, 0), READ(0, 16, SECTORS(8), 5), AGAIN(1, 4),
	  WRITE(1, 18, SECTORS(1), 1)}},
	{"second-list",
	 {{1, 2, 0, 0, 2, 0, HOLDS},
	  WRITE(0, 16, SECTORS(8), BLOCKS_WHOLE),
	  WRITE(0, 24, SECTORS(8), BLOCKS_WHOLE),
	  WRITE(1, 17, SECTORS(1), 1), WRITE(1, 25, SECTORS(1), 1),
	  DONE(0, 0, 0, 0), COLLECT(0), STORE(0, 0),
	  {BLOCKS_MEET, 0, 0, BLOCKS_COLLECT, 63}, COLLECT(1)}},
	{"not-taken-in-a-room",
	 {{0, 2, 0, 0, 0, 0, HOLDS},
	  WRITE(0, 8, SECTORS(1), 1, TIMES(34), 8),
	  WRITE(0, 264, SECTORS(8), BLOCKS_WHOLE),
	  {BLOCKS_COMPLETE, 0, 0, 0, 0}, STORE(1, 1), COLLECT(0),
	  {BLOCKS_COMPLETE, 0, 0, 0, 0}, STORE(1, 2), COLLECT(0)}},
	{"read-only",
	 {{0, 2, 0, 1, 2, 0xe0}, WRITE(0, 17, SECTORS(1), 1),
	  READ(0, 17, SECTORS(1), 1), FLUSH(0), COLLECT(0)}},
};
/* clang-format on */

static void put(struct seed_folder *to, const struct seed *seed)
{
	static const uint8_t none[SCRIPT_RECORD];
	size_t records = RECORDS;

	while (records > 1 &&
	       memcmp(seed->record[records - 1], none, sizeof(none)) == 0)
		records--;
	seed_put(to, seed->name, seed->record, records * SCRIPT_RECORD);
}

static void name_it(char *name, unsigned int n)
{
	const size_t end = strlen(name);

	name[end - 2] = (char)('0' + n / 10);
	name[end - 1] = (char)('0' + n % 10);
}

/* Each call of opening fails once. */
static void put_failures(struct seed_folder *to)
{
	char name[] = "fails-00";
	struct seed seed = {.name = name, .record = {{1, 2}}};

	for (unsigned int k = 1; k < 20; k++) {
		name_it(name, k);
		seed.record[0][7] = (uint8_t)k;
		put(to, &seed);
	}
}

/* Each length of a block, and each way to lie in memory. */
static void put_blocks(struct seed_folder *to)
{
	char name[] = "blocks-00";
	struct seed seed = {.name = name};
	const uint8_t record[][SCRIPT_RECORD] = {
		{1, 0, 1},  WRITE(0, 1000, LONG(140), 0),
		COLLECT(0), WRITE(1, 1013, SECTORS(9), 0),
		COLLECT(1), WRITE(0, 1024, LONG(128), BLOCKS_WHOLE),
		COLLECT(0), READ(1, 980, LONG(167), 0),
		COLLECT(1),
	};

	memcpy(seed.record, record, sizeof(record));
	for (uint8_t k = 0; k < 8; k++) {
		name_it(name, k);
		seed.record[0][1] = k;
		seed.record[1][5] = k;
		seed.record[3][5] = (uint8_t)(k + 3);
		seed.record[7][5] = (uint8_t)(k + 5);
		put(to, &seed);
	}
}

/* The k-th thing that is asked of the store goes wrong. */
static void put_wrong(struct seed_folder *to)
{
	char name[] = "wrong-00";
	struct seed seed = {.name = name};
	const uint8_t record[][SCRIPT_RECORD] = {
		{1, 2, 0, 0, 2},
		STORE(0, 0, 0),
		WRITE(0, 35, SECTORS(27), 1),
		COLLECT(0),
		WRITE(1, 3, LONG(302), 0),
		COLLECT(1),
		READ(0, 5, LONG(293), 1),
		COLLECT(0),
		STORE(0, 0, 0),
		READ(0, 3, LONG(302), 1),
	};

	memcpy(seed.record, record, sizeof(record));
	for (uint8_t k = 0; k < 24; k++) {
		name_it(name, k);
		seed.record[1][3] = k % 2 ? k / 2 + 1 : 0;
		seed.record[1][4] = k % 2 ? 0 : k / 2 + 1;
		put(to, &seed);
	}
}

/* The store is full of errors, and so is the play. */
static void put_troubles(struct seed_folder *to)
{
	char name[] = "troubles-00";
	struct seed seed = {.name = name};
	const uint8_t record[][SCRIPT_RECORD] = {
		{1, 2, 0, 0, 0, 0, HOLDS},
		WRITE(0, 8, SECTORS(1), 1, TIMES(30), 1),
		READ(0, 9, SECTORS(5), 0, TIMES(30), 3),
		WRITE(1, 10, SECTORS(3), 1, TIMES(20), 5),
		DISCARD(1, 0, SECTORS(16)),
		{BLOCKS_COMPLETE, 0xff, 0, FAILS, 95},
		COLLECT(0),
		COLLECT(1),
		{BLOCKS_COMPLETE, 0xff, 3, FAILS, 95},
		COLLECT(1),
		COLLECT(0),
	};

	memcpy(seed.record, record, sizeof(record));
	for (uint8_t k = 0; k < 8; k++) {
		name_it(name, k);
		seed.record[2][5] = k % 4 ? k : BLOCKS_WHOLE;
		seed.record[5][3] = (uint8_t)(FAILS + k);
		seed.record[8][3] = (uint8_t)(FAILS + k + 1);
		put(to, &seed);
	}
}

/* Another queue does something between two instructions of the first one's. */
static void put_meetings(struct seed_folder *to)
{
	char name[] = "meets-00";
	struct seed seed = {.name = name};
	const uint8_t record[][SCRIPT_RECORD] = {
		{2, 2, 0, 0, 2, 0, HOLDS},
		WRITE(0, 17, SECTORS(1), 1),
		WRITE(1, 18, SECTORS(2), 1),
		STORE(0, 0),
		{BLOCKS_MEET, 1, 0, BLOCKS_COLLECT, 63},
		{BLOCKS_MEET, 2, 0, BLOCKS_WRITE, 19, 0, SECTORS(1), 1},
		COLLECT(0),
		COLLECT(2),
		WRITE(0, 23, SECTORS(2), 1),
		COLLECT(1),
	};

	memcpy(seed.record, record, sizeof(record));
	for (uint8_t k = 0; k < 24; k++) {
		name_it(name, k);
		seed.record[4][2] = k % 6;
		seed.record[5][2] = (uint8_t)(k / 6 * 2);
		put(to, &seed);
	}
}

void block_seeds(const char *harness, struct seed_folder *to)
{
	(void)harness;
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++)
		put(to, &seeds[i]);
	put_failures(to);
	put_blocks(to);
	put_wrong(to);
	put_troubles(to);
	put_meetings(to);
}
