/*
 * The tree of nodes.  See tree.h.
 *
 * Called by xenstore.c only.  No fault of its own: failures of the store are
 * injected where libxenstore is called.
 */
#include "sim/tree.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *tree_allocate(size_t bytes)
{
	void *memory = malloc(bytes);

	if (memory == NULL) {
		fputs("simulator: out of memory\n", stderr);
		abort();
	}
	return memory;
}

char *tree_string(const char *text)
{
	size_t bytes = strlen(text) + 1;

	return memcpy(tree_allocate(bytes), text, bytes);
}

static struct node *node_create(const char *name, size_t length)
{
	struct node *node = tree_allocate(sizeof(*node) + length + 1);

	memset(node, 0, sizeof(*node));
	memcpy(node->name, name, length);
	node->name[length] = '\0';
	return node;
}

static uint32_t *owned(struct tree *tree, const struct node *node)
{
	return &tree->owned[node->permissions[0].id % WORLD_DOMAINS];
}

static void touch(struct tree *tree, struct node *node)
{
	node->generation = ++tree->generation;
}

static void append(struct node *parent, struct node *node)
{
	node->parent = parent;
	if (parent->last != NULL)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
}

void tree_init(struct tree *tree)
{
	memset(tree, 0, sizeof(*tree));
	tree->root = node_create("", 0);
	tree->root->permissions_count = 1;
	tree->root->permissions[0].perms = XS_PERM_NONE;
	touch(tree, tree->root);
}

static void free_value(struct node *node)
{
	if (!node->value_of_room)
		free(node->value);
}

static void free_below(struct node *node)
{
	while (node->first != NULL) {
		struct node *child = node->first;

		node->first = child->next;
		free_below(child);
	}
	free_value(node);
	if (!node->of_room)
		free(node);
}

void tree_fini(struct tree *tree)
{
	if (tree->root != NULL)
		free_below(tree->root);
	free(tree->room);
	tree->root = NULL;
	tree->room = NULL;
}

/* A copy of a whole tree is laid into one piece of memory: there is one for every
 * transaction, and a play has hundreds. */
static size_t laid(size_t bytes)
{
	return (bytes + 15u) / 16u * 16u;
}

static size_t node_bytes(const struct node *node)
{
	return laid(sizeof(*node) + strlen(node->name) + 1);
}

static size_t value_bytes(const struct node *node)
{
	return node->value != NULL ? laid(node->length + 1u) : 0;
}

static size_t room_below(const struct node *node)
{
	size_t bytes = node_bytes(node) + value_bytes(node);

	for (const struct node *c = node->first; c != NULL; c = c->next)
		bytes += room_below(c);
	return bytes;
}

static struct node *copy_below(const struct node *from, char **room)
{
	struct node *node =
		memcpy(*room, from, sizeof(*from) + strlen(from->name) + 1);

	*room += node_bytes(from);
	node->of_room = true;
	if (from->value != NULL) {
		node->value = memcpy(*room, from->value, from->length + 1u);
		node->value_of_room = true;
		*room += value_bytes(from);
	}
	node->next = node->first = node->last = NULL;
	for (const struct node *c = from->first; c != NULL; c = c->next)
		append(node, copy_below(c, room));
	return node;
}

void tree_copy(struct tree *copy, const struct tree *tree)
{
	char *room = tree_allocate(room_below(tree->root));

	*copy = *tree;
	copy->room = room;
	copy->root = copy_below(tree->root, &room);
}

static bool may_stand(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '/' || c == '_' ||
	       c == '@';
}

bool tree_path_valid(const char *path)
{
	size_t length = strlen(path), local = 0;
	unsigned int domid;
	int offset = 0;

	if (path[0] != '/' || (length > 1 && path[length - 1] == '/'))
		return false;
	if (length > XENSTORE_REL_PATH_MAX &&
	    sscanf(path, "/local/domain/%5u/%n", &domid, &offset) == 1)
		local = (size_t)offset;
	if (length > local + XENSTORE_REL_PATH_MAX)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!may_stand(path[i]) ||
		    (path[i] == '/' && path[i + 1] == '/'))
			return false;
	return true;
}

/* By hand as tree_same() is: most of what a store does is this. */
static bool is_called(const struct node *node, const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (node->name[i] != name[i])
			return false;
	return node->name[length] == '\0';
}

