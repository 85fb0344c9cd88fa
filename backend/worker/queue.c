/* One queue: its states, and how it comes by its ring and lets go of it again.
 * See queue.h; its turns are in turn.c. */
#include "backend/worker/inside.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/worker/channel.h"
#include "backend/worker/recorder.h"
#include "backend/worker/request.h"
#include "backend/worker/ring.h"
#include "backend/worker/submit.h"

static const bool transitions[QUEUE_STATE_COUNT][QUEUE_STATE_COUNT] = {
	[QUEUE_DETACHED] = {[QUEUE_SERVING] = true},
	[QUEUE_SERVING] = {[QUEUE_BROKEN] = true, [QUEUE_DRAINING] = true},
	[QUEUE_BROKEN] = {[QUEUE_DRAINING] = true},
	[QUEUE_DRAINING] = {[QUEUE_DETACHED] = true},
};

static const char *const state_names[] = {
	[QUEUE_DETACHED] = "DETACHED",
	[QUEUE_SERVING] = "SERVING",
	[QUEUE_BROKEN] = "BROKEN",
	[QUEUE_DRAINING] = "DRAINING",
};

_Static_assert(ARRAY_SIZE(state_names) == QUEUE_STATE_COUNT, "a name each");

enum queue_state queue_state(const struct queue *queue)
{
	return (enum queue_state)atomic_load_explicit(&queue->state,
						      memory_order_acquire);
}

void queue_set_state(struct queue *queue, enum queue_state to)
{
	enum queue_state from = queue_state(queue);

	CHECK(to < QUEUE_STATE_COUNT);
	CHECK(transitions[from][to]);
	/* Release: who sees BROKEN also sees why. */
	atomic_store_explicit(&queue->state, to, memory_order_release);
	log_line(LOG_DEBUG, "vbd %u/%u queue %u: %s to %s",
		 queue->options.domid, queue->options.devid, queue->index,
		 state_names[from], state_names[to]);
}

int queue_create(const struct queue_options *options, struct queue **queue)
{
	struct queue *q = calloc(1, sizeof(*q));
	int error;

	if (!q)
		return -ENOMEM;
	q->options = *options->vbd;
	q->index = options->index;
	q->table = options->table;
	q->stats = &options->table->stats;
	q->meter.stats = q->stats;
	q->share.throttle = options->throttle;
	q->lane.order = options->order;
	q->failures = options->failures;
	q->lane.queue = q->index;
	q->wake_fd = -1;
	q->rules.capacity_sectors = options->vbd->sectors;
	q->rules.readonly = options->vbd->readonly;
	atomic_init(&q->state, QUEUE_DETACHED);
	error = grants_create(options->vbd->domid, &q->grants);
	if (!error)
		error = channel_create(&q->channel);
	if (!error && options->vbd->record)
		error = recorder_create(options->vbd->record, q->index,
					&q->recorder);
	if (error) {
		queue_destroy(q);
		return error;
	}
	grants_record(q->grants, q->recorder);
	*queue = q;
	return 0;
}

void queue_destroy(struct queue *queue)
{
	if (!queue)
		return;
	CHECK(queue_state(queue) == QUEUE_DETACHED);
	channel_destroy(queue->channel);
	grants_destroy(queue->grants);
	recorder_destroy(queue->recorder);
	free(queue);
}

static unsigned int persistent_cap(const struct queue *queue,
				   const struct link_attach *attach)
{
	uint32_t all = queue->ring.slots *
		       (attach->indirect > LIMIT_SEGMENTS
				? attach->indirect + LIMIT_DESCRIPTOR_PAGES
				: LIMIT_SEGMENTS);

	/* C6, C7, K15: only if the frontend said so at this connection. */
	if (!attach->persistent)
		return 0;
	return queue->options.persistent_cap < all
		       ? queue->options.persistent_cap
		       : all;
}

/* A new connection: from where the shared indices stand. */
static enum refusal begin_ring(struct queue *queue,
			       const struct link_attach *attach)
{
	if (!ring_attach(&queue->ring, queue->ring_memory, queue->ring_pages,
			 (enum link_abi)attach->abi))
		return REFUSE_RING_ATTACH;
	inflight_reset(queue->table, queue->ring.slots, queue->ring.req_cons);
	return REFUSAL_NONE;
}

/* A connection whose worker died: from where its table stands.  Whoever wrote
 * that table may have been taken over by this guest: nothing in it is trusted
 * further than a request in the ring would be. */
