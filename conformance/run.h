/* Running cases against a target. */
#pragma once

#include "conformance/options.h"

/** run_command() - an exit status. */
int run_command(const struct command_line *line);
