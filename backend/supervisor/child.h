/*
 * One worker process, as its supervisor holds it: the link and the process.
 *
 * Called by device.c.  What comes over the link was validated by link.c; that
 * it comes at a moment when it makes sense is device.c's to judge.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "backend/base/link.h"

#define CHILD_SENTENCE_BYTES 128u

struct child {
	bool alive; /* started, and its end not yet seen */
	pid_t pid;  /* 0: not a process of its own */
	int link;
	int pidfd; /* -1 when pid is 0 */
};

/** child_init() - a handle with nothing behind it. */
void child_init(struct child *child);

/**
 * child_start() - a link, a worker, and DEVICE sent to it.
 * @program: the xenblk-worker
 * @fds: what goes with DEVICE, in the order of link.h; they stay the caller's
 *
 * Return: 0 or -errno.
 */
int child_start(struct child *child, const char *program,
		const struct link_device *device, const int *fds);

/**
 * child_send() - a message without descriptors; a failure shows as its death.
 */
void child_send(struct child *child, const struct link_message *message);

/**
 * child_receive() - the next message, if any.
 *
 * Return: 1 with a message; 0 when there is none; -EPIPE when the worker is
 * dead and everything it said was taken: child_obituary() then says how it
 * ended.
 */
int child_receive(struct child *child, struct link_message *message);

/**
 * child_obituary() - "was killed by signal 11 (Segmentation fault)"; reaps it.
 *
 * Return: whether it ended in order, as one does that was told to stop.
 */
bool child_obituary(struct child *child, char *sentence, size_t room);

/** child_stop() - say STOP and hang up; the process ends by itself. */
void child_stop(struct child *child);

/** child_kill() - end a worker that broke the protocol of the link. */
void child_kill(struct child *child);

/**
 * child_fini() - close everything; the process must be dead or is left to die.
 */
void child_fini(struct child *child);
