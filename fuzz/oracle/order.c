/*
 * Barriers: one is alone on the disk, over all queues; what was taken, or stood
 * in a ring, before it was taken is done when its first operation comes.
 */
#include "fuzz/oracle/checks.h"
#include "fuzz/oracle/oracle.h"

static bool is_pending_barrier(const struct expected *e)
{
	return e->request.kind == REFERENCE_BARRIER && e->request.status == 0 &&
	       !e->answered;
}

static unsigned int barriers_of(const struct model_queue *q)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < q->count; i++)
		count += is_pending_barrier(&q->expected[i]);
	return count;
}

unsigned int order_barriers(const struct model *model)
{
	unsigned int count = 0;

	for (unsigned int q = 0; q < model->guest->shape.queues; q++)
		count += barriers_of(&model->queue[q]);
	return count;
}

void order_taken(const struct model *model, struct expected *e)
{
	for (unsigned int q = 0; q < model->guest->shape.queues; q++)
		e->sent[q] = guest_index(model->guest, q, GUEST_REQ_PROD);
}

/* What a guest took back before the backend could look was not sent. */
static void take_back(const struct model *model, struct expected *e)
{
	for (unsigned int q = 0; q < model->guest->shape.queues; q++) {
		const uint32_t now =
			guest_index(model->guest, q, GUEST_REQ_PROD);

		if ((int32_t)(now - e->sent[q]) < 0)
			e->sent[q] = now;
	}
}

void order_look(struct model *model)
{
	for (unsigned int q = 0; q < model->guest->shape.queues; q++)
		for (unsigned int i = 0; i < model->queue[q].count; i++)
			if (is_pending_barrier(&model->queue[q].expected[i]))
				take_back(model, &model->queue[q].expected[i]);
}

/* What stood in another ring by then; not behind a barrier there, nor if the
 * guest plays with its index. */
static void check_ring(const struct model *model, const struct expected *e,
		       unsigned int queue)
{
	const struct model_queue *q = &model->queue[queue];
	const uint32_t left = e->sent[queue] - q->consumed;

	if (q->halted || q->twins || barriers_of(q) > 0 || (int32_t)left <= 0 ||
	    left > model->guest->slots ||
	    (int32_t)(guest_index(model->guest, queue, GUEST_REQ_PROD) -
		      e->sent[queue]) < 0)
		return;
	oracle_fail(ORACLE_ORDER,
		    "a barrier begins, and queue %u has left %u requests in "
		    "its ring that were sent before it",
		    queue, left);
}

static void begin(struct model *model, unsigned int queue,
		  const struct expected *e)
{
	if (model->order.under_way > 0)
		oracle_fail(ORACLE_ORDER,
			    "a barrier of queue %u begins beside %u operations "
			    "of the disk",
			    queue, model->order.under_way);
	for (unsigned int i = 0; i < model->guest->shape.queues; i++) {
		const struct model_queue *q = &model->queue[i];

		if (!q->twins && q->waiting > barriers_of(q))
			oracle_fail(ORACLE_ORDER,
				    "a barrier of queue %u begins before %u "
				    "requests of queue %u are done",
				    queue, q->waiting - barriers_of(q), i);
		if (i != queue)
			check_ring(model, e, i);
	}
	model->order.running = queue + 1;
}

void order_event(struct model *model, const struct disk_event *event,
		 const struct expected *owner)
{
	struct order *order = &model->order;
	const bool own = owner != NULL && is_pending_barrier(owner);

	if (event->kind == DISK_DELIVERED && order->under_way > 0)
		order->under_way--;
	if (event->kind == DISK_DELIVERED || owner == NULL)
		return;
	/* A drain's answers are seen when all of it is over. */
	if (!order->draining && order->running == 0 && own)
		begin(model, event->queue, owner);
	else if (!order->draining && order->running != 0 &&
		 order->running != event->queue + 1)
		oracle_fail(ORACLE_ORDER,
			    "queue %u uses the disk while a barrier of queue "
			    "%u is carried out",
			    event->queue, order->running - 1);
	order->under_way += event->kind == DISK_SUBMITTED;
}
