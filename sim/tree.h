/*
 * The nodes of the in-memory xenstore and who may touch them.
 *
 * Owned by xenstore.c.  Knows paths, values and permissions as Debian 12's C
 * xenstored has them; knows nothing of connections, watches or transactions.
 * A tree can be copied whole, which is what a transaction works on.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <xenstore.h>

#include "sim/world.h"

#define TREE_PERMISSIONS 8u    /* entries of one node's list */
#define TREE_NODES_QUOTA 1000u /* of one domain but dom0 */
#define TREE_VALUE_QUOTA 2048u /* bytes, of a domain but dom0 */

struct node {
	struct node *parent, *next;
	struct node *first, *last; /* children, in order of creation */
	char *value;
	uint32_t length;
	uint32_t permissions_count;
	bool of_room, value_of_room; /* memory of the tree's, as a copy */
	uint64_t generation;	     /* of the last change, of children too */
	struct xs_permissions permissions[TREE_PERMISSIONS];
	char name[];
};

struct tree {
	struct node *root;
	void *room; /* what the nodes of a copy lie in; NULL */
	uint64_t generation;
	uint32_t owned[WORLD_DOMAINS]; /* nodes by owner */
};

/**
 * tree_same() - whether two words or paths are equal.
 *
 * By hand, because sanitizers and engines look into the arguments of strcmp(), and
 * a simulated store compares all the time.
 */
static inline bool tree_same(const char *one, const char *other)
{
	while (*one != '\0' && *one == *other) {
		one++;
		other++;
	}
	return *one == *other;
}

/**
 * tree_init() - only "/", owned by dom0, readable and writable by nobody else.
 */
void tree_init(struct tree *tree);
void tree_fini(struct tree *tree);

/** tree_copy() - an independent copy with the same generations. */
void tree_copy(struct tree *copy, const struct tree *tree);

/** tree_path_valid() - whether xenstored takes this as an absolute path. */
bool tree_path_valid(const char *path);

/** tree_find() - the node of a path, NULL if absent; checks nothing. */
struct node *tree_find(const struct tree *tree, const char *path);

/**
 * tree_may() - whether the domain has all of these XS_PERM_* bits on the node.
 */
bool tree_may(const struct node *node, uint32_t domid, unsigned int wanted);

/**
 * tree_lookup() - find a node for a domain that wants to use it so.
 *
 * Return: 0, -EACCES, or -ENOENT (only for those who may know: who has that
 * permission on the closest node that exists).
 */
int tree_lookup(const struct tree *tree, uint32_t domid, const char *path,
		unsigned int wanted, struct node **node);

/**
 * tree_create() - a node and its missing parents, permissions as inherited.
 *
 * Return: 0 or -ENOSPC (quota).
 */
int tree_create(struct tree *tree, uint32_t domid, const char *path,
		struct node **node);

/** tree_set_value() - replace a value; the bytes are copied. */
void tree_set_value(struct tree *tree, struct node *node, const void *value,
		    uint32_t length);

/**
 * tree_set_permissions() - replace the list (1 to TREE_PERMISSIONS entries).
 */
void tree_set_permissions(struct tree *tree, struct node *node,
			  const struct xs_permissions *permissions,
			  uint32_t count);

/** tree_remove() - the node and everything below; not the root. */
void tree_remove(struct tree *tree, struct node *node);

/**
 * tree_allocate() - malloc() or abort(): the simulator has no plan for less.
 */
void *tree_allocate(size_t bytes);

/** tree_string() - a copy of a string, never NULL. */
char *tree_string(const char *text);
