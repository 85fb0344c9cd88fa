/*
 * The command "crash" of xenblk-conform: many histories, and what it says of the
 * first that breaks a rule.
 *
 * The backend must be in the same process, so command.c is linked into
 * xenblk-conform-inprocess; the other programs have elsewhere.c, which runs that
 * one.
 */
#pragma once

#include "conformance/options.h"

/** crash_command() - an exit status. */
int crash_command(const struct command_line *line);
