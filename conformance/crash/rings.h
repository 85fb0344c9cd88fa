/*
 * The guest of the crash checker: its memory, its rings, its pages, on the
 * in-process simulator.  An honest guest: it puts what a step says, and looks at
 * each answer once.
 *
 * Called by play.c, which is the scheduler.  It judges nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/link.h"
#include "conformance/crash/history.h"

#define RINGS_GUEST 3u
#define RINGS_PAGES 192u
#define RINGS_SPAN  (CRASH_LENGTH + 1u) /* pages of one request at most */

/* A request that was not answered yet: where its data are. */
struct ring_request {
	bool waiting;
	unsigned int segments;
	uint8_t part, first;
	uint8_t sector, sectors;
	uint8_t page[RINGS_SPAN]; /* the last one lists, if it is indirect */
	unsigned int pages;
};

struct ring_answer {
	uint32_t number;
	int status;
};

struct rings {
	unsigned int queues;
	uint32_t seen[CRASH_QUEUES]; /* answers taken off */
	struct ring_request request[CRASH_REQUESTS + 1];
	uint8_t free[RINGS_PAGES]; /* a stack */
	unsigned int free_count;
};

/** rings_make() - a fresh world with this guest in it, and how to attach. */
void rings_make(struct rings *rings, const struct history *history,
		struct link_attach *attach);

/** rings_room() - pages for what a step asks for, and a slot of its ring. */
bool rings_room(const struct rings *rings, const struct step *step);

/** rings_put() - into the ring of the step, and published. */
void rings_put(struct rings *rings, const struct step *step, uint32_t number);

/** rings_answer() - the next answer of a queue; false when there is none. */
bool rings_answer(struct rings *rings, unsigned int queue,
		  struct ring_answer *answer);

/** rings_data() - the i-th sector of a request. */
const void *rings_data(const struct rings *rings, uint32_t number,
		       unsigned int i);

/** rings_done() - its pages may be used for others. */
void rings_done(struct rings *rings, uint32_t number);
