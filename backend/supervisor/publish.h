/*
 * What the backend writes into xenstore for one disk.
 *
 * Everything below the disk's directory goes in one transaction that first
 * looks whether the directory is still there: a late write must not bring back
 * what the toolstack has removed.  Called by device.c only.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "backend/supervisor/store.h"

struct publish_node {
	const char *key;
	char value[32]; /* "": there shall be no such node */
};

/* A disk's directory, and the xenbus state that we wrote there last; 0: none. */
struct publish_place {
	const char *directory;
	unsigned int last;
};

/**
 * publish_nodes() - write these nodes together, in one transaction.
 *
 * Return: 0, -ENOENT when the directory has no state node any more or was made
 * anew since (a toolstack that removes and re-creates a disk while its worker
 * still drains), or another -errno.
 */
int publish_nodes(struct store *store, const struct publish_place *place,
		  const struct publish_node *nodes, size_t count);

/** publish_number() - a node with a number, as publish_nodes() takes it. */
struct publish_node publish_number(const char *key, uint64_t number);

/** publish_nothing() - that there shall be no such node. */
struct publish_node publish_nothing(const char *key);

/**
 * publish_error() - the sentence at error/<directory>/error, as xenbus does.
 * @relative: the disk's directory without our home: "backend/vbd/5/51712"
 */
void publish_error(struct store *store, const char *relative,
		   const char *sentence);

/**
 * publish_no_error() - take that away again.
 *
 * Return: 0, also when there is none, or -errno.
 */
int publish_no_error(struct store *store, const char *relative);
