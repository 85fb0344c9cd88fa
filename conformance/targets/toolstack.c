/* A toolstack's writes: see toolstack.h. */
#include "conformance/targets/toolstack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xenbus.h>
#include <xenstore.h>

#include "backend/base/check.h"
#include "backend/base/cleanup.h"

#define PATH_BYTES 128u

struct tree {
	struct xs_handle *store;
	xs_transaction_t transaction;
	char base[PATH_BYTES];
	struct xs_permissions permissions[2]; /* owner, reader */
};

static void backend_tree(struct tree *tree, const struct toolstack_disk *disk)
{
	snprintf(tree->base, sizeof(tree->base),
		 "/local/domain/0/backend/%s/%u/%u", disk->kind, disk->domid,
		 disk->devid);
	tree->permissions[0] =
		(struct xs_permissions){.id = 0, .perms = XS_PERM_NONE};
	tree->permissions[1] = (struct xs_permissions){.id = disk->domid,
						       .perms = XS_PERM_READ};
}

static void frontend_tree(struct tree *tree, const struct toolstack_disk *disk)
{
	snprintf(tree->base, sizeof(tree->base),
		 "/local/domain/%u/device/vbd/%u", disk->domid, disk->devid);
	tree->permissions[0] = (struct xs_permissions){.id = disk->domid,
						       .perms = XS_PERM_NONE};
	tree->permissions[1] =
		(struct xs_permissions){.id = 0, .perms = XS_PERM_READ};
}

static bool make(const struct tree *tree)
{
	struct xs_permissions permissions[2];

	memcpy(permissions, tree->permissions, sizeof(permissions));
	return xs_mkdir(tree->store, tree->transaction, tree->base) &&
	       xs_set_permissions(tree->store, tree->transaction, tree->base,
				  permissions, 2);
}

static bool put(const struct tree *tree, const char *key, const char *value)
{
	char path[PATH_BYTES + 32];

	snprintf(path, sizeof(path), "%s/%s", tree->base, key);
	return xs_write(tree->store, tree->transaction, path, value,
			(unsigned int)strlen(value));
}

static bool put_number(const struct tree *tree, const char *key,
		       uint32_t number)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	return put(tree, key, text);
}

static bool fill_backend(struct tree *tree, const struct toolstack_disk *disk)
{
	char frontend[PATH_BYTES];

	snprintf(frontend, sizeof(frontend), "/local/domain/%u/device/vbd/%u",
		 disk->domid, disk->devid);
	return make(tree) && put(tree, "frontend", frontend) &&
	       put_number(tree, "frontend-id", disk->domid) &&
	       put(tree, "params", disk->params) && put(tree, "online", "1") &&
	       put(tree, "removable", disk->cdrom ? "1" : "0") &&
	       put(tree, "bootable", "1") && put(tree, "dev", disk->name) &&
	       put(tree, "type", "phy") &&
	       put(tree, "mode", disk->readonly ? "r" : "w") &&
	       put(tree, "device-type", disk->cdrom ? "cdrom" : "disk") &&
	       put(tree, "discard-enable", disk->readonly ? "0" : "1") &&
	       (disk->physical_device[0] == '\0' ||
		put(tree, "physical-device", disk->physical_device)) &&
	       put(tree, "state", "1");
}

static bool fill_frontend(struct tree *tree, const struct toolstack_disk *disk)
{
	char backend[PATH_BYTES];

	snprintf(backend, sizeof(backend), "/local/domain/0/backend/%s/%u/%u",
		 disk->kind, disk->domid, disk->devid);
	return make(tree) && put(tree, "backend", backend) &&
	       put_number(tree, "backend-id", 0) &&
	       put_number(tree, "virtual-device", disk->devid) &&
	       put(tree, "device-type", disk->cdrom ? "cdrom" : "disk") &&
	       put(tree, "trusted", "1") && put(tree, "state", "1");
}

int toolstack_domain(struct xs_handle *store, uint32_t domid)
{
	struct tree tree = {.store = store, .transaction = XBT_NULL};

	tree.permissions[0] =
		(struct xs_permissions){.id = 0, .perms = XS_PERM_NONE};
	tree.permissions[1] =
		(struct xs_permissions){.id = domid, .perms = XS_PERM_READ};
	snprintf(tree.base, sizeof(tree.base), "/local/domain/%u", domid);
	if (!make(&tree) || !put_number(&tree, "domid", domid))
		return -errno;
	return 0;
}

int toolstack_plug(struct xs_handle *store, const struct toolstack_disk *disk)
{
	struct tree tree = {.store = store};
	bool written, ended;

	do {
		tree.transaction = xs_transaction_start(store);
		if (tree.transaction == XBT_NULL)
			return -errno;
		backend_tree(&tree, disk);
		written = fill_backend(&tree, disk);
		frontend_tree(&tree, disk);
		written = written && fill_frontend(&tree, disk);
		ended = xs_transaction_end(store, tree.transaction, !written);
	} while (!ended && errno == EAGAIN);
	if (!ended)
		return -errno;
	return written ? 0 : -EIO;
}

