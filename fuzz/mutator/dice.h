/*
 * Random choices of the mutator: numbers out of a seed, and values for fields.
 *
 * The same seed gives the same choices.  mutator.c alone calls it.
 */
#pragma once

#include <stdint.h>

#include "fuzz/language/language.h"

struct dice {
	uint64_t state;
};

void dice_init(struct dice *dice, uint32_t seed);

/** dice_below() - a number of [0, limit); limit is not 0. */
uint32_t dice_below(struct dice *dice, uint32_t limit);

/**
 * dice_field() - another value for one field of a record.
 *
 * One of its names, a small number, one that misbehaves on purpose
 * (SCRIPT_ODD), a bound of the protocol or its neighbour, one step away from
 * what it was, or anything.
 */
void dice_field(struct dice *dice, const struct field *field, uint8_t *byte);
