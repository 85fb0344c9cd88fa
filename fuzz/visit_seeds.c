/* Seeds of the endpoint of metrics.  See seed_makers.h. */
#include "fuzz/seed_makers.h"

#include <stdint.h>
#include <string.h>

#include "backend/base/checked.h"
#include "fuzz/metrics/visitors.h"

/* The records of harness/metrics.c. */
enum {
	ASK = 0xe0, /* one of 8 */
	HEAR = 0xe8,
	HANG_UP = 0xec, /* odd: only half */
	PASS = 0xf0,
	COUNT = 0xf4,
	LATE = 0x80, /* beside who */
};

#define ALL_ONES 8u

struct sheet {
	uint8_t bytes[2048];
	size_t used;
};

static void add(struct sheet *sheet, unsigned int who, unsigned int what)
{
	sheet->bytes[sheet->used++] = (uint8_t)who;
	sheet->bytes[sheet->used++] = (uint8_t)what;
}

static void put(struct seed_folder *to, const char *name, struct sheet *sheet)
{
	seed_put(to, name, sheet->bytes, sheet->used);
	sheet->used = 0;
}

/* Each request, by one visitor each; then all at once, and nobody listens. */
static void requests(struct seed_folder *to)
{
	struct sheet sheet = {.used = 0};

	for (unsigned int i = 0; i < 8; i++) {
		add(&sheet, i, ASK + i);
		add(&sheet, i, HEAR);
	}
	put(to, "asked", &sheet);
	for (unsigned int i = 0; i < 6 * VISITORS; i++)
		add(&sheet, i % VISITORS | LATE, ASK + i % 8);
	put(to, "crowd", &sheet);
	for (unsigned int i = 0; i < VISITORS; i++)
		add(&sheet, i, ASK + 6);
	add(&sheet, 50, PASS);
	add(&sheet, 60, PASS);
	put(to, "never-ends", &sheet);
	for (unsigned int i = 0; i < 4; i++) {
		add(&sheet, i, ASK);
		add(&sheet, i, HANG_UP + i % 2);
	}
	put(to, "gone", &sheet);
}

/* A request byte by byte, with time between. */
static void slow(struct seed_folder *to)
{
	static const char request[] = "GET /metrics HTTP/1.0\r\n\r\n";
	struct sheet sheet = {.used = 0};

	for (unsigned int i = 0; i < sizeof(request) - 1; i++) {
		add(&sheet, 0, 1);
		sheet.bytes[sheet.used++] = (uint8_t)request[i];
		add(&sheet, 2, PASS);
	}
	add(&sheet, 0, HEAR);
	put(to, "slow", &sheet);
}

/* Counters at their end, where the sums of a page would begin anew. */
static void counters(struct seed_folder *to)
{
	struct sheet sheet = {.used = 0};

	for (unsigned int i = 0; i < 160; i++) {
		add(&sheet, 0, COUNT);
		sheet.bytes[sheet.used++] = (uint8_t)i;
		sheet.bytes[sheet.used++] = 0;
		memset(sheet.bytes + sheet.used, 0xff, ALL_ONES);
		sheet.used += ALL_ONES;
	}
	add(&sheet, 0, ASK + 1);
	put(to, "counters", &sheet);
}

void visit_seeds(const char *harness, struct seed_folder *to)
{
	(void)harness;
	requests(to);
	slow(to);
	counters(to);
}
