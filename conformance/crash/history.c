/* Histories from seeds: see history.h. */
#include "conformance/crash/history.h"

#include <string.h>

#include "backend/base/check.h"

/* splitmix64: every seed is as good as every other. */
static uint64_t next(uint64_t *sequence)
{
	uint64_t z = *sequence += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint32_t history_number(uint64_t *sequence, uint32_t n)
{
	CHECK(n > 0);
	return (uint32_t)((next(sequence) >> 32) * n >> 32);
}

const char *history_operation_name(unsigned int operation)
{
	static const char *const names[CRASH_OPERATIONS] = {
		[CRASH_READ] = "read",
		[CRASH_WRITE] = "write",
		[CRASH_FLUSH] = "flush",
		[CRASH_BARRIER] = "barrier",
	};

	CHECK(operation < CRASH_OPERATIONS);
	return names[operation];
}

/* Half of them writes; of flushes and barriers, a third with data. */
static void make_request(struct step *step, uint64_t *sequence)
{
	static const uint8_t kinds[] = {
		CRASH_READ,  CRASH_READ,    CRASH_WRITE, CRASH_WRITE,
		CRASH_WRITE, CRASH_WRITE,   CRASH_WRITE, CRASH_FLUSH,
		CRASH_FLUSH, CRASH_BARRIER,
	};

	step->kind = STEP_REQUEST;
	step->operation = kinds[history_number(sequence, sizeof(kinds))];
	step->sectors = (uint8_t)(1 + history_number(sequence, CRASH_LENGTH));
	if (history_number(sequence, 2) == 0)
		step->sectors = 1;
	step->sector = (uint8_t)history_number(
		sequence, CRASH_SECTORS - step->sectors + 1);
	step->part = (uint8_t)(1 + history_number(sequence, CRASH_LENGTH));
	step->first = (uint8_t)history_number(sequence, 9u - step->part);
	step->indirect = history_number(sequence, 5) == 0 &&
			 step->operation <= CRASH_WRITE;
	if (step->operation > CRASH_WRITE && history_number(sequence, 3) > 0)
		step->sectors = 0;
}

static void make_step(struct step *step, const struct history *history,
		      uint64_t *sequence, unsigned int eager)
{
	const uint32_t what = history_number(sequence, 100);

	memset(step, 0, sizeof(*step));
	step->queue = (uint8_t)history_number(sequence, history->queues);
	step->choice = (uint32_t)(next(sequence) >> 32);
	if (what < 34) {
		make_request(step, sequence);
	} else if (what < 70) {
		step->kind = STEP_TURN;
		step->quick = history_number(sequence, 8) < eager;
	} else {
		step->kind = STEP_DONE;
	}
}

/* One disk in eight answers with an error now and then. */
static void make_failures(struct history *history, uint64_t *sequence)
{
	if (history_number(sequence, 8) != 0)
		return;
	for (unsigned int i = 0; i < history->count; i++)
		history->step[i].fails = history->step[i].kind == STEP_DONE &&
					 history_number(sequence, 8) == 0;
}

void history_make(struct history *history, uint64_t seed, bool deaths)
{
	uint64_t sequence = seed;
	unsigned int eager;

	memset(history, 0, sizeof(*history));
	history->seed = seed;
	history->queues = 1 + history_number(&sequence, CRASH_QUEUES);
	history->persistent = history_number(&sequence, 2) == 0;
	history->barriers = history_number(&sequence, 8) > 0;
	history->count = 40 + history_number(&sequence, 120);
	eager = history_number(&sequence, 4);
	CHECK(history->count <= CRASH_STEPS);
	for (unsigned int i = 0; i < history->count; i++)
		make_step(&history->step[i], history, &sequence, eager);
	make_failures(history, &sequence);
	if (!deaths)
		return;
	for (unsigned int i = 1 + history_number(&sequence, 2); i > 0; i--) {
		struct step *step = &history->step[history_number(
			&sequence, history->count)];

		step->kind = STEP_DEATH;
		step->moment = (uint8_t)history_number(&sequence, 10);
	}
}
