/*
 * Progress: when every queue sleeps and the disk owes nothing, no request waits
 * and the next one will be noticed.
 */
#include "backend/worker/queue.h"
#include "fuzz/oracle/checks.h"
#include "fuzz/oracle/oracle.h"

static void check_queue(struct model *model, struct queue *queue,
			unsigned int i)
{
	const struct guest_queue *g = &model->guest->queue[i];
	const struct model_queue *q = &model->queue[i];
	uint32_t event = guest_index(model->guest, i, GUEST_REQ_EVENT);

	if (q->waiting > 0)
		oracle_fail(ORACLE_PROGRESS,
			    "queue %u sleeps with %u requests unanswered", i,
			    q->waiting);
	if (q->halted) {
		if (queue_state(queue) != QUEUE_BROKEN)
			oracle_fail(ORACLE_RING,
				    "queue %u goes on though its req_prod was "
				    "impossible",
				    i);
		return;
	}
	if (queue_state(queue) != QUEUE_SERVING)
		oracle_fail(ORACLE_RING,
			    "queue %u stopped for no reason of the guest's", i);
	if (g->owed_kick)
		return; /* the guest did not tell; the backend need not know */
	if (q->consumed != guest_index(model->guest, i, GUEST_REQ_PROD))
		oracle_fail(ORACLE_PROGRESS,
			    "queue %u sleeps with requests on its ring", i);
	else if (event != q->consumed + 1 && !g->bent_event)
		oracle_fail(ORACLE_PROGRESS,
			    "queue %u sleeps at request %u with req_event %u: "
			    "nothing will wake it",
			    i, q->consumed, event);
}

void progress_check(struct model *model, struct vbd *vbd)
{
	if (model->blind)
		return;
	for (unsigned int i = 0; i < model->guest->shape.queues; i++)
		check_queue(model, vbd_queue(vbd, i), i);
}
