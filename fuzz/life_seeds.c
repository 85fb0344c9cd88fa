/*
 * What is right, and what went wrong elsewhere, as scripts of the harness
 * lifecycle.  See seed_makers.h and life_steps.h.
 */
#include "fuzz/seed_makers.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/checked.h"
#include "fuzz/life_steps.h"

#define CALLS 20u

static const struct life_seed seeds[] = {
	{"plain", 0, 0, 3, {UP, DOWN, UNPLUG, {LIFE_REMOVE, 0, 0, 0}, END}},
	{"queues",
	 3,
	 2,
	 3,
	 {{LIFE_CREATE, 0, 1, 0},
	  {LIFE_KEYS, 3, 2, 1},
	  {LIFE_FRONT_STATE, INITIALISED, 0, 0},
	  DOWN,
	  END}},
	{"again",
	 0,
	 0,
	 3,
	 {UP,
	  DOWN,
	  {LIFE_FRONT_STATE, INITIALISING, 0, 0},
	  {LIFE_FRONT_STATE, INITIALISED, 0, 0},
	  DOWN,
	  END}},
	{"two-disks",
	 0,
	 0,
	 3,
	 {UP,
	  {LIFE_CREATE | SECOND, 0, 1, 0},
	  {LIFE_KEYS | SECOND, 0, 0, 0},
	  {LIFE_FRONT_STATE | SECOND, INITIALISED, 0, 0},
	  DOWN,
	  {LIFE_REMOVE | SECOND, 0, 0, 0},
	  END}},
	{"skipped",
	 0,
	 0,
	 3,
	 {UP,
	  {LIFE_FRONT_STATE | LATER, CLOSED, 0, 0},
	  {LIFE_FRONT_STATE | LATER, INITIALISING, 0, 0},
	  {LIFE_FRONT_STATE, INITIALISED, 0, 0},
	  {LIFE_FRONT_STATE, EMPTY, 0, 0},
	  END}},
	{"straight-to-connected",
	 0,
	 0,
	 3,
	 {{LIFE_CREATE, 0, 0, 0},
	  {LIFE_KEYS, 0, 0, 0},
	  {LIFE_FRONT_STATE, CONNECTED, 0, 0},
	  {LIFE_FRONT_STATE, CONNECTED, 0, 0},
	  END}},
	{"unplugged", 0, 0, 3, {UP, UNPLUG, DOWN, {LIFE_REMOVE, 0, 0, 0}, END}},
	{"unplugged-while-connecting",
	 0,
	 0,
	 3,
	 {{LIFE_CREATE, 0, 0, 0},
	  {LIFE_KEYS, 0, 0, 0},
	  {LIFE_FRONT_STATE | LATER, INITIALISED, 0, 0},
	  {LIFE_RUN | LATER, 0, 0, 0},
	  {LIFE_ONLINE | LATER, 0, 0, 0},
	  {LIFE_BACK_STATE, 0, 0, 0},
	  END}},
	{"removed-while-connected",
	 0,
	 0,
	 3,
	 {UP, {LIFE_REMOVE, 0, 0, 0}, {LIFE_FRONT_GONE, 0, 0, 0}, END}},
	{"removed-between-reads",
	 0,
	 0,
	 3,
	 {{LIFE_CREATE, 0, 0, 0},
	  {LIFE_KEYS, 0, 0, 0},
	  {LIFE_BETWEEN, 14, 0, 0},
	  {LIFE_REMOVE, 0, 0, 0},
	  {LIFE_FRONT_STATE, INITIALISED, 0, 0},
	  END}},
	{"keys-between-reads",
	 3,
	 2,
	 3,
	 {{LIFE_CREATE, 0, 0, 0},
	  {LIFE_KEYS, 1, 1, 0},
	  {LIFE_BETWEEN, 4, 0, 0},
	  {LIFE_KEY, 3, 3, 0},
	  {LIFE_FRONT_STATE, INITIALISED, 0, 0},
	  DOWN,
	  END}},
	{"said-while-a-watch-is-made",
	 0,
	 0,
	 3,
	 {{LIFE_BETWEEN, 0, 2, 0},
	  {LIFE_FRONT_STATE, CLOSING, 0, 0},
	  {LIFE_CREATE, 0, 0, 0},
	  {LIFE_FRONT_STATE, INITIALISING, 0, 0},
	  {LIFE_KEYS, 0, 0, 0},
	  {LIFE_FRONT_STATE, INITIALISED, 0, 0},
	  DOWN,
	  END}},
	{"keys-while-connected",
	 3,
	 2,
	 3 | TABLES,
	 {UP,
	  {LIFE_KEY, 0, 1, 0},
	  {LIFE_FLOOD, 0, 20, 0},
	  {LIFE_CLOCK, 0, 0, 0},
	  DOWN,
	  END}},
	{"garbage-keys",
	 0,
	 0,
	 3,
	 {{LIFE_CREATE, 0, 0, 0},
	  {LIFE_KEYS, 0, 0, 0},
	  {LIFE_KEY, 1, 11, 0},
	  {LIFE_KEY, 0, 9, 0},
	  {LIFE_KEY, 3, 13, 0},
	  {LIFE_FRONT_STATE, INITIALISED, 0, 0},
	  {LIFE_KEY, 2, 230, 0},
	  {LIFE_FRONT_STATE, INITIALISING, 0, 0},
	  END}},
	{"frontend-says-mode",
	 0,
	 0,
	 3,
	 {{LIFE_CREATE, 0, 1, 0},
	  {LIFE_KEY, 13, 19, 0},
	  {LIFE_KEY, 14, 3, 0},
	  {LIFE_KEYS, 0, 0, 2},
	  {LIFE_FRONT_STATE, INITIALISED, 0, 0},
	  END}},
	{"disturbed",
	 0,
	 0,
	 3,
	 {{LIFE_AGAIN, 5, 0, 0},
	  {LIFE_CREATE, 0, 0, 0},
	  {LIFE_KEYS, 0, 0, 0},
	  {LIFE_AGAIN, 6, 0, 0},
	  {LIFE_FRONT_STATE, INITIALISED, 0, 0},
	  {LIFE_AGAIN, 69, 0, 0},
	  DOWN,
	  END}},
	{"failures",
	 0,
	 0,
	 3,
	 {{LIFE_FAIL, 6, 0, 0},
	  {LIFE_CREATE, 0, 0, 0},
	  {LIFE_KEYS, 0, 0, 0},
	  {LIFE_FAIL, 9, 3, 0},
	  {LIFE_FRONT_STATE, INITIALISED, 0, 0},
	  {LIFE_FAIL, 2, 7, 0},
	  DOWN,
	  END}},
	{"worker-dies",
	 0,
	 0,
	 3,
	 {UP,
	  {LIFE_WORKER, 1, 0, 0},
	  {LIFE_WORKER, 2, 0, 0},
	  {LIFE_CLOCK, 0, 0, 0},
	  {LIFE_WORKER, 4, 0, 0},
	  DOWN,
	  {LIFE_WORKER, 5, 0, 0},
	  {LIFE_WORKER, 11, 7, 0},
	  END}},
	{"worker-refuses",
	 0,
	 0,
	 3,
	 {{LIFE_CREATE, 0, 0, 0},
	  {LIFE_WORKER, 6, 2, 0},
	  {LIFE_KEYS, 0, 0, 0},
	  {LIFE_FRONT_STATE, INITIALISED, 0, 0},
	  {LIFE_WORKER, 7, 0, 0},
	  DOWN,
	  {LIFE_FRONT_STATE, INITIALISING, 0, 0},
	  {LIFE_FRONT_STATE, INITIALISED, 0, 0},
	  {LIFE_WORKER, 9, 0, 0},
	  END}},
	{"worker-lingers",
	 0,
	 0,
	 3,
	 {UP,
	  {LIFE_WORKER, 8, 0, 0},
	  UNPLUG,
	  DOWN,
	  {LIFE_ONLINE, 1, 0, 0},
	  {LIFE_REMOVE, 0, 0, 0},
	  {LIFE_CREATE, 0, 0, 0},
	  END}},
	{"flood",
	 0,
	 0,
	 3,
	 {UP, {LIFE_FLOOD, 0, 200, 0}, {LIFE_FLOOD, 1, 200, 0}, DOWN, END}},
	{"domain-dies",
	 0,
	 0,
	 3,
	 {UP,
	  {LIFE_DOMAIN, 0, 0, 0},
	  {LIFE_REMOVE, 0, 0, 0},
	  {LIFE_DOMAIN, 1, 0, 0},
	  END}},
	{"daemon-begins-anew",
	 0,
	 0,
	 3,
	 {UP, {LIFE_DAEMON, 0, 0, 0}, DOWN, {LIFE_DAEMON, 0, 0, 0}, END}},
	{"resized",
	 1,
	 0,
	 3,
	 {UP,
	  {LIFE_CHANGE, 0, 100, 0},
	  {LIFE_CHANGE, 0, 0, 0},
	  {LIFE_FRONT_STATE, CLOSED, 0, 0},
	  {LIFE_CHANGE, 0, 200, 0},
	  {LIFE_FRONT_STATE, INITIALISING, 0, 0},
	  {LIFE_CHANGE | LATER, 0, 50, 0},
	  {LIFE_WORKER, 1, 0, 0},
	  END}},
	{"no-change",
	 0,
	 0,
	 3,
	 {{LIFE_CREATE, 1, 0, 0},
	  {LIFE_KEYS, 0, 0, 0},
	  {LIFE_FRONT_STATE, INITIALISED, 0, 0},
	  {LIFE_CHANGE, 0, 100, 0},
	  {LIFE_CHANGE, 1, 1, 0},
	  {LIFE_FRONT_STATE | LATER, CLOSING, 0, 0},
	  {LIFE_RUN | LATER, 0, 0, 0},
	  {LIFE_CHANGE, 0, 50, 0},
	  END}},
	{"resized-and-taken-over",
	 3,
	 2,
	 3 | TABLES,
	 {UP,
	  {LIFE_CHANGE, 0, 100, 0},
	  {LIFE_DAEMON, 0, 0, 0},
	  {LIFE_WORKER, 1, 0, 0},
	  {LIFE_DAEMON, 0, 0, 0},
	  DOWN,
	  END}},
	{"drive",
	 0,
	 0,
	 3 | TABLES,
	 {{LIFE_CREATE, 6, 1, 0},
	  {LIFE_KEYS, 0, 0, 0},
	  {LIFE_FRONT_STATE, INITIALISED, 0, 0},
	  {LIFE_FRONT_STATE, CONNECTED, 0, 0},
	  {LIFE_CHANGE, 1, 0, 0},
	  {LIFE_CHANGE, 0, 50, 0},
	  {LIFE_CHANGE, 1, 1, 0},
	  {LIFE_CHANGE, 1, 5, 0},
	  {LIFE_CHANGE, 1, 4, 0},
	  {LIFE_BACK_KEY, 0, 9, 0},
	  {LIFE_BACK_KEY, 0, 0, 0},
	  {LIFE_DAEMON, 0, 0, 0},
	  DOWN,
	  END}},
	{"daemon-goes-on",
	 3,
	 2,
	 3 | TABLES,
	 {UP,
	  {LIFE_DAEMON, 0, 0, 0},
	  {LIFE_WORKER, 1, 0, 0},
	  {LIFE_CLOCK, 0, 0, 0},
	  {LIFE_FRONT_STATE, CLOSING, 0, 0},
	  {LIFE_DAEMON, 0, 0, 0},
	  {LIFE_FRONT_STATE, CLOSED, 0, 0},
	  {LIFE_REMOVE, 0, 0, 0},
	  END}},
	{"toolstack-garbage",
	 0,
	 0,
	 3,
	 {{LIFE_CREATE, 0, 0, 0},
	  {LIFE_BACK_KEY, 0, 13, 0},
	  {LIFE_BACK_KEY, 2, 4, 0},
	  {LIFE_BACK_STATE, STATE(8), 0, 0},
	  {LIFE_BACK_STATE, 230, 0, 0},
	  END}},
};

