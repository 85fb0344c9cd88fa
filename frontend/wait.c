/*
 * Letting time pass: the only place where the library blocks.
 *
 * By default with poll(2) on event channels and xenstore; a caller without
 * descriptors (the simulator in process) brings a function of its own, which
 * runs the backend instead.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "frontend/inside.h"

/* With a caller's own waiting there is no clock: so many turns, then it is
 * over. */
#define MAX_TURNS 1000000u

#define NS_PER_MS UINT64_C(1000000)

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 * NS_PER_MS + (uint64_t)now.tv_nsec;
}

void front_deadline_set(struct front_deadline *deadline,
			const struct front *front, int timeout_ms)
{
	deadline->timeout_ms = timeout_ms;
	deadline->turns = 0;
	deadline->end_ns = 0;
	if (!front->options.wait)
		deadline->end_ns = now_ns() + (uint64_t)timeout_ms * NS_PER_MS;
}

int front_deadline_left(struct front_deadline *deadline)
{
	uint64_t now;

	if (!deadline->end_ns)
		return deadline->turns++ < MAX_TURNS ? deadline->timeout_ms : 0;
	now = now_ns();
	if (now >= deadline->end_ns)
		return 0;
	return (int)((deadline->end_ns - now + NS_PER_MS - 1) / NS_PER_MS);
}

void front_queue_collect(struct front_queue *queue)
{
	xenevtchn_port_or_error_t port = xenevtchn_pending(queue->event);

	if (port >= 0)
		xenevtchn_unmask(queue->event, (evtchn_port_t)port);
}

/* Watches only wake us up: the states are read again by whoever waits. */
static void collect_watches(struct front *front)
{
	char **event;

	while ((event = xs_check_watch(front->xs))) {
		front->told = true;
		free(event);
	}
}

static bool readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	/* Without a descriptor nothing blocks: just look. */
	return fd < 0 || poll(&p, 1, 0) > 0;
}

/* Whether there were any. */
static bool collect_events(struct front *front)
{
	bool any = false;

	for (unsigned int i = 0; i < front->queues; i++) {
		const int fd = xenevtchn_fd(front->queue[i]->event);

		if (!readable(fd))
			continue;
		front_queue_collect(front->queue[i]);
		any |= fd >= 0;
	}
	return any;
}

static int wait_replaced(struct front *front, int timeout_ms)
{
	int happened;

	/* What came while the last event was not taken yet is there at once. */
	if (collect_events(front))
		return 1;
	happened = front->options.wait(front->options.wait_context, front,
				       timeout_ms);
	(void)collect_events(front);
	if (readable(xs_fileno(front->xs)))
		collect_watches(front);
	return happened;
}

int front_wait(struct front *front, int timeout_ms)
{
	struct pollfd p[FRONT_MAX_QUEUES + 1] = {0};
	int ready;

	if (front->options.wait)
		return wait_replaced(front, timeout_ms);
	for (unsigned int i = 0; i < front->queues; i++) {
		p[i].fd = front_event_fd(front->queue[i]);
		p[i].events = POLLIN;
	}
	p[front->queues].fd = xs_fileno(front->xs);
	p[front->queues].events = POLLIN;
	ready = poll(p, front->queues + 1, timeout_ms);
	if (ready < 0)
		return errno == EINTR ? -EINTR : -errno;
	for (unsigned int i = 0; i < front->queues; i++)
		if (p[i].revents)
			front_queue_collect(front->queue[i]);
	if (p[front->queues].revents)
		collect_watches(front);
	return ready > 0;
}

int front_queue_wait(struct front_queue *queue, int timeout_ms)
{
	struct pollfd p = {.fd = front_event_fd(queue), .events = POLLIN};
	int ready;

	queue->counters.wakeups++;
	if (queue->front->options.wait)
		return wait_replaced(queue->front, timeout_ms);
	ready = poll(&p, 1, timeout_ms);
	if (ready < 0)
		return -errno;
	if (ready > 0)
		front_queue_collect(queue);
	return ready > 0;
}
