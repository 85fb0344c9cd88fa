/*
 * The two directories of a virtual disk (tree.h), and how a toolstack takes
 * them away again: it writes what libxl writes and waits for what libxl waits.
 */
#include "sim/toolstack/tree.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xenstore.h>

#define PATH_BYTES  128u
#define WATCH_TOKEN "xenblk-sim"

enum {
	STATE_INITIALISING = 1,
	STATE_CLOSING = 5,
	STATE_CLOSED = 6,
};

/* A transaction under way on one store connection. */
struct writer {
	struct xs_handle *store;
	xs_transaction_t transaction;
	const char *base;
	bool failed;
};

static void frontend_path(uint32_t domid, uint32_t number, char *path)
{
	snprintf(path, PATH_BYTES, "/local/domain/%u/device/vbd/%u", domid,
		 number);
}

static void put(struct writer *writer, const char *key, const char *value)
{
	char path[PATH_BYTES * 2];

	snprintf(path, sizeof(path), "%s/%s", writer->base, key);
	if (!xs_write(writer->store, writer->transaction, path, value,
		      (unsigned int)strlen(value)))
		writer->failed = true;
}

static void put_number(struct writer *writer, const char *key, uint32_t value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	put(writer, key, text);
}

/* A directory that its owner may write and the other end may read. */
static void make_directory(struct writer *writer, uint32_t owner,
			   uint32_t reader)
{
	struct xs_permissions permissions[] = {
		{.id = owner, .perms = XS_PERM_NONE},
		{.id = reader, .perms = XS_PERM_READ},
	};

	if (!xs_mkdir(writer->store, writer->transaction, writer->base) ||
	    !xs_set_permissions(writer->store, writer->transaction,
				writer->base, permissions, 2))
		writer->failed = true;
}

static void put_extra(struct writer *writer, char **extra)
{
	for (; extra && *extra; extra++) {
		const char *equals = strchr(*extra, '=');
		char *key = strndup(*extra, (size_t)(equals - *extra));

		put(writer, key, equals + 1);
		free(key);
	}
}

static void write_frontend(struct writer *writer, const struct tree_disk *disk,
			   const char *backend)
{
	make_directory(writer, disk->domid, 0);
	put(writer, "backend", backend);
	put_number(writer, "backend-id", 0);
	put_number(writer, "virtual-device", disk->number);
	put(writer, "device-type", disk->device_type);
	put_number(writer, "state", STATE_INITIALISING);
}

static void write_backend(struct writer *writer, const struct tree_disk *disk,
			  const char *frontend)
{
	make_directory(writer, 0, disk->domid);
	put(writer, "frontend", frontend);
	put_number(writer, "frontend-id", disk->domid);
	put_number(writer, "online", 1);
	put_number(writer, "removable", 0);
	put_number(writer, "bootable", 1);
	put(writer, "dev", disk->name);
	put(writer, "type", disk->directory);
	put(writer, "mode", disk->mode);
	put(writer, "device-type", disk->device_type);
	put(writer, "params", disk->params);
	put_extra(writer, disk->extra);
	put_number(writer, "state", STATE_INITIALISING);
}

static bool node_exists(struct writer *writer, const char *path)
{
	unsigned int length;
	char *value =
		xs_read(writer->store, writer->transaction, path, &length);

	free(value);
	return value != NULL;
}

/* One try at the transaction; -EAGAIN when somebody else wrote meanwhile. */
static int attach_once(struct xs_handle *store, const struct tree_disk *disk)
{
	char frontend[PATH_BYTES], backend[PATH_BYTES];
	struct writer writer = {.store = store};
	int error = 0;

	frontend_path(disk->domid, disk->number, frontend);
	snprintf(backend, sizeof(backend), "/local/domain/0/backend/%s/%u/%u",
		 disk->directory, disk->domid, disk->number);
	writer.transaction = xs_transaction_start(store);
	if (writer.transaction == XBT_NULL)
		return -errno;
	if (node_exists(&writer, frontend)) {
		error = -EEXIST;
	} else {
		writer.base = frontend;
		write_frontend(&writer, disk, backend);
		writer.base = backend;
		write_backend(&writer, disk, frontend);
		if (writer.failed)
			error = errno ? -errno : -EIO;
	}
	if (!xs_transaction_end(store, writer.transaction, error != 0))
		return error ? error : -errno;
	return error;
}

int tree_attach(struct xs_handle *store, const struct tree_disk *disk)
{
	int error;

	do {
		error = attach_once(store, disk);
	} while (error == -EAGAIN);
	if (error == -EEXIST)
		fprintf(stderr,
			"xenblk-sim: domain %u has a disk %s (%u) already: "
			"detach it first\n",
			disk->domid, disk->name, disk->number);
	else if (error)
		fprintf(stderr,
			"xenblk-sim: cannot attach %s to domain %u: %s\n",
			disk->name, disk->domid, strerror(-error));
	return error;
}

