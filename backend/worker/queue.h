/*
 * One queue: a ring, its event channel, its grants, its way into the image.
 *
 * Everything it needs it owns, so that queues share nothing on the data path.
 * Exactly one thread runs a queue: run.c's, or a test that calls queue_turn().
 *
 * Data flows one way: ring -> request -> grants -> image -> response.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/inflight.h"
#include "backend/base/link.h"
#include "backend/worker/vbd.h"

/*
 * enum queue_state
 *
 *   DETACHED  no ring; only queue_attach() is legal
 *   SERVING   takes requests
 *   BROKEN    the guest broke the ring protocol: takes nothing more, finishes
 *             what is in flight, waits for queue_detach()
 *   DRAINING  takes nothing more; only queue_detach() leads on
 */
enum queue_state {
	QUEUE_DETACHED,
	QUEUE_SERVING,
	QUEUE_BROKEN,
	QUEUE_DRAINING,
	QUEUE_STATE_COUNT,
};

struct failures;
struct order;
struct throttle;

struct queue_options {
	const struct vbd_options *vbd;
	unsigned int index;
	struct inflight_queue *table;
	struct throttle *throttle; /* the disk's limits */
	struct order *order;	   /* of the disk's barriers */
	struct failures *failures; /* of the disk's store */
};

/** queue_create() - a queue that is not attached; 0 or -errno. */
int queue_create(const struct queue_options *options, struct queue **queue);
void queue_destroy(struct queue *queue);

/**
 * queue_attach() - map the ring, bind the port; REFUSAL_NONE or a fatal
 * refusal.
 */
enum refusal queue_attach(struct queue *queue,
			  const struct link_attach *attach);

/**
 * queue_drain() - take nothing more, wait for the image, answer what was taken.
 *
 * By the thread that runs the queues: the kernel ties I/O to who submitted it.
 * All the queues of one thread together, since a barrier waits for the others.
 */
void queue_drain(struct queue *const *queues, unsigned int count);

/**
 * queue_wake_by() - the eventfd that its thread sleeps on beside the others; -1:
 * it is turned without being woken.
 */
void queue_wake_by(struct queue *queue, int fd);

/** queue_woken() - take another queue's wake-up off it; whether there was one. */
bool queue_woken(struct queue *queue);

/** queue_detach() - drain it alone if that was not done; unmap and unbind. */
void queue_detach(struct queue *queue);

/**
 * queue_turn() - take requests, do I/O, answer: a bounded amount of each.
 *
 * Never blocks.  Return: whether anything was done; call again if so.
 */
bool queue_turn(struct queue *queue);

/**
 * queue_settle() - before sleeping: arm the ring, look once more, unmask the
 * port.
 *
 * Return: true when the queue may sleep until its event or its image's
 * descriptor fires, or, if it is held, as long as queue_maintain() says; false
 * when there is work already.
 */
bool queue_settle(struct queue *queue);

/** queue_held() - the disk's limits do not let it take what is in its ring. */
bool queue_held(const struct queue *queue);

/** queue_polled() - count a period of polling, for whoever decides to poll. */
void queue_polled(struct queue *queue, bool paid);

/** queue_paused() - count a pause, for whoever decides to pause. */
void queue_paused(struct queue *queue);

/**
 * queue_events() - take a pending event off the port; how many there were.
 *
 * The port stays masked until queue_settle() has looked at the ring, so that a
 * guest that kicks without cause cannot make us spin (Q19).
 */
unsigned int queue_events(struct queue *queue);

/**
 * queue_maintain() - give back idle pages and what else has a time limit.
 *
 * Return: nanoseconds until it should be called again, or UINT64_MAX for never:
 * an idle queue does not wake up.
 */
uint64_t queue_maintain(struct queue *queue, uint64_t now_ns);

enum queue_state queue_state(const struct queue *queue);
enum refusal queue_refusal(const struct queue *queue); /* why it is BROKEN */
unsigned int queue_inflight(const struct queue *queue);
const struct stats *queue_stats(const struct queue *queue);

/** queue_image_woken() - queue_image_fd() is readable. */
void queue_image_woken(struct queue *queue);

/* Descriptors to sleep on; -1 where there is none. */
int queue_event_fd(const struct queue *queue);
int queue_image_fd(const struct queue *queue);

/** queue_check() - CHECK all relations among its fields. */
void queue_check(const struct queue *queue);
