/*
 * The endpoint of metrics: HTTP on loopback or a UNIX socket.
 *
 * Owns the listener and libmicrohttpd's daemon, which has no thread: it works
 * when main.c calls metrics_step().  The only caller of libmicrohttpd.  Nobody
 * waits for a client: connections are few, short-lived, and bounded in time.
 */
#pragma once

#include <stdint.h>

#include "backend/supervisor/endpoint.h"
#include "backend/supervisor/host.h"

struct metrics;

/**
 * metrics_create() - listen where the configuration says.
 * @error: ENDPOINT_ERROR_BYTES; a sentence on failure
 *
 * Return: 0 or -errno.
 */
int metrics_create(const char *where, const struct host *host,
		   struct metrics **metrics, char *error);

/** metrics_destroy() - hang up on everybody; NULL is fine. */
void metrics_destroy(struct metrics *metrics);

/** metrics_fd() - readable when metrics_step() has something to do; or -1. */
int metrics_fd(const struct metrics *metrics);

/**
 * metrics_step() - take, answer and end connections; never blocks.
 *
 * Return: when it wants to be called again at the latest, UINT64_MAX: whenever
 * something happens.
 */
uint64_t metrics_step(struct metrics *metrics, uint64_t now_ns);
