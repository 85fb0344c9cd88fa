/*
 * One turn of a queue: takes from its ring, hands to submit.c, answers; and what
 * its thread does between two turns.  See queue.h.
 *
 * Does a bounded amount of everything, and never waits but in queue_drain().
 */
#include "backend/worker/inside.h"

#include <errno.h>
#include <poll.h>

#include "backend/base/check.h"
#include "backend/base/clock.h"
#include "backend/worker/channel.h"
#include "backend/worker/submit.h"

void queue_answer(struct queue *queue, struct inflight_slot *slot,
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
		[REQUEST_BARRIER] = &stats->barriers,
		[REQUEST_DISCARD] = &stats->discards,
	};

	CHECK(request->kind < REQUEST_KIND_COUNT);
	stats_add(by_kind[request->kind], 1);
	stats_add(&stats->segments, request->segments);
	if (request->indirect)
		stats_add(&stats->indirect, 1);
	if (request->kind == REQUEST_DISCARD)
		stats_add(&stats->sectors_discarded, request->extent);
	stats_add(request->kind == REQUEST_READ ? &stats->sectors_read
						: &stats->sectors_written,
		  request->sectors);
}

void queue_begin(struct queue *queue, struct inflight_slot *slot)
{
	if (slot->request.kind == REQUEST_BARRIER)
		order_want(&queue->lane);
	submit_add(queue->submit, slot);
}

/* One slot: refused at once, or on its way. */
static void take_one(struct queue *queue)
{
	struct inflight_slot *slot;
	struct wire_request wire;
	struct request request;
	enum refusal refusal;

	ring_take(&queue->ring, &wire);
	if (queue->recorder)
		recorder_request(queue->recorder, &wire,
				 queue->ring.req_cons - 1);
	refusal = request_decode(&wire, &queue->rules, &request);
	throttle_spend(&queue->share,
		       refusal == REFUSAL_NONE ? &request : NULL);
	if (refusal != REFUSAL_NONE) {
		count_refusal(queue, &request, refusal);
		queue_answer(queue,
			     inflight_take_refused(queue->table, &request,
						   refusal_status(refusal)),
			     refusal);
		return;
	}
	count_request(queue->stats, &request);
	slot = inflight_take(queue->table, &request);
	meter_taken(&queue->meter, inflight_index(queue->table, slot));
	queue_begin(queue, slot);
}

/* Requests that the ring holds; none if it is not to be listened to. */
static int look_at_ring(struct queue *queue)
{
	if (queue_state(queue) != QUEUE_SERVING)
		return 0;
	return ring_look(&queue->ring);
}

static bool take_requests(struct queue *queue)
{
	unsigned int want, allowed, taken = 0;
	int count;

	queue->share.held = false;
	count = look_at_ring(queue);
	if (count < 0) {
		if (queue->recorder)
			recorder_overflow(queue->recorder, &queue->ring);
		break_ring(queue, REFUSE_RING_OVERFLOW);
		(void)order_allows(&queue->lane, 0);
		return true;
	}
	count = (int)order_allows(&queue->lane, (unsigned int)count);
	want = (unsigned int)count < LIMIT_TURN_REQUESTS ? (unsigned int)count
							 : LIMIT_TURN_REQUESTS;
	allowed = throttle_open(&queue->share, want, queue->meter.now_ns);
	/* What there is no room for, or no leave, stays in the ring. */
	while (taken < want && submit_takes(queue->submit) &&
	       !queue->lane.barrier) {
		if (taken >= allowed ||
		    !throttle_allows(&queue->share, queue->meter.now_ns)) {
			queue->share.held = true;
			break;
		}
		take_one(queue);
		taken++;
	}
	order_took(&queue->lane, taken);
	return taken > 0;
}

/* What image and grants are through with, into the ring. */
static void answer_all(struct queue *queue, struct inflight_slot *slot,
		       enum refusal refusal)
{
	const uint64_t now_ns = clock_now_ns();

	meter_now(&queue->meter, now_ns);
	if (queue->recorder)
		recorder_now(queue->recorder, now_ns);
	do {
		if (refusal != REFUSAL_NONE)
			count_refusal(queue, &slot->request, refusal);
		meter_finished(&queue->meter,
			       inflight_index(queue->table, slot),
			       meter_kind(&slot->request));
		if (slot->request.kind == REQUEST_BARRIER)
			order_end(&queue->lane);
		queue_answer(queue, slot, refusal);
	} while ((slot = submit_finished(queue->submit, &refusal)));
}

