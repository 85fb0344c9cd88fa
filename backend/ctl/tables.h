/*
 * A daemon's answers as text for people.  Called by main.c.
 */
#pragma once

#include <jansson.h>

/** tables_print() - the answer to that command on standard output. */
void tables_print(const char *command, const json_t *answer);