static enum refusal resume_ring(struct queue *queue,
				const struct link_attach *attach)
{
	const enum link_abi abi = (enum link_abi)attach->abi;
	struct inflight_queue *table = queue->table;
	struct inflight_slot *slot = NULL;
	struct request_rules any_size = queue->rules;
	unsigned int barriers = 0;
	struct ring_place place;

	/* The disk may have shrunk since: see resume_one(). */
	any_size.capacity_sectors = INT64_MAX / SECTOR_BYTES;
	if (!inflight_recover(table, abi_ring_slots(abi, queue->ring_pages),
			      ring_published(queue->ring_memory)))
		return REFUSE_TABLE;
	while ((slot = inflight_oldest(table, slot)) != NULL) {
		if (inflight_state(slot) == INFLIGHT_TAKEN
			    ? !request_sound(&slot->request, &any_size)
			    : slot->status > 0)
			return REFUSE_TABLE;
		/* Nothing is taken after one before it is over. */
		if (inflight_state(slot) == INFLIGHT_TAKEN &&
		    slot->request.kind == REQUEST_BARRIER && ++barriers > 1)
			return REFUSE_TABLE;
	}
	place.req_cons = table->req_cons;
	place.rsp_prod = table->rsp_prod;
	return ring_resume(&queue->ring, queue->ring_memory, queue->ring_pages,
			   abi, place)
		       ? REFUSAL_NONE
		       : REFUSE_RING_ATTACH;
}

/* Begins again, unless the disk has become too small for it meanwhile. */
static bool resume_one(struct queue *queue, struct inflight_slot *slot)
{
	CHECK(inflight_state(slot) == INFLIGHT_TAKEN);
	if (!request_sound(&slot->request, &queue->rules)) {
		inflight_finish(slot, refusal_status(REFUSE_BEYOND_END));
		stats_add(&queue->stats->refused, 1);
		stats_add(&queue->stats->refusals[REFUSE_BEYOND_END], 1);
		queue_answer(queue, slot, REFUSE_BEYOND_END);
		return false;
	}
	meter_taken(&queue->meter, inflight_index(queue->table, slot));
	queue_begin(queue, slot);
	return true;
}

/* What was under way goes on: what is finished is answered, the rest begins
 * again, in the order of the ring. */
static void resume_requests(struct queue *queue)
{
	struct inflight_slot *slot = NULL;
	unsigned int again = 0;

	while ((slot = inflight_oldest(queue->table, slot)) != NULL) {
		if (inflight_state(slot) == INFLIGHT_DONE) {
			queue_answer(queue, slot, REFUSAL_NONE);
			continue;
		}
		again += resume_one(queue, slot);
	}
	stats_add(&queue->stats->reissued, again);
	log_line(LOG_INFO,
		 "vbd %u/%u queue %u: goes on after another worker: %u "
		 "requests are answered, %u begin again",
		 queue->options.domid, queue->options.devid, queue->index,
		 ring_unpushed(&queue->ring), again);
	/* The dead worker may have pushed and not told. */
	channel_notify(queue->channel);
}

static enum refusal attach_ring(struct queue *queue,
				const struct link_attach *attach)
{
	const struct link_queue *link = &attach->queue[queue->index];
	enum refusal refusal;

	queue->ring_pages = 1u << attach->ring_order;
	memcpy(queue->ring_gref, link->ring_gref, sizeof(queue->ring_gref));
	queue->ring_memory =
		grants_map(queue->grants, link->ring_gref, queue->ring_pages);
	if (!queue->ring_memory)
		return REFUSE_RING_GRANT;
	refusal = attach->resume ? resume_ring(queue, attach)
				 : begin_ring(queue, attach);
	if (refusal != REFUSAL_NONE)
		return refusal;
	if (channel_bind(queue->channel, queue->options.domid,
			 link->event_channel) != 0)
		return REFUSE_EVENT_CHANNEL;
	return REFUSAL_NONE;
}

/* Undo whatever attach_ring() and queue_attach() got done. */
static void release_ring(struct queue *queue)
{
	submit_destroy(queue->submit);
	queue->submit = NULL;
	channel_unbind(queue->channel);
	if (queue->ring.memory)
		ring_detach(&queue->ring);
	if (queue->ring_memory)
		grants_unmap(queue->grants, queue->ring_memory,
			     queue->ring_gref, queue->ring_pages);
	queue->ring_memory = NULL;
	CHECK(grants_mapped(queue->grants) == 0);
}

