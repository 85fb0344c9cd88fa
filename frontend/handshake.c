/*
 * Connecting and disconnecting: the state machine from the guest's side.
 *
 *   backend InitWait -> read its offer -> rings and ports -> publish them ->
 *   Initialised -> backend Connected -> read the disk's properties -> Connected
 *
 * Each step is a function of front.h, so that a test can leave one out or do it
 * in another order; front_connect() does them as the personality does.  What
 * the backend publishes is read in offer.c, what we publish is written in
 * publish.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xenbus.h>

#include "frontend/inside.h"

#define BIT(state) (1u << (state))

/* A backend that serves nobody, and one that at least has begun to stop. */
#define ENDED                                                                  \
	(BIT(XenbusStateUnknown) | BIT(XenbusStateInitialising) |              \
	 BIT(XenbusStateInitWait) | BIT(XenbusStateClosed))
#define LEFT (ENDED | BIT(XenbusStateClosing))

static int refused(struct front *front, unsigned int state)
{
	char *error = front_backend_error(front);

	front_fail(front, -ECONNREFUSED,
		   "the backend refused the connection: it is %s%s%s",
		   front_state_name(state),
		   error ? " and says: " : " and left no error node",
		   error ? error : "");
	free(error);
	return -ECONNREFUSED;
}

/* A state in which nobody has looked at us yet. */
#define UNTOUCHED (BIT(XenbusStateUnknown) | BIT(XenbusStateInitialising))

static int timed_out(struct front *front, unsigned int wanted, int timeout_ms)
{
	unsigned int state = front_backend_state(front);
	char *error = front_backend_error(front);

	front_fail(
		front, -ETIMEDOUT,
		"waited %d ms for the backend %s to become %s, it is %s%s%s%s",
		timeout_ms, front->backend, front_state_name(wanted),
		front_state_name(state), error ? " and says: " : "",
		error ? error : "",
		UNTOUCHED & BIT(state) ? "; is a backend running for it?" : "");
	free(error);
	return -ETIMEDOUT;
}

static bool is_refusal(const struct front *front, unsigned int state)
{
	/* Left over from our last connection: it comes back to InitWait. */
	if (front->returning)
		return false;
	return state == XenbusStateClosing || state == XenbusStateClosed;
}

/* Wait for one of a set of states; @wanted is the one that a sentence names. */
static int wait_states(struct front *front, unsigned int set,
		       unsigned int wanted, int timeout_ms)
{
	struct front_deadline deadline;

	front_deadline_set(&deadline, front, timeout_ms);
	for (;;) {
		unsigned int state = front_backend_state(front);
		int left, happened;

		if (set & BIT(state))
			return 0;
		if (is_refusal(front, state))
			return refused(front, state);
		left = front_deadline_left(&deadline);
		if (!left)
			return timed_out(front, wanted, timeout_ms);
		happened = front_wait(front, left);
		if (happened == 0 && !(set & BIT(front_backend_state(front))))
			return timed_out(front, wanted, timeout_ms);
		if (happened == -EINTR)
			return front_fail(front, -EINTR, "interrupted");
		if (happened < 0)
			return front_fail(front, happened, "cannot wait: %s",
					  strerror(-happened));
	}
}

int front_wait_backend(struct front *front, unsigned int state, int timeout_ms)
{
	return wait_states(front, BIT(state), state, timeout_ms);
}

static unsigned int at_most(unsigned int wanted, unsigned int bound)
{
	return wanted < bound ? wanted : bound;
}

int front_allocate(struct front *front)
{
	struct front_properties *p = &front->properties;
	unsigned int queues = at_most(front->personality.queues, p->max_queues);

	front_release(front);
	p->queues = at_most(queues ? queues : 1, FRONT_MAX_QUEUES);
	p->ring_order =
		at_most(front->personality.ring_order, p->max_ring_order);
	p->ring_order = at_most(p->ring_order, 4);
	return front_queues_create(front);
}

int front_set_state(struct front *front, unsigned int state)
{
	return front_write(front, "state", "%u", state);
}

static unsigned int own_state(struct front *front)
{
	char *value = front_read(front, "state");
	unsigned int state = value ? (unsigned int)strtoul(value, NULL, 10) : 0;

	free(value);
	return state;
}

/*
 * A guest that died, or that disconnected, left its state behind: walk both
 * sides back to the start, as a crash kernel does before it connects.
 */
static int reset_states(struct front *front)
{
	unsigned int state = own_state(front);
	int err = 0;

	if (state == XenbusStateInitialising)
		return 0;
	front->returning = true;
	/* Our node was lost; the backend took that for Closed. */
	if (state == XenbusStateUnknown)
		return front_set_state(front, XenbusStateInitialising);
	if (state == XenbusStateInitialised || state == XenbusStateConnected) {
		err = front_set_state(front, XenbusStateClosing);
		if (!err)
			err = wait_states(front, LEFT, XenbusStateClosing,
					  front_timeout_ms(front));
	}
	if (!err && state != XenbusStateClosed) {
		err = front_set_state(front, XenbusStateClosed);
		if (!err)
			err = wait_states(front, ENDED, XenbusStateClosed,
					  front_timeout_ms(front));
	}
	return err ? err : front_set_state(front, XenbusStateInitialising);
}

static int connect_steps(struct front *front)
{
	int timeout_ms = front_timeout_ms(front);
	int err = reset_states(front);

	if (!err && front->personality.waits_for_initwait) {
		err = front_wait_backend(front, XenbusStateInitWait,
					 timeout_ms);
		if (!err)
			err = front_read_offer(front);
	}
	if (!err)
		err = front_allocate(front);
	if (!err)
		err = front_publish(front);
	if (!err)
		err = front_set_state(front, XenbusStateInitialised);
	/* A guest that did not wait may find its backend still Closed. */
	if (!err && front->personality.waits_for_initwait)
		front->returning = false;
	if (!err)
		err = front_wait_backend(front, XenbusStateConnected,
					 timeout_ms);
	if (!err)
		err = front_read_properties(front);
	if (!err)
		err = front_set_state(front, XenbusStateConnected);
	front->returning = false;
	return err;
}

int front_connect(struct front *front)
{
	front->error[0] = '\0';
	front->properties = (struct front_properties){.max_queues = 1};
	return connect_steps(front);
}

int front_disconnect(struct front *front)
{
	int timeout_ms = front_timeout_ms(front);
	bool told = front->published;
	int err;

	front->returning = true;
	err = told ? front_set_state(front, XenbusStateClosing) : 0;
	if (told && !err)
		err = wait_states(front, LEFT, XenbusStateClosing, timeout_ms);
	if (told && !err)
		err = front_set_state(front, XenbusStateClosed);
	if (told && !err)
		err = wait_states(front, ENDED, XenbusStateClosed, timeout_ms);
	front->returning = false;
	front_release(front);
	return err;
}

void front_abandon(struct front *front)
{
	front_release(front);
	front_pool_fini(&front->pool);
	/* The next connection grants anew; a failure shows at the first page.
	 */
	(void)front_pool_init(&front->pool, front->backend_domid,
			      front->personality.ends_grants);
}