static size_t lay(const struct life_seed *seed, uint8_t *data)
{
	size_t at = SCRIPT_RECORD;

	memset(data, 0, (STEPS + 1) * SCRIPT_RECORD);
	data[LIFE_QUEUES] = seed->queues;
	data[LIFE_ORDER] = seed->order;
	data[LIFE_RESCUES] = seed->rescues % TABLES;
	data[LIFE_TABLES] = seed->rescues / TABLES;
	for (const struct life_step *s = seed->step; s->kind != LIFE_KIND_COUNT;
	     s++, at += SCRIPT_RECORD) {
		data[at] = (uint8_t)s->kind;
		data[at + 1] = (s->kind & SECOND) != 0;
		data[at + 2] = s->a;
		data[at + 3] = s->b;
		data[at + 4] = s->c;
		data[at + 15] = (s->kind & LATER) != 0 ? 0xff : 0;
		/* The only longer field: milliseconds, here in seconds. */
		if (data[at] == LIFE_CLOCK) {
			data[at + 4] = (uint8_t)(s->c * 1000u);
			data[at + 5] = (uint8_t)(s->c * 1000u >> 8);
			data[at + 6] = (uint8_t)(s->c * 1000u >> 16);
		}
	}
	return at;
}

static void all(const struct life_seed *seed, size_t count,
		struct seed_folder *to)
{
	uint8_t data[(STEPS + 1) * SCRIPT_RECORD];

