/*
 * Scripts made by code: each harness's property touched once in every form.
 *
 * Called by seeds.c.  What a harness aims at (kinds of records, operations,
 * modes) is walked through systematically, so that a fuzzer begins where the
 * property is at stake; nothing here is taken from the bugs of the bank.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Where the scripts go: one call for each; 0 or -errno. */
typedef int script_seed_sink(const char *folder, const char *name,
			     const void *data, size_t bytes);

/** script_seeds() - those of a harness; 0 also for one that plays no scripts.
 */
int script_seeds(const char *harness, const char *folder,
		 script_seed_sink *sink);
