/*
 * The in-memory xenstore: requests, watches, the life of connections.
 *
 * See xenstore.h; transactions are in transaction.c.  Must never look at the
 * model or at guest memory.  Fault model: none here (sim_fail makes the library
 * calls fail); but watches fire as in xenstored: at once on registration, for
 * every change at or below their path, never twice for the same event that is
 * still waiting, and only for nodes that the watcher may read.
 */
#include "sim/xenstore.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/connection.h"

static struct store {
	struct tree tree;
	bool exists[WORLD_DOMAINS];
	bool introduced[WORLD_DOMAINS];
	struct connection *connections;
} store;

/* --- events --- */

static void queue_event(struct connection *c, const char *path,
			const char *token)
{
	size_t path_bytes = strlen(path) + 1, token_bytes = strlen(token) + 1;
	struct event **tail = &c->events, *event;

	for (; *tail != NULL; tail = &(*tail)->next)
		if (tree_same((*tail)->path, path) &&
		    tree_same((*tail)->token, token))
			return;
	event = tree_allocate(sizeof(*event) + path_bytes + token_bytes);
	event->next = NULL;
	event->path = event->text;
	event->token = event->text + path_bytes;
	memcpy(event->path, path, path_bytes);
	memcpy(event->token, token, token_bytes);
	*tail = event;
}

static bool at_or_below(const char *path, const char *top)
{
	size_t length = 0;

	if (tree_same(top, "/"))
		return path[0] == '/';
	while (top[length] != '\0' && top[length] == path[length])
		length++;
	return top[length] == '\0' &&
	       (path[length] == '/' || path[length] == '\0');
}

static bool may_see(const struct connection *c, const struct node *node)
{
	if (tree_may(node, c->domid, XS_PERM_READ))
		return true;
	return node->parent != NULL &&
	       tree_may(node->parent, c->domid, XS_PERM_READ);
}

/* What changed, and who may know it. */
struct change {
	const char *path;
	const struct node *node;
	const struct node *before; /* its permissions until now, or NULL */
	bool exact;		   /* only watches on this very path */
};

static void fire_connection(struct connection *c, const struct change *change)
{
	if (!may_see(c, change->node) &&
	    (change->before == NULL || !may_see(c, change->before)))
		return;
	for (const struct watch *w = c->watches; w != NULL; w = w->next) {
		if (change->exact ? !tree_same(change->path, w->path)
				  : !at_or_below(change->path, w->path))
			continue;
		queue_event(c, change->path + w->relative, w->token);
	}
}

static void fire(const struct change *change)
{
	for (struct connection *c = store.connections; c != NULL; c = c->next)
		fire_connection(c, change);
}

/* Special events are for dom0 only, as long as nobody allows more. */
static void fire_special(const char *name)
{
	for (struct connection *c = store.connections; c != NULL; c = c->next)
		for (struct watch *w = c->watches; w != NULL; w = w->next)
			if (c->domid == 0 && tree_same(w->path, name))
				queue_event(c, name, w->token);
}

/* --- domains and connections --- */

void xenstore_reset(void)
{
	while (store.connections != NULL)
		xenstore_disconnect(store.connections);
	tree_fini(&store.tree);
	memset(&store, 0, sizeof(store));
	tree_init(&store.tree);
}

void xenstore_domain(uint32_t domid, bool exists)
{
	store.exists[domid] = exists;
}

int xenstore_introduce(uint32_t domid)
{
	if (domid >= WORLD_DOMAINS || !store.exists[domid])
		return -EINVAL;
	store.introduced[domid] = true;
	fire_special("@introduceDomain");
	return 0;
}

int xenstore_release(uint32_t domid)
{
	if (!xenstore_introduced(domid))
		return -ENOENT;
	store.introduced[domid] = false;
	fire_special("@releaseDomain");
	return 0;
}

bool xenstore_introduced(uint32_t domid)
{
	return domid < WORLD_DOMAINS && store.introduced[domid];
}

