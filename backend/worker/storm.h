/*
 * Events about nothing: how many a queue hears before it pauses.
 *
 * A guest may kick at any rate, and each kick that its backend listens to costs
 * a wake-up (Q19).  Sound guests kick in vain as well, when their request was
 * seen before their kick, but never more often than there is work: work earns
 * credit, a kick in vain spends it, and without credit the queue pauses before
 * it listens again, longer each time until there is work.  Only that guest's
 * own queue waits.  No time, no memory but this; run.c sleeps.
 */
#pragma once

#include <stdint.h>

struct storm {
	uint32_t credit;   /* kicks in vain that are free */
	uint32_t pause_ms; /* the last pause; 0: none since there was work */
};

/** storm_init() - as if there had been a lot of work. */
void storm_init(struct storm *storm);

/** storm_worked() - a turn found something to do. */
void storm_worked(struct storm *storm);

/** storm_vain() - an event, and nothing to do; milliseconds to pause, or 0. */
uint32_t storm_vain(struct storm *storm);
