/*
 * Where the metrics are served: an address that nobody reaches from outside.
 *
 * Pure but for endpoint_listen().  Called by conf.c, which refuses what is no
 * such address, and by metrics.c.
 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

#define ENDPOINT_ERROR_BYTES 256u

struct endpoint {
	struct sockaddr_storage address;
	socklen_t length;
};

/**
 * endpoint_parse() - "unix:/PATH", "127.0.0.1:PORT" or "[::1]:PORT".
 *
 * Return: whether it is one of these; any address of 127.0.0.0/8 will do.
 */
bool endpoint_parse(const char *text, struct endpoint *endpoint);

/**
 * endpoint_listen() - a socket that listens there, non-blocking.
 * @error: ENDPOINT_ERROR_BYTES; a sentence on failure
 *
 * A UNIX socket that nobody answers at is replaced; it gets mode 0600.
 * Return: a descriptor or -errno.
 */
int endpoint_listen(const char *text, char *error);

/** endpoint_remove() - the file of a UNIX socket; of others there is none. */
void endpoint_remove(const char *text);
