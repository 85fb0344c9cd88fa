/*
 * Connections to NBD servers: what both users of libnbd in this folder share.
 *
 * connect.c alone decides what a URI may ask for: TCP or a UNIX socket, no TLS
 * (the worker could not read its certificates any more), no program to start.
 */
#pragma once

#include <stddef.h>

struct nbd_handle;

/* What a server says of itself is cut to this. */
#define NBD_SENTENCE_BYTES 300u

/**
 * connect_prepare() - a handle that may connect to such a URI; NULL: no memory.
 *
 * Whoever got it closes it with nbd_close().
 */
struct nbd_handle *connect_prepare(void);

/** connect_error() - what libnbd says of this thread's last failure: -errno, and a
 * sentence of printable text. */
int connect_error(char *sentence, size_t room);
