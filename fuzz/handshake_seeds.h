/* Seeds of the harness handshake: each scheme, each kind of wrong node, each
 * change between two looks. */
#pragma once

#include <stddef.h>

/** handshake_play_seeds() - hand each to write_seed(); 0 or its error. */
int handshake_play_seeds(const char *folder,
			 int (*write_seed)(const char *folder, const char *name,
					   const void *data, size_t bytes));
