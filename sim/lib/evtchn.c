/*
 * libxenevtchn in process: xenevtchn.h over the model.
 *
 * Called by backend/, frontend/ and tests.  Has no descriptor (xenevtchn_fd()
 * is -1) and never blocks: xenevtchn_pending() without an event is -1 with
 * EAGAIN. As /dev/xen/evtchn does it: a port belongs to the handle that bound
 * it; notify and unbind of another port are ENOTCONN, an unmask of one is
 * ignored.
 */
#include <errno.h>
#include <stdlib.h>
#include <xenevtchn.h>

#include "sim/lib/inprocess.h"

#define UNRESTRICTED UINT32_MAX

struct xenevtchn_handle {
	struct xenevtchn_handle *next;
	struct actor actor;
	uint32_t handle; /* in the model */
	uint32_t only;	 /* the domain it is restricted to */
};

static xenevtchn_handle *handles;

void evtchn_reset(void)
{
	while (handles != NULL) {
		xenevtchn_handle *xce = handles;

		handles = xce->next;
		free(xce);
	}
}

static void traced(const xenevtchn_handle *xce, enum trace_call call,
		   int result, uint64_t detail)
{
	trace_call(call, xce->actor.domid, result < 0 ? -errno : result,
		   detail | (uint64_t)xce->handle << 48);
}

static int handle_open(const struct actor *actor, uint32_t *handle)
{
	int error = inprocess_begin(actor, SIM_CALL_OPEN);

	if (error != 0)
		return error;
	return -world_handle_open(inprocess_world(), actor->domid, 1, handle);
}

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger,
				 unsigned int flags)
{
	struct actor actor = inprocess_actor();
	uint32_t handle = 0;
	int error = handle_open(&actor, &handle);
	xenevtchn_handle *xce = NULL;

	(void)logger;
	if (error == 0 && (flags & ~(unsigned int)XENEVTCHN_NO_CLOEXEC) != 0) {
		world_handle_close(inprocess_world(), handle);
		error = EINVAL;
	}
	if (error == 0)
		xce = malloc(sizeof(*xce));
	trace_call(TRACE_EVTCHN_OPEN, actor.domid, -error, handle);
	if (xce == NULL) {
		errno = error != 0 ? error : ENOMEM;
		return NULL;
	}
	*xce = (xenevtchn_handle){.next = handles,
				  .actor = actor,
				  .handle = handle,
				  .only = UNRESTRICTED};
	handles = xce;
	return xce;
}

xenevtchn_handle *xenevtchn_fdopen(struct xentoollog_logger *logger, int fd,
				   unsigned int open_flags)
{
	(void)logger;
	(void)fd;
	(void)open_flags;
	errno = EINVAL; /* there are no descriptors here */
	return NULL;
}

int xenevtchn_close(xenevtchn_handle *xce)
{
	xenevtchn_handle **link = &handles;

	if (xce == NULL)
		return 0;
	while (*link != xce)
		link = &(*link)->next;
	*link = xce->next;
	if (!inprocess_dead(&xce->actor))
		world_handle_close(inprocess_world(), xce->handle);
	traced(xce, TRACE_EVTCHN_CLOSE, 0, 0);
	free(xce);
	return 0;
}

void evtchn_process_dies(uint32_t domid)
{
	xenevtchn_handle *next;

	for (xenevtchn_handle *xce = handles; xce != NULL; xce = next) {
		next = xce->next;
		if (xce->actor.domid == domid)
			(void)xenevtchn_close(xce);
	}
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
	(void)xce;
	return inprocess_fail(ENODEV);
}

static int answer(const xenevtchn_handle *xce, int error)
{
	if (error == -ENOTCONN)
		inprocess_ledger(xce->actor.domid)->bad_ports++;
	return error < 0 ? inprocess_fail(-error) : error;
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
	int error = inprocess_begin(&xce->actor, SIM_CALL_NOTIFY);
	int result;

	if (error == 0) {
		inprocess_ledger(xce->actor.domid)->notifies++;
		error = -world_port_send(inprocess_world(), xce->handle, port);
	}
	result = answer(xce, -error);
	traced(xce, TRACE_EVTCHN_NOTIFY, result, port);
	return result;
}

static int may_bind(const xenevtchn_handle *xce, uint32_t domid)
{
	int error = inprocess_begin(&xce->actor, SIM_CALL_BIND);

	if (error == 0 && xce->only != UNRESTRICTED && xce->only != domid)
		error = EACCES;
	return -error;
}

xenevtchn_port_or_error_t xenevtchn_bind_unbound_port(xenevtchn_handle *xce,
						      uint32_t domid)
{
	int port = may_bind(xce, domid);

	if (port == 0)
		port = world_port_alloc(inprocess_world(), xce->handle, domid);
	port = answer(xce, port);
	traced(xce, TRACE_EVTCHN_ALLOC, port, domid);
	return port;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *xce,
						     uint32_t domid,
						     evtchn_port_t remote_port)
{
	int port = may_bind(xce, domid);

	if (port == 0)
		port = world_port_bind(inprocess_world(), xce->handle, domid,
				       remote_port);
	port = answer(xce, port);
	traced(xce, TRACE_EVTCHN_BIND, port,
	       (uint64_t)(domid & 0xffff) << 32 | remote_port);
	return port;
}

xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *xce,
					      unsigned int virq)
{
	int port = may_bind(xce, UNRESTRICTED - 1);

	if (port == 0)
		port = world_port_bind_virq(inprocess_world(), xce->handle,
					    virq);
	port = answer(xce, port);
	traced(xce, TRACE_EVTCHN_VIRQ, port, virq);
	return port;
}

int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
	int result = inprocess_dead(&xce->actor) ? -EIO : 0;

	if (result == 0)
		result = world_port_close(inprocess_world(), xce->handle, port);
	result = answer(xce, result);
	traced(xce, TRACE_EVTCHN_UNBIND, result, port);
	return result;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
	int port = inprocess_dead(&xce->actor) ? -EIO : 0;

	if (port == 0)
		port = (int)world_handle_next(inprocess_world(), xce->handle);
	port = answer(xce, port == 0 ? -EAGAIN : port);
	traced(xce, TRACE_EVTCHN_PENDING, port, 0);
	return port;
}

int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
	int result = inprocess_dead(&xce->actor) ? -EIO : 0;

	if (result == 0 && world_port_unmask(inprocess_world(), xce->handle,
					     port) == -ENOTCONN)
		inprocess_ledger(xce->actor.domid)->bad_ports++;
	result = answer(xce, result);
	traced(xce, TRACE_EVTCHN_UNMASK, result, port);
	return result;
}

int xenevtchn_restrict(xenevtchn_handle *xce, domid_t domid)
{
	if (xce->only != UNRESTRICTED)
		return inprocess_fail(EACCES);
	xce->only = domid;
	return 0;
}
