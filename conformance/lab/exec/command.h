/*
 * The command of a session: its process, its group, its descriptors.
 *
 * Called by session.c.  Knows nothing of channels.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "conformance/lab/exec/channel.h"

enum command_pipe {
	COMMAND_OUTPUT,
	COMMAND_ERRORS,
	COMMAND_PIPES
};

struct command {
	pid_t pid;
	int pid_fd;
	int pipe[COMMAND_PIPES]; /* -1 once it was closed by all */
	int link;		 /* our end of its descriptor 3, or -1 */
	bool ended;
	int status; /* as waitpid() has it */
};

/** command_start() - in a group of its own, input from /dev/null; -errno. */
int command_start(struct command *command, char **words,
		  enum channel_link link);

/** command_signal() - to all of its group, while it lives. */
void command_signal(const struct command *command, int signal);

/** command_reap() - notes its end, if it has ended. */
void command_reap(struct command *command);

/** command_close() - a descriptor is done with; none twice. */
void command_close(int *fd);
