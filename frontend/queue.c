/*
 * A queue's own things: its handles, its ring's pages, its port.
 *
 * Made by front_allocate() in the agreed shape, freed when the connection ends.
 * Each queue has handles of its own, so that threads of different queues meet
 * in no lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/inside.h"

static int queue_bind(struct front_queue *queue)
{
	struct front *front = queue->front;
	xenevtchn_port_or_error_t port;

	queue->event = xenevtchn_open(NULL, 0);
	if (!queue->event)
		return front_fail(front, -(errno ? errno : ENODEV),
				  "cannot open the event channel device "
				  "(xen/evtchn): %s",
				  strerror(errno));
	port = xenevtchn_bind_unbound_port(queue->event, front->backend_domid);
	if (port < 0)
		return front_fail(front, -(errno ? errno : EIO),
				  "cannot bind a port for queue %u: %s",
				  queue->index, strerror(errno));
	queue->port = (evtchn_port_t)port;
	queue->bound = true;
	return 0;
}

static int queue_share(struct front_queue *queue)
{
	struct front *front = queue->front;
	int pages = 1 << front->properties.ring_order;
	int err = front_pool_init(&queue->pool, front->backend_domid,
				  front->personality.ends_grants);

	if (!err) {
		queue->shared = xengntshr_share_pages(queue->pool.handle,
						      front->backend_domid,
						      pages, queue->gref, 1);
		if (!queue->shared)
			err = -(errno ? errno : ENOMEM);
	}
	if (err)
		return front_fail(front, err,
				  "cannot grant %d ring pages for queue %u: %s",
				  pages, queue->index, strerror(-err));
	front_ring_init(&queue->ring, queue->shared,
			(size_t)pages * FRONT_PAGE_BYTES,
			front_ring_entry_bytes(front->personality.protocol));
	return 0;
}

static int queue_create(struct front *front, unsigned int index)
{
	struct front_queue *queue = aligned_alloc(64, sizeof(*queue));
	int err;

	if (!queue)
		return -ENOMEM;
	memset(queue, 0, sizeof(*queue));
	queue->front = front;
	queue->index = index;
	front->queue[index] = queue;
	front->queues = index + 1;
	err = queue_bind(queue);
	if (!err)
		err = queue_share(queue);
	if (!err)
		err = front_transfers_create(queue);
	return err;
}

static void queue_destroy(struct front_queue *queue)
{
	front_transfers_destroy(queue);
	if (queue->shared)
		xengntshr_unshare(queue->pool.handle, queue->shared,
				  1u << queue->front->properties.ring_order);
	front_pool_fini(&queue->pool);
	if (queue->bound)
		xenevtchn_unbind(queue->event, queue->port);
	if (queue->event)
		xenevtchn_close(queue->event);
	free(queue);
}

int front_queues_create(struct front *front)
{
	for (unsigned int i = 0; i < front->properties.queues; i++) {
		int err = queue_create(front, i);

		if (err) {
			front_release(front);
			return err;
		}
	}
	front->properties.ring_slots = front->queue[0]->ring.slots;
	return 0;
}

void front_release(struct front *front)
{
	for (unsigned int i = 0; i < front->queues; i++) {
		queue_destroy(front->queue[i]);
		front->queue[i] = NULL;
	}
	front->queues = 0;
	front->published = false;
}

uint32_t front_port(const struct front_queue *queue)
{
	return queue->port;
}

int front_event_fd(const struct front_queue *queue)
{
	return xenevtchn_fd(queue->event);
}

/* One response of our own request: see front_call(). */
static bool call_reap(struct front_queue *queue, uint64_t id, bool alone,
		      struct front_response *response)
{
	while (front_reap(queue, response, 1))
		if (alone || response->id == id)
			return true;
	return false;
}

int front_call(struct front_queue *queue, const struct front_request *request,
	       struct front_response *response, int timeout_ms)
{
	bool alone = front_room(queue) == queue->ring.slots;
	struct front_deadline deadline;
	int err = front_submit(queue, request);

	if (err)
		return err;
	front_push(queue);
	front_deadline_set(&deadline, queue->front, timeout_ms);
	while (!call_reap(queue, request->id, alone, response)) {
		int left = front_deadline_left(&deadline);

		if (!left)
			return -ETIMEDOUT;
		if (front_arm(queue))
			continue;
		err = front_queue_wait(queue, left);
		/* The last look is after the wait: a late event is no timeout.
		 */
		if (err == 0 && !front_arm(queue))
			return -ETIMEDOUT;
		if (err < 0 && err != -EINTR)
			return err;
	}
	return 0;
}
