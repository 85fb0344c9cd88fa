/* Systematic scripts.  See seed_makers.h. */
#include "fuzz/seed_makers.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"
#include "fuzz/script.h"

#define RECORDS 64u

/* One script as it grows. */
struct sheet {
	uint8_t bytes[RECORDS * SCRIPT_RECORD];
	size_t used;
};

/* Field values, as many as a record here has. */
struct put {
	uint8_t at, value;
};

static void add(struct sheet *sheet, enum script_kind kind,
		const struct put *put, unsigned int count)
{
	uint8_t *record = sheet->bytes + sheet->used;

	CHECK(sheet->used + SCRIPT_RECORD <= sizeof(sheet->bytes));
	record[0] = (uint8_t)kind;
	for (unsigned int i = 0; i < count; i++)
		record[put[i].at] = put[i].value;
	sheet->used += SCRIPT_RECORD;
}

#define ADD(sheet, kind, ...)                                                  \
	add(sheet, kind, (const struct put[]){__VA_ARGS__},                    \
	    sizeof((const struct put[]){__VA_ARGS__}) / sizeof(struct put))

static void begin(struct sheet *sheet, const struct put *put,
		  unsigned int count)
{
	memset(sheet, 0, sizeof(*sheet));
	add(sheet, SCRIPT_REQUEST, put, count);
}

/* Reads, writes and flushes on every queue, some pages long. */
static void add_traffic(struct sheet *sheet, uint8_t queues)
{
	for (uint8_t i = 0; i < 3 * queues; i++)
		ADD(sheet, SCRIPT_REQUEST, {ANY_QUEUE, (uint8_t)(i % queues)},
		    {REQUEST_OPERATION, (uint8_t)(1 + i % 4)},
		    {REQUEST_SEGMENTS, (uint8_t)(1 + 3 * i)}, {REQUEST_SKIP, i},
		    {REQUEST_TRIM, (uint8_t)(i / 2)},
		    {REQUEST_PAGE, (uint8_t)(5 * i)},
		    {REQUEST_SECTOR, (uint8_t)(40 * i)}, {REQUEST_DATA, i});
}

/* The disk holds back; completions come one by one, from all sides. */
static void add_held(struct sheet *sheet, uint8_t queues)
{
	ADD(sheet, SCRIPT_DISK, {DISK_HOLD, 1});
	add_traffic(sheet, queues);
	for (uint8_t i = 0; i < queues; i++) {
		ADD(sheet, SCRIPT_RUN, {ANY_QUEUE, i}, {RUN_TURNS, 3});
		ADD(sheet, SCRIPT_COMPLETE, {ANY_QUEUE, i},
		    {COMPLETE_WHICH, (uint8_t)(2 * i + 1)});
	}
	ADD(sheet, SCRIPT_RUN_ALL, {0, SCRIPT_RUN_ALL});
}

static void add_grants(struct sheet *sheet, uint8_t action)
{
	add_traffic(sheet, 1);
	ADD(sheet, SCRIPT_RUN_ALL, {0, SCRIPT_RUN_ALL});
	ADD(sheet, SCRIPT_GRANT, {GRANT_ACTION, action}, {GRANT_PAGE, 2},
	    {GRANT_TO, 9}, {GRANT_COUNT, 3});
	add_traffic(sheet, 1);
	ADD(sheet, SCRIPT_CLOCK, {CLOCK_MS, 0x60}, {CLOCK_MS + 1, 0xea});
	ADD(sheet, SCRIPT_GRANT, {GRANT_ACTION, 3}, {GRANT_PAGE, 2},
	    {GRANT_COUNT, 3});
	add_traffic(sheet, 1);
}

/* Every operation there is, in each of the ways to be wrong. */
static void add_operations(struct sheet *sheet, uint8_t twist)
{
	static const uint8_t operations[] = {0,	   1,	 2,    0xe2, 0xe4,
					     0xe5, 0xe6, 0xef, 0xff};

	for (unsigned int i = 0; i < sizeof(operations); i++)
		for (uint8_t segments = 0; segments < 12; segments += 11)
			ADD(sheet, SCRIPT_REQUEST,
			    {REQUEST_OPERATION, operations[i]},
			    {REQUEST_SEGMENTS, segments},
			    {REQUEST_TWIST, twist},
			    {REQUEST_VICTIM, (uint8_t)i},
			    {REQUEST_PAGE, (uint8_t)i});
}

/* Storms, quiet pushes, indices of events. */
static void add_events(struct sheet *sheet, uint8_t which)
{
	add_traffic(sheet, 2);
	ADD(sheet, SCRIPT_EVENTS, {ANY_QUEUE, 1}, {EVENTS_TIMES, 15});
	ADD(sheet, SCRIPT_INDEX, {INDEX_WHICH, which},
	    {INDEX_VALUE, (uint8_t)(which * 7)});
	ADD(sheet, SCRIPT_REQUEST, {REQUEST_THEN, 1}, {REQUEST_PAGE, 3});
	ADD(sheet, SCRIPT_PUSH, {PUSH_QUIET, SCRIPT_ODD});
	ADD(sheet, SCRIPT_RUN, {RUN_LATE, SCRIPT_ODD});
	ADD(sheet, SCRIPT_KICK, {KICK_TIMES, 7});
	add_traffic(sheet, 2);
}

