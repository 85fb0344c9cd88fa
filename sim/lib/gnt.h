/*
 * The handle that xengnttab and xengntshr share a name for.
 */
#pragma once

#include "sim/lib/inprocess.h"

struct xengntdev_handle {
	struct xengntdev_handle *next;
	struct actor actor;
	uint32_t number;      /* gnttab: for the trace */
	uint32_t mapped;      /* gnttab: map calls that are not undone */
	bool closed;	      /* gnttab: only its mappings need it still */
	uint32_t frames_used; /* gntshr: its shares begin below */
};
