/* Seeds of the harness lifecycle: a life of a disk, once in every form. */
#pragma once

#include <stddef.h>

/** life_seeds() - hand each to write_seed(); 0 or its error. */
int life_seeds(const char *folder,
	       int (*write_seed)(const char *folder, const char *name,
				 const void *data, size_t bytes));
