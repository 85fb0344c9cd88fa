/*
 * xenstore: the only caller of xs_*.
 *
 * Values are read into buffers of a size that we choose; writes happen inside
 * transactions that are retried a bounded number of times.  All paths are
 * absolute.  Once the connection is lost every call fails with -ENOTCONN, and
 * store_lost() says so: there is nothing to do then but to end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_PATH_BYTES 256u

/* The longest value that is read: a path of an image lies in one. */
#define STORE_VALUE_BYTES 1024u

/* Entries of one directory that are looked at. */
#define STORE_LIST_MAX 4096u

struct store;

/* One event: a path and the token that its watch was made with, both cut to
 * fit. */
struct store_event {
	char path[STORE_PATH_BYTES];
	char token[64];
};

/** store_open() - connect to xenstore, find our own domain; 0 or -errno. */
int store_open(struct store **store);

/** store_close() - close the connection (its watches end); NULL is fine. */
void store_close(struct store *store);

/** store_home() - "/local/domain/0": where our own directories lie. */
const char *store_home(const struct store *store);

/** store_fd() - becomes readable when an event waits; -1 when there is none. */
int store_fd(const struct store *store);

/**
 * store_pulse_fd() - becomes readable when xenstored has gone away; -1:
 * unknown.
 *
 * libxenstore reads in a thread of its own and tells nobody when that thread
 * meets the end of the connection, so a second, silent connection watches.
 */
int store_pulse_fd(const struct store *store);

/** store_check_pulse() - look at it; store_lost() may be true afterwards. */
void store_check_pulse(struct store *store);

/** store_lost() - whether the connection is gone for good. */
bool store_lost(const struct store *store);

/**
 * store_read() - the value of a node, with a NUL behind it.
 * @room: bytes of the buffer, the NUL included
 *
 * Return: its length, -ENOENT, -EOVERFLOW when it does not fit, or -errno.
 */
int store_read(struct store *store, const char *path, char *value, size_t room);

/** store_write() - 0 or -errno. */
int store_write(struct store *store, const char *path, const char *value);

/** store_remove() - a node and all below it; absent is fine. */
int store_remove(struct store *store, const char *path);

/**
 * store_list() - call @each for every entry of a directory, up to
 * STORE_LIST_MAX.
 *
 * Return: 0, -ENOENT, or -errno.
 */
int store_list(struct store *store, const char *path,
	       void (*each)(void *context, const char *name), void *context);

/**
 * store_transact() - run @body in a transaction, again as long as others
 * disturb it.
 *
 * The body must have no effect but on the store.  When it returns other than 0
 * nothing of it happens.  Return: 0, what the body returned, or -errno.
 */
int store_transact(struct store *store,
		   int (*body)(struct store *store, void *context),
		   void *context);

/**
 * store_watch() - events with this token for a path and all below it.
 *
 * Return: 0 or -errno.
 */
int store_watch(struct store *store, const char *path, const char *token);

/** store_unwatch() - no more of them; 0 or -errno. */
int store_unwatch(struct store *store, const char *path, const char *token);

/** store_next_event() - 1 with an event, 0 when none waits, or -errno. */
int store_next_event(struct store *store, struct store_event *event);

/** store_domain_lives() - whether xenstore still knows the domain. */
bool store_domain_lives(struct store *store, uint32_t domid);
