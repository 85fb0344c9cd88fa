/* One event channel and its handle.  See channel.h. */
#include "backend/worker/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <xenevtchn.h>

#include "backend/base/check.h"

struct channel {
	xenevtchn_handle *handle;
	xenevtchn_port_or_error_t port; /* -1: not bound */
	bool masked; /* an event was taken and not unmasked */
};

int channel_create(struct channel **channel)
{
	struct channel *c = calloc(1, sizeof(*c));
	int fd;

	if (!c)
		return -ENOMEM;
	c->port = -1;
	c->handle = xenevtchn_open(NULL, 0);
	if (!c->handle) {
		int error = errno ? -errno : -EIO;

		free(c);
		return error;
	}
	fd = xenevtchn_fd(c->handle);
	if (fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
		int error = -errno;

		xenevtchn_close(c->handle);
		free(c);
		return error;
	}
	*channel = c;
	return 0;
}

void channel_destroy(struct channel *channel)
{
	if (!channel)
		return;
	channel_unbind(channel);
	xenevtchn_close(channel->handle);
	free(channel);
}

int channel_bind(struct channel *channel, uint32_t domid, uint32_t remote_port)
{
	xenevtchn_port_or_error_t port;

	CHECK(channel->port < 0);
	port = xenevtchn_bind_interdomain(channel->handle, domid, remote_port);
	if (port < 0)
		return errno ? -errno : -EINVAL;
	channel->port = port;
	channel->masked = false;
	return 0;
}

void channel_unbind(struct channel *channel)
{
	CHECK(channel->handle != NULL);
	if (channel->port < 0)
		return;
	CHECK(xenevtchn_unbind(channel->handle, (evtchn_port_t)channel->port) ==
	      0);
	channel->port = -1;
	channel->masked = false;
}

bool channel_take(struct channel *channel)
{
	xenevtchn_port_or_error_t port;

	CHECK(channel->handle != NULL);
	if (channel->masked)
		return false; /* it cannot fire again before we unmask it */
	port = xenevtchn_pending(channel->handle);
	if (port < 0)
		return false;
	/* An event of an earlier binding may still have been queued. */
	if (port != channel->port)
		return false;
	channel->masked = true;
	return true;
}

void channel_unmask(struct channel *channel)
{
	CHECK(channel->port >= 0);
	if (!channel->masked)
		return;
	channel->masked = false;
	CHECK(xenevtchn_unmask(channel->handle, (evtchn_port_t)channel->port) ==
	      0);
}

void channel_notify(struct channel *channel)
{
	CHECK(channel->port >= 0);
	/* The guest may have closed its end or died: then nobody listens, and
	 * the supervisor learns of it through xenstore. */
	(void)xenevtchn_notify(channel->handle, (evtchn_port_t)channel->port);
}

int channel_fd(const struct channel *channel)
{
	return xenevtchn_fd(channel->handle);
}
