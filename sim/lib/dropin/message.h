/*
 * How a process talks to the broker: one packet asks, one packet answers.
 *
 * A SOCK_SEQPACKET connection per process; its end tells the broker that the
 * process is gone.  At most one descriptor travels with an answer, none with a
 * question.  Used by the preloaded library, the toolstack and the broker.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

enum message_kind {
	/* The first one: value = domid, role.  Answer: value = the owner number
	 * of this process, and the world's memfd. */
	MESSAGE_HELLO = 1,
	/* value = domid.  Answer: its memory's memfd. */
	MESSAGE_MEMORY,
	/* Opens a handle for the process's domain.  Answer: value = handle, and
	 * its eventfd. */
	MESSAGE_HANDLE_OPEN,
	/* value = handle, one of this process. */
	MESSAGE_HANDLE_CLOSE,
	/* value = handle of anybody.  Answer: its eventfd, to be written. */
	MESSAGE_HANDLE_WAKER,
	/* Answer: value = dom0's port for the store daemon. */
	MESSAGE_STORE_PORT,
	/* value = domid, pages.  Answer: value = frame of the store ring, pages
	 * = its port; -EEXIST when there is such a domain. */
	MESSAGE_DOMAIN_CREATE,
	/* value = domid.  Kills its processes and answers when they are gone.
	 */
	MESSAGE_DOMAIN_DESTROY,
	/* value = which, from 0.  Answer: the process; -ENOENT after the last.
	 */
	MESSAGE_PROCESS,
	MESSAGE_KINDS,
};

enum message_role {
	MESSAGE_ROLE_PROGRAM,
	MESSAGE_ROLE_STORE,	/* the store daemon: not part of any ledger */
	MESSAGE_ROLE_TOOLSTACK, /* xenblk-sim itself */
};

struct message {
	uint32_t kind;
	int32_t error; /* of an answer: 0 or -errno */
	uint32_t value;
	uint32_t pages;
	uint32_t role;
	int32_t pid; /* of a process */
};

/** message_connect() - connect to $XENSIM_SOCKET; descriptor or -errno. */
int message_connect(void);

/**
 * message_call() - ask and wait for the answer, which replaces the question.
 * @fd: the descriptor that came with it, or -1; may be NULL if none is expected
 *
 * Not thread-safe for one connection.  Return: 0, the answer's error, or -errno
 * of the connection (-EPIPE: the broker is gone).
 */
int message_call(int connection, struct message *message, int *fd);

/** message_receive() - one packet; 1, 0 at the end, or -errno. */
int message_receive(int connection, struct message *message, int *fd);

/** message_send() - one packet, with a descriptor unless fd is -1. */
int message_send(int connection, const struct message *message, int fd);
