/* Barriers in turn, and the queues that make way for them.  See order.h. */
#include "backend/worker/order.h"

#include <unistd.h>

#include "backend/base/check.h"

_Static_assert(LIMIT_QUEUES <= 32, "a bit for each queue");

static uint32_t bit(unsigned int queue)
{
	CHECK(queue < LIMIT_QUEUES);
	return UINT32_C(1) << queue;
}

static uint64_t turn_of(uint32_t number, unsigned int queue)
{
	return (uint64_t)number << 32 | (queue + 1);
}

static uint32_t number_of(uint64_t now)
{
	return (uint32_t)(now >> 32);
}

static bool is_free(uint64_t now)
{
	return (uint32_t)now == 0;
}

static bool is_own(const struct lane *lane, uint64_t now)
{
	return (uint32_t)now == lane->queue + 1;
}

void order_init(struct order *order)
{
	atomic_init(&order->now, 0);
	atomic_init(&order->members, 0);
	atomic_init(&order->wanting, 0);
	for (unsigned int i = 0; i < LIMIT_QUEUES; i++) {
		atomic_init(&order->member[i].settled, 0);
		atomic_init(&order->member[i].wake_fd, -1);
		atomic_init(&order->member[i].woken, false);
	}
}

static void wake(struct order *order, unsigned int queue)
{
	const int fd = atomic_load_explicit(&order->member[queue].wake_fd,
					    memory_order_acquire);
	const uint64_t one = 1;

	atomic_store_explicit(&order->member[queue].woken, true,
			      memory_order_release);
	/* After what it shall see was stored: a thread that looked before that
	 * finds the descriptor readable and looks again. */
	if (fd >= 0)
		CHECK(write(fd, &one, sizeof(one)) == sizeof(one));
}

static void wake_others(const struct lane *lane)
{
	const uint32_t members = atomic_load_explicit(&lane->order->members,
						      memory_order_acquire);

	for (unsigned int i = 0; i < LIMIT_QUEUES; i++)
		if ((members & bit(i)) != 0 && i != lane->queue)
			wake(lane->order, i);
}

void order_wake_by(struct lane *lane, int fd)
{
	atomic_store_explicit(&lane->order->member[lane->queue].wake_fd, fd,
			      memory_order_release);
}

bool order_woken(struct lane *lane)
{
	return atomic_exchange_explicit(&lane->order->member[lane->queue].woken,
					false, memory_order_acq_rel);
}

void order_join(struct lane *lane)
{
	struct order *order = lane->order;

	CHECK(!lane->joined && !lane->barrier && !lane->begun);
	lane->joined = true;
	lane->before = 0;
	atomic_fetch_or_explicit(&order->members, bit(lane->queue),
				 memory_order_acq_rel);
}

void order_leave(struct lane *lane)
{
	struct order *order = lane->order;
	uint64_t now;

	CHECK(lane->joined);
	CHECK(!lane->barrier && !lane->begun);
	lane->joined = false;
	/* Release: whoever sees us gone sees what we did as done. */
	atomic_fetch_and_explicit(&order->members, ~bit(lane->queue),
				  memory_order_acq_rel);
	now = atomic_load_explicit(&order->now, memory_order_acquire);
	if (!is_free(now))
		wake(order, (uint32_t)now - 1);
}

/* The next queue with a barrier after the one whose turn it was last. */
static unsigned int next_of(uint32_t wanting, unsigned int after)
{
	CHECK(wanting != 0);
	for (unsigned int i = 1; i <= LIMIT_QUEUES; i++)
		if ((wanting & bit((after + i) % LIMIT_QUEUES)) != 0)
			return (after + i) % LIMIT_QUEUES;
	check_failed(__FILE__, __LINE__, "a queue that wants a turn");
}

/*
 * If it is nobody's turn, it becomes that of the next queue that has a barrier,
 * whoever finds that out.  Return: whether it did.
 */
static bool arrange(struct lane *lane)
{
	struct order *order = lane->order;
	uint64_t now = atomic_load_explicit(&order->now, memory_order_acquire);
	const uint32_t wanting =
		atomic_load_explicit(&order->wanting, memory_order_acquire);

	if (!is_free(now) || wanting == 0)
		return false;
	/* If it fails another one has arranged it, and wakes us. */
	if (!atomic_compare_exchange_strong_explicit(
		    &order->now, &now,
		    turn_of(number_of(now) + 1, next_of(wanting, lane->queue)),
		    memory_order_acq_rel, memory_order_acquire))
		return false;
	wake_others(lane);
	return true;
}

