/*
 * The bridge's view of xenstore: nodes below the guest's own data/xenblk-lab,
 * named relative to that directory, from either side.
 *
 * The only place of the bridge that calls libxenstore.  Values may hold any
 * bytes.  What dom0 makes there belongs to the guest, as the directory above
 * does; dom0 may write everywhere.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STORE_PATH_BYTES  160u
#define STORE_VALUE_BYTES 1900u /* xenstored allows 2048, head included */
#define STORE_INSIDE	  (-1)	/* instead of a domid: we are the guest */

struct xs_handle;

struct store {
	struct xs_handle *handle;
	int domid; /* STORE_INSIDE: we are the guest */
	char base[STORE_PATH_BYTES / 2];
	/* writes happen only while this node is there; "": always */
	char guard[STORE_PATH_BYTES];
};

/**
 * store_open() - connect, as dom0 for that guest or as the guest itself.
 *
 * Return: 0, -ENOENT for a guest that is not there, or another -errno.
 */
int store_open(struct store *store, int domid);
void store_close(struct store *store);

/** store_fd() - becomes readable when a watched node changed. */
int store_fd(const struct store *store);

/** store_watch() - of a node and what is below; it fires once at once. */
int store_watch(const struct store *store, const char *node);

/** store_watch_ends() - dom0: watch for domains that end. */
int store_watch_ends(const struct store *store);

/**
 * store_drain() - takes away what fired.
 *
 * Return: whether a node changed that is the bridge's.
 */
bool store_drain(const struct store *store);

/** store_guest_gone() - dom0: whether the guest is no more. */
bool store_guest_gone(const struct store *store);

/**
 * store_put() - write a node; with a guard, only while that is there.
 *
 * So a session that somebody removed, or a whole guest, does not come back as
 * a few orphaned nodes.
 *
 * Return: 0, -EPIPE when the guard is gone, or another -errno.
 */
int store_put(const struct store *store, const char *node, const void *value,
	      size_t bytes);

/** store_get() - the value's length, at most @bytes are copied; -errno. */
ssize_t store_get(const struct store *store, const char *node, void *value,
		  size_t bytes);

/** store_remove() - with all below it; one that is not there is fine. */
int store_remove(const struct store *store, const char *node);

/** store_first() - the name of a first entry; -ENOENT when there is none. */
int store_first(const struct store *store, const char *node, char *name,
		size_t bytes);
