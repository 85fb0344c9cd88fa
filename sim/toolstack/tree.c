/*
 * A guest's directory in the store (tree.h), as libxl makes it: the guest may
 * write in its devices, its data and a few others, and nowhere else.
 */
#include "sim/toolstack/tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenstore.h>

#include "sim/toolstack/place.h"

#define PATH_BYTES 128u

struct xs_handle *tree_open(void)
{
	char path[PLACE_FILE_BYTES];
	struct xs_handle *store;
	struct place place;

	if (place_find(&place) != 0)
		return NULL;
	place_file(&place, "socket", path);
	setenv("XENSTORED_PATH", path, 1);
	store = xs_open(0);
	if (!store)
		fprintf(stderr,
			"xenblk-sim: cannot reach xenstored at %s: %s; has the "
			"world ended?\n",
			path, strerror(errno));
	return store;
}

/* One node with a value; read-only for the guest, or its own. */
static bool put(struct xs_handle *store, xs_transaction_t transaction,
		const char *path, const char *value)
{
	return xs_write(store, transaction, path, value,
			(unsigned int)strlen(value));
}

static bool make_directory(struct xs_handle *store, const char *path,
			   uint32_t domid, bool own)
{
	struct xs_permissions readable[] = {
		{.id = 0, .perms = XS_PERM_NONE},
		{.id = domid, .perms = XS_PERM_READ},
	};
	struct xs_permissions owned = {.id = domid, .perms = XS_PERM_NONE};

	return xs_mkdir(store, XBT_NULL, path) &&
	       xs_set_permissions(store, XBT_NULL, path,
				  own ? &owned : readable, own ? 1 : 2);
}

static bool fill_directory(struct xs_handle *store, uint32_t domid)
{
	static const char *const readable[] = {
		"", "/cpu", "/memory", "/device", "/device/vbd", "/control",
	};
	static const char *const own[] = {
		"/control/shutdown",
		"/control/feature-suspend",
		"/data",
		"/drivers",
		"/feature",
		"/attr",
		"/error",
	};
	char base[PATH_BYTES], path[PATH_BYTES + 32], text[32];

	snprintf(base, sizeof(base), "/local/domain/%u", domid);
	for (unsigned int i = 0; i < sizeof(readable) / sizeof(readable[0]);
	     i++) {
		snprintf(path, sizeof(path), "%s%s", base, readable[i]);
		if (!make_directory(store, path, domid, false))
			return false;
	}
	for (unsigned int i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", base, own[i]);
		if (!make_directory(store, path, domid, true))
			return false;
	}
	snprintf(path, sizeof(path), "%s/domid", base);
	snprintf(text, sizeof(text), "%u", domid);
	if (!put(store, XBT_NULL, path, text))
		return false;
	snprintf(path, sizeof(path), "%s/name", base);
	snprintf(text, sizeof(text), "guest-%u", domid);
	return put(store, XBT_NULL, path, text);
}

int tree_introduce(struct xs_handle *store, uint32_t domid,
		   const struct tree_ring *ring)
{
	char base[PATH_BYTES];
	int error;

	snprintf(base, sizeof(base), "/local/domain/%u", domid);
	xs_rm(store, XBT_NULL, base);
	if (fill_directory(store, domid) &&
	    xs_introduce_domain(store, domid, ring->frame, ring->port))
		return 0;
	error = errno;
	fprintf(stderr, "xenblk-sim: xenstored does not accept domain %u: %s\n",
		domid, strerror(error));
	return -error;
}

int tree_forget(struct xs_handle *store, uint32_t domid)
{
	char base[PATH_BYTES];

	snprintf(base, sizeof(base), "/local/domain/%u", domid);
	/* xenstored may have noticed the death by itself: then it is EINVAL. */
	xs_release_domain(store, domid);
	xs_rm(store, XBT_NULL, base);
	return 0;
}