/* malloc'd, NULL when there is none. */
static char *read_node(struct xs_handle *store, const char *base,
		       const char *key)
{
	char path[PATH_BYTES * 2];
	unsigned int length;

	snprintf(path, sizeof(path), "%s/%s", base, key);
	return xs_read(store, XBT_NULL, path, &length);
}

/* 0 when the node is gone. */
static int read_state(struct xs_handle *store, const char *backend)
{
	char *text = read_node(store, backend, "state");
	int state = text ? (int)strtol(text, NULL, 10) : 0;

	free(text);
	return state;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Until the backend is Closed or gone; -ETIMEDOUT. */
static int wait_closed(struct xs_handle *store, const char *backend,
		       unsigned int timeout_ms)
{
	struct pollfd poll_for = {.fd = xs_fileno(store), .events = POLLIN};
	uint64_t deadline = now_ms() + timeout_ms;
	char path[PATH_BYTES * 2];
	int state;

	snprintf(path, sizeof(path), "%s/state", backend);
	if (!xs_watch(store, path, WATCH_TOKEN))
		return -errno;
	while ((state = read_state(store, backend)) != STATE_CLOSED &&
	       state != 0) {
		uint64_t now = now_ms();
		char **event;

		if (now >= deadline)
			break;
		poll(&poll_for, 1, (int)(deadline - now));
		while ((event = xs_check_watch(store)))
			free(event);
	}
	xs_unwatch(store, path, WATCH_TOKEN);
	return state == STATE_CLOSED || state == 0 ? 0 : -ETIMEDOUT;
}

/* online = 0 and Closing, unless it is Closed already. */
static void ask_to_close(struct xs_handle *store, const char *backend)
{
	int state = read_state(store, backend);
	struct writer writer = {.store = store, .base = backend};

	put_number(&writer, "online", 0);
	/* Nobody served it yet: nobody will answer either. */
	if (state == STATE_INITIALISING)
		put_number(&writer, "state", STATE_CLOSED);
	else if (state != STATE_CLOSED && state != 0)
		put_number(&writer, "state", STATE_CLOSING);
}

/* Directories above it that are empty now, as libxl does, up to "backend". */
static void remove_empty_parents(struct xs_handle *store,
				 xs_transaction_t transaction, const char *path)
{
	char parent[PATH_BYTES];
	unsigned int children;
	char **names;

	snprintf(parent, sizeof(parent), "%s", path);
	for (;;) {
		*strrchr(parent, '/') = '\0';
		if (!strrchr(parent, '/') ||
		    !strcmp(strrchr(parent, '/'), "/backend"))
			return;
		names = xs_directory(store, transaction, parent, &children);
		free(names);
		if (!names || children > 0)
			return;
		xs_rm(store, transaction, parent);
	}
}

static int remove_both(struct xs_handle *store, const char *frontend,
		       const char *backend)
{
	xs_transaction_t transaction;

	do {
		transaction = xs_transaction_start(store);
		if (transaction == XBT_NULL)
			return -errno;
		xs_rm(store, transaction, frontend);
		xs_rm(store, transaction, backend);
		remove_empty_parents(store, transaction, backend);
		errno = 0;
	} while (!xs_transaction_end(store, transaction, false) &&
		 errno == EAGAIN);
	return errno ? -errno : 0;
}

int tree_detach(struct xs_handle *store, const struct tree_detach *detach)
{
	char frontend[PATH_BYTES];
	char *backend;
	int error = 0;

	frontend_path(detach->domid, detach->number, frontend);
	backend = read_node(store, frontend, "backend");
	if (!backend) {
		fprintf(stderr,
			"xenblk-sim: domain %u has no disk %u: nothing to "
			"detach\n",
			detach->domid, detach->number);
		return -ENOENT;
	}
	if (!detach->force) {
		ask_to_close(store, backend);
		error = wait_closed(store, backend, detach->timeout_ms);
	}
	if (error == -ETIMEDOUT)
		fprintf(stderr,
			"xenblk-sim: the backend of disk %u of domain %u is in "
			"state %d after %u ms, not Closed (6); detach --force "
			"removes the nodes all the same\n",
			detach->number, detach->domid,
			read_state(store, backend), detach->timeout_ms);
	if (!error)
		error = remove_both(store, frontend, backend);
	free(backend);
	return error;
}

void tree_detach_all(struct xs_handle *store, uint32_t domid,
		     unsigned int timeout_ms)
{
	char path[PATH_BYTES];
	unsigned int count = 0;
	char **names;

	snprintf(path, sizeof(path), "/local/domain/%u/device/vbd", domid);
	names = xs_directory(store, XBT_NULL, path, &count);
	for (unsigned int i = 0; names && i < count; i++) {
		struct tree_detach detach = {
			.domid = domid,
			.number = (uint32_t)strtoul(names[i], NULL, 10),
			.timeout_ms = timeout_ms,
		};

		if (tree_detach(store, &detach) == -ETIMEDOUT) {
			detach.force = true;
			tree_detach(store, &detach);
		}
	}
	free(names);
}
