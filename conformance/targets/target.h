/*
 * The contract of a target: a backend, a disk or two on it, and a guest's
 * place.
 *
 * The runner starts a target once.  Each case runs in a process of its own, so
 * that a crash, a hang or a leak costs that case only; the target says what
 * happens in the runner before and after it, and what the case's process gets.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conformance/guest.h"
#include "conformance/verdict.h"

#define TARGET_TEXT_BYTES 256u

/* In the environment: the file that xenblkd shall record to, absolute. */
#define TARGET_RECORD_VARIABLE "XENBLK_CONFORM_RECORD"
/* ... and whether its workers shall not be confined: they could not write what
 * they have counted (coverage/report), and would be killed as they end. */
#define TARGET_UNCONFINED_VARIABLE "XENBLK_CONFORM_UNCONFINED"

struct target {
	const char *name;
	const char *backend;	/* who is at the other end, for reports */
	bool ours;		/* xenblk: our decisions bind it as well */
	unsigned int timeout_s; /* of a case unless told otherwise; 0: 30 */

	/**
	 * start() - once, before the first case.
	 * @argv: the command line of the runner, for one that runs itself anew
	 *
	 * Return: 0, or -errno with a sentence in why.
	 */
	int (*start)(char **argv, char why[TARGET_TEXT_BYTES]);
	void (*stop)(void);

	/** before() - in the runner: disks as new; 0, or -errno with a
	 * sentence. */
	int (*before)(const struct conform_case *one,
		      char why[TARGET_TEXT_BYTES]);

	/** enter() - in the case's process: fill the world; 0 or -errno. */
	int (*enter)(const struct conform_case *one, struct guest_world *world);

	/** leave() - in the case's process, at its end: a hash of all that
	 * happened, or 0. */
	uint64_t (*leave)(void);

	/** after() - in the runner: how the backend is, and why it is so. */
	enum target_health (*after)(const struct conform_case *one,
				    char why[TARGET_TEXT_BYTES]);
};

/** target_find() - one that this program was linked with, or NULL. */
const struct target *target_find(const char *name);

/** targets - what this program was linked with; NULL at the end. */
extern const struct target *const targets[];
