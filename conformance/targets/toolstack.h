/*
 * The toolstack of a target: writes a disk's two directories as
 * libxl does, and takes a disk away again.
 *
 * Acts as dom0 through a connection of its own.  Knows nothing of the backend
 * but the nodes that a toolstack may look at.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conformance/guest.h"

struct xs_handle;

struct toolstack_disk {
	uint32_t domid;
	uint32_t devid;
	const char *kind;   /* directory below backend/: "vbd" */
	const char *name;   /* "xvda" */
	const char *params; /* what the image is */
	bool readonly;
	bool cdrom; /* and so removable */
	/* "7:0" in hex, what a hotplug script finds out; "": nobody asks */
	char physical_device[16];
};

/** toolstack_domain() - the guest's own directory; 0 or -errno. */
int toolstack_domain(struct xs_handle *store, uint32_t domid);

/** toolstack_plug() - both directories in one transaction, state 1; 0 or
 * -errno. */
int toolstack_plug(struct xs_handle *store, const struct toolstack_disk *disk);

/** toolstack_medium() - its drive's medium as libxl changes it; "": none. */
int toolstack_medium(struct xs_handle *store, const struct toolstack_disk *disk,
		     const char *params);

/** toolstack_taken() - whether the guest has a disk of that number already. */
bool toolstack_taken(struct xs_handle *store,
		     const struct toolstack_disk *disk);

/** toolstack_state() - of the backend; 0 when it has none. */
unsigned int toolstack_state(struct xs_handle *store,
			     const struct toolstack_disk *disk);

/** toolstack_ask_unplug() - online = 0 and Closing, as libxl does. */
int toolstack_ask_unplug(struct xs_handle *store,
			 const struct toolstack_disk *disk);

/**
 * toolstack_take_away() - what libxl does to the disk of a guest that is no
 * more: its frontend's directory goes and the backend shall close, all at once.
 *
 * Return: 0, or -errno; a backend that is Closed is not asked again.
 */
int toolstack_take_away(struct xs_handle *store,
			const struct toolstack_disk *disk);

/** toolstack_unplugged() - whether the backend is Closed or gone. */
bool toolstack_unplugged(struct xs_handle *store,
			 const struct toolstack_disk *disk);

/** toolstack_do() - a deed of guest.h; 0 or -errno. */
int toolstack_do(struct xs_handle *store, const struct toolstack_disk *disk,
		 enum guest_deed deed);

/** toolstack_forget_frontend() - its directory goes: a guest that is no more.
 */
int toolstack_forget_frontend(struct xs_handle *store,
			      const struct toolstack_disk *disk);

/** toolstack_remove() - both directories go; one that is gone is fine. */
int toolstack_remove(struct xs_handle *store,
		     const struct toolstack_disk *disk);

/** toolstack_error() - the text of the backend's error node, malloc'd, or NULL.
 */
char *toolstack_error(struct xs_handle *store,
		      const struct toolstack_disk *disk);
