/*
 * The dom0 side of a session: asks the agent, relays, ends with a status.
 *
 * Called by exec_main.c.  Leaves nothing behind in xenstore, whatever happened
 * to the command or to the guest.
 */
#pragma once

#include <stdbool.h>

enum caller_status {
	CALLER_TIMED_OUT = 124,
	CALLER_NO_AGENT = 125,
	CALLER_GUEST_GONE = 126,
};

struct call {
	unsigned int domid;
	unsigned int timeout_s; /* 0: none */
	unsigned int wait_s;
	bool with_link; /* our descriptor 3 is the command's */
	char **words;
};

/** caller_run() - the whole session; an exit status. */
int caller_run(const struct call *call);
