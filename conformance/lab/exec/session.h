/*
 * One session in the guest: runs one command and relays what it says.
 *
 * A process of its own, which the agent starts.  It never touches the nodes of
 * another session, and leaves the removal of its own to the agent.
 */
#pragma once

/**
 * session_run() - serve the session of that id to its end.
 *
 * Return: an exit status: 0, or 1 when the session broke.
 */
int session_run(const char *id);
