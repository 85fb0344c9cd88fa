/*
 * xenblkctl as a function: its main(), a daemon that answers what it is told to,
 * and what came out.
 *
 * Stands where the socket and exit() would be, linked in by --wrap.  Called by
 * the harness ctl only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct ctl_run {
	int status;
	bool connected; /* it came as far as the daemon */
	char *request;	/* what the daemon got; NULL */
	size_t request_bytes;
	unsigned int answers; /* lines that it took */
	char *said;	      /* on its output and as errors, with a NUL */
	size_t said_bytes;
};

/** ctl_run() - one call with these words; @answer: lines, one for each request;
 * NULL: nobody listens. */
void ctl_run(int argc, char **argv, const void *answer, size_t bytes,
	     struct ctl_run *run);
void ctl_run_free(struct ctl_run *run);

/** ctl_running() - whether a call of ours is under way. */
bool ctl_running(void);

/* terminal.c: a terminal, the clock, and a user with so many keys to press. */
void terminal_begin(unsigned int keys, unsigned int columns);
