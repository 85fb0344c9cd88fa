/*
 * Transactions of the in-memory xenstore.
 *
 * Called by xenstore.c.  A transaction works on a copy of the whole tree, made
 * at its first look, and remembers which nodes it looked at.  The commit fails
 * with EAGAIN when one of those changed meanwhile, else its changes are made
 * again on the store, where they fire watches.  xenstored copies node by node,
 * so a change between two looks of one transaction conflicts here only.
 */
#include "sim/connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int xenstore_begin(struct connection *connection, xs_transaction_t *transaction)
{
	struct transaction *t;

	if (connection->domid != 0 &&
	    connection->transactions_count >= XENSTORE_TRANSACTIONS_QUOTA)
		return -ENOSPC;
	t = tree_allocate(sizeof(*t));
	memset(t, 0, sizeof(*t));
	t->id = ++connection->last_transaction;
	t->last_step = &t->steps;
	t->next = connection->transactions;
	connection->transactions = t;
	connection->transactions_count++;
	*transaction = t->id;
	return 0;
}

struct transaction *transaction_find(struct connection *connection,
				     xs_transaction_t id)
{
	struct transaction *t = connection->transactions;

	while (t != NULL && t->id != id)
		t = t->next;
	return t;
}

static void free_step(struct step *step)
{
	free((void *)(uintptr_t)step->request.path);
	free((void *)(uintptr_t)step->request.value);
	free((void *)(uintptr_t)step->request.permissions);
	free(step);
}

void transaction_free(struct connection *connection,
		      struct transaction *transaction)
{
	struct transaction **link = &connection->transactions;

	while (*link != transaction)
		link = &(*link)->next;
	*link = transaction->next;
	connection->transactions_count--;
	while (transaction->looked != NULL) {
		struct looked *looked = transaction->looked;

		transaction->looked = looked->next;
		free(looked);
	}
	while (transaction->steps != NULL) {
		struct step *step = transaction->steps;

		transaction->steps = step->next;
		free_step(step);
	}
	tree_fini(&transaction->tree);
	free(transaction);
}

static bool own_work(const struct transaction *t, const struct node *node)
{
	return node->generation > t->generation;
}

static void look(struct transaction *t, const char *path)
{
	const struct node *node = tree_find(&t->tree, path);
	struct looked *looked;
	size_t bytes = strlen(path) + 1;

	if (node != NULL && own_work(t, node))
		return;
	for (looked = t->looked; looked != NULL; looked = looked->next)
		if (tree_same(looked->path, path))
			return;
	looked = tree_allocate(sizeof(*looked) + bytes);
	looked->generation = node != NULL ? node->generation : 0;
	memcpy(looked->path, path, bytes);
	looked->next = t->looked;
	t->looked = looked;
}

/* The closest ancestor that exists: its list of children is looked at too. */
static const struct node *look_above(struct transaction *t, const char *path)
{
	char above[PATH_BYTES];
	const struct node *node;

	snprintf(above, sizeof(above), "%s", path);
	do {
		char *slash = strrchr(above, '/');

		slash[slash == above] = '\0';
		node = tree_find(&t->tree, above);
	} while (node == NULL);
	look(t, above);
	return node;
}

void transaction_access(struct transaction *transaction,
			const struct tree *tree,
			const struct xenstore_request *r)
{
	struct transaction *t = transaction;
	const struct node *above;

	if (!t->copied) {
		tree_copy(&t->tree, tree);
		t->generation = tree->generation;
		t->copied = true;
	}
	if (tree_find(&t->tree, r->path) != NULL &&
	    r->operation != XENSTORE_REMOVE) {
		look(t, r->path);
		return;
	}
	/* What is missing because of our own work is nobody's change. */
	above = look_above(t, r->path);
	if (!own_work(t, above))
		look(t, r->path);
}

static void *duplicate(const void *from, size_t bytes)
{
	void *copy = tree_allocate(bytes + 1);

	if (bytes > 0)
		memcpy(copy, from, bytes);
	return copy;
}

void transaction_record(struct transaction *transaction,
			const struct xenstore_request *r)
{
	struct step *step = tree_allocate(sizeof(*step));

	step->next = NULL;
	step->request = *r;
	step->request.path = duplicate(r->path, strlen(r->path) + 1);
	step->request.value = NULL;
	step->request.permissions = NULL;
	if (r->operation == XENSTORE_WRITE)
		step->request.value = duplicate(r->value, r->length);
	if (r->operation == XENSTORE_SET_PERMISSIONS)
		step->request.permissions = duplicate(
			r->permissions, r->length * sizeof(r->permissions[0]));
	*transaction->last_step = step;
	transaction->last_step = &step->next;
}

bool transaction_conflicts(const struct transaction *transaction,
			   const struct tree *tree)
{
	for (const struct looked *l = transaction->looked; l; l = l->next) {
		const struct node *node = tree_find(tree, l->path);

		if ((node != NULL ? node->generation : 0) != l->generation)
			return true;
	}
	return false;
}
