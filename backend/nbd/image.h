/*
 * The engine "NBD": an image behind a server, one connection for each queue.
 *
 * image.c implements it; a worker calls it before it is confined, when it may
 * still open sockets.  A store that vanishes answers everything with an error
 * from then on; one that is silent for LIMIT_STORE_SILENT_NS is taken for gone.
 */
#pragma once

#include "backend/image/image.h"

/**
 * image_nbd_open() - connect so many times; blocks until the server answers.
 * @sectors: what it had when the supervisor asked; fewer now is an error
 *
 * Return: 0 or -errno; what happened is in the log.
 */
int image_nbd_open(const char *uri, unsigned int count, uint64_t sectors,
		   bool readonly, struct image **image);
