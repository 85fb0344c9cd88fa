/*
 * The xenstore in memory: connections, watches, transactions over one tree.
 *
 * Called by lib/store.c (libxenstore's symbols) and lib/inprocess.c (life of
 * domains).  Behaves towards its clients as Debian 12's C xenstored does; all
 * int functions return 0 or -errno.  One store per process; deterministic;
 * never blocks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <xenstore.h>

#include "sim/tree.h"

#define XENSTORE_WATCHES_QUOTA	    128u /* per connection, but dom0's */
#define XENSTORE_TRANSACTIONS_QUOTA 10u

struct connection;

/** xenstore_reset() - an empty store; all connections become invalid. */
void xenstore_reset(void);

/** xenstore_domain() - a domain exists (permissions may name it) or not. */
void xenstore_domain(uint32_t domid, bool exists);

/** xenstore_introduce() - @introduceDomain fires; -EINVAL: unknown domain. */
int xenstore_introduce(uint32_t domid);

/**
 * xenstore_release() - @releaseDomain fires; -ENOENT: it was not introduced.
 */
int xenstore_release(uint32_t domid);
bool xenstore_introduced(uint32_t domid);

/** xenstore_connect() - a connection with the rights of this domain. */
struct connection *xenstore_connect(uint32_t domid);
void xenstore_disconnect(struct connection *connection);

/** xenstore_disconnect_domain() - all connections of a domain that died. */
void xenstore_disconnect_domain(uint32_t domid);

/** xenstore_watches() - how many watches all connections of a domain hold. */
uint32_t xenstore_watches(uint32_t domid);

enum xenstore_operation {
	XENSTORE_READ,
	XENSTORE_DIRECTORY,
	XENSTORE_GET_PERMISSIONS,
	XENSTORE_WRITE,
	XENSTORE_MKDIR,
	XENSTORE_REMOVE,
	XENSTORE_SET_PERMISSIONS,
};

struct xenstore_request {
	enum xenstore_operation operation;
	const char *path;
	const void *value;			  /* WRITE */
	const struct xs_permissions *permissions; /* SET_PERMISSIONS */
	uint32_t length;			  /* bytes, or entries */
	/* the answer to the first three; valid until the next request */
	const struct node *node;
};

/** xenstore_request() - carry it out; transaction 0: at once. */
int xenstore_request(struct connection *connection,
		     xs_transaction_t transaction,
		     struct xenstore_request *request);

/** xenstore_watch() - fires at once; -EEXIST, -E2BIG (quota), -EINVAL. */
int xenstore_watch(struct connection *connection, const char *path,
		   const char *token);

/** xenstore_unwatch() - -ENOENT; @filter: waiting events of it go too. */
int xenstore_unwatch(struct connection *connection, const char *path,
		     const char *token, bool filter);

/**
 * xenstore_event() - take the next event as xs_check_watch() gives it, or
 * NULL.
 */
char **xenstore_event(struct connection *connection);

/** xenstore_begin() - 0 or -ENOSPC (quota). */
int xenstore_begin(struct connection *connection,
		   xs_transaction_t *transaction);

/**
 * xenstore_end() - -EAGAIN when somebody changed what it looked at; -ENOENT.
 */
int xenstore_end(struct connection *connection, xs_transaction_t transaction,
		 bool abandon);
