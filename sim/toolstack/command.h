/*
 * The subcommands of xenblk-sim, and what they share: each parses its own
 * arguments and returns the exit status.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sim/lib/dropin/message.h"

enum {
	EXIT_OK = 0,
	EXIT_CHECK = 1, /* the thing asked for did not happen */
	EXIT_USAGE = 2,
	EXIT_NOTHING = 3, /* nothing was run */
	EXIT_TOOL = 4,
};

#define COMMAND_GUEST_MIB 64u /* memory of a guest that nobody sized */

int command_run(int argc, char **argv);
int command_guest(int argc, char **argv);
int command_introduce(int argc, char **argv);
int command_attach(int argc, char **argv);
int command_detach(int argc, char **argv);
int command_destroy(int argc, char **argv);
int command_status(int argc, char **argv);

/** command_connect() - to the broker as the toolstack; -1 with a sentence. */
int command_connect(void);

/** command_ask() - one question; 0 or -errno. */
int command_ask(int connection, struct message *message);

/** command_ensure_domain() - make and introduce a guest unless it is there. */
int command_ensure_domain(uint32_t domid, uint32_t mib);

/** command_domid() - parse the number of a guest; false with a sentence. */
bool command_domid(const char *text, uint32_t *domid);

/** command_number() - parse a number; false with a sentence that names it. */
bool command_number(const char *what, const char *text, uint32_t *number);

/** command_usage() - a sentence about a wrong argument; EXIT_USAGE. */
int command_usage(const char *subcommand, const char *problem);
