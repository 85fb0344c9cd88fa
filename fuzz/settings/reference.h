/*
 * How a person reads settings and params: plainly, with no eye on speed.
 *
 * The harness settings holds what backend/supervisor makes of a text against
 * this.  Shares no code with it.
 */
#pragma once

#include <stdbool.h>

#include "backend/supervisor/params.h"

#define REFERENCE_LINE 1000u /* longer ones are refused for their length */

/**
 * reference_params() - whether a text names an image; *params is only set then.
 */
bool reference_params(const char *text, struct params *params);

enum reference_line {
	LINE_EMPTY,
	LINE_WRONG,
	LINE_SETTING,
};

/**
 * reference_line() - the name and the value of a line of a file.
 * @line: shorter than REFERENCE_LINE
 * @copy: room for that, where name and value will lie
 */
enum reference_line reference_line(const char *line, char *copy, char **name,
				   char **value);