enum refusal queue_attach(struct queue *queue, const struct link_attach *attach)
{
	struct submit_options options = {
		.table = queue->table,
		.grants = queue->grants,
		.image = queue->options.image,
		.queue = queue->index,
		.failures = queue->failures,
	};
	enum refusal refusal;

	CHECK(queue_state(queue) == QUEUE_DETACHED);
	CHECK(queue->index < attach->queues);
	queue->rules.indirect = attach->indirect;
	queue->rules.barrier = attach->barrier != 0;
	queue->rules.discard = attach->discard;
	if (queue->recorder)
		recorder_now(queue->recorder, clock_now_ns());
	refusal = attach_ring(queue, attach);
	if (refusal == REFUSAL_NONE) {
		options.persistent_cap = persistent_cap(queue, attach);
		options.staged = queue->options.staged;
		options.rules = queue->rules;
		options.recorder = queue->recorder;
		if (submit_create(&options, &queue->submit) != 0)
			refusal = REFUSE_RESOURCES;
	}
	if (queue->recorder)
		recorder_attach(queue->recorder, attach, &queue->ring, refusal);
	if (refusal != REFUSAL_NONE) {
		release_ring(queue);
		return refusal;
	}
	queue->busy_ns = clock_now_ns();
	atomic_store_explicit(&queue->refusal, REFUSAL_NONE,
			      memory_order_relaxed);
	meter_now(&queue->meter, queue->busy_ns);
	queue->share.held = false;
	order_join(&queue->lane);
	queue_set_state(queue, QUEUE_SERVING);
	if (attach->resume)
		resume_requests(queue);
	return REFUSAL_NONE;
}

void queue_detach(struct queue *queue)
{
	CHECK(queue->submit != NULL);
	if (queue_state(queue) != QUEUE_DRAINING)
		queue_drain(&queue, 1);
	CHECK(queue->table->used == 0);
	if (queue->recorder)
		recorder_now(queue->recorder, clock_now_ns());
	release_ring(queue);
	if (queue->recorder)
		recorder_detach(queue->recorder);
	queue_set_state(queue, QUEUE_DETACHED);
}

enum refusal queue_refusal(const struct queue *queue)
{
	return (enum refusal)atomic_load_explicit(&queue->refusal,
						  memory_order_relaxed);
}

void queue_wake_by(struct queue *queue, int fd)
{
	queue->wake_fd = fd;
	order_wake_by(&queue->lane, fd);
}

bool queue_woken(struct queue *queue)
{
	uint64_t times;
	ssize_t n;

	if (queue->wake_fd >= 0) {
		n = read(queue->wake_fd, &times, sizeof(times));
		CHECK(n == sizeof(times) || (n < 0 && errno == EAGAIN));
	}
	return order_woken(&queue->lane);
}

unsigned int queue_inflight(const struct queue *queue)
{
	return queue->table->used;
}

const struct stats *queue_stats(const struct queue *queue)
{
	return queue->stats;
}

bool queue_held(const struct queue *queue)
{
	return queue->share.held && queue_state(queue) == QUEUE_SERVING;
}

int queue_event_fd(const struct queue *queue)
{
	return channel_fd(queue->channel);
}

void queue_image_woken(struct queue *queue)
{
	CHECK(queue->submit != NULL);
	submit_look(queue->submit);
}

int queue_image_fd(const struct queue *queue)
{
	return queue->submit ? submit_fd(queue->submit) : -1;
}

void queue_check(const struct queue *queue)
{
	CHECK(queue->channel != NULL && queue->grants != NULL);
	if (queue_state(queue) == QUEUE_DETACHED) {
		CHECK(queue->submit == NULL && queue->ring_memory == NULL);
		CHECK(grants_mapped(queue->grants) == 0);
		return;
	}
	ring_check(&queue->ring);
	submit_check(queue->submit);
	order_check(&queue->lane);
	inflight_check(queue->table);
	CHECK(ring_unanswered(&queue->ring) + ring_unpushed(&queue->ring) ==
	      queue->table->used);
	CHECK((queue_refusal(queue) != REFUSAL_NONE) ==
		      (queue_state(queue) == QUEUE_BROKEN) ||
	      queue_state(queue) == QUEUE_DRAINING);
}
