/*
 * The order of write barriers over all queues of a disk (I2, K9).
 *
 * A barrier is carried out alone.  Its queue has taken it and takes nothing
 * more; every other queue takes what its ring holds at its first look after
 * that, finishes all that it has taken, says so, and waits.  Then the barrier
 * runs: flush, its own data, flush.  Its end lets all queues go on.
 *
 * So what was sent on any ring before the barrier was sent is done before it,
 * and what is sent after its answer is done after it.  What is sent meanwhile
 * on another ring is done before it or after it, never beside it: two rings do
 * not say which of their requests came first.
 *
 * Barriers of several queues run one after another, in turn.  What waits stays
 * in the rings, not in the tables: when a worker dies, a table holds nothing
 * that comes after a barrier in it, and the next worker keeps the same order by
 * the same steps.
 *
 * struct order is the disk's.  While there is no barrier, nobody writes to it
 * but by joining and leaving, and each queue reads one word of it once a turn.
 * struct lane is a queue's own view, used by its thread only.  Called by the
 * parts of a queue, by vbd.c and run.c.  Never waits, takes no lock.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "backend/base/limits.h"

struct order_member {
	/* The last barrier that it made way for. */
	_Alignas(64) _Atomic uint32_t settled;
	_Atomic int wake_fd; /* an eventfd; -1: nobody sleeps on one */
	_Atomic bool woken;  /* since order_woken() */
};

struct order {
	/* Which barrier it is the turn of: its number in the upper half, its
	 * queue + 1 in the lower half, or 0 there: none. */
	_Alignas(64) _Atomic uint64_t now;
	/* Queues, by their bits: that are attached; that hold a barrier. */
	_Alignas(64) _Atomic uint32_t members;
	_Atomic uint32_t wanting;
	struct order_member member[LIMIT_QUEUES];
};

struct lane {
	struct order *order;
	unsigned int queue;
	bool joined;
	bool barrier;	 /* has taken one that is not over */
	bool begun;	 /* it is being carried out */
	uint64_t now;	 /* order->now, as of this turn */
	uint32_t number; /* of the barrier that it has looked at its ring for */
	uint32_t before; /* requests in its ring that go before that one */
};

/** order_init() - of a disk without queues. */
void order_init(struct order *order);

/** order_join() - a queue is attached: barriers wait for it from now on. */
void order_join(struct lane *lane);

/** order_leave() - it has finished what it took and takes nothing more. */
void order_leave(struct lane *lane);

/** order_wake_by() - how to wake the thread of a queue; -1: no more. */
void order_wake_by(struct lane *lane, int fd);

/** order_woken() - whether another queue woke it since the last call. */
bool order_woken(struct lane *lane);

/** order_look() - a turn begins. */
static inline void order_look(struct lane *lane)
{
	/* Acquire: who sees the end of a barrier comes after it. */
	lane->now =
		atomic_load_explicit(&lane->order->now, memory_order_acquire);
}

/** order_idle() - no barrier is about, as of this turn. */
static inline bool order_idle(const struct lane *lane)
{
	return (uint32_t)lane->now == 0 && !lane->barrier;
}

/**
 * order_allows() - of so many requests that its ring holds, how many a queue may
 * take now.
 *
 * To be asked in each turn, with 0 if it takes none for other reasons.
 */
unsigned int order_allows(struct lane *lane, unsigned int published);

/** order_took() - it took so many, none of them after a barrier. */
void order_took(struct lane *lane, unsigned int taken);

/** order_want() - a barrier was taken: nothing more before order_end(). */
void order_want(struct lane *lane);

/**
 * order_step() - make way for another queue's barrier, or have one's own begin.
 * @busy: requests that were taken and are not finished, without the barrier
 *
 * Return: whether anything moved; if lane->begun is set now and was not before,
 * the barrier is to be carried out.
 */
bool order_step(struct lane *lane, unsigned int busy);

/** order_end() - the barrier is over: all queues go on, or the next one runs. */
void order_end(struct lane *lane);

/**
 * order_holds() - nothing can be taken before some other queue's step; that
 * wakes us.
 */
bool order_holds(const struct lane *lane);

/** order_check() - CHECK all relations in a queue's view. */
void order_check(const struct lane *lane);
