/* The command line of xenblk-conform: see options.c for what each word means.
 */
#pragma once

#include <stdbool.h>

#include "conformance/report.h"
#include "conformance/select.h"

enum {
	EXIT_OK = 0,
	EXIT_CHECK = 1,
	EXIT_USAGE = 2,
	EXIT_NOTHING = 3,
	EXIT_TOOL = 4,
};

struct command_line {
	const char *command;
	struct selection selection; /* its wanted words are the operands */
	const char *target;
	const char *junit, *html;
	const char *baseline, *private;
	enum report_format format;
	bool list, json, verbose, trace_hash, refusals, quiet, public;
	unsigned int timeout_s;
	unsigned int retries;	      /* of a bad case */
	unsigned int histories, seed; /* of crash */
	bool deaths;		      /* of workers, likewise */
	char **argv;		      /* in its first order: to be run anew */
};

/** options_parse() - -1 to go on, else an exit status. */
int options_parse(int argc, char **argv, struct command_line *line);

/** options_complain() - a sentence to standard error; EXIT_USAGE. */
int options_complain(const char *what, const char *value);
