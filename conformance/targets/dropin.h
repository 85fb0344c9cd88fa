/*
 * What the targets on the drop-in simulator have in common: a world around one
 * run, a guest, its disks, and one hosted backend program.
 *
 * hosted.c names the backends; the functions here are their target's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conformance/targets/program.h"
#include "conformance/targets/target.h"

#define DROPIN_GUEST 5u /* the guest's domain number */

/* What differs among the backends that can be hosted. */
struct hosted {
	const char *kind;	  /* directory below backend/ */
	const char *params_start; /* before the image's path */
	bool per_case;		  /* a new process for every case */
	bool writable_only;	  /* cannot be given a read-only disk */
	/* directory: for its own files, removed at the end */
	int (*spawn)(struct program *program, const char *directory);
};

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
