/*
 * The loop of a queue's thread.  See run.h.
 *
 * Turn while there is work; then poll for a while, if polling has paid lately;
 * then arm the ring, look once more, and sleep on the event channel, the
 * image's completions and the stop descriptor.  A thread with nothing to expect
 * sleeps without a time-out: an idle disk does not wake up.  A guest that kicks
 * in vain again and again is not listened to for a while (storm.h).
 */
#include "backend/worker/run.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/clock.h"
#include "backend/base/limits.h"
#include "backend/worker/queue.h"
#include "backend/worker/storm.h"

/* Polling starts at this length and doubles up to the bound while it pays. */
#define POLL_FIRST_NS 4000u
/* After so many failures in a row polling is tried this seldom. */
#define POLL_PENALTY_MAX 1024u

/* Each in cache lines of its own: it is written for every sleep. */
struct runner {
	_Alignas(64) struct run *run;
	struct queue *queue;
	pthread_t thread;
	bool started;
	uint32_t poll_ns;  /* how long to poll now; 0: not at all */
	uint32_t penalty;  /* sleeps to let pass after the last failure */
	uint32_t patience; /* of those, still to come */
	bool alarmed;
	bool woken; /* by an event, and no turn found anything since */
	struct storm storm;
	int wake_fd; /* for other queues' barriers: order.h */
};

struct run {
	int stop_fd;
	int alarm_fd;
	uint32_t poll_max_ns;
	unsigned int count;
	struct runner runner[];
};

static void cpu_relax(void)
{
	__builtin_ia32_pause();
}

static bool stopping(const struct run *run)
{
	struct pollfd stop = {.fd = run->stop_fd, .events = POLLIN};

	return poll(&stop, 1, 0) > 0;
}

/* Look at the ring for up to poll_ns; true when a turn found something. */
static bool poll_for_work(struct runner *r)
{
	uint64_t end_ns;

	if (r->poll_ns == 0 || queue_held(r->queue))
		return false;
	end_ns = clock_now_ns() + r->poll_ns;
	CHECK(r->poll_ns <= r->run->poll_max_ns);
	do {
		if (queue_turn(r->queue)) {
			uint32_t longer = r->poll_ns * 2;

			r->poll_ns = longer < r->run->poll_max_ns
					     ? longer
					     : r->run->poll_max_ns;
			r->penalty = 0;
			queue_polled(r->queue, true);
			return true;
		}
		cpu_relax();
	} while (clock_now_ns() < end_ns);
	queue_polled(r->queue, false);
	/* In vain: shorter next time, and after a few failures not for a while.
	 * This is what keeps polling off when both ends share one CPU. */
	r->poll_ns = r->poll_ns / 2 < POLL_FIRST_NS / 2 ? 0 : r->poll_ns / 2;
	if (r->poll_ns == 0) {
		r->penalty = r->penalty >= POLL_PENALTY_MAX
				     ? POLL_PENALTY_MAX
				     : r->penalty * 2 + 8;
		r->patience = r->penalty;
	}
	return false;
}

/* A sleep so short that polling would have caught the event: try polling. */
static void learn_from_sleep(struct runner *r, uint64_t slept_ns)
{
	if (r->poll_ns > 0 || slept_ns > r->run->poll_max_ns)
		return;
	if (r->patience > 0) {
		r->patience--;
		return;
	}
	r->poll_ns = POLL_FIRST_NS < r->run->poll_max_ns ? POLL_FIRST_NS
							 : r->run->poll_max_ns;
}

static int timeout_ms(uint64_t ns)
{
	if (ns == UINT64_MAX)
		return -1;
	return ns / 1000000u >= 3600000u ? 3600000 : (int)(ns / 1000000u) + 1;
}

/* Returns false when the thread shall end. */
static bool sleep_for_work(struct runner *r)
{
	struct pollfd wait[] = {
		{.fd = r->run->stop_fd, .events = POLLIN},
		{.fd = queue_event_fd(r->queue), .events = POLLIN},
		{.fd = queue_image_fd(r->queue), .events = POLLIN},
		{.fd = r->wake_fd, .events = POLLIN},
	};
	uint64_t start_ns = clock_now_ns();
	uint64_t next_ns = queue_maintain(r->queue, start_ns);

	if (queue_state(r->queue) == QUEUE_BROKEN)
		wait[1].fd = -1;
	(void)poll(wait, 4, timeout_ms(next_ns));
	if (wait[0].revents)
		return false;
	if (wait[1].revents)
		r->woken = queue_events(r->queue) > 0;
	if (wait[2].revents)
		queue_image_woken(r->queue);
	if (wait[3].revents)
		queue_woken(r->queue);
	learn_from_sleep(r, clock_now_ns() - start_ns);
	return true;
}

