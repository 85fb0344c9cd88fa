/*
 * Scripts as text, and back.  Called by xenblk-script and by tests.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fuzz/language/language.h"

/**
 * script_print() - bytes as text, one record a line; loses nothing.
 *
 * Return: 0 or -errno of the stream.
 */
int script_print(const struct language *language, const uint8_t *data,
		 size_t bytes, FILE *to);

/**
 * script_parse() - text to bytes; the inverse of script_print().
 * @text: a NUL-terminated text
 * @data: at least SCRIPT_MAX_BYTES
 * @line: where the first error stands
 *
 * Return: the number of bytes, or -EINVAL for a name or number that is not
 * known, -E2BIG for a script that is too long.
 */
long script_parse(const struct language *language, const char *text,
		  uint8_t *data, unsigned int *line);
