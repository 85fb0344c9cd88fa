/* One queue: takes from its ring, hands to submit.c, answers.  See queue.h. */
#include "backend/worker/queue.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/worker/channel.h"
#include "backend/worker/recorder.h"
#include "backend/worker/request.h"
#include "backend/worker/ring.h"
#include "backend/worker/submit.h"

struct queue {
	struct vbd_options options;
	unsigned int index;
	_Atomic int state; /* enum queue_state; written by queue_set_state() */
	_Atomic int refusal; /* enum refusal: why it is BROKEN */
	struct inflight_queue *table;
	struct stats *stats;
	struct grants *grants;
	struct recorder *recorder; /* NULL: nothing is recorded */
	struct channel *channel;
	struct ring ring;
	void SHARED *ring_memory;
	uint32_t ring_gref[LIMIT_RING_PAGES]; /* of what is mapped there */
	unsigned int ring_pages;
	struct submit *submit;
	struct request_rules rules;
	struct log_limit log_limit;
	uint64_t busy_ns; /* when something last happened */
};

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

static void queue_set_state(struct queue *queue, enum queue_state to)
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
	uint32_t all = queue->ring.slots * LIMIT_SEGMENTS;

	/* C6, C7, K15: only if the frontend said so at this connection. */
	if (!attach->persistent)
		return 0;
	return queue->options.persistent_cap < all
		       ? queue->options.persistent_cap
		       : all;
}

/* Into the ring, where nobody sees it before the next push. */
static void answer(struct queue *queue, struct inflight_slot *slot,
		   enum refusal refusal)
{
	ring_respond(&queue->ring, slot->request.id, slot->request.operation,
		     slot->status);
	inflight_answer(queue->table, slot);
	if (queue->recorder)
		recorder_response(queue->recorder,
				  &(struct record_response){
					  .id = slot->request.id,
					  .index = queue->ring.rsp_prod - 1,
					  .status = slot->status,
					  .operation = slot->request.operation,
					  .refusal = (uint8_t)refusal,
				  });
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
	struct ring_place place;

	if (!inflight_recover(table, abi_ring_slots(abi, queue->ring_pages),
			      ring_published(queue->ring_memory)))
		return REFUSE_TABLE;
	while ((slot = inflight_oldest(table, slot)) != NULL) {
		if (inflight_state(slot) == INFLIGHT_TAKEN
			    ? !request_sound(&slot->request, &queue->rules)
			    : slot->status > 0)
			return REFUSE_TABLE;
	}
	place.req_cons = table->req_cons;
	place.rsp_prod = table->rsp_prod;
	return ring_resume(&queue->ring, queue->ring_memory, queue->ring_pages,
			   abi, place)
		       ? REFUSAL_NONE
		       : REFUSE_RING_ATTACH;
}

/* What was under way goes on: what is finished is answered, the rest begins
 * again, in the order of the ring. */