static void answer_finished(struct queue *queue)
{
	enum refusal refusal;
	struct inflight_slot *slot = submit_finished(queue->submit, &refusal);
	uint32_t count;
	bool wanted;

	if (slot)
		answer_all(queue, slot, refusal);
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

/* Its own barrier, or another queue's. */
static bool keep_order(struct queue *queue)
{
	struct lane *lane = &queue->lane;
	const unsigned int busy = submit_busy(queue->submit);
	const bool begun = lane->begun;
	bool moved;

	if (order_idle(lane))
		return false;
	CHECK(busy >= lane->barrier);
	moved = order_step(lane, busy - lane->barrier);
	if (lane->begun && !begun)
		submit_begin_barrier(queue->submit);
	return moved;
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
	meter_now(&queue->meter, now_ns);
	order_look(&queue->lane);
	taken = take_requests(queue);
	if (taken)
		meter_depth(&queue->meter, queue->table->used);
	moved = keep_order(queue);
	moved = submit_work(queue->submit, now_ns) || moved;
	answer_finished(queue);
	CHECK(ring_unanswered(&queue->ring) == queue->table->used);
	if (!taken && !moved)
		return false;
	queue->busy_ns = now_ns;
	meter_depth(&queue->meter, queue->table->used);
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
	/* Nothing can be taken before a completion, and that wakes us. */
	if (!submit_takes(queue->submit))
		return true;
	/* Nor is one that may not be served yet: the time wakes us. */
	if (queue_held(queue)) {
		stats_add(&queue->stats->held, 1);
		return true;
	}
	/* Nor before a barrier is over, and its queue wakes us. */
	if (order_holds(&queue->lane))
		return true;
	if (ring_arm(&queue->ring))
		return false;
	channel_unmask(queue->channel);
	stats_add(&queue->stats->sleeps, 1);
	return true;
}

void queue_polled(struct queue *queue, bool paid)
{
	CHECK(queue->stats != NULL);
	stats_add(&queue->stats->polls, 1);
	if (paid)
		stats_add(&queue->stats->polls_paid, 1);
}

void queue_paused(struct queue *queue)
{
	CHECK(queue->stats != NULL);
	stats_add(&queue->stats->pauses, 1);
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
	uint64_t next_ns;

	CHECK(queue->submit != NULL);
	CHECK(now_ns >= queue->busy_ns);
	if (queue->recorder)
		recorder_now(queue->recorder, now_ns);
	next_ns = submit_trim(queue->submit, now_ns, now_ns - queue->busy_ns);
	if (queue_held(queue)) {
		const uint64_t held_ns =
			throttle_wait_ns(&queue->share, now_ns);

		next_ns = held_ns < next_ns ? held_ns : next_ns;
	}
	return next_ns;
}

/* Until an image or another queue has something for one of them. */
static void wait_for_any(struct queue *const *queues, unsigned int count)
{
	struct pollfd wait[2 * LIMIT_QUEUES];
	unsigned int fds = 0;

	CHECK(count <= LIMIT_QUEUES);
	for (unsigned int i = 0; i < count; i++) {
		const int image_fd = queue_image_fd(queues[i]);
		const int wake_fd = queues[i]->wake_fd;

		if (image_fd >= 0)
			wait[fds++] = (struct pollfd){image_fd, POLLIN, 0};
		if (wake_fd >= 0)
			wait[fds++] = (struct pollfd){wake_fd, POLLIN, 0};
	}
	/* Every completion comes through the image, every step of another
	 * thread's queue wakes us; nothing else may now, so a slow disk costs
	 * no CPU. */
	if (fds > 0)
		(void)poll(wait, fds, -1);
	for (unsigned int i = 0; i < count; i++)
		queue_woken(queues[i]);
}

/* A turn, unless it is drained already; then other queues' barriers need not
 * wait for it any more. */
static bool drain_one(struct queue *queue)
{
	const bool moved = submit_busy(queue->submit) > 0 && queue_turn(queue);

	if (submit_busy(queue->submit) > 0 || !queue->lane.joined)
		return moved;
	/* What another worker finished may still wait for its push. */
	answer_finished(queue);
	CHECK(queue->table->used == 0);
	order_leave(&queue->lane);
	return true;
}

void queue_drain(struct queue *const *queues, unsigned int count)
{
	unsigned int joined;
	bool moved;

	for (unsigned int i = 0; i < count; i++)
		if (queue_state(queues[i]) != QUEUE_DRAINING)
			queue_set_state(queues[i], QUEUE_DRAINING);
	do {
		moved = false;
		joined = 0;
		for (unsigned int i = 0; i < count; i++) {
			moved = drain_one(queues[i]) || moved;
			joined += queues[i]->lane.joined;
		}
		if (joined > 0 && !moved)
			wait_for_any(queues, count);
	} while (joined > 0);
}