/* Indirect requests of many sizes among direct ones, then one that is wrong. */
static void add_indirect(struct sheet *sheet, uint8_t wrong)
{
	static const uint8_t sizes[] = {1, 11, 12, 23, 24};

	for (uint8_t i = 0; i < sizeof(sizes); i++) {
		ADD(sheet, SCRIPT_INDIRECT, {REQUEST_OPERATION, 1},
		    {REQUEST_SEGMENTS, sizes[i]}, {REQUEST_SKIP, i},
		    {REQUEST_PAGE, (uint8_t)(3 * i)}, {INDIRECT_LIST, i},
		    {REQUEST_SECTOR, (uint8_t)(16 * i)}, {REQUEST_DATA, i});
		ADD(sheet, SCRIPT_INDIRECT, {REQUEST_SEGMENTS, sizes[i]},
		    {REQUEST_TRIM, i}, {REQUEST_PAGE, (uint8_t)(7 * i)},
		    {INDIRECT_LIST, (uint8_t)(20 - i)}, {REQUEST_THEN, 3});
	}
	add_traffic(sheet, 2);
	ADD(sheet, SCRIPT_INDIRECT, {REQUEST_SEGMENTS, 20},
	    {REQUEST_TWIST, (uint8_t)(SCRIPT_ODD + wrong)},
	    {REQUEST_VICTIM, 13});
	ADD(sheet, SCRIPT_INDIRECT,
	    {REQUEST_SEGMENTS, (uint8_t)(SCRIPT_ODD + wrong % 4)});
	ADD(sheet, SCRIPT_INDIRECT, {REQUEST_SEGMENTS, 9},
	    {INDIRECT_LIST, (uint8_t)(SCRIPT_ODD + wrong % 4)},
	    {REQUEST_OPERATION, 1});
	ADD(sheet, SCRIPT_INDIRECT, {REQUEST_SEGMENTS, 9},
	    {REQUEST_OPERATION, (uint8_t)(SCRIPT_ODD + wrong)});
	ADD(sheet, SCRIPT_INDIRECT, {REQUEST_SEGMENTS, 14},
	    {REQUEST_GRANT, (uint8_t)(0xc0 + 8 * (wrong % 4))},
	    {REQUEST_VICTIM, 12}, {REQUEST_OPERATION, 1});
	ADD(sheet, SCRIPT_RUN_ALL, {0, SCRIPT_RUN_ALL});
}

/* Discards of many sizes, among reads and writes. */
static void add_discards(struct sheet *sheet, uint8_t twist)
{
	static const uint8_t sizes[] = {0, 1, 8, 9, 88, 223};

	for (uint8_t i = 0; i < sizeof(sizes); i++) {
		ADD(sheet, SCRIPT_REQUEST, {REQUEST_OPERATION, 1},
		    {REQUEST_SEGMENTS, i}, {REQUEST_SECTOR, (uint8_t)(9 * i)},
		    {REQUEST_DATA, i});
		ADD(sheet, SCRIPT_REQUEST, {REQUEST_OPERATION, 0xe5},
		    {REQUEST_SEGMENTS, sizes[i]}, {REQUEST_SKIP, i},
		    {REQUEST_SECTOR, (uint8_t)(7 * i)});
		ADD(sheet, SCRIPT_REQUEST, {REQUEST_SEGMENTS, i},
		    {REQUEST_SECTOR, (uint8_t)(5 * i)});
	}
	ADD(sheet, SCRIPT_RUN_ALL, {0, SCRIPT_RUN_ALL});
	for (uint8_t i = 0; i < 6; i++)
		ADD(sheet, SCRIPT_REQUEST, {REQUEST_OPERATION, 0xe5},
		    {REQUEST_SEGMENTS, (uint8_t)(SCRIPT_ODD + i)},
		    {REQUEST_TWIST, twist});
	ADD(sheet, SCRIPT_REQUEST, {REQUEST_OPERATION, 0xe5},
	    {REQUEST_SEGMENTS, 12}, {REQUEST_TWIST, twist});
	ADD(sheet, SCRIPT_RUN_ALL, {0, SCRIPT_RUN_ALL});
}

/* A barrier on each queue in its turn, while others wait for the disk, and what
 * stands before and behind each. */
