/*
 * What is right, and what goes wrong elsewhere, as scripts.  See seed_makers.h.
 *
 * A step is the first eleven bytes of a record; everybody comes to rest after it
 * unless it is LATER.
 */
#include "fuzz/seed_makers.h"

#include <stdint.h>
#include <string.h>

#include "backend/base/checked.h"
#include "fuzz/records/desk.h"
#include "fuzz/script.h"
#include "fuzz/worker/kinds.h"

#define STEPS	   24u
#define LATER	   0x80u
#define STEP_BYTES 11u

struct seed {
	const char *name;
	uint8_t step[STEPS]
		    [STEP_BYTES]; /* an empty read of no segment ends it */
};

#define RECORDED 2
#define RESUME	 1
#define READ(sector, segments)                                                 \
	{                                                                      \
		REQUEST, 0, 0, segments, sector, 0, 0, 7                       \
	}
#define WRITE(sector, segments)                                                \
	{                                                                      \
		REQUEST, 0, 1, segments, sector, 2, 0, 7                       \
	}
#define DISCARD(sector, sectors)                                               \
	{                                                                      \
		REQUEST, 0, 0xe0, sectors, sector                              \
	}
/* Of one page; discards are offered. */
#define OFFERED                                                                \
	{                                                                      \
		ATTACH, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1                           \
	}
/* Of a page for each of two queues: discards, barriers, so many segments. */
#define OFFERED_ALL(segments)                                                  \
	{                                                                      \
		ATTACH, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3 + 4 * (segments)          \
	}
#define BARRIER(queue, segments)                                               \
	{                                                                      \
		REQUEST, queue, 0xe8, segments, 8, 0, 0, 7                     \
	}
#define INDIRECT(operation, segments, page, wrong)                             \
	{                                                                      \
		REQUEST, 0, 0xf0 + (operation), segments, 0, page, wrong, 0    \
	}
#define FLUSH                                                                  \
	{                                                                      \
		REQUEST, 0, 2, 0, 0, 0, 0, 0                                   \
	}

