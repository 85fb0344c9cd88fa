/*
 * libxenevtchn for a process of a drop-in world.
 *
 * A handle is an eventfd that counts the fired ports in the handle's queue.
 * Sending, taking and unmasking use no lock and no broker, only the shared
 * queue and one read or write of the eventfd, as the real ones use one system
 * call each.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <xenevtchn.h>

#include "sim/lib/dropin/client.h"
#include "sim/sim.h"

#define NOT_RESTRICTED UINT32_MAX

struct xenevtchn_handle {
	struct world *world;
	uint32_t owner; /* process that opened it */
	uint32_t index;
	uint32_t restricted;   /* the only domain it may bind to */
	_Atomic uint32_t last; /* port that was read last, 0: none */
	int fd;
};

static int fail(int error)
{
	errno = error;
	return -1;
}

/* A forked child has its parent's handles, but they are not its own. */
static bool is_foreign(const xenevtchn_handle *handle)
{
	return handle->owner != client_owner();
}

EXPORT xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger,
					unsigned int flags)
{
	const struct client *client = client_get();
	int error = client ? client_fault(SIM_CALL_OPEN) : errno;
	xenevtchn_handle *handle;

	(void)logger;
	if (!error && (flags & ~(unsigned int)XENEVTCHN_NO_CLOEXEC))
		error = EINVAL;
	handle = error ? NULL : calloc(1, sizeof(*handle));
	if (!handle) {
		errno = error ? error : ENOMEM;
		return NULL;
	}
	error = client_handle_open(&handle->index, &handle->fd);
	if (error) {
		free(handle);
		errno = -error;
		return NULL;
	}
	if (flags & XENEVTCHN_NO_CLOEXEC)
		fcntl(handle->fd, F_SETFD, 0);
	handle->world = client->world;
	handle->owner = client->owner;
	handle->restricted = NOT_RESTRICTED;
	return handle;
}

EXPORT xenevtchn_handle *xenevtchn_fdopen(struct xentoollog_logger *logger,
					  int fd, unsigned int flags)
{
	(void)logger;
	(void)fd;
	(void)flags;
	errno = EOPNOTSUPP;
	return NULL;
}

EXPORT int xenevtchn_close(xenevtchn_handle *handle)
{
	if (!handle)
		return 0;
	if (!is_foreign(handle))
		client_handle_close(handle->index);
	close(handle->fd);
	free(handle);
	return 0;
}

EXPORT int xenevtchn_fd(xenevtchn_handle *handle)
{
	return handle->fd;
}

EXPORT int xenevtchn_restrict(xenevtchn_handle *handle, domid_t domid)
{
	if (handle->restricted != NOT_RESTRICTED)
		return fail(EACCES);
	handle->restricted = domid;
	return 0;
}

EXPORT int xenevtchn_notify(xenevtchn_handle *handle, evtchn_port_t port)
{
	int error = client_fault(SIM_CALL_NOTIFY);

	if (!error && is_foreign(handle))
		error = EBADF;
	if (!error)
		error = -world_port_send(handle->world, handle->index, port);
	return error ? fail(error) : 0;
}

/* May it bind to that domain?  0 or an errno. */
static int bind_check(const xenevtchn_handle *handle, uint32_t domid)
{
	int error = client_fault(SIM_CALL_BIND);

	if (error)
		return error;
	if (is_foreign(handle))
		return EBADF;
	if (handle->restricted != NOT_RESTRICTED && handle->restricted != domid)
		return EACCES;
	return 0;
}

EXPORT xenevtchn_port_or_error_t
xenevtchn_bind_unbound_port(xenevtchn_handle *handle, uint32_t domid)
{
	int error = bind_check(handle, domid);
	int port =
		error ? -error
		      : world_port_alloc(handle->world, handle->index, domid);

	return port < 0 ? fail(-port) : port;
}

EXPORT xenevtchn_port_or_error_t xenevtchn_bind_interdomain(
	xenevtchn_handle *handle, uint32_t domid, evtchn_port_t remote_port)
{
	int error = bind_check(handle, domid);
	int port = error ? -error
			 : world_port_bind(handle->world, handle->index, domid,
					   remote_port);

	return port < 0 ? fail(-port) : port;
}

EXPORT xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *handle,
						     unsigned int virq)
{
	int error = bind_check(handle, NOT_RESTRICTED);
	int port = error ? -error
			 : world_port_bind_virq(handle->world, handle->index,
						virq);

	return port < 0 ? fail(-port) : port;
}

EXPORT int xenevtchn_unbind(xenevtchn_handle *handle, evtchn_port_t port)
{
	int error = is_foreign(handle) ? EBADF : 0;

	if (!error)
		error = -world_port_close(handle->world, handle->index, port);
	return error ? fail(error) : 0;
}

EXPORT xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *handle)
{
	uint64_t count;
	uint32_t port;

	if (is_foreign(handle))
		return fail(EBADF);
	for (;;) {
		if (read(handle->fd, &count, sizeof(count)) != sizeof(count))
			return -1;
		port = world_handle_next(handle->world, handle->index);
		if (port != 0)
			break;
		/* A port was closed after it fired, or a sender died: a
		 * spurious event, since the descriptor was readable. */
		port = atomic_load_explicit(&handle->last,
					    memory_order_relaxed);
		if (port != 0)
			break;
	}
	atomic_store_explicit(&handle->last, port, memory_order_relaxed);
	return (xenevtchn_port_or_error_t)port;
}

EXPORT int xenevtchn_unmask(xenevtchn_handle *handle, evtchn_port_t port)
{
	if (is_foreign(handle))
		return fail(EBADF);
	/* As /dev/xen/evtchn: a port that is not ours is passed over. */
	world_port_unmask(handle->world, handle->index, port);
	return 0;
}
