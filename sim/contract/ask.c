/*
 * The case's side: asks the peer, waits for events.
 *
 * Called by the cases.  See contract.h.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "sim/contract/peer.h"

static int ask(enum peer_operation operation, uint32_t a, uint32_t b,
	       uint32_t d)
{
	struct peer_request request = {.operation = operation,
				       .argument = {a, b, d}};
	struct peer_reply reply;

	transport_call(&request, &reply);
	return reply.result;
}

static int ask_store(struct peer_request *request, const char *path,
		     struct peer_reply *reply)
{
	snprintf(request->path, sizeof(request->path), "%s", path);
	transport_call(request, reply);
	return reply->result;
}

static int share_with(uint32_t domid, uint32_t count, bool readonly,
		      uint32_t *refs)
{
	struct peer_request request = {.operation = PEER_SHARE,
				       .argument = {domid, count, readonly}};
	struct peer_reply reply;

	transport_call(&request, &reply);
	if (reply.result >= 0)
		memcpy(refs, reply.refs, count * sizeof(*refs));
	return reply.result;
}

int peer_share(struct contract *c, uint32_t count, bool readonly,
	       uint32_t *refs)
{
	return share_with(c->self, count, readonly, refs);
}

int peer_share_with(struct contract *c, uint32_t domid, uint32_t count,
		    uint32_t *refs)
{
	(void)c;
	return share_with(domid, count, false, refs);
}

int peer_unshare(struct contract *c, int share)
{
	(void)c;
	return ask(PEER_UNSHARE, (uint32_t)share, 0, 0);
}

int peer_poke(struct contract *c, int share, uint32_t offset, uint8_t byte)
{
	(void)c;
	return ask(PEER_POKE, (uint32_t)share, offset, byte);
}

int peer_peek(struct contract *c, int share, uint32_t offset)
{
	(void)c;
	return ask(PEER_PEEK, (uint32_t)share, offset, 0);
}

int peer_port_alloc(struct contract *c, uint32_t domid)
{
	(void)c;
	return ask(PEER_PORT_ALLOC, domid, 0, 0);
}

int peer_port_bind(struct contract *c, uint32_t domid, uint32_t port)
{
	(void)c;
	return ask(PEER_PORT_BIND, domid, port, 0);
}

int peer_port_close(struct contract *c, uint32_t port)
{
	(void)c;
	return ask(PEER_PORT_CLOSE, port, 0, 0);
}

int peer_notify(struct contract *c, uint32_t port)
{
	(void)c;
	return ask(PEER_NOTIFY, port, 0, 0);
}

int peer_unmask(struct contract *c, uint32_t port)
{
	(void)c;
	return ask(PEER_UNMASK, port, 0, 0);
}

int peer_event(struct contract *c)
{
	(void)c;
	return ask(PEER_EVENT, 0, 0, 0);
}

int peer_quiet(struct contract *c)
{
	(void)c;
	return ask(PEER_QUIET, 0, 0, 0);
}

int peer_restart(struct contract *c)
{
	(void)c;
	return ask(PEER_RESTART, 0, 0, 0);
}

int peer_close_sharing(struct contract *c)
{
	(void)c;
	return ask(PEER_CLOSE_SHARING, 0, 0, 0);
}

int peer_xs_write(struct contract *c, const char *path, const char *value)
{
	struct peer_request request = {.operation = PEER_XS_WRITE};
	struct peer_reply reply;

	(void)c;
	snprintf(request.text, sizeof(request.text), "%s", value);
	return ask_store(&request, path, &reply);
}

int peer_xs_remove(struct contract *c, const char *path)
{
	struct peer_request request = {.operation = PEER_XS_REMOVE};
	struct peer_reply reply;

	(void)c;
	return ask_store(&request, path, &reply);
}

int peer_xs_read(struct contract *c, const char *path,
		 char value[CONTRACT_TEXT])
{
	struct peer_request request = {.operation = PEER_XS_READ};
	struct peer_reply reply;
	int result = ask_store(&request, path, &reply);

	(void)c;
	memcpy(value, reply.text, CONTRACT_TEXT);
	return result;
}

int peer_xs_owner(struct contract *c, const char *path, uint32_t domid)
{
	struct peer_request request = {.operation = PEER_XS_OWNER,
				       .argument = {domid}};
	struct peer_reply reply;

	(void)c;
	return ask_store(&request, path, &reply);
}

/* Without a descriptor everything has happened by now. */
static bool readable(int fd, int timeout_ms)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};

	return fd < 0 || poll(&pollfd, 1, timeout_ms) == 1;
}

int contract_event(xenevtchn_handle *xce)
{
	if (!readable(xenevtchn_fd(xce), transport_patience_ms()))
		return -1;
	return xenevtchn_pending(xce);
}

bool contract_no_event(xenevtchn_handle *xce)
{
	if (!readable(xenevtchn_fd(xce), transport_quiet_ms()))
		return true;
	return xenevtchn_pending(xce) < 0;
}

char **contract_watch(struct xs_handle *xs)
{
	char **event = xs_check_watch(xs);

	while (event == NULL && errno == EAGAIN && xs_fileno(xs) >= 0 &&
	       readable(xs_fileno(xs), transport_patience_ms()))
		event = xs_check_watch(xs);
	return event;
}

void contract_fail(struct contract *c, const char *what, int line)
{
	int error = errno;

	if (c->failed != NULL)
		return;
	c->failed = what;
	c->failed_line = line;
	c->failed_errno = error;
}
