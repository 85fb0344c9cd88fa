/* Writing a disk's nodes together.  See publish.h. */
#include "backend/supervisor/publish.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <xen/io/xenbus.h>

#include "backend/base/check.h"
#include "backend/base/log.h"

struct batch {
	const char *directory;
	unsigned int last;
	const struct publish_node *nodes;
	size_t count;
};

/* Only a toolstack writes Initialising, and only into a directory that it makes:
 * found where we had gone further, it is another disk's with the same name. */
static bool is_another(const struct batch *batch, const char *state)
{
	return batch->last > XenbusStateInitialising && strcmp(state, "1") == 0;
}

/* A toolstack that asks for the end while we are on our way up must find its
 * Closing again, and so must we: only what follows from it is written over it. */
static bool would_undo(const struct batch *batch,
		       const struct publish_node *node, const char *state)
{
	return batch->last != XenbusStateClosing && strcmp(state, "5") == 0 &&
	       strcmp(node->key, "state") == 0 && strcmp(node->value, "5") < 0;
}

/* The body of the transaction; without effect but on the store. */
static int write_batch(struct store *store, void *context)
{
	const struct batch *batch = context;
	char path[STORE_PATH_BYTES], state[16];
	int error;

	snprintf(path, sizeof(path), "%s/state", batch->directory);
	error = store_read(store, path, state, sizeof(state));
	if (error >= 0 && is_another(batch, state))
		error = -ENOENT;
	for (size_t i = 0; error >= 0 && i < batch->count; i++) {
		if (would_undo(batch, &batch->nodes[i], state))
			continue;
		snprintf(path, sizeof(path), "%s/%s", batch->directory,
			 batch->nodes[i].key);
		/* A daemon with other settings may have left it there. */
		error = batch->nodes[i].value[0] == '\0'
				? store_remove(store, path)
				: store_write(store, path,
					      batch->nodes[i].value);
	}
	return error < 0 ? error : 0;
}

int publish_nodes(struct store *store, const struct publish_place *place,
		  const struct publish_node *nodes, size_t count)
{
	struct batch batch = {.directory = place->directory,
			      .last = place->last,
			      .nodes = nodes,
			      .count = count};

	CHECK(count > 0);
	CHECK(place->directory != NULL);
	return store_transact(store, write_batch, &batch);
}

struct publish_node publish_number(const char *key, uint64_t number)
{
	struct publish_node node = {.key = key};

	snprintf(node.value, sizeof(node.value), "%llu",
		 (unsigned long long)number);
	return node;
}

struct publish_node publish_nothing(const char *key)
{
	const struct publish_node node = {.key = key};

	return node;
}

static void error_path(const struct store *store, const char *relative,
		       char *path)
{
	snprintf(path, STORE_PATH_BYTES, "%s/error/%s", store_home(store),
		 relative);
}

void publish_error(struct store *store, const char *relative,
		   const char *sentence)
{
	char path[STORE_PATH_BYTES + 8], directory[STORE_PATH_BYTES];
	int error;

	error_path(store, relative, directory);
	snprintf(path, sizeof(path), "%s/error", directory);
	error = store_write(store, path, sentence);
	if (error < 0)
		log_line(LOG_DEBUG, "%s cannot be written: %s", path,
			 strerror(-error));
}

static void count_entry(void *context, const char *name)
{
	(void)name;
	++*(unsigned int *)context;
}

int publish_no_error(struct store *store, const char *relative)
{
	char path[STORE_PATH_BYTES];
	unsigned int left = 0;
	int error;

	error_path(store, relative, path);
	error = store_remove(store, path);
	if (error < 0)
		log_line(LOG_DEBUG, "%s cannot be removed: %s", path,
			 strerror(-error));
	/* The domain's directory goes with its last disk, or dom0 would gather
	 * one for every domain that ever was. */
	*strrchr(path, '/') = '\0';
	if (store_list(store, path, count_entry, &left) == 0 && left == 0 &&
	    store_remove(store, path) < 0)
		log_line(LOG_DEBUG, "%s cannot be removed", path);
	return error;
}
