/*
 * A record as one line of text for people.  Pure; whatever a guest wrote comes
 * out printable.
 */
#pragma once

#include <stddef.h>

#include "conformance/recording/reader.h"

#define DESCRIBE_BYTES 1024u

/** describe() - what happened, without its time and place. */
void describe(const struct item *item, char *text, size_t room);

/** describe_bytes() - bytes of a guest in printable form, cut to fit. */
void describe_bytes(const char *bytes, unsigned int count, char *text,
		    size_t room);

/** describe_operation() - "read", "operation 77". */
const char *describe_operation(unsigned int operation);

/** describe_state() - "Initialised" for 3. */
const char *describe_state(uint64_t state);
