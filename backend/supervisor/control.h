/*
 * The control socket: a UNIX stream socket, one JSON document per line each
 * way.
 *
 * Owns the socket and its clients; what the answers say is report.c's.  Nothing
 * here waits for a client: requests are bounded, a client has one answer under
 * way at a time, and who does not read it only keeps his own place.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "backend/supervisor/host.h"

struct control;

#define CONTROL_ERROR_BYTES 256u

/**
 * control_create() - listen at a path, mode 0600.
 * @error: a sentence on failure
 *
 * A socket that nobody answers at is replaced.  Return: 0, -EADDRINUSE when a
 * daemon answers there, or -errno.
 */
int control_create(const char *path, struct control **control, char *error);

/**
 * control_destroy() - hang up on everybody and remove the socket; NULL is
 * fine.
 */
void control_destroy(struct control *control);

/** control_fd() - becomes readable when control_step() has something to do. */
int control_fd(const struct control *control);

/**
 * control_step() - take new clients, read requests, write answers; never
 * blocks.
 */
void control_step(struct control *control, struct host *host);
