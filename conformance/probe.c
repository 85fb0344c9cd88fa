/*
 * The liveness probe.  A hostile case is only harmless if the next honest
 * request is served; so is an honest one.  See probe.h.
 */
#include "conformance/probe.h"

#include <stdio.h>
#include <string.h>

#include "conformance/case.h"

#define PROBE_SEED   0x9e0be
#define PROBE_QUEUES 2u

/* A read-only disk, or one that forgets, has nothing that we could compare with:
 * that it answers must do. */
static void probe_queue(struct guest *g, unsigned int queue)
{
	uint64_t sector = 8 * (uint64_t)queue;
	struct guest_request *r;

	if (!guest_read_only(g)) {
		r = guest_write(g, .queue = queue, .sector = sector,
				.seed = PROBE_SEED);
		guest_send(g, r);
		expect_okay(g, r);
	}
	r = guest_read(g, .queue = queue, .sector = sector);
	guest_send(g, r);
	expect_okay(g, r);
	if (!guest_read_only(g) && guest_keeps(g))
		expect_data(g, r, PROBE_SEED);
}

static bool connection_survived(struct guest *g, enum guest_outcome outcome)
{
	return outcome == GUEST_PASSED && g->front != NULL && g->connected &&
	       front_backend_state(g->front) == XenbusStateConnected &&
	       front_room(front_queue(g->front, 0)) > 0;
}

/* As many queues as a fresh connection can have, but few: it is a probe. */
static void connect_anew(struct guest *g)
{
	unsigned int queues;

	guest_vanish(g);
	guest_connect(g);
	if (guest_properties(g)->max_queues < PROBE_QUEUES)
		return;
	queues = PROBE_QUEUES;
	guest_close(g);
	guest_connect(g, .queues = queues);
}

void probe_backend(struct guest *g)
{
	struct guest_result result = g->result;

	if (result.outcome == GUEST_SKIPPED || result.outcome == GUEST_BROKEN)
		return;
	if (setjmp(g->end) == 0) {
		if (!connection_survived(g, result.outcome))
			connect_anew(g);
		for (unsigned int q = 0; q < front_queues(g->front); q++)
			probe_queue(g, q);
		guest_close(g);
	} else {
		result.probe_failed = true;
		snprintf(result.probe, sizeof(result.probe), "%.100s: %.130s",
			 g->result.expected, g->result.got);
	}
	g->result = result;
}
