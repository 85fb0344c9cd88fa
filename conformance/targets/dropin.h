/*
 * What the targets on the drop-in simulator have in common: a world around one
 * run, a guest, and one hosted backend program (host.h).
 *
 * hosted.c names the targets; the functions here are theirs.
 */
#pragma once

#include <stdint.h>

#include "conformance/targets/host.h"

/** dropin_start() - the target's start(), for this backend. */
int dropin_start(const struct hosted *hosted, char **argv,
		 char why[TARGET_TEXT_BYTES]);

/* The other functions of a target (target.h). */
void dropin_stop(void);
int dropin_before(const struct conform_case *one, char why[TARGET_TEXT_BYTES]);
int dropin_enter(const struct conform_case *one, struct guest_world *guest);
uint64_t dropin_leave(void);
enum target_health dropin_after(const struct conform_case *one,
				char why[TARGET_TEXT_BYTES]);