/* The port is masked: until it is unmasked only the image, other queues'
 * barriers and the end count. */
static void pause_if_in_vain(struct runner *r)
{
	struct pollfd wait[] = {
		{.fd = r->run->stop_fd, .events = POLLIN},
		{.fd = queue_image_fd(r->queue), .events = POLLIN},
		{.fd = r->wake_fd, .events = POLLIN},
	};
	uint32_t pause_ms;

	if (!r->woken)
		return;
	r->woken = false;
	pause_ms = storm_vain(&r->storm);
	if (pause_ms == 0)
		return;
	CHECK(pause_ms <= LIMIT_VAIN_PAUSE_LAST_MS);
	queue_paused(r->queue);
	(void)poll(wait, 3, (int)pause_ms);
}

static void raise_alarm(struct runner *r)
{
	const uint64_t one = 1;

	r->alarmed = true;
	CHECK(write(r->run->alarm_fd, &one, sizeof(one)) == sizeof(one));
}

/* Serve until told to stop. */
static void serve(struct runner *r)
{
	unsigned int turns = 0;

	for (;;) {
		if (queue_state(r->queue) == QUEUE_BROKEN && !r->alarmed)
			raise_alarm(r);
		if (queue_turn(r->queue) || poll_for_work(r)) {
			storm_worked(&r->storm);
			r->woken = false;
			/* A ring that never runs dry must not hide a stop. */
			if (++turns % 256 == 0 && stopping(r->run))
				return;
			continue;
		}
		pause_if_in_vain(r);
		if (!queue_settle(r->queue))
			continue;
		if (!sleep_for_work(r))
			return;
	}
}

static void *runner_main(void *argument)
{
	struct runner *r = argument;
	char name[16];

	/* By the thread itself: naming another would open a file. */
	(void)snprintf(name, sizeof(name), "queue-%u",
		       (unsigned int)(r - r->run->runner) % LIMIT_QUEUES);
	(void)pthread_setname_np(pthread_self(), name);
	serve(r);
	queue_drain(&r->queue, 1);
	return NULL;
}

static int runner_start(struct runner *r)
{
	sigset_t all, before;
	int error;

	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = -pthread_create(&r->thread, NULL, runner_main, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	r->started = error == 0;
	return error;
}

int run_create(struct queue *const *queues, unsigned int count,
	       uint32_t poll_ns, struct run **run)
{
	size_t bytes = sizeof(struct run) + count * sizeof(struct runner);
	struct run *r;
	int error = 0;

	CHECK(count >= 1 && count <= LIMIT_QUEUES);
	CHECK(poll_ns <= LIMIT_POLL_NS);
	r = aligned_alloc(64, bytes);
	if (!r)
		return -ENOMEM;
	memset(r, 0, bytes);
	r->poll_max_ns = poll_ns;
	r->count = count;
	r->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->alarm_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->stop_fd < 0 || r->alarm_fd < 0)
		error = -errno;
	for (unsigned int i = 0; i < count; i++) {
		r->runner[i].run = r;
		r->runner[i].queue = queues[i];
		storm_init(&r->runner[i].storm);
		r->runner[i].wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (r->runner[i].wake_fd < 0)
			error = -errno;
		queue_wake_by(queues[i], r->runner[i].wake_fd);
	}
	for (unsigned int i = 0; i < count && !error; i++)
		error = runner_start(&r->runner[i]);
	if (error) {
		run_destroy(r);
		return error;
	}
	*run = r;
	return 0;
}

/* Those that never got a thread: others' barriers wait for them, too. */
static void drain_idle(struct run *run)
{
	struct queue *idle[LIMIT_QUEUES];
	unsigned int count = 0;

	for (unsigned int i = 0; i < run->count; i++)
		if (!run->runner[i].started)
			idle[count++] = run->runner[i].queue;
	queue_drain(idle, count);
}

void run_destroy(struct run *run)
{
	const uint64_t one = 1;

	if (run->stop_fd >= 0)
		CHECK(write(run->stop_fd, &one, sizeof(one)) == sizeof(one));
	drain_idle(run);
	for (unsigned int i = 0; i < run->count; i++)
		if (run->runner[i].started)
			CHECK(pthread_join(run->runner[i].thread, NULL) == 0);
	/* Nobody wakes anybody any more. */
	for (unsigned int i = 0; i < run->count; i++) {
		queue_wake_by(run->runner[i].queue, -1);
		if (run->runner[i].wake_fd >= 0)
			close(run->runner[i].wake_fd);
	}
	if (run->stop_fd >= 0)
		close(run->stop_fd);
	if (run->alarm_fd >= 0)
		close(run->alarm_fd);
	free(run);
}

int run_alarm_fd(const struct run *run)
{
	return run->alarm_fd;
}