static const struct seed worker[] = {
	{"ram", {{DEVICE}, {ATTACH}, READ(0, 1), WRITE(8, 2), FLUSH, {DETACH}}},
	{"null",
	 {{DEVICE, 0, 2}, {ATTACH}, READ(0, 1), WRITE(8, 2), FLUSH, {DETACH}}},
	{"file", {{DEVICE, 0, 1, 0, 0, 0}, {ATTACH}, {DETACH}}},
	{"recorded",
	 {{DEVICE, 0, 0, RECORDED, 1, 0, 0, 1},
	  {ATTACH, 0, 0, 1, 2, 1, 1},
	  READ(0, 1),
	  WRITE(8, 11),
	  FLUSH,
	  {REQUEST, 1, 5, 1, 0, 0, 0, 7},
	  {REQUEST, 1, 0, 1, 0, 0, 0xff, 7},
	  {CLOCK, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff},
	  {DETACH},
	  {RECORDS, 1},
	  {ATTACH},
	  READ(0, 1),
	  {DETACH}}},
	{"discards",
	 {{DEVICE, 0, 0, RECORDED},
	  OFFERED,
	  WRITE(8, 2),
	  DISCARD(8, 9),
	  READ(8, 2),
	  DISCARD(0, 0),
	  DISCARD(64, 1),
	  DISCARD(0, 64),
	  {DETACH},
	  {ATTACH},
	  DISCARD(8, 9),
	  {DETACH}}},
	{"discards-staged",
	 {{DEVICE, 0, 2, 4},
	  OFFERED,
	  DISCARD(8, 9),
	  {DIE},
	  {UNPUSH, 0, 3, 1, 0, 8, 4, 2, 0, 0},
	  {DEVICE, 0, 2, 4},
	  {ATTACH, 0, RESUME},
	  DISCARD(0, 64),
	  {DETACH}}},
	{"barriers",
	 {{DEVICE, 0, 0, RECORDED},
	  OFFERED_ALL(0),
	  WRITE(8, 2),
	  BARRIER(0, 0),
	  BARRIER(1, 2),
	  {REQUEST | LATER, 1, 1, 2, 8, 0, 0, 7},
	  {REQUEST | LATER, 0, 0xe8, 1, 8, 2, 0, 7},
	  {REQUEST | LATER, 1, 0xe8, 0, 8},
	  {REQUEST | LATER, 0, 0, 1, 8, 2, 0, 7},
	  {REQUEST | LATER, 0, 0xe8, 0, 8},
	  BARRIER(1, 1),
	  BARRIER(0, 12),
	  {DETACH},
	  {ATTACH},
	  BARRIER(0, 0),
	  {DETACH}}},
	{"barriers-read-only",
	 {{DEVICE, 0, 2, 8},
	  OFFERED_ALL(0),
	  BARRIER(0, 0),
	  BARRIER(1, 1),
	  {DETACH}}},
	{"died-at-a-barrier",
	 {{DEVICE},
	  OFFERED_ALL(0),
	  BARRIER(0, 1),
	  {DIE},
	  {UNPUSH, 0, 0, 0, 0, 8, 3, 2, 0, 0},
	  {DEVICE},
	  {ATTACH, 0, RESUME},
	  BARRIER(1, 1),
	  {DIE},
	  {UNPUSH, 1, 1, 0, 0, 8, 3, 0, 0, 0},
	  {DEVICE},
	  {ATTACH, 0, RESUME}}},
	{"indirect",
	 {{DEVICE, 0, 0, RECORDED},
	  OFFERED_ALL(1),
	  INDIRECT(0, 1, 0, 0),
	  INDIRECT(1, 24, 3, 0),
	  INDIRECT(7, 12, 3, 0),
	  INDIRECT(0, 0, 3, 0),
	  INDIRECT(0, 0xe0, 3, 0),
	  INDIRECT(1, 9, 3, 0xe0),
	  {REQUEST, 0, 0xf0, 9, 60, 0, 0, 7},
	  {REQUEST, 0, 0xf0, 9, 0, 0, 0, 8},
	  {FAIL, 2, 0, 0},
	  INDIRECT(0, 12, 3, 0),
	  {DETACH},
	  {ATTACH},
	  INDIRECT(0, 12, 3, 0),
	  {DETACH}}},
	{"indirect-kept",
	 {{DEVICE, 0, 0, RECORDED, 1},
	  {ATTACH, 0, 0, 0, 1, 1, 1, 0, 0, 0, 4},
	  INDIRECT(0, 24, 0, 0),
	  INDIRECT(0, 24, 0, 0),
	  INDIRECT(1, 20, 5, 0),
	  INDIRECT(1, 20, 5, 0),
	  {DETACH}}},
	{"indirect-pages",
	 {{DEVICE, 0, 2, RECORDED},
	  OFFERED_ALL(2),
	  INDIRECT(0, 0xf3, 0, 0),
	  INDIRECT(1, 0xf8, 2, 0),
	  INDIRECT(0, 0xf8, 2, 0xe1),
	  INDIRECT(0, 0xff, 2, 0),
	  {DETACH}}},
	{"indirect-left-behind",
	 {{DEVICE},
	  OFFERED_ALL(1),
	  INDIRECT(0, 12, 0, 0),
	  {DIE},
	  {UNPUSH, 0, 1, 0, 0, 0, 0xe0, 12, 0, 0},
	  {DEVICE},
	  {ATTACH, 0, RESUME},
	  {DIE},
	  {UNPUSH, 0, 1, 0, 0, 0, 0xe1, 20, 0, 0},
	  {DEVICE},
	  {ATTACH, 0, RESUME},
	  {DIE},
	  {UNPUSH, 0, 1, 0, 0, 0, 0xe0, 25, 0, 0},
	  {DEVICE},
	  {ATTACH, 0, RESUME}}},
	{"indirect-nonsense",
	 {{DEVICE},
	  OFFERED_ALL(1),
	  INDIRECT(0, 12, 0, 0),
	  {DIE},
	  {UNPUSH, 0, 0, 0, 0, 0, 0xf1, 3, 0, 0},
	  {DEVICE},
	  {ATTACH, 0, RESUME}}},
	{"indirect-of-another-kind",
	 {{DEVICE},
	  OFFERED_ALL(1),
	  INDIRECT(0, 12, 0, 0),
	  {DIE},
	  {UNPUSH, 0, 0, 0, 0, 0, 0xe3, 3, 0, 0},
	  {DEVICE},
	  {ATTACH, 0, RESUME}}},
	{"records-wrap",
	 {{DEVICE, 0, 0, RECORDED, 0, 0, 20},
	  {ATTACH},
	  READ(0, 1),
	  WRITE(8, 11),
	  {BEND, 0, 0, 0, 0, 0, 0, 0, 0xff}}},
	{"records-full",
	 {{DEVICE, 0, 0, RECORDED, 0, 0, 0xf8},
	  {ATTACH | LATER},
	  READ(0, 1),
	  WRITE(8, 11),
	  READ(0, 2),
	  {DETACH}}},
	{"staged",
	 {{DEVICE, 0, 0, 4, 2},
	  {ATTACH, 0, 0, 1, 0, 0, 1},
	  READ(0, 1),
	  WRITE(8, 2),
	  {DETACH}}},
	{"refused",
	 {{DEVICE},
	  {ATTACH, 0, 0, 0, 0, 0, 0, 0xe0},
	  {ATTACH, 0, 0, 0, 0, 0, 0, 0xe1},
	  {ATTACH},
	  READ(0, 12),
	  {BEND, 0, 0, 0, 0, 0, 0, 0, 0xff},
	  {DETACH}}},
	{"out-of-turn",
	 {{DETACH}, {DIE}, {DEVICE}, {ATTACH}, {DEVICE}, {DIE}, {SAY, 2}}},
	{"wrong-memory", {{DEVICE, 0, 0, 0, 0, 0xe0}, {DETACH}}},
	{"wrong-records", {{DEVICE, 0, 0, RECORDED, 0, 0xe1}, {DETACH}}},
	{"died",
	 {{DEVICE, 0, 0, RECORDED},
	  {ATTACH},
	  READ(0, 1),
	  {REQUEST | LATER, 0, 1, 1, 8, 2, 0, 7},
	  {STEP | LATER, 0},
	  {DIE},
	  {DEVICE, 0, 0, RECORDED},
	  {ATTACH, 0, RESUME},
	  READ(0, 1),
	  {DETACH}}},
	{"died-under-way",
	 {{DEVICE},
	  {ATTACH},
	  READ(0, 1),
	  {DIE},
	  {UNPUSH, 0, 3, 1, 0, 8, 1, 2, 0, 0},
	  {DEVICE},
	  {ATTACH, 0, RESUME},
	  {DETACH}}},
	{"died-pushing",
	 {{DEVICE},
	  {ATTACH},
	  READ(0, 1),
	  {DIE},
	  {UNPUSH, 0, 3, 4, 0, 8, 0, 1, 0, 2},
	  {DEVICE},
	  {ATTACH, 0, RESUME},
	  READ(0, 1),
	  {DETACH}}},
	{"died-finished",
	 {{DEVICE},
	  {ATTACH},
	  READ(0, 1),
	  {DIE},
	  {UNPUSH, 0, 3, 3, 0, 8, 0, 1, 1, 0},
	  {DEVICE},
	  {ATTACH, 0, RESUME},
	  {DETACH}}},
	{"taken-over",
	 {{DEVICE},
	  {ATTACH},
	  READ(0, 1),
	  {DIE},
	  {UNPUSH, 0, 3, 0, 0, 255, 1, 2, 0, 0},
	  {DEVICE},
	  {ATTACH, 0, RESUME},
	  {DIE},
	  {TABLE, 0, 4, 0, 0, 0, 0, 0, 9},
	  {DEVICE},
	  {ATTACH, 0, RESUME},
	  {ATTACH},
	  READ(0, 1)}},
	{"limited",
	 {{DEVICE, 0, 0, RECORDED},
	  {ATTACH},
	  {SAY, 0xff, 20, 5, 16},
	  READ(0, 1),
	  WRITE(8, 11),
	  READ(0, 1),
	  READ(0, 2),
	  {CLOCK, 0, 0, 0, 0, 0, 0, 0, 50},
	  {PUBLISH},
	  READ(0, 1),
	  {SAY, 0xff, 20, 0, 4},
	  READ(0, 2),
	  {CLOCK, 0, 0, 0, 0, 0, 0, 0, 200},
	  READ(0, 2),
	  {SAY, 0xff, 0, 0, 0},
	  READ(0, 2),
	  {DETACH}}},
	{"no-memory",
	 {{FAIL, 6, 2, 0},
	  {DEVICE},
	  {DIE},
	  {DEVICE},
	  {FAIL, 0, 0, 0},
	  {ATTACH},
	  {ATTACH}}},
};

