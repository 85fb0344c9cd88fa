/*
 * What frontends do while they connect, as scripts of the harness handshake.
 * See seed_makers.h.
 *
 * A step is a kind and the bytes behind it.
 */
#include "fuzz/seed_makers.h"

#include <stdint.h>
#include <string.h>

#include "backend/base/checked.h"
#include "fuzz/handshake/front.h"
#include "fuzz/lifecycle/life.h"

#define STEPS 12u
#define BYTES 8u

struct step {
	enum front_kind kind;
	uint8_t byte[BYTES]; /* from the second of the record on */
};

struct seed {
	const char *name;
	uint8_t queues, order, last; /* offered; the scheme at the end */
	struct step step[STEPS];     /* FRONT_KIND_COUNT ends it */
};

/* Places in the table of names of front.c. */
enum {
	QUEUES,
	ORDER,
	PAGES,
	PROTOCOL,
	PERSISTENT,
	REF,
	REF_N,
	CHANNEL
};
#define TOP 0x80

/* clang-format off */
#define SCHEME(...) {FRONT_SCHEME, {__VA_ARGS__}}
#define KEY(...) {FRONT_KEY, {__VA_ARGS__}}
#define TAKE(...) {FRONT_TAKE, {__VA_ARGS__}}
#define CLEAR {FRONT_CLEAR, {0}}
#define BEGIN(how) {FRONT_BEGIN, {how}}
#define BETWEEN(look) {FRONT_BETWEEN, {0, look, 0}}
#define SAYS(state) {FRONT_STATE, {state}}
#define FAIL(error) {FRONT_FAIL, {error}}
#define AGAIN(times) {FRONT_AGAIN, {times}}
#define WORKER(what, how) {FRONT_WORKER, {what, how}}
#define CLOCK {FRONT_CLOCK, {0}}
#define END {FRONT_KIND_COUNT, {0}}

