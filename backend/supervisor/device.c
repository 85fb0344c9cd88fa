/*
 * The xenbus states of one disk.  See device.h for what each state means.
 *
 * Rules that are not obvious:
 *  - A frontend in Closing may go on using its disk until it says Closed, so
 * the worker serves until then.
 *  - xenstore may show only the last of several quick changes: a frontend that
 * is found Initialising while we are connected was Closed in between.
 *  - While the worker owes an answer nothing else is decided; what was noted in
 *    the meantime is looked at when the answer is there.  It has LIMIT_ANSWER_NS.
 */
#include "backend/supervisor/device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <xen/io/xenbus.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"
#include "backend/base/clock.h"
#include "backend/supervisor/inside.h"

static const char *const state_names[] = {
	[DEVICE_NEW] = "new",
	[DEVICE_OPENING] = "opening",
	[DEVICE_WAITING] = "waiting",
	[DEVICE_CONNECTING] = "connecting",
	[DEVICE_CONNECTED] = "connected",
	[DEVICE_PAUSING] = "pausing",
	[DEVICE_SETTLING] = "settling",
	[DEVICE_RESCUING] = "rescuing",
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
	[DEVICE_NEW] = TO(OPENING) | TO(SETTLING) | TO(RESCUING) | TO(CLOSING) |
		       TO(CLOSED) | TO(GONE),
	[DEVICE_OPENING] = TO(WAITING) | TO(CLOSING) | TO(GONE),
	[DEVICE_WAITING] = TO(CONNECTING) | TO(PAUSING) | TO(CLOSING) |
			   TO(CLOSED) | TO(GONE),
	[DEVICE_CONNECTING] = TO(CONNECTED) | TO(SETTLING) | TO(RESCUING) |
			      TO(CLOSING) | TO(DETACHING) | TO(GONE),
	[DEVICE_CONNECTED] = TO(PAUSING) | TO(SETTLING) | TO(RESCUING) |
			     TO(CLOSING) | TO(DETACHING) | TO(GONE),
	[DEVICE_PAUSING] =
		TO(OPENING) | TO(SETTLING) | TO(RESCUING) | TO(CLOSING),
	[DEVICE_SETTLING] = TO(OPENING) | TO(RESCUING) | TO(CLOSING) | TO(GONE),
	/* DETACHING: its new worker is attached, and the directory is gone. */
	[DEVICE_RESCUING] = TO(CONNECTED) | TO(SETTLING) | TO(RESCUING) |
			    TO(CLOSING) | TO(DETACHING) | TO(GONE),
	[DEVICE_CLOSING] = TO(SETTLING) | TO(RESCUING) | TO(DETACHING) |
			   TO(CLOSED) | TO(GONE),
	[DEVICE_DETACHING] = TO(CLOSING) | TO(CLOSED) | TO(GONE),
	[DEVICE_CLOSED] = TO(OPENING) | TO(SETTLING) | TO(WAITING) |
			  TO(CLOSING) | TO(GONE),
	[DEVICE_GONE] = 0,
};

void device_set_state(struct device *device, enum device_state to)
{
	CHECK(to < DEVICE_STATE_COUNT);
	CHECK((legal[device->state] & 1u << to) != 0);
	log_line(LOG_DEBUG, "%s: %s, now %s", device->relative,
		 state_names[device->state], state_names[to]);
	device->state = to;
	device->since_ns = clock_now_ns();
	device_await(device);
}

const char *device_state_name(enum device_state state)
{
	CHECK(state < DEVICE_STATE_COUNT);
	return state_names[state];
}

bool device_is_busy(const struct device *device)
{
	return device->state == DEVICE_OPENING ||
	       device->state == DEVICE_CONNECTING ||
	       device->state == DEVICE_PAUSING ||
	       device->state == DEVICE_SETTLING ||
	       device->state == DEVICE_RESCUING ||
	       device->state == DEVICE_DETACHING;
}

/* The frontend's state; 0 when there is none or it is none. */
unsigned int device_frontend_state(struct device *device)
{
	int state;

	if (device->dead || device->watched[0] == '\0')
		return XenbusStateUnknown;
	state = facts_state(device->options.store, device->facts.frontend);
	if (state < 0 && state != -ENOENT) {
		device->unsure = true;
		return device->frontend_seen; /* not known: as before */
	}
	return state < 0 ? XenbusStateUnknown : (unsigned int)state;
}

static bool frontend_is_active(unsigned int state)
{
	return state == XenbusStateInitialised ||
	       state == XenbusStateConnected || state == XenbusStateClosing;
}

/* --- what the others do --- */

static void frontend_closing(struct device *device)
{
	if (device->state != DEVICE_WAITING &&
	    device->state != DEVICE_CONNECTED)
		return;
	device_publish_state(device, XenbusStateClosing);
	device_set_state(device, DEVICE_CLOSING);
}