/* The how many-th call for memory fails: of a disk, of a connection. */
static const struct seed shortage = {"short",
				     {{FAIL, SCRIPT_ODD},
				      {DEVICE, 0, 0, RECORDED, 1},
				      {DIE},
				      {DEVICE, 0, 2, RECORDED, 1},
				      {FAIL, SCRIPT_ODD},
				      {ATTACH, 0, 0, 1, 1, 0, 1, 0, 0, 0, 7},
				      READ(0, 1),
				      {DETACH},
				      {ATTACH},
				      {DETACH}}};
#define SHORTAGES 26u

static const struct seed records[] = {
	{"plain",
	 {{DESK_BEGIN, 0},
	  {DESK_SAY, 0, 0},
	  {DESK_SAY, 0, 1},
	  {DESK_SAY, 0, 2, 3, 'x'},
	  {DESK_SAY, 0, 3},
	  {DESK_SAY, 0, 4, 2, 'y'},
	  {DESK_RECORD, 0, 6, 3, 6},
	  {DESK_RECORD, 4, 7, 100, 2},
	  {DESK_LOST, 4, 3},
	  {DESK_STEP, 0, 0xff, 0xff},
	  {DESK_STEP, 0, 1},
	  {DESK_BEGIN, 1},
	  {DESK_RECORD, 1, 6, 3, 6},
	  {DESK_END, 1}}},
	{"full",
	 {{DESK_BEGIN, 0},
	  {DESK_RECORD, 0, 6, 255, 100},
	  {DESK_STEP, 0, 0xff, 0xff},
	  {DESK_STEP, 0, 0xff, 0xff},
	  {DESK_SAY, 0, 0},
	  {DESK_BEGIN, 0}}},
	{"full-at-once",
	 {{DESK_PLAN, 0, 0, 0}, {DESK_SAY, 0, 0}, {DESK_SAY, 0, 1}}},
	{"interrupted",
	 {{DESK_PLAN, 0, 0, 2},
	  {DESK_SAY, 0, 0},
	  {DESK_PLAN, 0, 0, 0x80},
	  {DESK_SAY, 0, 0},
	  {DESK_PLAN, 0, 0, 0x70},
	  {DESK_SAY, 0, 0}}},
	{"there-before", {{DESK_REOPEN, 0, 1}, {DESK_SAY, 0, 0}}},
	{"not-kept", {{DESK_REOPEN, 0, 2}, {DESK_SAY, 0, 0}}},
	{"no-file", {{DESK_REOPEN, 0, 3}, {DESK_SAY, 0, 0}, {DESK_BEGIN, 0}}},
	{"no-place", {{DESK_REOPEN, 0, 0xe0}, {DESK_STEP, 0}, {DESK_END, 0}}},
	{"nonsense",
	 {{DESK_BEGIN, 0},
	  {DESK_RECORD, 0, 6, 3, 6},
	  {DESK_BYTES, 0, 11, 0, 24, 0, 0, 0, 3},
	  {DESK_STEP, 0, 0xff, 0xff},
	  {DESK_HEAD, 4, 0, 0, 0, 0, 0, 0x80, 0},
	  {DESK_STEP, 0, 0xff, 0xff},
	  {DESK_END, 0}}},
	{"other-kind",
	 {{DESK_BEGIN, 0},
	  {DESK_RECORD, 0, DESK_NO_KIND, 0, 0},
	  {DESK_STEP, 0, 0xff, 0xff},
	  {DESK_RECORD, 4, 4, 0, 255},
	  {DESK_STEP, 0, 0xff, 0xff}}},
};

