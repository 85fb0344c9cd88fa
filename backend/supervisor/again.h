/*
 * When xenstore is asked again what it did not answer.
 *
 * A call that fails tells nothing, and nothing may ever happen again that makes
 * somebody look: a disk whose directory went just then would be held for ever.
 * So there is a timer, armed only while something is not known: a host at rest
 * wakes up for nothing.  Owned by host.c, which asks; nobody else calls it.
 */
#pragma once

#include <stdbool.h>

struct again {
	int fd; /* readable when it is time; of the caller's poller */
	bool armed;
	unsigned int delay_ms; /* of the next time */
};

/**
 * again_open() - a timer that is not armed.
 *
 * Return: 0 or -errno; then there is nothing to close.
 */
int again_open(struct again *again);

/** again_close() - no more of it; one that was never opened has fd -1. */
void again_close(struct again *again);

/**
 * again_plan() - after each look: whether something is not known.
 *
 * The first time is soon; each further one that brought no answer is twice as
 * far away, up to a minute: a store that keeps failing must not keep us busy.
 */
void again_plan(struct again *again, bool unsure);

/** again_due() - it was time, once. */
bool again_due(struct again *again);
