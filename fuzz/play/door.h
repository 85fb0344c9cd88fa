/*
 * The door: a frontend's xenstore, well or badly, for a tape.
 *
 * The states and nodes of one disk over frontend/front.h, with rings and ports
 * of the ground.  Called by perform.c; waits no longer than the given patience.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "frontend/front.h"
#include "fuzz/play/ground.h"
#include "fuzz/tape.h"

enum door {
	DOOR_OPEN,    /* Connected */
	DOOR_REFUSED, /* Closing or Closed instead */
	DOOR_STUCK,   /* neither in time */
};

struct door_options {
	struct front *front;
	int patience_ms;
};

/** door_connect() - publish what CONNECT says, and what came of it. */
enum door door_connect(const struct door_options *door, struct ground *ground,
		       const struct tape_head *connect);

/** door_close() - both sides to Closed; false: not in time. */
bool door_close(const struct door_options *door);

/** door_wait_end() - the backend ends it; false: not in time. */
bool door_wait_end(const struct door_options *door);

/** door_ended() - whether the backend has. */
bool door_ended(const struct door_options *door);