static struct node *child_of(const struct node *node, const char *name,
			     size_t length)
{
	for (struct node *c = node->first; c != NULL; c = c->next)
		if (is_called(c, name, length))
			return c;
	return NULL;
}

/* The closest node of the path that exists; *rest is what is missing below. */
static struct node *closest(const struct tree *tree, const char *path,
			    const char **rest)
{
	struct node *node = tree->root, *child;
	const char *name = path + 1;

	while (*name != '\0') {
		size_t length = 0;

		while (name[length] != '\0' && name[length] != '/')
			length++;
		child = child_of(node, name, length);
		if (child == NULL)
			break;
		node = child;
		name += length + (name[length] == '/');
	}
	*rest = name;
	return node;
}

struct node *tree_find(const struct tree *tree, const char *path)
{
	const char *rest;
	struct node *node = closest(tree, path, &rest);

	return *rest == '\0' ? node : NULL;
}

static unsigned int permissions_for(const struct node *node, uint32_t domid)
{
	const unsigned int all = XS_PERM_READ | XS_PERM_WRITE | XS_PERM_OWNER;

	if (domid == 0 || node->permissions[0].id == domid)
		return all;
	for (uint32_t i = 1; i < node->permissions_count; i++)
		if (node->permissions[i].id == domid)
			return node->permissions[i].perms;
	return node->permissions[0].perms;
}

bool tree_may(const struct node *node, uint32_t domid, unsigned int wanted)
{
	return (permissions_for(node, domid) & wanted) == wanted;
}

int tree_lookup(const struct tree *tree, uint32_t domid, const char *path,
		unsigned int wanted, struct node **node)
{
	const char *rest;

	*node = closest(tree, path, &rest);
	if (!tree_may(*node, domid, wanted))
		return -EACCES;
	return *rest == '\0' ? 0 : -ENOENT;
}

static struct node *create_child(struct tree *tree, uint32_t domid,
				 struct node *parent, const char *name)
{
	struct node *node = node_create(name, strcspn(name, "/"));

	node->permissions_count = parent->permissions_count;
	memcpy(node->permissions, parent->permissions,
	       sizeof(parent->permissions));
	if (domid != 0)
		node->permissions[0].id = domid;
	append(parent, node);
	touch(tree, parent);
	touch(tree, node);
	++*owned(tree, node);
	return node;
}

static uint32_t components(const char *rest)
{
	uint32_t n = 1;

	for (; *rest != '\0'; rest++)
		n += *rest == '/';
	return n;
}

int tree_create(struct tree *tree, uint32_t domid, const char *path,
		struct node **node)
{
	const char *rest;

	*node = closest(tree, path, &rest);
	if (domid != 0 && *rest != '\0' &&
	    tree->owned[domid] + components(rest) > TREE_NODES_QUOTA)
		return -ENOSPC;
	while (*rest != '\0') {
		*node = create_child(tree, domid, *node, rest);
		rest += strcspn(rest, "/");
		rest += *rest == '/';
	}
	return 0;
}

void tree_set_value(struct tree *tree, struct node *node, const void *value,
		    uint32_t length)
{
	char *copy = tree_allocate(length + 1u);

	if (length > 0)
		memcpy(copy, value, length);
	copy[length] = '\0';
	free_value(node);
	node->value = copy;
	node->value_of_room = false;
	node->length = length;
	touch(tree, node);
}

void tree_set_permissions(struct tree *tree, struct node *node,
			  const struct xs_permissions *permissions,
			  uint32_t count)
{
	--*owned(tree, node);
	memcpy(node->permissions, permissions, count * sizeof(permissions[0]));
	node->permissions_count = count;
	++*owned(tree, node);
	touch(tree, node);
}

static void count_out(struct tree *tree, const struct node *node)
{
	--*owned(tree, node);
	for (const struct node *c = node->first; c != NULL; c = c->next)
		count_out(tree, c);
}

void tree_remove(struct tree *tree, struct node *node)
{
	struct node *parent = node->parent, *before = NULL;

	for (struct node *c = parent->first; c != node; c = c->next)
		before = c;
	if (before != NULL)
		before->next = node->next;
	else
		parent->first = node->next;
	if (parent->last == node)
		parent->last = before;
	count_out(tree, node);
	free_below(node);
	touch(tree, parent);
}
