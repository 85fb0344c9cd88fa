/* Seeds of the harness daemon: a day of a host, once in every form. */
#pragma once

#include <stddef.h>

/** daemon_seeds() - hand each to write_seed(); 0 or its error. */
int daemon_seeds(const char *folder,
		 int (*write_seed)(const char *folder, const char *name,
				   const void *data, size_t bytes));
