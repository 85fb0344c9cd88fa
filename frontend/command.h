/*
 * What the parts of xenblk-front share: its options, and its commands.
 *
 * main.c parses and connects, options_main.c knows the words, copy_main.c moves
 * and compares data, load_main.c drives the load generator.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "frontend/front.h"
#include "frontend/load.h"

/* Exit codes of every command of the project. */
enum {
	EXIT_OKAY = 0,
	EXIT_FAILED = 1, /* a check failed */
	EXIT_USAGE = 2,
	EXIT_NOTHING = 3, /* nothing was run */
	EXIT_BROKEN = 4,  /* the tool or its environment failed */
};

#define COMMAND_MAX_CPUS 64

struct command_options {
	const char *command, *operand;
	int64_t domid; /* -1: ask xenstore */
	uint32_t devid;
	struct front_personality personality;
	unsigned int timeout_s;
	bool json, hold;
	const char *input, *output;
	uint64_t offset, length; /* bytes; length 0: up to the end */
	struct load_options load;
	int cpus[COMMAND_MAX_CPUS];
};

/* Set by SIGINT and SIGTERM; every long loop looks at it. */
extern atomic_bool command_stop;

/**
 * command_parse() - the command line; prints what is wrong with it.
 *
 * Return: -1 to go on, else the exit code to end with (--help: 0, usage: 2).
 */
int command_parse(int argc, char **argv, struct command_options *options);

/* Each returns an exit code. */
int command_copy_out(struct front *front, const struct command_options *o);
int command_write(struct front *front, const struct command_options *o);
int command_verify(struct front *front, const struct command_options *o);
int command_discard(struct front *front, const struct command_options *o);
int command_load(struct front *front, const struct command_options *o);
