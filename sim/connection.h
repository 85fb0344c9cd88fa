/*
 * What the in-memory xenstore remembers per connection.
 *
 * Shared by xenstore.c (watches, events) and transaction.c (transactions) and
 * by nobody else.
 */
#pragma once

#include "sim/xenstore.h"

#define PATH_BYTES (XENSTORE_ABS_PATH_MAX + 64u)

struct watch {
	struct watch *next;
	char *path; /* absolute, or special */
	char *token;
	size_t relative; /* bytes of a path that its owner does not want to see
			  */
};

struct event {
	struct event *next;
	char *path, *token;
	char text[];
};

/* A node that a transaction looked at, and how it was then. */
struct looked {
	struct looked *next;
	uint64_t generation; /* 0: it was missing */
	char path[];
};

/* A change that a transaction wants to make. */
struct step {
	struct step *next;
	struct xenstore_request request; /* owns what it points to */
};

struct transaction {
	struct transaction *next;
	xs_transaction_t id;
	bool copied;	     /* the tree is copied at the first look */
	uint64_t generation; /* of the store then */
	struct tree tree;
	struct looked *looked;
	struct step *steps, **last_step;
};

struct connection {
	struct connection *next;
	uint32_t domid;
	uint32_t watches_count, transactions_count;
	struct watch *watches;
	struct event *events;
	struct transaction *transactions;
	xs_transaction_t last_transaction;
};

/** transaction_find() - of this connection, or NULL. */
struct transaction *transaction_find(struct connection *connection,
				     xs_transaction_t id);
void transaction_free(struct connection *connection,
		      struct transaction *transaction);

/** transaction_access() - copy the tree if need be, note what r looks at. */
void transaction_access(struct transaction *transaction,
			const struct tree *tree,
			const struct xenstore_request *r);

/** transaction_record() - remember a change for the commit. */
void transaction_record(struct transaction *transaction,
			const struct xenstore_request *r);

/** transaction_conflicts() - whether the tree changed where it looked. */
bool transaction_conflicts(const struct transaction *transaction,
			   const struct tree *tree);
