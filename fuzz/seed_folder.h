/*
 * Where seeds go: a folder that takes a file each.
 *
 * The *_seeds.c files fill it for seeds.c.  It remembers what went wrong first and
 * takes nothing after that, so that who makes seeds never looks.
 */
#pragma once

#include <stddef.h>

struct seed_folder {
	const char *path;
	int error; /* 0 or -errno */
};

/** seed_put() - a seed by its name. */
void seed_put(struct seed_folder *to, const char *name, const void *data,
	      size_t bytes);
