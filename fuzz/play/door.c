/* Connecting and disconnecting for a tape.  See door.h. */
#include "fuzz/play/door.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <xen/io/xenbus.h>

#define BIT(state) (1u << (state))
#define ENDING	   (BIT(XenbusStateClosing) | BIT(XenbusStateClosed))
/* A backend that serves nobody. */
#define ENDED                                                                  \
	(BIT(XenbusStateUnknown) | BIT(XenbusStateInitialising) |              \
	 BIT(XenbusStateInitWait) | BIT(XenbusStateClosed))

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Return: a state out of the set, or the first other one after that time. */
static unsigned int wait_for(const struct door_options *door, unsigned int set)
{
	const int64_t end = now_ms() + door->patience_ms;

	for (;;) {
		unsigned int state = front_backend_state(door->front);
		int64_t left = end - now_ms();

		if ((set & BIT(state)) != 0 || left <= 0)
			return state;
		/* A lost watch costs a little time only. */
		(void)front_wait(door->front, left < 500 ? (int)left : 500);
	}
}

static bool own_state_is(const struct door_options *door, unsigned int state)
{
	char *value = front_read(door->front, "state");
	bool same = value != NULL && strtoul(value, NULL, 10) == state;

	free(value);
	return same;
}

bool door_close(const struct door_options *door)
{
	struct front *front = door->front;

	if (!own_state_is(door, XenbusStateInitialising) &&
	    !own_state_is(door, XenbusStateClosed)) {
		front_set_state(front, XenbusStateClosing);
		if ((BIT(wait_for(door, ENDING | ENDED)) & (ENDING | ENDED)) ==
		    0)
			return false;
		front_set_state(front, XenbusStateClosed);
	}
	return (BIT(wait_for(door, ENDED)) & ENDED) != 0;
}

bool door_ended(const struct door_options *door)
{
	return (BIT(front_backend_state(door->front)) & ENDING) != 0;
}

bool door_wait_end(const struct door_options *door)
{
	return (BIT(wait_for(door, ENDING)) & ENDING) != 0;
}

static void remove_old(struct front *front)
{
	static const char *const keys[] = {
		"ring-ref",
		"event-channel",
		"ring-page-order",
		"protocol",
		"multi-queue-num-queues",
		"queue-0",
		"queue-1",
		"queue-2",
		"queue-3",
		"feature-persistent",
	};
	char key[24];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		(void)front_remove(front, keys[i]);
	for (unsigned int i = 0; i < LIMIT_RING_PAGES; i++) {
		snprintf(key, sizeof(key), "ring-ref%u", i);
		(void)front_remove(front, key);
	}
}

static uint32_t first_ring(const struct ground *ground,
			   const struct ground_queue *q, uint32_t wrong)
{
	switch (wrong) {
	case TAPE_RING_UNUSED:
		return ground_gref(ground, GREF_UNUSED);
	case TAPE_RING_OTHER:
		return ground->other_gref;
	case TAPE_RING_READONLY:
		return ground->page[0].copy_gref;
	default:
		return q->gref[0];
	}
}

static void publish_queue(struct front *front, const struct ground *ground,
			  unsigned int i, uint32_t wrong)
{
	const struct ground_queue *q = &ground->queue[i];
	char prefix[24] = "";
	char key[64];

	if (i != ground->queues - 1)
		wrong = TAPE_RIGHT;
	if (ground->queues > 1)
		snprintf(prefix, sizeof(prefix), "queue-%u/", i);
	snprintf(key, sizeof(key), "%sevent-channel", prefix);
	front_write(front, key, "%u",
		    wrong == TAPE_PORT ? q->port + 50 : q->port);
	for (unsigned int page = 0; page < 1u << ground->order; page++) {
		uint32_t gref = page == 0 ? first_ring(ground, q, wrong)
					  : q->gref[page];

		if (ground->order > 0)
			snprintf(key, sizeof(key), "%sring-ref%u", prefix,
				 page);
		else
			snprintf(key, sizeof(key), "%sring-ref", prefix);
		front_write(front, key, "%u", gref);
	}
}

static void publish(struct front *front, const struct ground *ground,
		    const struct tape_head *connect)
{
	remove_old(front);
	front_write(front, "protocol", "%s",
		    ground->packed ? "x86_32-abi" : "x86_64-abi");
	if ((connect->flags & TAPE_PERSISTENT) != 0)
		front_write(front, "feature-persistent", "1");
	if (ground->order > 0)
		front_write(front, "ring-page-order", "%u", ground->order);
	if (ground->queues > 1)
		front_write(front, "multi-queue-num-queues", "%u",
			    ground->queues);
	for (unsigned int i = 0; i < ground->queues; i++)
		publish_queue(front, ground, i, connect->a);
}

enum door door_connect(const struct door_options *door, struct ground *ground,
		       const struct tape_head *connect)
{
	struct front *front = door->front;
	unsigned int state;

	if (!door_close(door))
		return DOOR_STUCK;
	front_set_state(front, XenbusStateInitialising);
	if (wait_for(door, BIT(XenbusStateInitWait)) != XenbusStateInitWait ||
	    ground_ports(ground) != 0)
		return DOOR_STUCK;
	publish(front, ground, connect);
	front_set_state(front, XenbusStateInitialised);
	state = wait_for(door, BIT(XenbusStateConnected) | ENDING);
	if (state == XenbusStateConnected) {
		front_set_state(front, XenbusStateConnected);
		return DOOR_OPEN;
	}
	return (BIT(state) & ENDING) != 0 ? DOOR_REFUSED : DOOR_STUCK;
}
