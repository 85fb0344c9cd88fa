/*
 * What we publish: grants of the rings, ports, and how the guest is.
 *
 * Everything in one transaction, after what an earlier connection left behind
 * was removed.  Called by handshake.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/inside.h"

/* A transaction that others disturb this often will never succeed. */
#define MAX_ATTEMPTS 64

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
