/*
 * The xenbus states of one disk.  See device.h for what each state means.
 *
 * Rules that are not obvious:
 *  - A frontend in Closing may go on using its disk until it says Closed, so
 * the worker serves until then.
 *  - xenstore may show only the last of several quick changes: a frontend that
 * is found Initialising while we are connected was Closed in between.
 *  - While the worker owes an answer nothing else is decided; what was noted in
 *    the meantime is looked at when the answer is there.
 */
#include "backend/supervisor/device.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <xen/io/blkif.h>
#include <xen/io/xenbus.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/supervisor/backing.h"
#include "backend/supervisor/child.h"
#include "backend/supervisor/facts.h"
#include "backend/supervisor/handshake.h"
#include "backend/supervisor/publish.h"

/* A disk whose workers keep dying stays down until it is attached anew. */
#define WORKER_DEATHS_MAX 5u

#define SENTENCE_BYTES 512u

struct device {
	struct device_options options;
	enum device_state state;
	uint64_t since_ns;
	char relative[64];		  /* "backend/vbd/5/51712" */
	char directory[STORE_PATH_BYTES]; /* the same, absolute */
	char watched[STORE_PATH_BYTES];	  /* frontend state node; "" if none */
	struct facts facts;
	struct backing backing; /* measures only; its descriptors are closed */
	struct child child;
	struct link_attach attach;
	unsigned int published;	    /* xenbus state that we wrote last */
	unsigned int frontend_seen; /* xenbus state that we acted on last */
	enum device_state after;    /* DETACHING: where to go then */
	bool attached;		    /* the worker may have guest pages mapped */
	bool stopping;		    /* STOP was said to the worker */
	bool removed;		    /* the directory is gone */
	bool lived;		    /* the domain was there at some time */
	bool dead;		    /* ... and is no more */
	bool resumes; /* found Connected: an earlier daemon's disk */
	bool note_backend, note_frontend, note_release, note_worker;
	uint32_t connections;
	uint32_t deaths;
	struct log_limit limit;
	char error[SENTENCE_BYTES];
};

static const char *const state_names[] = {
	[DEVICE_NEW] = "new",
	[DEVICE_OPENING] = "opening",
	[DEVICE_WAITING] = "waiting",
	[DEVICE_CONNECTING] = "connecting",
	[DEVICE_CONNECTED] = "connected",
	[DEVICE_CLOSING] = "closing",
	[DEVICE_DETACHING] = "detaching",
	[DEVICE_CLOSED] = "closed",
	[DEVICE_GONE] = "gone",
};

_Static_assert(ARRAY_SIZE(state_names) == DEVICE_STATE_COUNT,
	       "one name per state");

#define TO(state) (1u << DEVICE_##state)

/* From each state, the states that may follow. */
static const unsigned int legal[DEVICE_STATE_COUNT] = {
	[DEVICE_NEW] = TO(OPENING) | TO(CLOSING) | TO(CLOSED) | TO(GONE),
	[DEVICE_OPENING] = TO(WAITING) | TO(CLOSING) | TO(GONE),
	[DEVICE_WAITING] = TO(CONNECTING) | TO(CLOSING) | TO(CLOSED) | TO(GONE),
	[DEVICE_CONNECTING] =
		TO(CONNECTED) | TO(CLOSING) | TO(DETACHING) | TO(GONE),
	[DEVICE_CONNECTED] = TO(CLOSING) | TO(DETACHING) | TO(GONE),
	[DEVICE_CLOSING] = TO(DETACHING) | TO(CLOSED) | TO(GONE),
	[DEVICE_DETACHING] = TO(CLOSING) | TO(CLOSED) | TO(GONE),
	[DEVICE_CLOSED] = TO(OPENING) | TO(WAITING) | TO(CLOSING) | TO(GONE),
	[DEVICE_GONE] = 0,
};

static void set_state(struct device *device, enum device_state to)
{
	CHECK(to < DEVICE_STATE_COUNT);
	CHECK((legal[device->state] & 1u << to) != 0);
	log_line(LOG_DEBUG, "%s: %s, now %s", device->relative,
		 state_names[device->state], state_names[to]);
	device->state = to;
	device->since_ns = clock_now_ns();
}