struct connection *xenstore_connect(uint32_t domid)
{
	struct connection *c = tree_allocate(sizeof(*c));
	struct connection **tail = &store.connections;

	memset(c, 0, sizeof(*c));
	c->domid = domid;
	while (*tail != NULL)
		tail = &(*tail)->next;
	*tail = c;
	return c;
}

static void free_watch(struct watch *watch)
{
	free(watch->path);
	free(watch->token);
	free(watch);
}

void xenstore_disconnect(struct connection *connection)
{
	struct connection **link = &store.connections;

	while (*link != connection)
		link = &(*link)->next;
	*link = connection->next;
	while (connection->watches != NULL) {
		struct watch *watch = connection->watches;

		connection->watches = watch->next;
		free_watch(watch);
	}
	while (connection->events != NULL) {
		struct event *event = connection->events;

		connection->events = event->next;
		free(event);
	}
	while (connection->transactions != NULL)
		transaction_free(connection, connection->transactions);
	free(connection);
}

void xenstore_disconnect_domain(uint32_t domid)
{
	struct connection *c = store.connections;

	while (c != NULL) {
		struct connection *next = c->next;

		if (c->domid == domid)
			xenstore_disconnect(c);
		c = next;
	}
}

uint32_t xenstore_watches(uint32_t domid)
{
	uint32_t n = 0;

	for (struct connection *c = store.connections; c != NULL; c = c->next)
		if (c->domid == domid)
			n += c->watches_count;
	return n;
}

/* --- paths --- */

/* The absolute form; *relative: how many bytes we put in front. */
static int absolute(const struct connection *c, const char *path,
		    char buffer[PATH_BYTES], size_t *relative)
{
	int n = 0;

	*relative = 0;
	if (path[0] != '/' && strlen(path) > XENSTORE_REL_PATH_MAX)
		return -EINVAL;
	if (strlen(path) > XENSTORE_ABS_PATH_MAX)
		return -EINVAL;
	if (path[0] != '/') {
		n = snprintf(buffer, PATH_BYTES, "/local/domain/%u/", c->domid);
		*relative = (size_t)n;
	}
	snprintf(buffer + n, PATH_BYTES - (size_t)n, "%s", path);
	return tree_path_valid(buffer) ? 0 : -EINVAL;
}

/* --- requests --- */

static bool changes(enum xenstore_operation operation)
{
	return operation >= XENSTORE_WRITE;
}

static int do_write(struct tree *tree, const struct connection *c,
		    const struct xenstore_request *r)
{
	struct node *node;
	int error;

	if (c->domid != 0 && r->length > TREE_VALUE_QUOTA)
		return -ENOSPC;
	error = tree_lookup(tree, c->domid, r->path, XS_PERM_WRITE, &node);
	if (error == -ENOENT)
		error = tree_create(tree, c->domid, r->path, &node);
	if (error < 0)
		return error;
	if (r->operation == XENSTORE_WRITE)
		tree_set_value(tree, node, r->value, r->length);
	return 0;
}

static int do_mkdir(struct tree *tree, const struct connection *c,
		    struct xenstore_request *r)
{
	struct node *node;
	int error = tree_lookup(tree, c->domid, r->path, XS_PERM_WRITE, &node);

	/* That it exists already is fine, but then nothing happened. */
	r->node = error == 0 ? node : NULL;
	return error == 0 ? 0 : do_write(tree, c, r);
}

/* A missing node is fine for rm, if its parent exists. */
static int missing_is_fine(const struct tree *tree, const char *path)
{
	char parent[PATH_BYTES];

	snprintf(parent, sizeof(parent), "%s", path);
	*strrchr(parent, '/') = '\0';
	if (parent[0] == '\0' || tree_find(tree, parent) != NULL)
		return 0;
	return -ENOENT;
}

