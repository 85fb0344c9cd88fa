/*
 * Nodes of xenstore: our own directory and the backend's.
 *
 * The only file that reads and writes nodes; every value is a string, numbers
 * are decimal (A4).  Called by handshake.c, and by whoever misbehaves on
 * purpose.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/inside.h"

static char *read_node(struct front *front, const char *directory,
		       const char *key)
{
	unsigned int bytes;
	char *path, *value;

	if (asprintf(&path, "%s/%s", directory, key) < 0)
		return NULL;
	value = xs_read(front->xs, front->transaction, path, &bytes);
	free(path);
	return value;
}

char *front_read(struct front *front, const char *key)
{
	return read_node(front, front->directory, key);
}

char *front_backend_read(struct front *front, const char *key)
{
	return read_node(front, front->backend, key);
}

int front_write(struct front *front, const char *key, const char *format, ...)
{
	char *path, *value;
	va_list arguments;
	int bytes, err = 0;

	va_start(arguments, format);
	bytes = vasprintf(&value, format, arguments);
	va_end(arguments);
	if (bytes < 0)
		return -ENOMEM;
	if (asprintf(&path, "%s/%s", front->directory, key) < 0) {
		free(value);
		return -ENOMEM;
	}
	if (!xs_write(front->xs, front->transaction, path, value,
		      (unsigned int)bytes))
		err = front_fail(front, -(errno ? errno : EIO),
				 "cannot write %s: %s", path, strerror(errno));
	free(path);
	free(value);
	return err;
}

int front_remove(struct front *front, const char *key)
{
	char *path;
	int err = 0;

	if (asprintf(&path, "%s/%s", front->directory, key) < 0)
		return -ENOMEM;
	if (!xs_rm(front->xs, front->transaction, path))
		err = -(errno ? errno : EIO);
	free(path);
	return err;
}

unsigned int front_backend_state(struct front *front)
{
	char *value = front_backend_read(front, "state");
	unsigned long state = value ? strtoul(value, NULL, 10) : 0;

	free(value);
	return state <= 8 ? (unsigned int)state : 0;
}

/* Linux and libxl keep errors of /local/domain/D/X under
 * /local/domain/D/error/X. */
static char *read_error_tree(struct front *front)
{
	unsigned int bytes;
	const char *rest;
	char *path, *value;
	int prefix;

	prefix = snprintf(NULL, 0, "/local/domain/%u/", front->backend_domid);
	if (strlen(front->backend) <= (size_t)prefix)
		return NULL;
	rest = front->backend + prefix;
	if (asprintf(&path, "/local/domain/%u/error/%s/error",
		     front->backend_domid, rest) < 0)
		return NULL;
	value = xs_read(front->xs, 0, path, &bytes);
	free(path);
	return value;
}

char *front_backend_error(struct front *front)
{
	char *value = front_backend_read(front, "error");

	if (!value)
		value = read_error_tree(front);
	for (char *c = value; c && *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
			*c = '?';
	return value;
}

const char *front_state_name(unsigned int state)
{
	static const char *const names[] = {
		"no state",    "Initialising",	"InitWait",
		"Initialised", "Connected",	"Closing",
		"Closed",      "Reconfiguring", "Reconfigured",
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

int front_own_domid(void)
{
	struct xs_handle *xs = xs_open(0);
	unsigned int bytes;
	char *value, *end = "";
	long domid = 0;
	int err = 0;

	if (!xs)
		return -(errno ? errno : ECONNREFUSED);
	/* A relative path starts in our own home directory. */
	value = xs_read(xs, XBT_NULL, "domid", &bytes);
	if (value)
		domid = strtol(value, &end, 10);
	else
		err = -(errno ? errno : ENOENT);
	if (value && (*end || domid < 0 || domid > 32751))
		err = -EPROTO;
	free(value);
	xs_close(xs);
	return err ? err : (int)domid;
}
