/*
 * The life of a frontend: handles opened, directories found, everything freed.
 *
 * The steps of a connection are in handshake.c, the queues in queue.c, waiting
 * in wait.c, xenstore nodes in nodes.c.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/inside.h"

#define DEFAULT_TIMEOUT_MS 10000

int front_fail(struct front *front, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(front->error, sizeof(front->error), format, arguments);
	va_end(arguments);
	return error;
}

const char *front_error(const struct front *front)
{
	return front->error;
}

const struct front_properties *front_properties(const struct front *front)
{
	return &front->properties;
}

struct xs_handle *front_xs(struct front *front)
{
	return front->xs;
}

int front_timeout_ms(const struct front *front)
{
	int timeout_ms = front->options.timeout_ms;

	return timeout_ms ? timeout_ms : DEFAULT_TIMEOUT_MS;
}

static int create_store(struct front *front)
{
	front->xs = xs_open(0);
	if (!front->xs)
		return front_fail(front, -(errno ? errno : ECONNREFUSED),
				  "cannot reach xenstore: %s; run inside a "
				  "guest, or in a simulated one (xenblk-sim)",
				  strerror(errno));
	if (asprintf(&front->directory, "/local/domain/%u/device/vbd/%u",
		     front->options.domid, front->options.devid) < 0) {
		front->directory = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* Where the toolstack says that our backend is. */
static int create_backend(struct front *front)
{
	char *peer;

	front->backend = front_read(front, "backend");
	if (!front->backend)
		return front_fail(
			front, -ENOENT,
			"there is no disk %u for domain %u: %s/backend "
			"cannot be read; a toolstack attaches the disk "
			"first",
			front->options.devid, front->options.domid,
			front->directory);
	peer = front_read(front, "backend-id");
	front->backend_domid = peer ? (uint32_t)strtoul(peer, NULL, 10) : 0;
	free(peer);
	return 0;
}

static int create_watch(struct front *front)
{
	char *path;
	bool watched;

	if (asprintf(&path, "%s/state", front->backend) < 0)
		return -ENOMEM;
	watched = xs_watch(front->xs, path, "backend");
	if (!watched)
		front_fail(front, -1, "cannot watch %s: %s", path,
			   strerror(errno));
	free(path);
	return watched ? 0 : -(errno ? errno : EIO);
}

static int create_pool(struct front *front)
{
	int err = front_pool_init(&front->pool, front->backend_domid,
				  front->personality.ends_grants);

	if (err)
		return front_fail(front, err,
				  "cannot open the device for granting pages "
				  "(xen/gntalloc): %s",
				  strerror(-err));
	return 0;
}

int front_create(const struct front_options *options, struct front **result)
{
	struct front *front = calloc(1, sizeof(*front));
	int err;

	if (!front)
		return -ENOMEM;
	front->options = *options;
	front->personality = *options->personality;
	front->properties.max_queues = 1;
	err = create_store(front);
	if (!err)
		err = create_backend(front);
	if (!err)
		err = create_watch(front);
	if (!err)
		err = create_pool(front);
	if (err) {
		if (options->error)
			snprintf(options->error, options->error_bytes, "%s",
				 front->error[0] ? front->error
						 : strerror(-err));
		front_destroy(front);
		return err;
	}
	*result = front;
	return 0;
}

void front_destroy(struct front *front)
{
	if (!front)
		return;
	if (front->published)
		front_disconnect(front);
	front_release(front);
	front_pool_fini(&front->pool);
	xs_close(front->xs);
	free(front->directory);
	free(front->backend);
	free(front);
}

unsigned int front_queues(const struct front *front)
{
	return front->queues;
}

struct front_queue *front_queue(struct front *front, unsigned int i)
{
	return i < front->queues ? front->queue[i] : NULL;
}
