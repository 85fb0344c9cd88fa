/*
 * The table of a script's records: which fields a kind has, where each stands,
 * and the names of its values that mean something special.
 *
 * script_text.c owns the table and prints and parses by it; the mutator changes
 * scripts by it.  So an operation has one description, and whoever adds one
 * adds a row there.
 */
#pragma once

#include <stdint.h>

#include "fuzz/script.h"

#define MAX_FIELDS 15u

struct value_name {
	const char *name;
	uint8_t value;
};

struct field {
	const char *name; /* NULL: there are no more */
	uint8_t at;
	uint8_t bytes;
	const struct value_name *names; /* ends with a NULL name; or NULL */
};

struct shape {
	const char *name;
	struct field field[MAX_FIELDS];
};

/** script_shape() - the fields of a kind of operation. */
const struct shape *script_shape(enum script_kind kind);

/** script_device_shape() - the fields of the first record. */
const struct shape *script_device_shape(void);