int toolstack_ask_unplug(struct xs_handle *store,
			 const struct toolstack_disk *disk)
{
	struct tree tree = {.store = store, .transaction = XBT_NULL};

	backend_tree(&tree, disk);
	if (!put(&tree, "online", "0") || !put(&tree, "state", "5"))
		return -errno;
	return 0;
}

/* Kernel backends leave their last state behind when only the directory goes:
 * they must find all three changes at once. */
static bool take_away(struct tree *tree, const struct toolstack_disk *disk)
{
	struct tree frontend = *tree;

	frontend_tree(&frontend, disk);
	if (!xs_rm(tree->store, tree->transaction, frontend.base) &&
	    errno != ENOENT)
		return false;
	return toolstack_unplugged(tree->store, disk) ||
	       (put(tree, "online", "0") && put(tree, "state", "5"));
}

int toolstack_take_away(struct xs_handle *store,
			const struct toolstack_disk *disk)
{
	struct tree tree = {.store = store};
	bool done, ended;

	backend_tree(&tree, disk);
	do {
		tree.transaction = xs_transaction_start(store);
		if (tree.transaction == XBT_NULL)
			return -errno;
		done = take_away(&tree, disk);
		ended = xs_transaction_end(store, tree.transaction, !done);
	} while (!ended && errno == EAGAIN);
	if (!ended)
		return -errno;
	return done ? 0 : -EIO;
}

bool toolstack_taken(struct xs_handle *store, const struct toolstack_disk *disk)
{
	struct tree tree = {.store = store};
	char path[PATH_BYTES + 8];

	frontend_tree(&tree, disk);
	snprintf(path, sizeof(path), "%s/backend", tree.base);
	CLEANUP(free_string)
	char *backend = xs_read(store, XBT_NULL, path, NULL);

	return backend != NULL;
}

unsigned int toolstack_state(struct xs_handle *store,
			     const struct toolstack_disk *disk)
{
	struct tree tree = {.store = store};
	char path[PATH_BYTES + 8];

	backend_tree(&tree, disk);
	snprintf(path, sizeof(path), "%s/state", tree.base);
	CLEANUP(free_string)
	char *state = xs_read(store, XBT_NULL, path, NULL);

	return state == NULL ? 0 : (unsigned int)strtoul(state, NULL, 10);
}

bool toolstack_unplugged(struct xs_handle *store,
			 const struct toolstack_disk *disk)
{
	unsigned int state = toolstack_state(store, disk);

	return state == 0 || state == XenbusStateClosed;
}

static int remove_tree(const struct tree *tree)
{
	if (xs_rm(tree->store, XBT_NULL, tree->base) || errno == ENOENT)
		return 0;
	return -errno;
}

int toolstack_forget_frontend(struct xs_handle *store,
			      const struct toolstack_disk *disk)
{
	struct tree tree = {.store = store};

	frontend_tree(&tree, disk);
	return remove_tree(&tree);
}

/* As a toolstack does that repairs what it believes to be wrong. */
static int touch_backend(const struct tree *tree)
{
	static const char *const keys[] = {"frontend", "frontend-id", "params",
					   "mode",     "online",      "state"};

	for (unsigned int i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		char path[PATH_BYTES + 16];

		snprintf(path, sizeof(path), "%s/%s", tree->base, keys[i]);
		CLEANUP(free_string)
		char *value = xs_read(tree->store, XBT_NULL, path, NULL);

		if (value == NULL || !put(tree, keys[i], value))
			return -errno;
	}
	return 0;
}

int toolstack_do(struct xs_handle *store, const struct toolstack_disk *disk,
		 enum guest_deed deed)
{
	struct tree tree = {.store = store, .transaction = XBT_NULL};

	CHECK(deed < GUEST_DEED_COUNT);
	backend_tree(&tree, disk);
	if (deed == DEED_FORGET_FRONTEND)
		return toolstack_forget_frontend(store, disk);
	if (deed == DEED_TOUCH)
		return touch_backend(&tree);
	return put(&tree, "online", "0") ? 0 : -errno;
}

int toolstack_medium(struct xs_handle *store, const struct toolstack_disk *disk,
		     const char *params)
{
	struct tree tree = {.store = store, .transaction = XBT_NULL};

	backend_tree(&tree, disk);
	return put(&tree, "params", params) ? 0 : -errno;
}

int toolstack_remove(struct xs_handle *store, const struct toolstack_disk *disk)
{
	struct tree tree = {.store = store};
	int result;

	backend_tree(&tree, disk);
	result = remove_tree(&tree);
	return result != 0 ? result : toolstack_forget_frontend(store, disk);
}

/* Backends write it below error/ of their own domain, where guests cannot look.
 */
char *toolstack_error(struct xs_handle *store,
		      const struct toolstack_disk *disk)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof(path),
		 "/local/domain/0/error/backend/%s/%u/%u/error", disk->kind,
		 disk->domid, disk->devid);
	return xs_read(store, XBT_NULL, path, NULL);
}
