/*
 * The command line of xenblkd, and what its exit status says.
 *
 * Called by main.c, once.  Knows which options are settings, but none of their
 * values: those are conf.c's.
 */
#pragma once

#include "backend/supervisor/conf.h"

enum exit_code {
	EXIT_OK = 0,
	EXIT_USAGE = 2,
	EXIT_ENVIRONMENT = 4,
};

/**
 * options_parse() - settings of the command line over those of a file that it
 * names.
 * @conf: initialised; its defaults stay where nothing is said
 *
 * Does not return for --help and --version (EXIT_OK), nor for words that make
 * no sense (EXIT_USAGE, with a sentence on standard error).
 */
void options_parse(int argc, char **argv, struct conf *conf);