static void resume_requests(struct queue *queue)
{
	struct inflight_slot *slot = NULL;
	unsigned int again = 0;

	while ((slot = inflight_oldest(queue->table, slot)) != NULL) {
		if (inflight_state(slot) == INFLIGHT_DONE) {
			answer(queue, slot, REFUSAL_NONE);
			continue;
		}
		submit_add(queue->submit, slot);
		again++;
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
	};
	enum refusal refusal;

	CHECK(queue_state(queue) == QUEUE_DETACHED);
	CHECK(queue->index < attach->queues);
	if (queue->recorder)
		recorder_now(queue->recorder, clock_now_ns());
	refusal = attach_ring(queue, attach);
	if (refusal == REFUSAL_NONE) {
		options.persistent_cap = persistent_cap(queue, attach);
		options.staged = queue->options.staged;
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
	queue_set_state(queue, QUEUE_SERVING);
	if (attach->resume)
		resume_requests(queue);
	return REFUSAL_NONE;
}

static void break_ring(struct queue *queue, enum refusal refusal)
{
	CHECK(refusal_is_fatal(refusal));
	stats_add(&queue->stats->refusals[refusal], 1);
	atomic_store_explicit(&queue->refusal, (int)refusal,
			      memory_order_relaxed);
	queue_set_state(queue, QUEUE_BROKEN);
	log_line(LOG_WARNING, "vbd %u/%u queue %u: stopped: %s",
		 queue->options.domid, queue->options.devid, queue->index,
		 refusal_sentence(refusal));
}

static void count_refusal(struct queue *queue, const struct request *request,
			  enum refusal refusal)
{
	stats_add(&queue->stats->refused, 1);
	stats_add(&queue->stats->refusals[refusal], 1);
	if (log_level() < LOG_INFO ||
	    !log_limit_allows(&queue->log_limit, queue->busy_ns))
		return;
	log_line(LOG_INFO,
		 "vbd %u/%u queue %u: refused operation %u at sector %llu: %s",
		 queue->options.domid, queue->options.devid, queue->index,
		 request->operation, (unsigned long long)request->sector,
		 refusal_sentence(refusal));
}

static void count_request(struct stats *stats, const struct request *request)
{
	_Atomic uint64_t *const by_kind[REQUEST_KIND_COUNT] = {
		[REQUEST_READ] = &stats->reads,
		[REQUEST_WRITE] = &stats->writes,
		[REQUEST_FLUSH] = &stats->flushes,
	};

	CHECK(request->kind < REQUEST_KIND_COUNT);
	stats_add(by_kind[request->kind], 1);
	stats_add(&stats->segments, request->segments);
	stats_add(request->kind == REQUEST_READ ? &stats->sectors_read
						: &stats->sectors_written,
		  request->sectors);
}

/* One slot: refused at once, or on its way. */
static void take_one(struct queue *queue)
{
	struct wire_request wire;
	struct request request;
	enum refusal refusal;

	ring_take(&queue->ring, &wire);
	if (queue->recorder)
		recorder_request(queue->recorder, &wire,
				 queue->ring.req_cons - 1);
	refusal = request_decode(&wire, &queue->rules, &request);
	if (refusal != REFUSAL_NONE) {
		count_refusal(queue, &request, refusal);
		answer(queue,
		       inflight_take_refused(queue->table, &request,
					     refusal_status(refusal)),
		       refusal);
		return;
	}
	count_request(queue->stats, &request);
	submit_add(queue->submit, inflight_take(queue->table, &request));
}

static bool take_requests(struct queue *queue)
{
	int count;

	if (queue_state(queue) != QUEUE_SERVING)
		return false;
	count = ring_look(&queue->ring);
	if (count < 0) {
		if (queue->recorder)
			recorder_overflow(queue->recorder, &queue->ring);
		break_ring(queue, REFUSE_RING_OVERFLOW);
		return true;
	}
	for (int i = 0; i < count && i < (int)LIMIT_TURN_REQUESTS; i++)
		take_one(queue);
	return count > 0;
}

static void answer_finished(struct queue *queue)
{
	struct inflight_slot *slot;
	enum refusal refusal;
	uint32_t count;
	bool wanted;

	if (queue->recorder)
		recorder_now(queue->recorder, clock_now_ns());
	while ((slot = submit_finished(queue->submit, &refusal))) {
		if (refusal != REFUSAL_NONE)
			count_refusal(queue, &slot->request, refusal);
		answer(queue, slot, refusal);
	}
	count = ring_unpushed(&queue->ring);
	if (count == 0)
		return;
	inflight_push(queue->table, queue->ring.rsp_prod);
	wanted = ring_push(&queue->ring);
	inflight_pushed(queue->table);
	if (queue->recorder)
		recorder_push(queue->recorder, &queue->ring, count, wanted);
	if (wanted) {
		channel_notify(queue->channel);
		stats_add(&queue->stats->notifications_sent, 1);
	} else {
		stats_add(&queue->stats->notifications_saved, 1);
	}
}

bool queue_turn(struct queue *queue)
{
	uint64_t now_ns = clock_now_ns();
	bool taken;
	bool moved;

	CHECK(queue_state(queue) != QUEUE_DETACHED);
	CHECK(queue->submit != NULL);
	if (queue->recorder)
		recorder_now(queue->recorder, now_ns);
	taken = take_requests(queue);
	moved = submit_work(queue->submit, now_ns);
	answer_finished(queue);
	CHECK(ring_unanswered(&queue->ring) == queue->table->used);
	if (!taken && !moved)
		return false;
	queue->busy_ns = now_ns;
	stats_add(&queue->stats->turns, 1);
	return true;
}

bool queue_settle(struct queue *queue)
{
	CHECK(queue_state(queue) != QUEUE_DETACHED);
	CHECK(ring_unpushed(&queue->ring) == 0);
	/* A broken ring is not listened to any more: its port stays masked. */
	if (queue_state(queue) != QUEUE_SERVING)
		return true;
	if (ring_arm(&queue->ring))
		return false;
	channel_unmask(queue->channel);
	stats_add(&queue->stats->sleeps, 1);
	return true;
}

void queue_polled(struct queue *queue)
{
	CHECK(queue->stats != NULL);
	stats_add(&queue->stats->polls, 1);
}

unsigned int queue_events(struct queue *queue)
{
	CHECK(queue->channel != NULL);
	if (!channel_take(queue->channel))
		return 0;
	if (queue->recorder)
		recorder_event(queue->recorder);
	stats_add(&queue->stats->events_received, 1);
	return 1;
}

uint64_t queue_maintain(struct queue *queue, uint64_t now_ns)
{
	CHECK(queue->submit != NULL);
	CHECK(now_ns >= queue->busy_ns);
	if (queue->recorder)
		recorder_now(queue->recorder, now_ns);
	return submit_trim(queue->submit, now_ns, now_ns - queue->busy_ns);
}

void queue_drain(struct queue *queue)
{
	CHECK(queue->submit != NULL);
	queue_set_state(queue, QUEUE_DRAINING);
	while (submit_busy(queue->submit) > 0) {
		struct pollfd image = {.fd = queue_image_fd(queue),
				       .events = POLLIN};

		/* Every completion comes through the image; nothing else may
		 * wake us now, so a slow disk costs no CPU. */
		if (!queue_turn(queue) && image.fd >= 0)
			(void)poll(&image, 1, -1);
	}
	/* What another worker finished may still wait for its push. */
	answer_finished(queue);
	CHECK(queue->table->used == 0);
}

void queue_detach(struct queue *queue)
{
	CHECK(queue->submit != NULL);
	if (queue_state(queue) != QUEUE_DRAINING)
		queue_drain(queue);
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

unsigned int queue_inflight(const struct queue *queue)
{
	return queue->table->used;
}

const struct stats *queue_stats(const struct queue *queue)
{
	return queue->stats;
}

int queue_event_fd(const struct queue *queue)
{
	return channel_fd(queue->channel);
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
	inflight_check(queue->table);
	CHECK(ring_unanswered(&queue->ring) + ring_unpushed(&queue->ring) ==
	      queue->table->used);
	CHECK((queue_refusal(queue) != REFUSAL_NONE) ==
		      (queue_state(queue) == QUEUE_BROKEN) ||
	      queue_state(queue) == QUEUE_DRAINING);
}