/* The worker owes an answer. */
static bool is_busy(const struct device *device)
{
	return device->state == DEVICE_OPENING ||
	       device->state == DEVICE_CONNECTING ||
	       device->state == DEVICE_DETACHING;
}

/* A line that a guest can cause as often as it likes. */
static void tell(struct device *device, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void tell(struct device *device, const char *format, ...)
{
	char text[SENTENCE_BYTES];
	va_list arguments;

	if (!log_limit_allows(&device->limit, clock_now_ns()))
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (device->limit.suppressed > 0) {
		log_line(LOG_INFO, "%s: %llu more lines were left out",
			 device->relative,
			 (unsigned long long)device->limit.suppressed);
		device->limit.suppressed = 0;
	}
	log_line(LOG_INFO, "%s: %s", device->relative, text);
}

/* The frontend's state; 0 when there is none or it is none. */
static unsigned int frontend_state(struct device *device)
{
	int state;

	if (device->dead || device->watched[0] == '\0')
		return XenbusStateUnknown;
	state = facts_state(device->options.store, device->facts.frontend);
	return state < 0 ? XenbusStateUnknown : (unsigned int)state;
}

/* --- writing --- */

/* Notes that the directory is gone; every other failure only costs the write.
 */
static bool publish(struct device *device, const struct publish_node *nodes,
		    size_t count)
{
	int error = publish_nodes(device->options.store, device->directory,
				  nodes, count);

	if (error == -ENOENT)
		device->removed = device->note_backend = true;
	else if (error < 0)
		log_line(LOG_ERROR, "%s cannot be written: %s",
			 device->directory, strerror(-error));
	return error == 0;
}

static void publish_state(struct device *device, unsigned int state)
{
	const struct publish_node node = publish_number("state", state);

	device->published = state;
	publish(device, &node, 1);
}

/* H2, Q2: features and transport parameters, before InitWait. */
static bool publish_offer(struct device *device)
{
	const struct conf *conf = device->options.conf;
	const struct publish_node nodes[] = {
		publish_number("feature-flush-cache", 1),
		publish_number("feature-persistent",
			       conf->persistent_grants > 0),
		publish_number("max-ring-page-order", conf->max_ring_order),
		publish_number("max-ring-pages", 1u << conf->max_ring_order),
		publish_number("multi-queue-max-queues", conf->max_queues),
		{.key = "hotplug-status", .value = "connected"},
		publish_number("state", XenbusStateInitWait),
	};
	size_t count = ARRAY_SIZE(nodes);

	/* A frontend that is served already must not see us step back. */
	if (device->resumes && frontend_state(device) == XenbusStateConnected)
		count--;
	else
		device->published = XenbusStateInitWait;
	return publish(device, nodes, count);
}

/* H4, Q1: the properties, together with Connected. */
static bool publish_connected(struct device *device)
{
	const struct facts *facts = &device->facts;
	const unsigned int info = (facts->cdrom ? VDISK_CDROM : 0u) |
				  (facts->removable ? VDISK_REMOVABLE : 0u) |
				  (facts->readonly ? VDISK_READONLY : 0u);
	const struct publish_node nodes[] = {
		publish_number("sectors", device->backing.sectors),
		publish_number("sector-size", SECTOR_BYTES),
		publish_number("physical-sector-size",
			       device->backing.physical_bytes),
		publish_number("info", info),
		publish_number("state", XenbusStateConnected),
	};

	device->published = XenbusStateConnected;
	return publish(device, nodes, ARRAY_SIZE(nodes));
}

/* --- ends --- */

static void note_error(struct device *device, const char *sentence)
{
	snprintf(device->error, sizeof(device->error), "%s", sentence);
	tell(device, "%s", sentence);
	if (!device->removed)
		publish_error(device->options.store, device->relative,
			      device->error);
}

/* Something is wrong with this disk: error node, then Closing. */
static void fail(struct device *device, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void fail(struct device *device, const char *format, ...)
{
	char sentence[SENTENCE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	note_error(device, sentence);
	publish_state(device, XenbusStateClosing);
	if (device->state != DEVICE_CLOSING)
		set_state(device, DEVICE_CLOSING);
}

static void stop_worker(struct device *device)
{
	if (!device->child.alive || device->stopping)
		return;
	device->stopping = true;
	device->attached = false;
	child_stop(&device->child);
	device->note_worker = true;
}

static void enter_gone(struct device *device)
{
	stop_worker(device);
	if (device->watched[0] != '\0')
		store_unwatch(device->options.store, device->watched,
			      device->relative);
	device->watched[0] = '\0';
	publish_no_error(device->options.store, device->relative);
	tell(device, "its directory is gone");
	set_state(device, DEVICE_GONE);
}

static void detach(struct device *device, enum device_state after)
{
	const struct link_message message = {.kind = LINK_DETACH};

	CHECK(device->attached);
	device->after = after;
	set_state(device, DEVICE_DETACHING);
	child_send(&device->child, &message);
}

/* Closed: nothing is mapped; without a reason to stay the worker ends, too. */
static void enter_closed(struct device *device, bool frontend_stays)
{
	CHECK(!device->attached);
	if (device->published != XenbusStateClosed)
		publish_state(device, XenbusStateClosed);
	if (device->removed) {
		enter_gone(device);
		return;
	}
	if (device->state != DEVICE_CLOSED) {
		tell(device, "closed");
		set_state(device, DEVICE_CLOSED);
	}
	if (!frontend_stays ||
	    !facts_online(device->options.store, device->directory))
		stop_worker(device);
	/* What the frontend did since is a change for a closed disk. */
	device->frontend_seen = XenbusStateClosed;
	device->note_frontend = true;
}

/* The frontend is through with its disk, one way or another. */
static void finish(struct device *device, bool frontend_stays)
{
	if (device->attached)
		detach(device, DEVICE_CLOSED);
	else
		enter_closed(device, frontend_stays);
}

static void handle_removal(struct device *device)
{
	if (device->attached)
		detach(device, DEVICE_GONE);
	else if (device->state != DEVICE_GONE)
		enter_gone(device);
}

/* --- opening --- */

static void describe(const struct device *device, struct link_device *wire)
{
	const struct conf *conf = device->options.conf;

	*wire = (struct link_device){
		.domid = device->options.key.domid,
		.devid = device->options.key.devid,
		.sectors = device->backing.sectors,
		.image = device->backing.image,
		.max_queues = conf->max_queues,
		.readonly = device->backing.readonly,
		.direct = device->backing.direct,
		.persistent_cap = conf->persistent_grants,
		.poll_ns = conf->poll_us * 1000,
		.log_level = (uint32_t)log_level(),
		.sandbox = conf->sandbox,
	};
}

static void poll_descriptor(const struct device *device, int fd)
{
	struct epoll_event event = {
		.events = EPOLLIN,
		.data.u64 = device_key_pack(device->options.key),
	};

	if (fd >= 0 &&
	    epoll_ctl(device->options.poller, EPOLL_CTL_ADD, fd, &event) < 0)
		log_line(LOG_ERROR, "%s: epoll_ctl: %s", device->relative,
			 strerror(errno));
}

static void start_worker(struct device *device)
{
	struct link_device wire;
	char sentence[BACKING_SENTENCE_BYTES];
	int error;

	error = backing_open(device->options.conf, device->facts.params,
			     device->facts.readonly, &device->backing,
			     sentence);
	if (error < 0) {
		const struct publish_node status = {.key = "hotplug-status",
						    .value = "error"};

		publish(device, &status, 1);
		fail(device, "%s", sentence);
		return;
	}
	describe(device, &wire);
	error = child_start(&device->child, device->options.conf->worker, &wire,
			    device->backing.fds);
	backing_close(&device->backing);
	if (error < 0) {
		fail(device, "a worker for this disk cannot be started: %s",
		     strerror(-error));
		return;
	}
	poll_descriptor(device, device->child.link);
	poll_descriptor(device, device->child.pidfd);
	device->stopping = false;
	set_state(device, DEVICE_OPENING);
}

static void watch_frontend(struct device *device)
{
	char path[STORE_PATH_BYTES + 8];

	snprintf(path, sizeof(path), "%s/state", device->facts.frontend);
	if (strcmp(path, device->watched) == 0)
		return;
	if (device->watched[0] != '\0')
		store_unwatch(device->options.store, device->watched,
			      device->relative);
	CHECK(strlen(path) < sizeof(device->watched));
	memcpy(device->watched, path, strlen(path) + 1);
	/* Registered before the state is read, so that no change is missed. */
	if (store_watch(device->options.store, path, device->relative) < 0)
		log_line(LOG_ERROR, "%s cannot be watched", path);
}

static bool frontend_is_active(unsigned int state)
{
	return state == XenbusStateInitialised ||
	       state == XenbusStateConnected || state == XenbusStateClosing;
}

/* InitWait, or as far as an earlier daemon had come. */
static void enter_waiting(struct device *device)
{
	if (!publish_offer(device) && device->removed) {
		handle_removal(device);
		return;
	}
	set_state(device, DEVICE_WAITING);
	device->frontend_seen = XenbusStateInitialising;
	device->note_frontend = true;
}

/* A disk in NEW or CLOSED gets its image and its worker. */
static void open_disk(struct device *device)
{
	char sentence[FACTS_SENTENCE_BYTES];
	int error;

	error = facts_read(device->options.store, device->directory,
			   device->options.key.domid, &device->facts, sentence);
	if (error == -ENOENT) {
		device->removed = true;
		handle_removal(device);
		return;
	}
	if (error == -EAGAIN)
		return; /* the toolstack is still writing */
	if (error < 0) {
		device->frontend_seen = frontend_state(device);
		fail(device, "%s",
		     error == -EINVAL ? sentence : strerror(-error));
		return;
	}
	watch_frontend(device);
	device->lived |= store_domain_lives(device->options.store,
					    device->options.key.domid);
	device->frontend_seen = frontend_state(device);
	if (device->deaths >= WORKER_DEATHS_MAX)
		fail(device,
		     "%u workers of this disk died: detach and attach it to "
		     "try again",
		     device->deaths);
	else
		start_worker(device);
}

/* NEW: also finds disks that another daemon has left behind. */
static void look_at_new(struct device *device)
{
	int state = facts_state(device->options.store, device->directory);

	if (state == -ENOENT) {
		device->removed = true;
		handle_removal(device);
		return;
	}
	if (state < 0)
		return;
	device->published = (unsigned int)state;
	if (state == XenbusStateClosing || state == XenbusStateClosed) {
		char sentence[FACTS_SENTENCE_BYTES];

		if (facts_read(device->options.store, device->directory,
			       device->options.key.domid, &device->facts,
			       sentence) == 0)
			watch_frontend(device);
		device->frontend_seen = XenbusStateUnknown;
		device->note_frontend = true;
		set_state(device, state == XenbusStateClosing ? DEVICE_CLOSING
							      : DEVICE_CLOSED);
		return;
	}
	device->resumes = state == XenbusStateConnected;
	open_disk(device);
}

/* A closed disk whose frontend begins anew. */
static void reopen(struct device *device)
{
	if (!facts_online(device->options.store, device->directory))
		return;
	device->resumes = false;
	if (!device->child.alive)
		open_disk(device);
	else if (!device->stopping)
		enter_waiting(device);
	/* Else the old worker is on its way; its end brings us here again. */
}

/* --- connecting --- */

/* Reads one key of the frontend directory, into a buffer of the lookup's own.
 */
struct lookup {
	struct device *device;
	int error; /* xenstore's, if any */
	char value[LIMIT_NODE_BYTES];
};

static bool lookup_get(void *context, const char *key,
		       struct handshake_value *value)
{
	/* A value that no key may have. */
	static const char too_long[] = "(a value of more than 255 bytes)";
	struct lookup *lookup = context;
	char path[STORE_PATH_BYTES + HANDSHAKE_KEY_BYTES];
	int n;

	snprintf(path, sizeof(path), "%s/%s", lookup->device->facts.frontend,
		 key);
	n = store_read(lookup->device->options.store, path, lookup->value,
		       sizeof(lookup->value));
	if (n == -EOVERFLOW) {
		*value = (struct handshake_value){too_long,
						  sizeof(too_long) - 1};
		return true;
	}
	if (n < 0) {
		if (n != -ENOENT)
			lookup->error = n;
		return false;
	}
	*value = (struct handshake_value){lookup->value, (size_t)n};
	return true;
}

static void connect(struct device *device)
{
	const struct handshake_offer offer = {
		.max_queues = device->options.conf->max_queues,
		.max_ring_order = device->options.conf->max_ring_order,
	};
	struct lookup lookup = {.device = device};
	const struct handshake_source source = {.get = lookup_get,
						.context = &lookup};
	struct link_message message = {.kind = LINK_ATTACH};
	struct handshake_fault fault;
	enum handshake_error error;
	char sentence[HANDSHAKE_SENTENCE_BYTES];

	error = handshake_parse(&source, &offer, &device->attach, &fault);
	if (lookup.error < 0) {
		fail(device, "the frontend's nodes cannot be read: %s",
		     strerror(-lookup.error));
		return;
	}
	if (error != HANDSHAKE_OK) {
		handshake_sentence(&fault, sentence, sizeof(sentence));
		fail(device, "%s", sentence);
		return;
	}
	message.attach = device->attach;
	device->attached = true;
	device->lived |= store_domain_lives(device->options.store,
					    device->options.key.domid);
	set_state(device, DEVICE_CONNECTING);
	child_send(&device->child, &message);
}

static void complete_connection(struct device *device)
{
	publish_connected(device);
	if (device->removed) {
		handle_removal(device);
		return;
	}
	set_state(device, DEVICE_CONNECTED);
	device->resumes = false;
	device->connections++;
	if (device->error[0] != '\0')
		publish_no_error(device->options.store, device->relative);
	device->error[0] = '\0';
	tell(device, "connected: %u queues, %u ring pages each, %s, %s grants",
	     device->attach.queues, 1u << device->attach.ring_order,
	     device->attach.abi == LINK_ABI_X86_64 ? "x86_64" : "x86_32",
	     device->attach.persistent ? "persistent" : "single-use");
}

/* --- what the worker says --- */

static void worker_misspoke(struct device *device,
			    const struct link_message *message)
{
	log_line(LOG_ERROR, "%s: its worker sent message %u while %s",
		 device->relative, message->kind, state_names[device->state]);
	child_kill(&device->child);
}

static void worker_detached(struct device *device)
{
	device->attached = false;
	if (device->removed || device->after == DEVICE_GONE)
		enter_gone(device);
	else if (device->after == DEVICE_CLOSED)
		enter_closed(device,
			     frontend_state(device) != XenbusStateUnknown);
	else
		set_state(device, DEVICE_CLOSING);
}

static void worker_refused(struct device *device,
			   const struct link_refused *refused)
{
	const enum refusal refusal = (enum refusal)refused->refusal;

	fail(device, "%s (%s, queue %u)", refusal_sentence(refusal),
	     refusal_name(refusal), refused->queue);
}

static void worker_said(struct device *device,
			const struct link_message *message)
{
	if (message->kind == LINK_READY && device->state == DEVICE_OPENING) {
		enter_waiting(device);
	} else if (message->kind == LINK_ATTACHED &&
		   device->state == DEVICE_CONNECTING) {
		complete_connection(device);
	} else if (message->kind == LINK_REFUSED &&
		   device->state == DEVICE_CONNECTING) {
		device->attached = false;
		worker_refused(device, &message->refused);
	} else if (message->kind == LINK_BROKEN && device->attached &&
		   device->state != DEVICE_CONNECTING) {
		if (device->state == DEVICE_DETACHING)
			return;
		worker_refused(device, &message->refused);
		/* Whatever the frontend does now, its pages are let go. */
		detach(device, DEVICE_CLOSING);
	} else if (message->kind == LINK_DETACHED &&
		   device->state == DEVICE_DETACHING) {
		worker_detached(device);
	} else if (!device->stopping) {
		worker_misspoke(device, message);
	}
}

static void worker_died(struct device *device)
{
	char how[CHILD_SENTENCE_BYTES], sentence[SENTENCE_BYTES];
	const bool expected = device->stopping;

	child_obituary(&device->child, how, sizeof(how));
	device->attached = false;
	device->stopping = false;
	/* A frontend that began anew meanwhile is looked at again. */
	device->note_frontend = true;
	if (expected)
		return;
	device->deaths++;
	snprintf(sentence, sizeof(sentence),
		 "the worker that served this disk %s", how);
	if (device->state == DEVICE_DETACHING) {
		note_error(device, sentence);
		worker_detached(device);
	} else if (device->state == DEVICE_CLOSED) {
		log_line(LOG_WARNING, "%s: %s", device->relative, sentence);
	} else {
		fail(device, "%s", sentence);
	}
}

static bool step_worker(struct device *device)
{
	struct link_message message;
	bool done = false;

	device->note_worker = false;
	while (device->child.alive) {
		int n = child_receive(&device->child, &message);

		if (n == 0)
			break;
		done = true;
		if (n == 1)
			worker_said(device, &message);
		else
			worker_died(device);
	}
	return done;
}

/* --- what the others do --- */

static void frontend_closing(struct device *device)
{
	if (device->state != DEVICE_WAITING &&
	    device->state != DEVICE_CONNECTED)
		return;
	publish_state(device, XenbusStateClosing);
	set_state(device, DEVICE_CLOSING);
}

static void frontend_changed(struct device *device, unsigned int state)
{
	switch (state) {
	case XenbusStateInitialising:
		if (device->state == DEVICE_CLOSED)
			reopen(device);
		else if (device->state != DEVICE_WAITING)
			finish(device, true);
		break;
	case XenbusStateInitialised:
		if (device->state == DEVICE_CLOSED)
			reopen(device);
		else if (device->state == DEVICE_WAITING)
			connect(device);
		break;
	case XenbusStateConnected:
		/* Q13: Initialised and Connected may have come at once. */
		if (device->state == DEVICE_WAITING)
			connect(device);
		break;
	case XenbusStateClosing:
		frontend_closing(device);
		break;
	case XenbusStateClosed:
		if (device->state != DEVICE_CLOSED)
			finish(device, true);
		break;
	case XenbusStateUnknown: /* Q14: no node, or no state */
		if (device->state != DEVICE_CLOSED)
			finish(device, false);
		else
			stop_worker(device);
		break;
	default: /* InitWait and the like mean nothing to us */
		break;
	}
}

static void look_at_frontend(struct device *device)
{
	unsigned int state;

	device->note_frontend = false;
	if (device->state == DEVICE_NEW || device->state == DEVICE_GONE)
		return;
	state = frontend_state(device);
	/* Still on its way out: look again when the old worker has ended. */
	if (device->state == DEVICE_CLOSED && device->stopping)
		return;
	if (state == device->frontend_seen)
		return;
	device->frontend_seen = state;
	frontend_changed(device, state);
}

/* P7: the toolstack writes online = 0 and state = 5 to have the disk unplugged.
 */
static void look_at_backend(struct device *device)
{
	int state;

	device->note_backend = false;
	if (device->state == DEVICE_NEW) {
		look_at_new(device);
		return;
	}
	if (device->state == DEVICE_GONE)
		return;
	state = facts_state(device->options.store, device->directory);
	if (state == -ENOENT ||
	    (state == XenbusStateInitialising &&
	     device->published != XenbusStateInitialising)) {
		/* Gone, or gone and made anew: the host finds the new one. */
		device->removed = true;
		handle_removal(device);
		return;
	}
	if (state == XenbusStateClosed &&
	    device->published != XenbusStateClosed) {
		device->published = XenbusStateClosed;
		finish(device, false);
		return;
	}
	if (state != XenbusStateClosing)
		return;
	if (device->state == DEVICE_CLOSED) {
		/* It asks for the end of what has ended: answer again. */
		device->published = XenbusStateClosing;
		enter_closed(device,
			     frontend_state(device) != XenbusStateUnknown);
		return;
	}
	if (!frontend_is_active(frontend_state(device)) &&
	    !facts_online(device->options.store, device->directory)) {
		finish(device, false);
	} else if (device->published != XenbusStateClosing) {
		device->published = XenbusStateClosing;
		if (device->state != DEVICE_CLOSING)
			set_state(device, DEVICE_CLOSING);
	}
}

static void look_for_domain(struct device *device)
{
	device->note_release = false;
	if (device->state == DEVICE_NEW || device->state == DEVICE_GONE ||
	    !device->lived ||
	    store_domain_lives(device->options.store,
			       device->options.key.domid))
		return;
	tell(device, "its domain is gone");
	device->lived = false;
	device->dead = true;
	device->note_frontend = true;
}

bool device_step(struct device *device)
{
	bool done = false;

	if (device->note_worker)
		done = step_worker(device);
	/* Bounded: each round consumes a note, and notes come from outside but
	 * for the few that a transition leaves to itself. */
	for (unsigned int i = 0; i < 8 && !is_busy(device); i++) {
		if (device->note_backend)
			look_at_backend(device);
		else if (device->note_release)
			look_for_domain(device);
		else if (device->note_frontend)
			look_at_frontend(device);
		else
			break;
		done = true;
	}
	return done;
}

/* --- life --- */

int device_create(const struct device_options *options, struct device **device)
{
	struct device *d = calloc(1, sizeof(*d));
	int n;

	if (d == NULL)
		return -ENOMEM;
	d->options = *options;
	d->since_ns = clock_now_ns();
	child_init(&d->child);
	n = snprintf(d->relative, sizeof(d->relative), "backend/%s/%u/%u",
		     options->conf->directory, options->key.domid,
		     options->key.devid);
	CHECK(n > 0);
	CHECK((size_t)n < sizeof(d->relative));
	snprintf(d->directory, sizeof(d->directory), "%s/%s",
		 store_home(options->store), d->relative);
	d->note_backend = true;
	*device = d;
	return 0;
}

void device_destroy(struct device *device)
{
	if (device == NULL)
		return;
	child_fini(&device->child);
	free(device);
}

void device_note_backend(struct device *device)
{
	device->note_backend = true;
}

void device_note_frontend(struct device *device)
{
	device->note_frontend = true;
}

void device_note_release(struct device *device)
{
	device->note_release = true;
}

void device_note_worker(struct device *device)
{
	device->note_worker = true;
}

bool device_finished(const struct device *device)
{
	return device->state == DEVICE_GONE && !device->child.alive;
}

void device_stop_worker(struct device *device)
{
	stop_worker(device);
}

bool device_has_worker(const struct device *device)
{
	return device->child.alive;
}

struct device_key device_key(const struct device *device)
{
	return device->options.key;
}

void device_view(const struct device *device, struct device_view *view)
{
	const bool connected = device->attached;

	*view = (struct device_view){
		.key = device->options.key,
		.state = device->state,
		.state_name = state_names[device->state],
		.params = device->facts.params,
		.error = device->error,
		.sectors = device->backing.sectors,
		.physical_bytes = device->backing.physical_bytes,
		.queues = connected ? device->attach.queues : 0,
		.ring_order = connected ? device->attach.ring_order : 0,
		.protocol = !connected ? ""
			    : device->attach.abi == LINK_ABI_X86_64
				    ? "x86_64-abi"
				    : "x86_32-abi",
		.persistent = connected && device->attach.persistent != 0,
		.readonly = device->facts.readonly,
		.direct = device->backing.direct,
		.worker = device->child.alive ? device->child.pid : 0,
		.connections = device->connections,
		.worker_deaths = device->deaths,
		.since_ns = device->since_ns,
		.region = device->child.region,
		.region_queues = device->child.queues,
	};
}
