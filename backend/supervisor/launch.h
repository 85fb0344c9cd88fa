/*
 * Starting a worker process: the fourth thing that is chosen at link time.
 *
 * launch.c starts xenblk-worker; the in-process device links its own launch
 * instead, which makes the worker an object of the same process.
 */
#pragma once

#include <sys/types.h>

/**
 * launch_worker() - start a worker at this end of a link.
 * @path: the xenblk-worker program
 * @link_fd: the worker's end; closed here once the worker has it
 * @pid: its process, 0 when it is not a process of its own
 *
 * Return: 0 or -errno.
 */
int launch_worker(const char *path, int link_fd, pid_t *pid);
