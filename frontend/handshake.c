/*
 * Connecting and disconnecting: the state machine from the guest's side.
 *
 *   backend InitWait -> read its offer -> rings and ports -> publish them ->
 *   Initialised -> backend Connected -> read the disk's properties -> Connected
 *
 * Each step is a function of front.h, so that a test can leave one out or do it
 * in another order; front_connect() does them as the personality does.
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

/* A transaction that others disturb this often will never succeed. */
#define MAX_ATTEMPTS 64

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

/* A decimal number of the backend's; absent means the default (A6). */
static int read_number(struct front *front, const char *key, uint64_t absent,
		       uint64_t *number)
{
	char *value = front_backend_read(front, key);
	char *end;
	int err = 0;

	*number = absent;
	if (!value)
		return 0;
	errno = 0;
	*number = strtoull(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end || errno)
		err = front_fail(front, -EPROTO,
				 "the backend published %s = \"%.64s\", which "
				 "is not a decimal number",
				 key, value);
	free(value);
	return err;
}

static int read_flag(struct front *front, const char *key, bool *flag)
{
	uint64_t number;
	int err = read_number(front, key, 0, &number);

	*flag = number != 0;
	return err;
}

/* F5: both schemes count, the larger one rules. */
static int read_ring_order(struct front *front, unsigned int *order)
{
	uint64_t by_order, pages = 1;
	int err = read_number(front, "max-ring-page-order", 0, &by_order);

	if (!err)
		err = read_number(front, "max-ring-pages", 1, &pages);
	if (err)
		return err;
	*order = by_order > 31 ? 31 : (unsigned int)by_order;
	if (pages > 1 && pages < INT32_MAX &&
	    (unsigned int)__builtin_ctzll(pages) > *order)
		*order = (unsigned int)__builtin_ctzll(pages);
	return 0;
}

int front_read_offer(struct front *front)
{
	struct front_properties *p = &front->properties;
	uint64_t queues;
	int err = read_number(front, "multi-queue-max-queues", 1, &queues);

	if (err)
		return err;
	p->max_queues = queues > UINT16_MAX ? UINT16_MAX : (unsigned int)queues;
	return read_ring_order(front, &p->max_ring_order);
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

/* What an earlier connection, or an earlier guest, may have left behind. */
static bool is_stale(const char *key)
{
	static const char *const prefixes[] = {
		"ring-ref",	  "event-channel", "ring-page-order",
		"num-ring-pages", "queue-",	   "multi-queue-num-queues",
		"feature-",	  "protocol",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (!strncmp(key, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

static void remove_stale(struct front *front)
{
	unsigned int count = 0;
	char **keys = xs_directory(front->xs, front->transaction,
				   front->directory, &count);

	for (unsigned int i = 0; keys && i < count; i++)
		if (is_stale(keys[i]))
			front_remove(front, keys[i]);
	free(keys);
}

static int publish_queue(struct front *front, const struct front_queue *queue)
{
	const struct front_properties *p = &front->properties;
	bool numbered =
		p->ring_order || front->personality.ring_order_node_at_zero;
	char prefix[16] = "", key[40];
	int err;

	/* G3, G4: one queue's keys stand at the top, several below queue-N. */
	if (p->queues > 1)
		snprintf(prefix, sizeof(prefix), "queue-%u/", queue->index);
	snprintf(key, sizeof(key), "%sevent-channel", prefix);
	err = front_write(front, key, "%u", queue->port);
	if (!err && !numbered) {
		snprintf(key, sizeof(key), "%sring-ref", prefix);
		return front_write(front, key, "%u", queue->gref[0]);
	}
	for (unsigned int i = 0; !err && i < 1u << p->ring_order; i++) {
		snprintf(key, sizeof(key), "%sring-ref%u", prefix, i);
		err = front_write(front, key, "%u", queue->gref[i]);
	}
	return err;
}

static int publish_shape(struct front *front)
{
	const struct front_personality *who = &front->personality;
	const struct front_properties *p = &front->properties;
	int err = 0;

	if (who->protocol)
		err = front_write(front, "protocol", "%s", who->protocol);
	if (!err && (p->ring_order || who->ring_order_node_at_zero))
		err = front_write(front, "ring-page-order", "%u",
				  p->ring_order);
	if (!err && (p->queues > 1 || who->queue_node_at_one))
		err = front_write(front, "multi-queue-num-queues", "%u",
				  p->queues);
	if (!err && who->persistent)
		err = front_write(front, "feature-persistent", "1");
	if (!err && who->large_sector_node)
		err = front_write(front, "feature-large-sector-size", "1");
	return err;
}

static int publish_all(struct front *front)
{
	int err;

	remove_stale(front);
	err = publish_shape(front);
	for (unsigned int i = 0; !err && i < front->queues; i++)
		err = publish_queue(front, front->queue[i]);
	return err;
}

int front_publish(struct front *front)
{
	for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
		xs_transaction_t transaction = xs_transaction_start(front->xs);
		int err;

		if (!transaction)
			return front_fail(front, -(errno ? errno : EIO),
					  "xenstore starts no transaction: %s",
					  strerror(errno));
		front->transaction = transaction;
		err = publish_all(front);
		front->transaction = XBT_NULL;
		front->published = !err;
		if (xs_transaction_end(front->xs, transaction, err != 0) || err)
			return err;
		if (errno != EAGAIN)
			break;
	}
	return front_fail(front, -(errno ? errno : EIO),
			  "xenstore did not take our nodes: %s",
			  strerror(errno));
}

int front_set_state(struct front *front, unsigned int state)
{
	return front_write(front, "state", "%u", state);
}

static int read_features(struct front *front)
{
	struct front_properties *p = &front->properties;
	uint64_t segments = 0;
	int err;

	err = read_flag(front, "feature-persistent", &p->feature_persistent);
	if (!err)
		err = read_flag(front, "feature-flush-cache",
				&p->feature_flush);
	if (!err)
		err = read_flag(front, "feature-barrier", &p->feature_barrier);
	if (!err)
		err = read_flag(front, "feature-discard", &p->feature_discard);
	if (!err)
		err = read_number(front, "feature-max-indirect-segments", 0,
				  &segments);
	if (!err)
		p->max_indirect_segments = (unsigned int)segments;
	return err;
}

/* Q1: without these, Linux gives the disk up. */
static int read_required(struct front *front, const char *key, uint64_t *number)
{
	int err = read_number(front, key, UINT64_MAX, number);

	if (!err && *number == UINT64_MAX)
		return front_fail(front, -EPROTO,
				  "the backend is connected but did not "
				  "publish %s",
				  key);
	return err;
}

int front_read_properties(struct front *front)
{
	struct front_properties *p = &front->properties;
	uint64_t sectors = 0, bytes = 0, physical = 0, info = 0;
	int err = read_required(front, "sectors", &sectors);

	if (!err)
		err = read_required(front, "sector-size", &bytes);
	if (!err)
		err = read_required(front, "info", &info);
	if (!err)
		err = read_number(front, "physical-sector-size", bytes,
				  &physical);
	if (err)
		return err;
	if (bytes < 512 || (bytes & (bytes - 1)) || bytes > 1u << 20 ||
	    sectors > UINT64_MAX / 512)
		return front_fail(front, -EPROTO,
				  "the backend published %llu sectors and a "
				  "sector size of %llu",
				  (unsigned long long)sectors,
				  (unsigned long long)bytes);
	p->sectors = sectors;
	p->sector_size = (uint32_t)bytes;
	p->physical_sector_size = (uint32_t)physical;
	p->info = (uint32_t)info;
	return read_features(front);
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
