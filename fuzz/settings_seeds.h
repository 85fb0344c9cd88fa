/*
 * Seeds for the harnesses settings and control: what an administrator and his
 * tools say to the daemon.
 *
 * Called by seeds.c only.
 */
#pragma once

#include <stddef.h>

typedef int settings_seed_sink(const char *folder, const char *name,
			       const void *data, size_t bytes);

/** settings_seeds() - one of the two harnesses; 0 or -errno. */
int settings_seeds(const char *harness, const char *folder,
		   settings_seed_sink *sink);
