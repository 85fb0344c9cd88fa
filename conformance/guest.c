/*
 * The guest of a case: its life and its connection.  See guest.h.
 *
 * Called by cases and by the liveness probe.  It must never look at what kind
 * of backend or target is at the other end.
 */
#include "conformance/guest.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/check.h"
#include "backend/base/cleanup.h"

void guest_init(struct guest *g, const struct guest_world *world,
		const struct conform_case *one)
{
	memset(g, 0, sizeof(*g));
	g->world = world;
	g->one = one;
	/* All bytes of an id are in use, so that a truncated echo is noticed.
	 */
	g->next_id = 0xfedcba9876543210u;
	snprintf(g->result.frontend, sizeof(g->result.frontend), "%s",
		 "scripted");
}

static void forget_requests(struct guest *g, bool give_back)
{
	while (g->requests != NULL) {
		struct guest_request *r = g->requests;

		for (unsigned int i = 0; i < r->pages && give_back; i++) {
			if (!r->borrowed && r->page[i].data != NULL)
				front_page_put(g->front, &r->page[i]);
		}
		g->requests = r->next;
		free(r->before);
		free(r);
	}
}

void guest_fini(struct guest *g)
{
	forget_requests(g, false);
	if (g->front != NULL)
		front_abandon(g->front);
	g->front = NULL;
	g->connected = false;
}

_Noreturn void guest_end(struct guest *g, enum guest_outcome outcome,
			 const char *expected, const char *got)
{
	g->result.outcome = outcome;
	snprintf(g->result.expected, sizeof(g->result.expected), "%s",
		 expected);
	snprintf(g->result.got, sizeof(g->result.got), "%s", got);
	longjmp(g->end, 1);
}

