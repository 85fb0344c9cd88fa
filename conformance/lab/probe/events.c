/*
 * Event channels whose backend is not there: what a guest's notification does
 * then, and what the next backend finds.  And what a notification costs.
 */
#include <errno.h>
#include <string.h>

#include "conformance/lab/probe/probe.h"

struct link {
	int theirs, ours;
	xenevtchn_handle *handle;
};

static const char *outcome(int result)
{
	return result >= 0 ? "succeeds" : strerror(-result);
}

static int bind_link(struct probe *probe, struct link *link)
{
	link->handle = xenevtchn_open(NULL, 0);
	if (link->handle == NULL)
		return -errno;
	link->ours =
		xenevtchn_bind_interdomain(link->handle, probe->contract.peer,
					   (evtchn_port_t)link->theirs);
	return link->ours < 0 ? -errno : 0;
}

static bool fires(const struct link *link)
{
	return contract_event(link->handle) == link->ours &&
	       xenevtchn_unmask(link->handle, (evtchn_port_t)link->ours) == 0;
}

static void before_any_backend(struct probe *probe, struct link *link)
{
	probe_word(
		probe, "events.notify-before-a-backend-binds",
		"the guest's call %s",
		outcome(peer_notify(&probe->contract, (uint32_t)link->theirs)));
	if (bind_link(probe, link) != 0) {
		probe_word(probe, "events.first-bind", "fails: %s",
			   strerror(errno));
		return;
	}
	probe_word(probe, "events.first-bind", "the backend's port %s",
		   fires(link) ? "is pending at once" : "is not pending");
}

/* The backend's process is gone: its handle closes. */
static void backend_gone(struct probe *probe, struct link *link, bool notify,
			 const char *id)
{
	struct contract *c = &probe->contract;
	int sent = 0, quiet, bound;

	xenevtchn_close(link->handle);
	link->handle = NULL;
	quiet = peer_quiet(c);
	if (notify)
		sent = peer_notify(c, (uint32_t)link->theirs);
	bound = bind_link(probe, link);
	if (bound != 0) {
		probe_word(probe, id, "the same port cannot be bound anew: %s",
			   strerror(-bound));
		return;
	}
	probe_word(probe, id,
		   "the guest %s told of the end; its call %s; after a re-bind "
		   "of the same remote port the backend's port %s",
		   quiet == 1 ? "is not" : "is",
		   notify ? outcome(sent) : "is not made",
		   fires(link) ? "is pending" : "is not pending");
}

static void still_works(struct probe *probe, struct link *link)
{
	struct contract *c = &probe->contract;
	bool there = peer_notify(c, (uint32_t)link->theirs) == 0 && fires(link);
	bool back = xenevtchn_notify(link->handle, (evtchn_port_t)link->ours) ==
			    0 &&
		    peer_event(c) == link->theirs;

	probe_word(probe, "events.after-re-bind",
		   "guest to backend %s, backend to guest %s",
		   there ? "works" : "does not work",
		   back ? "works" : "does not work");
}

static int notify_once(void *context)
{
	struct link *link = context;

	return xenevtchn_notify(link->handle, (evtchn_port_t)link->ours) != 0
		       ? -errno
		       : 0;
}

static int open_and_close(void *context)
{
	xenevtchn_handle *handle = xenevtchn_open(NULL, 0);

	(void)context;
	return handle == NULL ? -errno : xenevtchn_close(handle);
}

static void costs(struct probe *probe, struct link *link)
{
	double ns = probe_median(probe, notify_once, link);

	if (ns >= 0)
		probe_number(probe, "events.notify", ns, "ns");
	ns = probe_median(probe, open_and_close, NULL);
	if (ns >= 0)
		probe_number(probe, "events.open-and-close", ns, "ns");
}

void probe_events(struct probe *probe)
{
	struct link link = {.theirs = peer_port_alloc(&probe->contract,
						      probe->contract.self)};

	if (link.theirs < 0) {
		probe_word(probe, "events", "the peer makes no port: %s",
			   strerror(-link.theirs));
		return;
	}
	before_any_backend(probe, &link);
	if (link.ours <= 0)
		return;
	backend_gone(probe, &link, true, "events.notify-without-a-backend");
	backend_gone(probe, &link, false, "events.no-notify-without-a-backend");
	if (link.handle != NULL && link.ours > 0) {
		still_works(probe, &link);
		costs(probe, &link);
	}
	if (link.handle != NULL)
		xenevtchn_close(link.handle);
}
