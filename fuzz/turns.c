/*
 * The scheduler: the script chooses which queue runs and for how long.
 *
 * It stands for the threads of run.c: a queue that settled sleeps until its
 * port has an event or its channel of the disk a completion; then it takes the
 * event off, turns, and settles again.
 */
#include "backend/base/clock.h"
#include "backend/worker/queue.h"
#include "backend/worker/vbd.h"
#include "fuzz/oracle/checks.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/player.h"
#include "fuzz/taping.h"

/* A script has at most so many requests in flight; each needs a few turns. */
#define TURNS_LIMIT	   20000u
#define MAINTENANCES_LIMIT 100u

static bool wakes(struct player *player, unsigned int queue)
{
	bool event = queue_events(vbd_queue(player->vbd, queue)) > 0;

	const bool woken = queue_woken(vbd_queue(player->vbd, queue));

	return event || woken || disk_ready(&player->disk, queue);
}

/* What there was before a turn, to judge what the turn did. */
struct watch {
	struct sim_ledger ledger;
	uint64_t served;
	unsigned int waiting;
	enum queue_state state;
	uint32_t taken, answered;
	struct wakes wakes;
};

static void begin_watch(struct player *player, unsigned int queue,
			struct watch *watch)
{
	const struct inflight_queue *table = &player->region->queue[queue];

	sim_ledger(BACKEND_DOMID, &watch->ledger);
	watch->served = player->model.served;
	watch->waiting = player->model.queue[queue].waiting;
	watch->state = queue_state(vbd_queue(player->vbd, queue));
	watch->taken = table->req_cons;
	watch->answered = table->rsp_prod;
	watch->wakes.old = player->guest.queue[queue].rsp_seen;
	watch->wakes.asked =
		guest_index(&player->guest, queue, GUEST_RSP_EVENT);
}

/* Who says that it moved keeps its thread from sleeping.  Behind an engine of
 * files a turn may take what completed in the last one, which nobody sees. */
static void check_movement(struct player *player, unsigned int queue,
			   const struct watch *before)
{
	const struct inflight_queue *table = &player->region->queue[queue];

	/* Nor does it see who makes way for whose barrier; a model that was
	 * blinded knows of no barriers. */
	if (player->model.blind || order_barriers(&player->model) > 0)
		return;
	if (player->disk.ready == NULL && player->disk.events == 0 &&
	    table->req_cons == before->taken &&
	    table->rsp_prod == before->answered &&
	    queue_state(vbd_queue(player->vbd, queue)) == before->state)
		oracle_fail(ORACLE_WORK,
			    "queue %u says that its turn moved something, and "
			    "did nothing",
			    queue);
}

/* After the model has looked. */
static void judge_turn(struct player *player, unsigned int queue,
		       struct watch *before, const struct sim_ledger *after)
{
	uint64_t notifies = after->notifies - before->ledger.notifies;

	if (notifies > 1)
		oracle_fail(ORACLE_WORK,
			    "queue %u notified the guest %u times in one turn",
			    queue, (unsigned int)notifies);
	if (player->model.blind)
		return;
	before->wakes.now = player->guest.queue[queue].rsp_seen;
	if (notifies == 1)
		wakes_check(queue, &before->wakes);
	if (before->waiting == 0 && player->model.served == before->served)
		untouched_check(queue, &before->ledger, after);
}

/* One call of queue_turn(), watched. */
static bool one_turn(struct player *player, unsigned int queue)
{
	struct queue *q = vbd_queue(player->vbd, queue);
	struct sim_ledger after;
	struct watch before;
	bool moved;

	model_before(&player->model, queue);
	begin_watch(player, queue, &before);
	moved = queue_turn(q);
	sim_ledger(BACKEND_DOMID, &after);
	if (moved)
		check_movement(player, queue, &before);
	/* It walks tables that are long; every few turns are enough. */
	if (player->turns++ % 8 == 0)
		queue_check(q);
	model_after(&player->model,
		    &(struct model_call){.queue = queue, .takes = true});
	player->pace[queue] =
		(player->pace[queue] ^ player->model.queue[queue].consumed ^
		 (uint64_t)player->guest.queue[queue].rsp_seen << 32) *
		UINT64_C(0x9e3779b97f4a7c15);
	judge_turn(player, queue, &before, &after);
	guest_take_events(&player->guest);
	return moved;
}

void turns_run(struct player *player, unsigned int queue, unsigned int turns)
{
	struct queue *q = vbd_queue(player->vbd, queue);

	if (wakes(player, queue))
		player->awake[queue] = true;
	while (player->awake[queue] && turns-- > 0) {
		if (one_turn(player, queue))
			continue;
		/* Its thread may lose the processor right here. */
		if (player->late)
			(void)guest_publish(&player->guest, queue, 0);
		player->late = false;
		player->awake[queue] = !queue_settle(q);
	}
}

static bool somebody_wakes(struct player *player)
{
	bool any = false;

	for (unsigned int i = 0; i < player->guest.shape.queues; i++) {
		if (wakes(player, i))
			player->awake[i] = true;
		any = any || player->awake[i];
	}
	return any;
}

/* An idle queue asks for no timer in the end (it does not wake up). */
static void maintain(struct player *player, unsigned int queue)
{
	struct queue *q = vbd_queue(player->vbd, queue);

	for (unsigned int i = 0; i < MAINTENANCES_LIMIT; i++) {
		uint64_t wait = queue_maintain(q, clock_now_ns());

		if (wait == UINT64_MAX)
			return;
		sim_clock_advance(wait);
	}
	oracle_fail(ORACLE_WORK, "queue %u is idle and still wants a timer",
		    queue);
}

/* A plan that nothing has met by now is over, so that later calls count again.
 */
static void forget_faults(struct player *player)
{
	for (unsigned int call = 0; call < SIM_CALL_COUNT; call++)
		sim_fail(BACKEND_DOMID, (enum sim_call)call, 0, 0);
	player->model.grants_may_fail = player->model.notify_may_fail = false;
	player->attach_may_fail = false;
}

void turns_run_all(struct player *player)
{
	unsigned int turns = 0;

	taping_rests(&player->guest);
	while (somebody_wakes(player)) {
		for (unsigned int i = 0; i < player->guest.shape.queues; i++)
			turns_run(player, i, 4);
		if (++turns > TURNS_LIMIT) {
			oracle_fail(ORACLE_PROGRESS,
				    "the queues never come to rest");
			return;
		}
	}
	taping_rested(&player->model);
	if (player->disk.pending == 0)
		progress_check(&player->model, player->vbd);
	ledger_check_quiet(&player->model, &player->baseline,
			   player->persistent_cap);
	forget_faults(player);
	if (player->disk.pending > 0 || player->checks++ > 3)
		return;
	memory_check_all(&player->model);
	storage_check_all(&player->model);
}

void turns_idle(struct player *player)
{
	if (!player->attached)
		return;
	for (unsigned int i = 0; i < player->guest.shape.queues; i++)
		maintain(player, i);
	/* Nobody wants a timer any more, so nothing waits to be given back. */
	ledger_check_quiet(&player->model, &player->baseline, 0);
}
