/*
 * Seeds of the harnesses worker and records: what is right, once in every form,
 * and what a death or a full disk leaves.
 *
 * Called by seeds.c only.
 */
#pragma once

#include <stddef.h>

int step_seeds(const char *harness, const char *folder,
	       int (*write_seed)(const char *folder, const char *name,
				 const void *data, size_t bytes));
