/*
 * The seed of the choices that sim_random(), sim_pick() and sim_chance() make.
 */
#pragma once

#include <stdint.h>

/** schedule_seed() - begin the sequence anew; called by sim_reset(). */
void schedule_seed(uint64_t seed);