static void fire_below(const struct node *node, char path[PATH_BYTES])
{
	size_t length = strlen(path);

	for (const struct node *n = node->first; n != NULL; n = n->next) {
		struct change change = {.path = path, .node = n, .exact = true};

		if (length + 1 + strlen(n->name) >= PATH_BYTES)
			continue;
		path[length] = '/';
		snprintf(path + length + 1, PATH_BYTES - length - 1, "%s",
			 n->name);
		fire(&change);
		fire_below(n, path);
		path[length] = '\0';
	}
}

static int do_remove(struct tree *tree, const struct connection *c,
		     const struct xenstore_request *r)
{
	struct node *node;
	int error = tree_lookup(tree, c->domid, r->path, XS_PERM_WRITE, &node);

	if (error == -ENOENT)
		return missing_is_fine(tree, r->path);
	if (error < 0)
		return error;
	if (node == tree->root)
		return -EINVAL;
	if (tree == &store.tree) {
		struct change change = {.path = r->path, .node = node};
		char path[PATH_BYTES];

		snprintf(path, sizeof(path), "%s", r->path);
		fire(&change);
		fire_below(node, path);
	}
	tree_remove(tree, node);
	return 0;
}

static int check_permissions(const struct connection *c,
			     const struct xenstore_request *r,
			     const struct node *node)
{
	if (r->length == 0)
		return -EINVAL;
	if (r->length > TREE_PERMISSIONS)
		return -ENOSPC;
	for (uint32_t i = 0; i < r->length; i++)
		if (r->permissions[i].id >= WORLD_DOMAINS ||
		    !store.exists[r->permissions[i].id])
			return -ENOENT;
	/* A guest cannot give its nodes away. */
	if (c->domid != 0 && r->permissions[0].id != node->permissions[0].id)
		return -EPERM;
	return 0;
}

static int do_set_permissions(struct tree *tree, const struct connection *c,
			      const struct xenstore_request *r)
{
	struct node *node, before;
	struct change change = {.path = r->path, .before = &before};
	int error = tree_lookup(tree, c->domid, r->path,
				XS_PERM_WRITE | XS_PERM_OWNER, &node);

	if (error == 0)
		error = check_permissions(c, r, node);
	if (error < 0)
		return error;
	memcpy(&before, node, sizeof(before));
	tree_set_permissions(tree, node, r->permissions, r->length);
	change.node = node;
	if (tree == &store.tree)
		fire(&change);
	return 0;
}

static int do_look(const struct tree *tree, const struct connection *c,
		   struct xenstore_request *r)
{
	struct node *node;
	int error = tree_lookup(tree, c->domid, r->path, XS_PERM_READ, &node);

	r->node = node;
	return error;
}

/* Carries out a request with an absolute path on the store or on a copy. */
static int apply(struct tree *tree, const struct connection *c,
		 struct xenstore_request *r)
{
	struct change change = {.path = r->path};
	int error;

	r->node = NULL;
	if (!changes(r->operation))
		return do_look(tree, c, r);
	if (r->operation == XENSTORE_REMOVE)
		return do_remove(tree, c, r);
	if (r->operation == XENSTORE_SET_PERMISSIONS)
		return do_set_permissions(tree, c, r);
	error = r->operation == XENSTORE_MKDIR ? do_mkdir(tree, c, r)
					       : do_write(tree, c, r);
	if (error < 0 || r->node != NULL || tree != &store.tree)
		return error;
	change.node = tree_find(tree, r->path);
	fire(&change);
	return 0;
}

int xenstore_request(struct connection *connection,
		     xs_transaction_t transaction,
		     struct xenstore_request *request)
{
	struct xenstore_request r = *request;
	struct transaction *t;
	char path[PATH_BYTES];
	size_t relative;
	int error = absolute(connection, request->path, path, &relative);

	if (error < 0)
		return error;
	r.path = path;
	if (transaction == XBT_NULL) {
		error = apply(&store.tree, connection, &r);
		request->node = r.node;
		return error;
	}
	t = transaction_find(connection, transaction);
	if (t == NULL)
		return -ENOENT;
	transaction_access(t, &store.tree, &r);
	error = apply(&t->tree, connection, &r);
	request->node = r.node;
	if (error == 0 && changes(r.operation))
		transaction_record(t, &r);
	return error;
}

