/* One virtual disk: its queues and their threads.  See vbd.h. */
#include "backend/worker/vbd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"
#include "backend/base/log.h"
#include "backend/worker/failure.h"
#include "backend/worker/order.h"
#include "backend/worker/queue.h"
#include "backend/worker/run.h"
#include "backend/worker/throttle.h"

struct vbd {
	struct vbd_options options;
	enum vbd_state state;
	unsigned int queues; /* attached */
	struct run *run;     /* RUNNING only */
	struct queue *queue[LIMIT_QUEUES];
	struct throttle throttle;
	struct order order;
	struct failures failures;
};

static const bool transitions[VBD_STATE_COUNT][VBD_STATE_COUNT] = {
	[VBD_DETACHED] = {[VBD_ATTACHED] = true},
	[VBD_ATTACHED] = {[VBD_RUNNING] = true, [VBD_DRAINING] = true},
	[VBD_RUNNING] = {[VBD_DRAINING] = true},
	[VBD_DRAINING] = {[VBD_DETACHED] = true},
};

static const char *const state_names[] = {
	[VBD_DETACHED] = "DETACHED",
	[VBD_ATTACHED] = "ATTACHED",
	[VBD_RUNNING] = "RUNNING",
	[VBD_DRAINING] = "DRAINING",
};

_Static_assert(ARRAY_SIZE(state_names) == VBD_STATE_COUNT, "a name each");

static void vbd_set_state(struct vbd *vbd, enum vbd_state to)
{
	CHECK(to < VBD_STATE_COUNT);
	CHECK(transitions[vbd->state][to]);
	log_line(LOG_DEBUG, "vbd %u/%u: %s to %s", vbd->options.domid,
		 vbd->options.devid, state_names[vbd->state], state_names[to]);
	vbd->state = to;
}

int vbd_create(const struct vbd_options *options, struct vbd **vbd)
{
	struct vbd *v;
	int error = 0;

	CHECK(options->max_queues >= 1 && options->max_queues <= LIMIT_QUEUES);
	CHECK(options->image != NULL && options->region != NULL);
	v = aligned_alloc(_Alignof(struct vbd), sizeof(*v));
	if (!v)
		return -ENOMEM;
	memset(v, 0, sizeof(*v));
	v->options = *options;
	order_init(&v->order);
	failure_init(&v->failures, options->domid, options->devid);
	/* All handles are opened now, before the worker gives up the right to
	 * open anything; attaching later only maps and binds. */
	for (unsigned int i = 0; i < options->max_queues && !error; i++) {
		const struct queue_options queue = {
			.vbd = &v->options,
			.index = i,
			.table = &options->region->queue[i],
			.throttle = &v->throttle,
			.order = &v->order,
			.failures = &v->failures,
		};

		error = queue_create(&queue, &v->queue[i]);
	}
	if (error) {
		vbd_destroy(v);
		return error;
	}
	*vbd = v;
	return 0;
}

void vbd_destroy(struct vbd *vbd)
{
	if (!vbd)
		return;
	if (vbd->state != VBD_DETACHED)
		vbd_detach(vbd);
	for (unsigned int i = 0; i < LIMIT_QUEUES; i++)
		queue_destroy(vbd->queue[i]);
	free(vbd);
}

enum refusal vbd_attach(struct vbd *vbd, const struct link_attach *attach,
			unsigned int *queue)
{
	CHECK(vbd->state == VBD_DETACHED);
	CHECK(attach->queues >= 1 && attach->queues <= vbd->options.max_queues);
	for (unsigned int i = 0; i < attach->queues; i++) {
		enum refusal refusal = queue_attach(vbd->queue[i], attach);

		if (refusal == REFUSAL_NONE)
			continue;
		*queue = i;
		queue_drain(vbd->queue, i);
		while (i-- > 0)
			queue_detach(vbd->queue[i]);
		return refusal;
	}
	vbd->queues = attach->queues;
	vbd_set_state(vbd, VBD_ATTACHED);
	return REFUSAL_NONE;
}

void vbd_limit(struct vbd *vbd, const struct link_limits *limits)
{
	throttle_set(&vbd->throttle, limits);
}

int vbd_start(struct vbd *vbd)
{
	int error;

	CHECK(vbd->state == VBD_ATTACHED);
	CHECK(vbd->run == NULL);
	error = run_create(vbd->queue, vbd->queues, vbd->options.poll_ns,
			   &vbd->run);
	if (error)
		return error;
	vbd_set_state(vbd, VBD_RUNNING);
	return 0;
}

void vbd_detach(struct vbd *vbd)
{
	if (vbd->run)
		run_destroy(vbd->run);
	vbd->run = NULL;
	vbd_set_state(vbd, VBD_DRAINING);
	queue_drain(vbd->queue, vbd->queues);
	for (unsigned int i = 0; i < vbd->queues; i++)
		queue_detach(vbd->queue[i]);
	vbd->queues = 0;
	vbd_set_state(vbd, VBD_DETACHED);
}

enum refusal vbd_broken(const struct vbd *vbd, unsigned int *queue)
{
	for (unsigned int i = 0; i < vbd->queues; i++) {
		if (queue_state(vbd->queue[i]) != QUEUE_BROKEN)
			continue;
		*queue = i;
		return queue_refusal(vbd->queue[i]);
	}
	return REFUSAL_NONE;
}

int vbd_alarm_fd(const struct vbd *vbd)
{
	CHECK(vbd->state == VBD_RUNNING);
	return run_alarm_fd(vbd->run);
}

enum vbd_state vbd_state(const struct vbd *vbd)
{
	return vbd->state;
}

unsigned int vbd_queues(const struct vbd *vbd)
{
	return vbd->queues;
}

struct queue *vbd_queue(struct vbd *vbd, unsigned int i)
{
	CHECK(i < vbd->options.max_queues);
	return vbd->queue[i];
}

void vbd_check(const struct vbd *vbd)
{
	CHECK(vbd->state < VBD_STATE_COUNT);
	CHECK((vbd->run != NULL) == (vbd->state == VBD_RUNNING));
	CHECK((vbd->queues == 0) == (vbd->state == VBD_DETACHED));
	if (vbd->state == VBD_RUNNING)
		return; /* its threads own the queues */
	for (unsigned int i = 0; i < vbd->options.max_queues; i++)
		queue_check(vbd->queue[i]);
}
