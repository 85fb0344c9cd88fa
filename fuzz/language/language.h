/*
 * What the records of a harness are called: the fields that each kind has,
 * where they stand, and the names of values that mean something special.
 *
 * A language is a table, in a file of its own beside this one.  script_text.c
 * prints and parses by it, and the mutator changes scripts by it; neither knows
 * any kind by itself.  So an operation has one description, and whoever adds
 * one adds a row there.  Nothing here knows what a record does.
 */
#pragma once

#include <stdint.h>

#include "fuzz/script.h"

#define MAX_FIELDS  15u
#define MAX_TARGETS 4u
#define MAX_SPOKEN  12u

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

struct language {
	const char *harness[MAX_SPOKEN]; /* who speaks it; NULL ends them */
	unsigned int kinds;		 /* named by byte 0 of a record */
	unsigned int beyond; /* what other bytes name, modulo; 0: all kinds */
	const struct shape *device;
	const struct shape *shape; /* of each kind */
	uint8_t usual; /* the kind without which others mean little */
	/* fields that say whom or what a record is about; NULL ends them */
	const char *target[MAX_TARGETS];
};

/* Unless byte 15 says "later" everybody acts after a record. */
#define FIELD_LATER                                                            \
	{                                                                      \
		"later", 15, 1, language_later                                 \
	}
extern const struct value_name language_later[];

/* Of whoever stands on the stage of fuzz/lifecycle (life.c): how a call of
 * xenstore fails, and what a worker does. */
extern const struct value_name language_errors[], language_deeds[];

extern const struct language language_guest, language_life, language_front,
	language_worker, language_desk, language_nbd, language_blocks,
	language_daemon;

/**
 * language_of() - what the inputs of a harness are written in.
 *
 * Return: NULL for a harness that takes plain bytes, and for none at all.
 */
const struct language *language_of(const char *harness);

/** language_shape() - the fields of a record, by its first byte. */
const struct shape *language_shape(const struct language *language,
				   uint8_t first);
