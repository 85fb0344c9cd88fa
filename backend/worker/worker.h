/*
 * The worker's life, seen from its link: receive a device, attach, serve,
 * detach.
 *
 * Owns the vbd, the image and the mapped region.  main.c gives it the link and
 * sleeps in worker_run(); the in-process device calls worker_step() instead.
 */
#pragma once

#include <stdbool.h>

struct worker;

/**
 * worker_create() - a worker at this end of a link (takes the descriptor over).
 * @threads: true: queues get threads of their own at ATTACH; false: the caller
 *           turns them through worker_step()
 *
 * Return: 0 or -errno.
 */
int worker_create(int link_fd, bool threads, struct worker **worker);
void worker_destroy(struct worker *worker);

/**
 * worker_step() - handle what the link has, and without threads turn every
 * queue.
 *
 * Never blocks.  Return: 1 when something was done, 0 when not, -EPIPE when the
 * supervisor is gone or said STOP, another -errno when the worker must end.
 */
int worker_step(struct worker *worker);

/** worker_run() - sleep and step until the end; an exit status. */
int worker_run(struct worker *worker);