unsigned int order_allows(struct lane *lane, unsigned int published)
{
	CHECK(published <= LIMIT_RING_SLOTS);
	if (lane->barrier)
		published = 0;
	if (is_free(lane->now) || is_own(lane, lane->now))
		return published;
	if (number_of(lane->now) != lane->number) {
		lane->number = number_of(lane->now);
		lane->before = published;
	}
	/* Less than there was: the queue takes no more at all. */
	if (published < lane->before)
		lane->before = published;
	return lane->before;
}

void order_took(struct lane *lane, unsigned int taken)
{
	if (lane->before == 0)
		return;
	CHECK(taken <= lane->before);
	/* What stands behind a barrier in the same ring goes after it, and so
	 * after the one that we make way for. */
	lane->before = lane->barrier ? 0 : lane->before - taken;
}

void order_want(struct lane *lane)
{
	CHECK(lane->joined);
	CHECK(!lane->barrier && !lane->begun);
	lane->barrier = true;
	atomic_fetch_or_explicit(&lane->order->wanting, bit(lane->queue),
				 memory_order_acq_rel);
}

static bool all_settled(const struct lane *lane)
{
	struct order *order = lane->order;
	const uint32_t members =
		atomic_load_explicit(&order->members, memory_order_acquire);

	for (unsigned int i = 0; i < LIMIT_QUEUES; i++) {
		if ((members & bit(i)) == 0 || i == lane->queue)
			continue;
		/* Acquire: what it finished is finished for us, too. */
		if (atomic_load_explicit(&order->member[i].settled,
					 memory_order_acquire) !=
		    number_of(lane->now))
			return false;
	}
	return true;
}

static bool make_way(struct lane *lane, unsigned int busy)
{
	struct order_member *member = &lane->order->member[lane->queue];
	const uint32_t number = number_of(lane->now);

	CHECK(number == lane->number);
	if (busy > 0 || lane->before > 0 ||
	    atomic_load_explicit(&member->settled, memory_order_relaxed) ==
		    number)
		return false;
	/* Release: pairs with the acquire of all_settled(). */
	atomic_store_explicit(&member->settled, number, memory_order_release);
	wake(lane->order, (uint32_t)lane->now - 1);
	return true;
}

bool order_step(struct lane *lane, unsigned int busy)
{
	if (is_free(lane->now))
		return lane->barrier && arrange(lane);
	if (!is_own(lane, lane->now))
		return make_way(lane, busy);
	CHECK(lane->barrier);
	if (lane->begun || busy > 0 || !all_settled(lane))
		return false;
	lane->begun = true;
	return true;
}

void order_end(struct lane *lane)
{
	struct order *order = lane->order;
	const uint64_t now = turn_of(number_of(lane->now), lane->queue);

	CHECK(lane->barrier && lane->begun);
	CHECK(atomic_load_explicit(&order->now, memory_order_relaxed) == now);
	lane->barrier = false;
	lane->begun = false;
	atomic_fetch_and_explicit(&order->wanting, ~bit(lane->queue),
				  memory_order_acq_rel);
	/* Release: pairs with the acquire of order_look(). */
	atomic_store_explicit(&order->now, now & ~(uint64_t)UINT32_MAX,
			      memory_order_release);
	if (!arrange(lane))
		wake_others(lane);
}

bool order_holds(const struct lane *lane)
{
	const uint64_t now =
		atomic_load_explicit(&lane->order->now, memory_order_acquire);

	/* Another turn than the last one saw: there is something to do. */
	if (now != lane->now)
		return false;
	if (lane->barrier)
		return true;
	return !is_free(now) && lane->before == 0;
}

void order_check(const struct lane *lane)
{
	CHECK(lane->queue < LIMIT_QUEUES);
	CHECK(!lane->begun || lane->barrier);
	CHECK(!lane->barrier || lane->joined);
	CHECK(lane->before <= LIMIT_RING_SLOTS);
}
