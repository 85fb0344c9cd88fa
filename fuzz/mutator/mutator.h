/*
 * The mutator: changes scripts by whole operations and by named fields, where an
 * engine's own havoc changes bytes.
 *
 * libfuzzer.c and afl.c hand it to the engines, which keep their havoc for
 * about half of the inputs: operations alone never bend the bytes that no
 * field names.  It knows records only by the tables of fuzz/language, so a new
 * kind is mutated without a change here.  The same arguments give the same
 * bytes; it keeps nothing, allocates nothing, and writes only within @max.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "fuzz/language/language.h"

/**
 * mutator_change() - change a script in place.
 * @size: bytes of it now; a record that it ends in is filled up, or dropped
 * @max: bytes that @data has room for
 *
 * Return: the new size, whole records; @size itself where @max has no room for
 * one record.
 */
size_t mutator_change(const struct language *language, uint8_t *data,
		      size_t size, size_t max, uint32_t seed);

struct mutator_script {
	const uint8_t *data;
	size_t size;
};

/**
 * mutator_cross() - operations of one script among those of another.
 * @out: does not overlap the scripts
 *
 * Return: the size of what is in @out, whole records; 0 where @max has no room
 * for one.
 */
size_t mutator_cross(const struct language *language,
		     const struct mutator_script *one,
		     const struct mutator_script *other, uint8_t *out,
		     size_t max, uint32_t seed);

/**
 * mutator_share() - how many of a hundred mutations are ours.
 *
 * XENBLK_MUTATOR in the environment, for comparing with an engine's own havoc;
 * half of them where it is not set.
 */
unsigned int mutator_share(void);