static void add_barriers(struct sheet *sheet, uint8_t first)
{
	ADD(sheet, SCRIPT_DISK, {DISK_HOLD, 1});
	add_traffic(sheet, 3);
	for (uint8_t i = 0; i < 4; i++) {
		const uint8_t queue = (uint8_t)((first + i) % 4);

		ADD(sheet, SCRIPT_REQUEST, {ANY_QUEUE, queue},
		    {REQUEST_OPERATION, 0xe2},
		    {REQUEST_SEGMENTS, i % 2 == 0 ? SCRIPT_ODD : 2},
		    {REQUEST_SECTOR, i}, {REQUEST_THEN, (uint8_t)(i / 2)});
		ADD(sheet, SCRIPT_REQUEST, {ANY_QUEUE, queue},
		    {REQUEST_OPERATION, i}, {REQUEST_SEGMENTS, 1});
		ADD(sheet, SCRIPT_RUN, {ANY_QUEUE, queue}, {RUN_TURNS, 2});
		ADD(sheet, SCRIPT_RUN, {ANY_QUEUE, (uint8_t)(queue + 1)});
		ADD(sheet, SCRIPT_COMPLETE, {ANY_QUEUE, queue},
		    {COMPLETE_COUNT, i});
	}
	for (uint8_t i = 0; i < 6; i++) {
		ADD(sheet, SCRIPT_COMPLETE, {COMPLETE_COUNT, 3},
		    {COMPLETE_ERROR, i == 4 && first == 3 ? SCRIPT_ODD : 0});
		ADD(sheet, SCRIPT_RUN, {ANY_QUEUE, i}, {RUN_TURNS, 3});
	}
	ADD(sheet, SCRIPT_RUN_ALL, {0, SCRIPT_RUN_ALL});
	ADD(sheet, SCRIPT_DISK, {DISK_HOLD, 0}, {DISK_ERROR, first});
	ADD(sheet, SCRIPT_REQUEST, {ANY_QUEUE, first},
	    {REQUEST_OPERATION, 0xe2}, {REQUEST_SEGMENTS, 3});
	ADD(sheet, SCRIPT_REQUEST, {ANY_QUEUE, (uint8_t)(first + 1)},
	    {REQUEST_OPERATION, 0xe2}, {REQUEST_SEGMENTS, 12});
	add_traffic(sheet, 2);
	ADD(sheet, SCRIPT_RUN_ALL, {0, SCRIPT_RUN_ALL});
}

struct seed {
	const char *harness;
	void (*fill)(struct sheet *sheet, uint8_t argument);
	uint8_t first, last; /* of the argument */
	uint8_t offers;
};

static const struct seed seeds[] = {
	{"ring", add_barriers, 0, 3, 2},
	{"multiqueue", add_traffic, 2, 4, 0},
	{"multiqueue", add_held, 2, 4, 0},
	{"grants", add_grants, 0, 3, 0},
	{"grants", add_grants, SCRIPT_ODD, SCRIPT_ODD + 1, 0},
	{"abi", add_operations, 0, 0, 0},
	{"abi", add_traffic, 1, 3, 0},
	{"abi", add_held, 1, 2, 0},
	{"abi", add_discards, 0, 0, 4},
	{"ops", add_operations, SCRIPT_ODD - 1, SCRIPT_ODD + 7, 0},
	{"ops", add_discards, SCRIPT_ODD + 2, SCRIPT_ODD + 7, 4},
	{"indirect", add_indirect, 0, 7, 0},
	{"indirect", add_held, 1, 2, 0},
	{"io", add_held, 1, 3, 0},
	{"io", add_discards, 0, 0, 4},
	{"io", add_traffic, 1, 2, 0},
	{"io", add_barriers, 0, 1, 6},
	{"events", add_events, 0, 3, 0},
};

/* A script for each shape that makes a difference. */
static void write_shapes(const struct seed *seed, uint8_t argument,
			 struct seed_folder *to)
{
	char name[64];

	for (uint8_t shape = 0; shape < 8; shape++) {
		const struct put device[] = {
			{DEVICE_QUEUES, 3},
			{DEVICE_MODE, shape & 1},
			{DEVICE_PERSISTENT, shape >> 1 & 1},
			{DEVICE_ABI, shape >> 2 & 1},
			{DEVICE_CAP, (uint8_t)(shape + argument)},
			{DEVICE_OFFERS, seed->offers},
			{DEVICE_FINE, (uint8_t)(8 * argument)},
			{DEVICE_READONLY, shape == 7 ? 0xff : 0},
		};
		struct sheet sheet;

		begin(&sheet, device, sizeof(device) / sizeof(device[0]));
		seed->fill(&sheet, argument);
		snprintf(name, sizeof(name), "made-%u-%u-%u",
			 (unsigned int)(seed - seeds), argument, shape);
		seed_put(to, name, sheet.bytes, sheet.used);
	}
}

void script_seeds(const char *harness, struct seed_folder *to)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(seeds); i++)
		for (unsigned int a = seeds[i].first;
		     a <= seeds[i].last &&
		     strcmp(seeds[i].harness, harness) == 0;
		     a++)
			write_shapes(&seeds[i], (uint8_t)a, to);
}