_Noreturn void guest_fail(struct guest *g, const char *expected,
			  const char *format, ...)
{
	char got[GUEST_TEXT_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(got, sizeof(got), format, arguments);
	va_end(arguments);
	guest_end(g, GUEST_FAILED, expected, got);
}

/* A step of the tool itself that cannot fail by the backend's doing. */
static void must(struct guest *g, int result, const char *what)
{
	char got[GUEST_TEXT_BYTES];

	if (result == 0)
		return;
	snprintf(got, sizeof(got), "%s: %s", what, strerror(-result));
	guest_end(g, GUEST_BROKEN, "the frontend can do its part", got);
}

static struct front_personality as_personality(const struct guest_shape *shape)
{
	return (struct front_personality){
		.name = "scripted",
		.protocol = shape->no_protocol	      ? NULL
			    : shape->protocol != NULL ? shape->protocol
						      : XEN_IO_PROTO_ABI_X86_64,
		.queues = shape->queues == 0 ? 1 : shape->queues,
		.ring_order = shape->ring_order,
		.persistent = shape->persistent,
		.waits_for_initwait = !shape->early,
		.ring_order_node_at_zero = shape->ring_order_node,
		.queue_node_at_one = shape->queue_count_node,
	};
}

static const struct front_personality *choose_personality(
	struct guest *g, const struct guest_shape *shape,
	struct front_personality *own)
{
	const struct front_personality *known;

	if (shape->personality == NULL) {
		*own = as_personality(shape);
		return own;
	}
	known = front_personality(shape->personality);
	if (known == NULL)
		guest_end(g, GUEST_BROKEN, "a known personality",
			  shape->personality);
	snprintf(g->result.frontend, sizeof(g->result.frontend), "%s",
		 known->name);
	return known;
}

void guest_open_as(struct guest *g, const struct guest_shape *shape)
{
	struct front_personality own;
	struct front_options options = {
		.domid = g->world->domid,
		.devid = g->world->devid[g->one->disk],
		.personality = choose_personality(g, shape, &own),
		.wait = g->world->wait,
		.wait_context = g->world->context,
		.timeout_ms = g->world->timeout_ms,
	};

	CHECK(g->front == NULL);
	guest_need(g, options.devid != 0, "the target has no such disk");
	must(g, front_create(&options, &g->front), "front_create");
}

char *guest_backend_error(struct guest *g)
{
	if (g->world->error != NULL)
		return g->world->error(g->world->context, g->one->disk);
	return front_backend_error(g->front);
}

/* A connection that ought to work and does not: refused, or nonsense, or
 * silence. */
static void connection_failed(struct guest *g, int result, const char *step)
{
	char got[GUEST_TEXT_BYTES];
	CLEANUP(free_string) char *error = guest_backend_error(g);
	const char *why = front_error(g->front);

	snprintf(got, sizeof(got),
		 "%s: %s; the backend is in state %u, its error node: %s", step,
		 why != NULL && why[0] != '\0' ? why : strerror(-result),
		 front_backend_state(g->front), error ? error : "none");
	g->result.timed_out = result == -ETIMEDOUT;
	guest_end(g, result == -ECONNREFUSED ? GUEST_REFUSED : GUEST_FAILED,
		  "the connection is made", got);
}

static void connecting(struct guest *g, int result, const char *step)
{
	if (result != 0)
		connection_failed(g, result, step);
}

/* A backend that is still Closed from the last connection is on its way. */
static void await_initwait(struct guest *g)
{
	unsigned int state = front_backend_state(g->front);
	bool waiting = true;

	while (state != XenbusStateInitWait && waiting) {
		waiting = guest_wait(g);
		state = front_backend_state(g->front);
	}
	if (state == XenbusStateInitWait)
		return;
	connection_failed(
		g, state >= XenbusStateClosing ? -ECONNREFUSED : -ETIMEDOUT,
		"waiting for InitWait");
}

void guest_allocate_as(struct guest *g, const struct guest_shape *shape)
{
	guest_open_as(g, shape);
	guest_set_state(g, XenbusStateInitialising);
	await_initwait(g);
	connecting(g, front_read_offer(g->front), "reading the offer");
	guest_need(g, shape->queues <= guest_properties(g)->max_queues,
		   "the backend offers fewer queues");
	guest_need(g, shape->ring_order <= guest_properties(g)->max_ring_order,
		   "the backend offers smaller rings");
	must(g, front_allocate(g->front), "front_allocate");
}

void guest_publish(struct guest *g)
{
	must(g, front_publish(g->front), "front_publish");
}

void guest_prepare_as(struct guest *g, const struct guest_shape *shape)
{
	guest_allocate_as(g, shape);
	guest_publish(g);
}

void guest_finish(struct guest *g)
{
	guest_set_state(g, XenbusStateInitialised);
	connecting(g,
		   front_wait_backend(g->front, XenbusStateConnected,
				      g->world->timeout_ms),
		   "waiting for Connected");
	connecting(g, front_read_properties(g->front),
		   "reading the properties");
	guest_set_state(g, XenbusStateConnected);
	g->connected = true;
}

void guest_connect_as(struct guest *g, const struct guest_shape *shape)
{
	guest_open_as(g, shape);
	connecting(g, front_connect(g->front), "front_connect");
	g->connected = true;
	guest_need(g, shape->queues <= guest_properties(g)->queues,
		   "the backend offers fewer queues");
	guest_need(g, shape->ring_order <= guest_properties(g)->ring_order,
		   "the backend offers smaller rings");
}

void guest_set_state(struct guest *g, unsigned int state)
{
	must(g, front_set_state(g->front, state), "writing the state");
}

void guest_node(struct guest *g, const char *key, const char *format, ...)
{
	char value[FRONT_PAGE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(value, sizeof(value), format, arguments);
	va_end(arguments);
	must(g, front_write(g->front, key, "%s", value), key);
}

void guest_remove_node(struct guest *g, const char *key)
{
	must(g, front_remove(g->front, key), key);
}

void guest_copy_node(struct guest *g, const char *from, const char *to)
{
	CLEANUP(free_string) char *value = front_read(g->front, from);

	must(g, value == NULL ? -ENOENT : 0, from);
	must(g, front_write(g->front, to, "%s", value), to);
}

void guest_close(struct guest *g)
{
	int result;

	forget_requests(g, g->connected);
	result = front_disconnect(g->front);
	g->connected = false;
	if (result != 0)
		connection_failed(g, result, "closing");
	front_destroy(g->front);
	g->front = NULL;
}

void guest_vanish(struct guest *g)
{
	guest_fini(g);
}

void guest_replug(struct guest *g)
{
	int result;

	guest_need(g, g->world->replug != NULL,
		   "the target has no toolstack at hand");
	result = g->world->replug(g->world->context, g->one->disk);
	g->result.timed_out = result == -ETIMEDOUT;
	if (result != 0)
		guest_fail(g, "the toolstack can plug the disk again", "%s",
			   strerror(-result));
}

void guest_ask_unplug(struct guest *g)
{
	guest_need(g, g->world->ask_unplug != NULL,
		   "the target has no toolstack at hand");
	must(g, g->world->ask_unplug(g->world->context, g->one->disk),
	     "asking for the disk back");
}

void guest_deed(struct guest *g, enum guest_deed deed)
{
	guest_need(g, g->world->deed != NULL && g->world->replug != NULL,
		   "the target has no toolstack at hand");
	must(g, g->world->deed(g->world->context, g->one->disk, deed),
	     "what a toolstack does");
}

void guest_resize(struct guest *g, uint64_t sectors)
{
	guest_need(g, g->world->resize != NULL,
		   "the target cannot change the size of a disk");
	must(g, g->world->resize(g->world->context, g->one->disk, sectors),
	     "changing the size of the disk");
	g->resized = sectors;
}

void guest_medium(struct guest *g, bool in)
{
	guest_need(g, g->world->medium != NULL,
		   "the target cannot change a medium");
	must(g, g->world->medium(g->world->context, g->one->disk, in),
	     "changing the medium");
}

bool guest_keeps(const struct guest *g)
{
	return !g->world->forgets;
}

const struct front_properties *guest_properties(struct guest *g)
{
	return front_properties(g->front);
}

void guest_need(struct guest *g, bool condition, const char *reason)
{
	if (!condition)
		guest_end(g, GUEST_SKIPPED, "", reason);
}

bool guest_offers(struct guest *g, const char *key)
{
	CLEANUP(free_string) char *value = front_backend_read(g->front, key);

	return value != NULL && strcmp(value, "0") != 0;
}

bool guest_has_node(struct guest *g, const char *key)
{
	CLEANUP(free_string) char *value = front_backend_read(g->front, key);

	return value != NULL;
}

bool guest_read_only(const struct guest *g)
{
	return case_disk_shape(g->one->disk)->readonly;
}

unsigned int guest_mapped(struct guest *g, const struct guest_request *r)
{
	unsigned int mappings = 0;

	guest_need(g, g->world->mapped != NULL,
		   "the target cannot see what is mapped");
	for (unsigned int i = 0; i < r->pages; i++)
		mappings +=
			g->world->mapped(g->world->context, r->page[i].gref);
	return mappings;
}

uint64_t guest_sectors(const struct guest *g)
{
	return g->resized != 0 ? g->resized : g->world->sectors[g->one->disk];
}
