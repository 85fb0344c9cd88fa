/* Nodes of the bridge in xenstore: see store.h. */
#include "conformance/lab/exec/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenstore.h>

#include "backend/base/check.h"
#include "backend/base/cleanup.h"

#define DIRECTORY "data/xenblk-lab"
#define OURS	  "bridge"
#define OTHERS	  "ends"

static void path_of(const struct store *store, const char *node, char *path)
{
	/* both are names of ours, far shorter than their arrays */
	CHECK(strlen(store->base) + 1 + strlen(node) < STORE_PATH_BYTES);
	snprintf(path, STORE_PATH_BYTES, "%.79s/%.79s", store->base, node);
}

int store_open(struct store *store, int domid)
{
	memset(store, 0, sizeof(*store));
	store->domid = domid;
	store->handle = xs_open(0);
	if (store->handle == NULL)
		return -errno;
	if (domid == STORE_INSIDE) {
		/* a relative path begins at the domain's own home */
		snprintf(store->base, sizeof(store->base), DIRECTORY);
		return 0;
	}
	snprintf(store->base, sizeof(store->base),
		 "/local/domain/%d/" DIRECTORY, domid);
	if (store_guest_gone(store)) {
		store_close(store);
		return -ENOENT;
	}
	return 0;
}

void store_close(struct store *store)
{
	xs_close(store->handle);
	store->handle = NULL;
}

int store_fd(const struct store *store)
{
	return xs_fileno(store->handle);
}

int store_watch(const struct store *store, const char *node)
{
	char path[STORE_PATH_BYTES];

	path_of(store, node, path);
	return xs_watch(store->handle, path, OURS) ? 0 : -errno;
}

int store_watch_ends(const struct store *store)
{
	return xs_watch(store->handle, "@releaseDomain", OTHERS) ? 0 : -errno;
}

bool store_drain(const struct store *store)
{
	bool ours = false;
	char **event;

	while ((event = xs_check_watch(store->handle)) != NULL) {
		ours = ours || strcmp(event[XS_WATCH_TOKEN], OURS) == 0;
		free(event);
	}
	return ours;
}

bool store_guest_gone(const struct store *store)
{
	return store->domid != STORE_INSIDE &&
	       !xs_is_domain_introduced(store->handle,
					(unsigned int)store->domid);
}

struct value {
	const char *path;
	const void *bytes;
	unsigned int length;
};

/* One try; -EAGAIN when somebody else changed the guard meanwhile. */
static int put_guarded(const struct store *store, const struct value *value)
{
	xs_transaction_t transaction = xs_transaction_start(store->handle);
	char guard[STORE_PATH_BYTES];
	unsigned int length;
	int result = 0;

	if (transaction == XBT_NULL)
		return -errno;
	path_of(store, store->guard, guard);
	CLEANUP(free_string)
	char *there = xs_read(store->handle, transaction, guard, &length);

	if (there == NULL)
		result = errno == ENOENT ? -EPIPE : -errno;
	else if (!xs_write(store->handle, transaction, value->path,
			   value->bytes, value->length))
		result = -errno;
	if (!xs_transaction_end(store->handle, transaction, result != 0))
		return -errno;
	return result;
}

int store_put(const struct store *store, const char *node, const void *value,
	      size_t bytes)
{
	char path[STORE_PATH_BYTES];
	struct value put = {path, value, (unsigned int)bytes};
	int result;

	path_of(store, node, path);
	if (store->guard[0] == '\0')
		return xs_write(store->handle, XBT_NULL, path, value,
				put.length)
			       ? 0
			       : -errno;
	do {
		result = put_guarded(store, &put);
	} while (result == -EAGAIN);
	return result;
}

ssize_t store_get(const struct store *store, const char *node, void *value,
		  size_t bytes)
{
	char path[STORE_PATH_BYTES];
	unsigned int length;

	path_of(store, node, path);
	CLEANUP(free_string)
	char *got = xs_read(store->handle, XBT_NULL, path, &length);

	if (got == NULL)
		return -errno;
	memcpy(value, got, length < bytes ? length : bytes);
	return (ssize_t)length;
}

int store_remove(const struct store *store, const char *node)
{
	char path[STORE_PATH_BYTES];

	path_of(store, node, path);
	if (xs_rm(store->handle, XBT_NULL, path) || errno == ENOENT)
		return 0;
	return -errno;
}

int store_first(const struct store *store, const char *node, char *name,
		size_t bytes)
{
	char path[STORE_PATH_BYTES];
	unsigned int count = 0;
	char **names;

	path_of(store, node, path);
	names = xs_directory(store->handle, XBT_NULL, path, &count);
	if (names == NULL)
		return -errno;
	if (count > 0)
		snprintf(name, bytes, "%s", names[0]);
	free(names);
	return count > 0 ? 0 : -ENOENT;
}
