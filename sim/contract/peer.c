/*
 * The peer domain's hands: carries out what a case asks of the guest.
 *
 * Runs in the peer (in process: while it is the current domain) and uses the
 * real libraries only.  Knows nothing of cases and expects nothing.
 */
#include "sim/contract/peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHARES 32u

static struct {
	bool open;
	xengntshr_handle *gntshr;
	xenevtchn_handle *evtchn;
	struct xs_handle *xs;
	struct {
		uint8_t *pages;
		uint32_t count;
	} share[SHARES];
} peer;

static int restart(const struct peer_request *request, struct peer_reply *reply)
{
	(void)request;
	(void)reply;
	if (peer.open) {
		/* closing alone leaves what is still mapped here granted */
		for (uint32_t i = 0; i < SHARES; i++) {
			if (peer.share[i].pages != NULL)
				xengntshr_unshare(peer.gntshr,
						  peer.share[i].pages,
						  peer.share[i].count);
		}
		xengntshr_close(peer.gntshr);
		xenevtchn_close(peer.evtchn);
		xs_close(peer.xs);
	}
	memset(&peer, 0, sizeof(peer));
	peer.gntshr = xengntshr_open(NULL, 0);
	peer.evtchn = xenevtchn_open(NULL, 0);
	peer.xs = xs_open(0);
	if (peer.gntshr == NULL || peer.evtchn == NULL || peer.xs == NULL)
		return -errno;
	peer.open = true;
	return 0;
}

static int close_sharing(const struct peer_request *request,
			 struct peer_reply *reply)
{
	(void)request;
	(void)reply;
	/* nothing can end these pages any more */
	memset(peer.share, 0, sizeof(peer.share));
	xengntshr_close(peer.gntshr);
	peer.gntshr = xengntshr_open(NULL, 0);
	peer.open = peer.gntshr != NULL;
	return peer.open ? 0 : -errno;
}

static int share(const struct peer_request *request, struct peer_reply *reply)
{
	uint32_t domid = request->argument[0], count = request->argument[1];
	uint32_t i = 0;

	while (i < SHARES && peer.share[i].pages != NULL)
		i++;
	if (i == SHARES || count > CONTRACT_REFS)
		return -ENOSPC;
	peer.share[i].pages =
		xengntshr_share_pages(peer.gntshr, domid, (int)count,
				      reply->refs, request->argument[2] == 0);
	peer.share[i].count = count;
	return peer.share[i].pages != NULL ? (int)i : -errno;
}

static int unshare(const struct peer_request *request, struct peer_reply *reply)
{
	uint32_t i = request->argument[0];

	(void)reply;
	if (xengntshr_unshare(peer.gntshr, peer.share[i].pages,
			      peer.share[i].count) != 0)
		return -errno;
	peer.share[i].pages = NULL;
	return 0;
}

static int poke(const struct peer_request *request, struct peer_reply *reply)
{
	volatile uint8_t *at = peer.share[request->argument[0]].pages;

	(void)reply;
	at[request->argument[1]] = (uint8_t)request->argument[2];
	return 0;
}

static int peek(const struct peer_request *request, struct peer_reply *reply)
{
	const volatile uint8_t *at = peer.share[request->argument[0]].pages;

	(void)reply;
	return at[request->argument[1]];
}

static int port_alloc(const struct peer_request *request,
		      struct peer_reply *reply)
{
	int port =
		xenevtchn_bind_unbound_port(peer.evtchn, request->argument[0]);

	(void)reply;
	return port < 0 ? -errno : port;
}

static int port_bind(const struct peer_request *request,
		     struct peer_reply *reply)
{
	int port = xenevtchn_bind_interdomain(peer.evtchn, request->argument[0],
					      request->argument[1]);

	(void)reply;
	return port < 0 ? -errno : port;
}

static int port_close(const struct peer_request *request,
		      struct peer_reply *reply)
{
	(void)reply;
	return xenevtchn_unbind(peer.evtchn, request->argument[0]) < 0 ? -errno
								       : 0;
}

static int notify(const struct peer_request *request, struct peer_reply *reply)
{
	(void)reply;
	return xenevtchn_notify(peer.evtchn, request->argument[0]) < 0 ? -errno
								       : 0;
}

static int unmask(const struct peer_request *request, struct peer_reply *reply)
{
	(void)reply;
	return xenevtchn_unmask(peer.evtchn, request->argument[0]) < 0 ? -errno
								       : 0;
}

static int event(const struct peer_request *request, struct peer_reply *reply)
{
	int port = contract_event(peer.evtchn);

	(void)request;
	(void)reply;
	return port < 0 ? -EAGAIN : port;
}

static int quiet(const struct peer_request *request, struct peer_reply *reply)
{
	(void)request;
	(void)reply;
	return contract_no_event(peer.evtchn);
}

static int store_write(const struct peer_request *request,
		       struct peer_reply *reply)
{
	(void)reply;
	return xs_write(peer.xs, XBT_NULL, request->path, request->text,
			(unsigned int)strlen(request->text))
		       ? 0
		       : -errno;
}

static int store_remove(const struct peer_request *request,
			struct peer_reply *reply)
{
	(void)reply;
	return xs_rm(peer.xs, XBT_NULL, request->path) ? 0 : -errno;
}

static int store_read(const struct peer_request *request,
		      struct peer_reply *reply)
{
	unsigned int length;
	char *value = xs_read(peer.xs, XBT_NULL, request->path, &length);

	if (value == NULL)
		return -errno;
	snprintf(reply->text, sizeof(reply->text), "%s", value);
	free(value);
	return (int)length;
}

static int store_owner(const struct peer_request *request,
		       struct peer_reply *reply)
{
	struct xs_permissions list = {.id = request->argument[0],
				      .perms = XS_PERM_NONE};

	(void)reply;
	return xs_set_permissions(peer.xs, XBT_NULL, request->path, &list, 1)
		       ? 0
		       : -errno;
}

static int (*const serve[PEER_OPERATIONS])(const struct peer_request *,
					   struct peer_reply *) = {
	[PEER_RESTART] = restart,
	[PEER_CLOSE_SHARING] = close_sharing,
	[PEER_SHARE] = share,
	[PEER_UNSHARE] = unshare,
	[PEER_POKE] = poke,
	[PEER_PEEK] = peek,
	[PEER_PORT_ALLOC] = port_alloc,
	[PEER_PORT_BIND] = port_bind,
	[PEER_PORT_CLOSE] = port_close,
	[PEER_NOTIFY] = notify,
	[PEER_UNMASK] = unmask,
	[PEER_EVENT] = event,
	[PEER_QUIET] = quiet,
	[PEER_XS_WRITE] = store_write,
	[PEER_XS_REMOVE] = store_remove,
	[PEER_XS_READ] = store_read,
	[PEER_XS_OWNER] = store_owner,
};

void peer_serve(const struct peer_request *request, struct peer_reply *reply)
{
	memset(reply, 0, sizeof(*reply));
	reply->result = -ENOSYS;
	if (request->operation < PEER_OPERATIONS)
		reply->result = serve[request->operation](request, reply);
}
