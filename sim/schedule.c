/*
 * The seeded sequence of choices.  See schedule.h.
 *
 * Called by whoever drives a simulation, never by the library symbols: those
 * must answer the same whatever the schedule is.
 */
#include "sim/schedule.h"

#include "sim/sim.h"

static uint64_t state;

void schedule_seed(uint64_t seed)
{
	state = seed;
}

/* SplitMix64: every seed is good, the state is one word. */
uint64_t sim_random(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint32_t sim_pick(uint32_t n)
{
	if (n <= 1)
		return 0;
	return (uint32_t)((sim_random() >> 32) * n >> 32);
}

bool sim_chance(uint32_t per_thousand)
{
	return sim_pick(1000) < per_thousand;
}