static size_t lay(const struct seed *seed, uint8_t *data)
{
	size_t at = SCRIPT_RECORD;
	static const uint8_t none[STEP_BYTES];

	memset(data, 0, (STEPS + 1) * SCRIPT_RECORD);
	for (const uint8_t(*s)[STEP_BYTES] = seed->step;
	     s < seed->step + STEPS && memcmp(*s, none, sizeof(none)) != 0;
	     s++, at += SCRIPT_RECORD) {
		memcpy(data + at, *s, sizeof(*s));
		data[at] &= (uint8_t)~LATER;
		data[at + 15] = ((*s)[0] & LATER) != 0 ? 0xff : 0;
	}
	return at;
}

static void all(const struct seed *seed, size_t count, struct seed_folder *to)
{
	uint8_t data[(STEPS + 1) * SCRIPT_RECORD];

	for (size_t i = 0; i < count; i++) {
		const size_t bytes = lay(&seed[i], data);

		seed_put(to, seed[i].name, data, bytes);
	}
}

static void shortages(struct seed_folder *to)
{
	char name[] = "short-a";
	struct seed seed = shortage;

	for (uint8_t at = 0; at < SHORTAGES; at++) {
		seed.step[0][2] = seed.step[4][2] = at;
		/* Memory, a file, nothing. */
		seed.step[1][2] = at % 3;
		seed.name = name;
		all(&seed, 1, to);
		name[sizeof(name) - 2]++;
	}
}

void step_seeds(const char *harness, struct seed_folder *to)
{
	if (strcmp(harness, "worker") == 0) {
		all(worker, ARRAY_SIZE(worker), to);
		shortages(to);
	} else {
		all(records, ARRAY_SIZE(records), to);
	}
}
