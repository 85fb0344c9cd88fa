/*
 * What the two halves of libxengnttab share: the handle, and its table of
 * mapped or shared areas by address.  gnttab.c and gntshr.c only.
 */
#pragma once

#include <pthread.h>
#include <stdint.h>
#include <xengnttab.h>

#include "sim/lib/dropin/client.h"

#define AREA_BUCKETS 1024u /* the hash in gnttab.c keeps 10 bits */

/* Pages that one call mapped or shared. */
struct area {
	struct area *next;
	char *address;
	uint32_t count;
	int protection;
	uint32_t notify_offset, notify_port; /* of a share; UINT32_MAX: none */
	uint32_t number[]; /* mapping ids, or grefs of a share */
};

struct xengntdev_handle {
	struct world *world;
	uint32_t owner, domid;
	int fd;
	pthread_mutex_t lock; /* of the table */
	struct area *area[AREA_BUCKETS];
};

void area_add(xengnttab_handle *handle, struct area *area);

/** area_take() - out of the table; NULL when exactly this is not in it. */
struct area *area_take(xengnttab_handle *handle, const void *address,
		       uint32_t count);