static void frontend_changed(struct device *device, unsigned int state)
{
	switch (state) {
	case XenbusStateInitialising:
		if (device->state == DEVICE_CLOSED)
			device_reopen(device);
		else if (device->state != DEVICE_WAITING)
			device_finish(device, true);
		break;
	case XenbusStateInitialised:
		if (device->state == DEVICE_CLOSED)
			device_reopen(device);
		else if (device->state == DEVICE_WAITING)
			device_connect(device);
		break;
	case XenbusStateConnected:
		/* Q13: Initialised and Connected may have come at once. */
		if (device->state == DEVICE_WAITING)
			device_connect(device);
		break;
	case XenbusStateClosing:
		frontend_closing(device);
		break;
	case XenbusStateClosed:
		if (device->state != DEVICE_CLOSED)
			device_finish(device, true);
		break;
	case XenbusStateUnknown: /* Q14: no node, or no state */
		if (device->state != DEVICE_CLOSED)
			device_finish(device, false);
		else
			device_end_worker(device);
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
	state = device_frontend_state(device);
	/* Still on its way out: look again when the old worker has ended. */
	if (device->state == DEVICE_CLOSED && device->stopping)
		return;
	if (state == device->frontend_seen)
		return;
	recording_number(device->options.recording, device->options.key,
			 RECORD_FRONT_STATE, state);
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
		device_look_at_new(device);
		return;
	}
	if (device->state == DEVICE_GONE)
		return;
	state = facts_state(device->options.store, device->directory);
	device->unsure |= state < 0 && state != -ENOENT;
	if (state == -ENOENT ||
	    (state == XenbusStateInitialising &&
	     device->published != XenbusStateInitialising)) {
		/* Gone, or gone and made anew: the host finds the new one. */
		device->removed = true;
		device_handle_removal(device);
		return;
	}
	if (state == XenbusStateClosed &&
	    device->published != XenbusStateClosed) {
		device->published = XenbusStateClosed;
		device_finish(device, false);
		return;
	}
	device_publish_unsaid(device, state);
	device_read_limits_again(device);
	device_look_at_medium(device);
	if (state != XenbusStateClosing)
		return;
	if (device->state == DEVICE_CLOSED) {
		/* It asks for the end of what has ended: answer again. */
		device->published = XenbusStateClosing;
		device_enter_closed(device, device_frontend_state(device) !=
						    XenbusStateUnknown);
		return;
	}
	/* A frontend that holds nothing of ours, active or not, has no say in
	 * whether its disk is unplugged. */
	if ((!device->attached ||
	     !frontend_is_active(device_frontend_state(device))) &&
	    !facts_online(device->options.store, device->directory)) {
		device_finish(device, false);
	} else if (device->published != XenbusStateClosing) {
		device->published = XenbusStateClosing;
		if (device->state != DEVICE_CLOSING)
			device_set_state(device, DEVICE_CLOSING);
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
	device_tell(device, "its domain is gone");
	recording_mark(device->options.recording, device->options.key,
		       RECORD_GUEST_GONE);
	device->lived = false;
	device->dead = true;
	device->note_frontend = true;
}

void device_check(const struct device *device)
{
	const unsigned int state = 1u << device->state;

	CHECK(device->state < DEVICE_STATE_COUNT);
	CHECK(!device->stopping || device->child.alive);
	CHECK(device->state != DEVICE_NEW || !device->child.alive);
	CHECK(device->state != DEVICE_GONE || device->watched[0] == '\0');
	CHECK(device->state != DEVICE_SETTLING || !device->child.alive);
	CHECK(device->state != DEVICE_PAUSING || device->stopping ||
	      device->retired);
	CHECK((device->state == DEVICE_SETTLING) == (device->timer >= 0));
	CHECK(device->patience < 0 || device_owes(device));
	if (!device->attached)
		return;
	CHECK(device->child.alive);
	CHECK(!device->stopping);
	CHECK((state & (TO(CONNECTING) | TO(CONNECTED) | TO(RESCUING) |
			TO(CLOSING) | TO(DETACHING))) != 0);
}

bool device_step(struct device *device)
{
	bool done = false;

	device_check(device);
	if (device->note_worker)
		done = device_step_worker(device);
	if (device->retired)
		return done;
	/* Bounded: each round consumes a note, and notes come from outside but
	 * for the few that a transition leaves to itself. */
	for (unsigned int i = 0; i < 8 && !device_is_busy(device); i++) {
		if (device->note_backend)
			look_at_backend(device);
		else if (device->note_release)
			look_for_domain(device);
		else if (device->note_frontend)
			look_at_frontend(device);
		else if (device->note_change)
			device_look_at_change(device);
		else if (device->note_error)
			device_clear_error(device);
		else
			break;
		done = true;
	}
	return done;
}

/* --- life --- */

/* With a directory for it, the table has a name, to be found by. */
static void name_table(struct device *device)
{
	const struct device_options *options = &device->options;
	char path[TABLE_PATH_BYTES] = "";

	if (options->conf->tables[0] != '\0')
		table_path(path, options->conf->tables,
			   options->conf->directory, options->key.domid,
			   options->key.devid);
	table_init(&device->table, path);
}

int device_create(const struct device_options *options, struct device **device)
{
	struct device *d = calloc(1, sizeof(*d));
	int n;

	if (d == NULL)
		return -ENOMEM;
	d->options = *options;
	d->limits = options->conf->limits;
	d->since_ns = clock_now_ns();
	child_init(&d->child);
	d->timer = d->patience = -1;
	d->told = true;
	name_table(d);
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
	recording_worker_ends(device->options.recording, device->options.key);
	table_close(&device->table);
	device_stop_settling(device);
	device_stop_awaiting(device);
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

void device_note_again(struct device *device)
{
	if (!device->unsure)
		return;
	device->unsure = false;
	device->note_backend = true;
	device->note_frontend = true;
	device->note_error = device->told && device->state == DEVICE_CONNECTED;
}

bool device_is_unsure(const struct device *device)
{
	return device->unsure;
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
	device->retired = true;
	device_end_worker(device);
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
		.cdrom = device->facts.cdrom,
		.changing = device->note_change || device->changed ||
			    device->state == DEVICE_PAUSING,
		.worker = device->child.alive ? device->child.pid : 0,
		.connections = device->connections,
		.worker_deaths = device->deaths,
		.rescues = device->rescues,
		.longest_pause_ns = device->longest_pause_ns,
		.limits = device->limits,
		.since_ns = device->since_ns,
		.table = &device->table,
	};
}