int xenstore_end(struct connection *connection, xs_transaction_t transaction,
		 bool abandon)
{
	struct transaction *t = transaction_find(connection, transaction);
	int error = 0;

	if (t == NULL)
		return -ENOENT;
	if (!abandon && transaction_conflicts(t, &store.tree))
		error = -EAGAIN;
	else if (!abandon)
		for (struct step *s = t->steps; s != NULL; s = s->next)
			(void)apply(&store.tree, connection, &s->request);
	transaction_free(connection, t);
	return error;
}

/* --- watches --- */

static struct watch **find_watch(struct connection *c, const char *path,
				 const char *token)
{
	struct watch **link = &c->watches;

	while (*link != NULL && (!tree_same((*link)->path, path) ||
				 !tree_same((*link)->token, token)))
		link = &(*link)->next;
	return link;
}

static int watch_path(const struct connection *c, const char *path,
		      char buffer[PATH_BYTES], size_t *relative)
{
	if (path[0] != '@')
		return absolute(c, path, buffer, relative);
	*relative = 0;
	if (strlen(path) > XENSTORE_REL_PATH_MAX)
		return -EINVAL;
	snprintf(buffer, PATH_BYTES, "%s", path);
	return 0;
}

int xenstore_watch(struct connection *connection, const char *path,
		   const char *token)
{
	char buffer[PATH_BYTES];
	struct watch **link, *watch;
	size_t relative;
	int error = watch_path(connection, path, buffer, &relative);

	if (error < 0)
		return error;
	link = find_watch(connection, buffer, token);
	if (*link != NULL)
		return -EEXIST;
	if (connection->domid != 0 &&
	    connection->watches_count >= XENSTORE_WATCHES_QUOTA)
		return -E2BIG;
	watch = tree_allocate(sizeof(*watch));
	watch->next = NULL;
	watch->path = tree_string(buffer);
	watch->token = tree_string(token);
	watch->relative = relative;
	*link = watch;
	connection->watches_count++;
	queue_event(connection, path, token);
	return 0;
}

static void drop_events(struct connection *c, const char *path,
			const char *token)
{
	struct event **link = &c->events;

	while (*link != NULL) {
		struct event *event = *link;

		if (!tree_same(event->token, token) ||
		    !at_or_below(event->path, path)) {
			link = &event->next;
			continue;
		}
		*link = event->next;
		free(event);
	}
}

int xenstore_unwatch(struct connection *connection, const char *path,
		     const char *token, bool filter)
{
	char buffer[PATH_BYTES];
	struct watch **link, *watch;
	size_t relative;
	int error = watch_path(connection, path, buffer, &relative);

	if (error < 0)
		return error;
	link = find_watch(connection, buffer, token);
	watch = *link;
	if (watch == NULL)
		return -ENOENT;
	*link = watch->next;
	free_watch(watch);
	connection->watches_count--;
	if (filter)
		drop_events(connection, path, token);
	return 0;
}

char **xenstore_event(struct connection *connection)
{
	struct event *event = connection->events;
	size_t path_bytes, token_bytes;
	char **answer;

	if (event == NULL)
		return NULL;
	path_bytes = strlen(event->path) + 1;
	token_bytes = strlen(event->token) + 1;
	answer = tree_allocate(2 * sizeof(*answer) + path_bytes + token_bytes);
	answer[XS_WATCH_PATH] = (char *)(answer + 2);
	answer[XS_WATCH_TOKEN] = answer[XS_WATCH_PATH] + path_bytes;
	memcpy(answer[XS_WATCH_PATH], event->path, path_bytes);
	memcpy(answer[XS_WATCH_TOKEN], event->token, token_bytes);
	connection->events = event->next;
	free(event);
	return answer;
}
