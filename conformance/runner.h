/* Running cases against a target, each in a process of its own. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conformance/baseline.h"
#include "conformance/targets/target.h"
#include "conformance/verdict.h"

struct outcome {
	const struct conform_case *one;
	enum verdict verdict;
	struct guest_result result;
	char reason[640]; /* one sentence; "" for PASS */
	double seconds;
	/* what run.c adds to it */
	unsigned int attempts;
	enum verdict first; /* of the first attempt */
	enum expectation expectation;
	const char *why; /* it is expected; "" */
};

struct runner_options {
	const struct target *target;
	unsigned int timeout_s; /* of one case, by the real clock */
	bool verbose; /* let the case's process write to standard error */
};

/**
 * runner_run() - run one case and judge it.
 *
 * The target was started.  Never returns early: a hanging case is killed.
 */
void runner_run(const struct runner_options *options,
		const struct conform_case *one, struct outcome *outcome);