static const struct seed seeds[] = {
	/* queues, order, protocol, persistent, naming, gref, port */
	{"one-page", 3, 4, 0, {SCHEME(0, 0, 0, 0, 0, 8, 3), BEGIN(0), END}},
	{"linux", 3, 4, 5, {SCHEME(3, 2, 0, 2, 0, 8, 3), BEGIN(0), END}},
	{"everything", 15, 4, 79, {SCHEME(15, 4, 0, 2, 0, 8, 3), BEGIN(1), END}},
	{"num-ring-pages", 3, 4, 36, {SCHEME(0, 3, 1, 1, 1, 0, 0), BEGIN(0), END}},
	{"both-names", 3, 4, 7, {SCHEME(1, 2, 2, 0, 2, 200, 9), BEGIN(0), END}},
	{"order-zero", 3, 4, 8, {SCHEME(0, 0, 0, 2, 3, 8, 3), BEGIN(0), END}},
	{"bsd", 3, 4, 4, {SCHEME(0, 0, 0, 1, 4, 8, 3), BEGIN(1), END}},
	{"again-with-less", 15, 4, 2,
	 {SCHEME(7, 3, 0, 2, 0, 8, 3), BEGIN(0), CLEAR, SCHEME(0, 0, 1, 0, 0, 40, 7), BEGIN(0),
	  END}},
	{"more-than-offered", 1, 1, 1,
	 {SCHEME(15, 4, 0, 0, 0, 8, 3), BEGIN(0), KEY(QUEUES, TOP, 0, FRONT_SMALL, 2), BEGIN(0),
	  END}},
	{"no-protocol-of-ours", 3, 4, 1, {SCHEME(0, 0, 3, 0, 0, 8, 3), BEGIN(0), END}},
	{"flag-of-two", 3, 4, 1, {SCHEME(0, 0, 0, 3, 0, 8, 3), BEGIN(0), END}},
	{"page-twice", 3, 4, 1,
	 {SCHEME(1, 1, 0, 0, 0, 8, 3), KEY(REF_N, 1, 1, FRONT_SMALL, 8), BEGIN(0), END}},
	{"port-twice", 3, 4, 1,
	 {SCHEME(1, 0, 0, 0, 0, 8, 3), KEY(CHANNEL, 1, 0, FRONT_SMALL, 4), BEGIN(0), END}},
	{"missing-page", 3, 4, 1, {SCHEME(1, 1, 0, 0, 0, 8, 3), TAKE(REF_N, 1, 1), BEGIN(0), END}},
	{"missing-port", 3, 4, 1, {SCHEME(0, 0, 0, 0, 0, 8, 3), TAKE(CHANNEL, TOP), BEGIN(0), END}},
	{"long-numbers", 3, 4, 1,
	 {SCHEME(0, 0, 0, 0, 0, 8, 3), KEY(REF, TOP, 0, FRONT_LONG, 20, 8), BEGIN(0),
	  KEY(REF, TOP, 0, FRONT_LONG, 0xf6, 8), BEGIN(0),
	  KEY(PROTOCOL, TOP, 0, FRONT_LONG, 0xff, 8), BEGIN(0), END}},
	{"words", 3, 4, 1,
	 {SCHEME(0, 0, 0, 0, 0, 8, 3), KEY(ORDER, TOP, 0, FRONT_KNOWN, 6), BEGIN(0),
	  KEY(ORDER, TOP, 0, FRONT_KNOWN, 10), BEGIN(0), END}},
	{"bytes", 3, 4, 1,
	 {SCHEME(0, 0, 0, 0, 0, 8, 3), KEY(CHANNEL, TOP, 0, FRONT_RAW, 3, '3', 0, 0xff), BEGIN(0),
	  END}},
	{"order-grows-between", 3, 4, 1,
	 {SCHEME(3, 1, 0, 0, 0, 8, 3), BETWEEN(6), KEY(ORDER, TOP, 0, FRONT_SMALL, 4), BEGIN(0),
	  END}},
	{"queues-grow-between", 3, 4, 1,
	 {SCHEME(1, 0, 0, 0, 0, 8, 3), BETWEEN(3), KEY(QUEUES, TOP, 0, FRONT_SMALL, 4), BEGIN(0),
	  END}},
	{"all-go-between", 3, 4, 1,
	 {SCHEME(1, 2, 0, 0, 0, 8, 3), BETWEEN(7), CLEAR, BEGIN(0), END}},
	{"two-changes-between", 3, 4, 1,
	 {SCHEME(1, 1, 0, 0, 0, 8, 3), BETWEEN(4), KEY(CHANNEL, 0, 0, FRONT_SMALL, 9),
	  BETWEEN(5), KEY(REF_N, 0, 1, FRONT_SMALL, 77), BEGIN(0), END}},
	{"closes-between", 3, 4, 1,
	 {SCHEME(1, 1, 0, 0, 0, 8, 3), BETWEEN(5), SAYS(4), BEGIN(0), END}},
	{"begins-anew-between", 3, 4, 1,
	 {SCHEME(0, 0, 0, 0, 0, 8, 3), BETWEEN(2), SAYS(0), BEGIN(0), SAYS(1), END}},
	{"a-look-fails", 3, 4, 1,
	 {SCHEME(1, 1, 0, 0, 0, 8, 3), BETWEEN(3), FAIL(0), BEGIN(0), BEGIN(0), END}},
	{"disturbed", 3, 4, 1,
	 {AGAIN(3), SCHEME(0, 0, 0, 0, 0, 8, 3), BEGIN(0), AGAIN(9), BEGIN(0), END}},
	{"worker-refuses", 3, 4, 1,
	 {SCHEME(0, 0, 0, 0, 0, 8, 3), WORKER(6, 2), BEGIN(0), WORKER(7, 0), BEGIN(0), END}},
	{"worker-dies-between", 3, 4, 1,
	 {SCHEME(0, 0, 0, 0, 0, 8, 3), BETWEEN(4), WORKER(1, 0), BEGIN(0), CLOCK, BEGIN(0), END}},
	{"worker-dies-connected", 3, 4, 1,
	 {SCHEME(1, 1, 0, 0, 0, 8, 3), BEGIN(0), CLEAR, WORKER(1, 0), CLOCK, SAYS(4), END}},
};
/* clang-format on */

static size_t lay(const struct seed *seed, uint8_t *data)
{
	size_t at = SCRIPT_RECORD;

	memset(data, 0, (STEPS + 1) * SCRIPT_RECORD);
	data[LIFE_QUEUES] = seed->queues;
	data[LIFE_ORDER] = seed->order;
	data[FRONT_DEVICE_LAST] = seed->last;
	for (const struct step *s = seed->step; s->kind != FRONT_KIND_COUNT;
	     s++, at += SCRIPT_RECORD) {
		data[at] = (uint8_t)s->kind;
		memcpy(data + at + 1, s->byte, BYTES);
	}
	return at;
}

void front_seeds(const char *harness, struct seed_folder *to)
{
	uint8_t data[(STEPS + 1) * SCRIPT_RECORD];

	(void)harness;
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
		size_t bytes = lay(&seeds[i], data);

		seed_put(to, seeds[i].name, data, bytes);
	}
}