	for (size_t i = 0; i < count; i++) {
		const size_t bytes = lay(&seed[i], data);

		seed_put(to, seed[i].name, data, bytes);
	}
}

/* The how many-th call of each stretch fails, or others act just before it. */
static void at_each_call(struct seed_folder *to)
{
	char name[32];

	for (uint8_t at = 0; at < CALLS; at++) {
		const struct life_seed fails = {
			name,
			0,
			0,
			3,
			{{LIFE_FAIL, at, 0, 0},
			 {LIFE_CREATE, 0, 0, 0},
			 {LIFE_FAIL, at, 1, 0},
			 {LIFE_KEYS, 0, 0, 0},
			 {LIFE_FRONT_STATE, CONNECTED, 0, 0},
			 {LIFE_FAIL, at, 2, 0},
			 {LIFE_CHANGE, 0, 9, 0},
			 {LIFE_FAIL, at, 3, 0},
			 UNPLUG,
			 {LIFE_FAIL, at, 0, 0},
			 {LIFE_REMOVE, 0, 0, 0},
			 END}};
		const struct life_seed goes = {
			name,
			0,
			0,
			3,
			{{LIFE_BETWEEN, at, 0, 0},
			 {LIFE_REMOVE, 0, 0, 0},
			 {LIFE_CREATE, 0, 0, 0},
			 {LIFE_KEYS, 0, 0, 0},
			 {LIFE_BETWEEN, at, 0, 0},
			 {LIFE_REMOVE, 0, 0, 0},
			 {LIFE_FRONT_STATE, CONNECTED, 0, 0},
			 UP,
			 {LIFE_BETWEEN, at, 0, 0},
			 {LIFE_REMOVE, 0, 0, 0},
			 {LIFE_FRONT_STATE, CLOSED, 0, 0},
			 END}};

		snprintf(name, sizeof(name), "fails-at-%u", at);
		all(&fails, 1, to);
		snprintf(name, sizeof(name), "goes-at-%u", at);
		all(&goes, 1, to);
	}
}

void life_seeds(const char *harness, struct seed_folder *to)
{
	const struct life_seed *troubles;
	size_t count;

	(void)harness;
	all(seeds, ARRAY_SIZE(seeds), to);
	troubles = life_troubles(&count);
	all(troubles, count, to);
	at_each_call(to);
}
