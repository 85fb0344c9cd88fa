/*
 * Two threads, a ring in memory, a front that keeps requests outstanding and a
 * back that copies each request once and answers it.  No grants, no data, no
 * checks: what a real backend is compared with, in the same placement.  See
 * limit.h.
 */
#include "bench/limit.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <xenctrl.h>
#include <xen/io/blkif.h>

#define PAGE_BYTES 4096u
#define WARM_UP_NS 100000000u
/* Requests; a prime, so that no place within a batch is favoured. */
#define SAMPLE_EVERY 61u

struct bench {
	struct limit_options options;
	bool yields; /* both sides share a CPU */
	_Atomic bool stop;
	blkif_sring_t *shared;

	/* the back's own line of memory */
	_Alignas(64) blkif_back_ring_t back;
	int back_event;
	_Atomic uint64_t back_calls; /* system calls it made */
	uint64_t back_ns;	     /* single only: time inside back_turn() */

	/* the front's */
	_Alignas(64) blkif_front_ring_t front;
	int front_event;
	unsigned int outstanding;
	uint64_t sent, answered, sampled_id, sampled_at;
	struct latency latency;
};

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "xenblk-bench-ring: %s: %s\n", what, strerror(errno));
	exit(4);
}

static uint64_t ns_of(struct timespec t)
{
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return ns_of(t);
}

static void event_send(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		fail("cannot write to an eventfd");
}

static void event_wait(int fd)
{
	uint64_t value;

	if (read(fd, &value, sizeof(value)) != sizeof(value) && errno != EINTR)
		fail("cannot read from an eventfd");
}

/* One writer: a load and a store are enough. */
static void back_called(struct bench *bench)
{
	atomic_store_explicit(
		&bench->back_calls,
		atomic_load_explicit(&bench->back_calls, memory_order_relaxed) +
			1,
		memory_order_relaxed);
}

/*
 * Xen's ring macros touch the shared indices with plain loads and stores
 * between barriers, which is what is measured here.  ThreadSanitizer knows no
 * such discipline and is told to look away from these functions.
 */
#define XEN_RING_MACROS __attribute__((no_sanitize("thread")))

/* Another thread changes it: the compiler must look each time. */
static RING_IDX look(const RING_IDX *index)
{
	return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

/* --- the back: copy each request, answer it --- */

XEN_RING_MACROS static unsigned int back_turn(struct bench *bench)
{
	blkif_back_ring_t *back = &bench->back;
	RING_IDX end = look(&back->sring->req_prod);
	unsigned int taken = end - back->req_cons;
	blkif_request_t request;
	int notify;

	if (taken == 0)
		return 0;
	while (back->req_cons != end) {
		RING_COPY_REQUEST(back, back->req_cons++, &request);
		/* A backend needs all of it: keep the copy from being dropped.
		 */
		__asm__ volatile("" : : "m"(request));
		*RING_GET_RESPONSE(back, back->rsp_prod_pvt++) =
			(blkif_response_t){
				.id = request.id,
				.operation = request.operation,
				.status = BLKIF_RSP_OKAY,
			};
	}
	RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(back, notify);
	if (notify && bench->options.mode == LIMIT_MODE_EVENT) {
		event_send(bench->front_event);
		back_called(bench);
	}
	return taken;
}

XEN_RING_MACROS static void back_rest(struct bench *bench)
{
	unsigned int more;

	if (bench->options.mode == LIMIT_MODE_EVENT) {
		RING_FINAL_CHECK_FOR_REQUESTS(&bench->back, more);
		if (more)
			return;
		event_wait(bench->back_event);
		back_called(bench);
	} else if (bench->yields) {
		sched_yield();
		back_called(bench);
	} else {
		__builtin_ia32_pause();
	}
}

static void *back_thread(void *context)
{
	struct bench *bench = context;

	while (!atomic_load_explicit(&bench->stop, memory_order_relaxed))
		if (back_turn(bench) == 0)
			back_rest(bench);
	return NULL;
}

/* --- the front: keep depth requests outstanding --- */

XEN_RING_MACROS static void front_fill(struct bench *bench)
{
	blkif_front_ring_t *front = &bench->front;
	int notify;

	if (bench->outstanding == bench->options.depth)
		return;
	for (; bench->outstanding < bench->options.depth;
	     bench->outstanding++) {
		blkif_request_t *request =
			RING_GET_REQUEST(front, front->req_prod_pvt++);

		*request = (blkif_request_t){
			.operation = BLKIF_OP_READ,
			.nr_segments = 1,
			.id = ++bench->sent,
			.sector_number = (bench->sent * 8) & 0xffff8,
			.seg[0] = {.gref = 8, .last_sect = 7},
		};
		if (bench->sent % SAMPLE_EVERY == 0 && !bench->sampled_id) {
			bench->sampled_id = bench->sent;
			bench->sampled_at = now_ns();
		}
	}
	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(front, notify);
	if (notify && bench->options.mode == LIMIT_MODE_EVENT)
		event_send(bench->back_event);
}

XEN_RING_MACROS static unsigned int front_reap(struct bench *bench)
{
	blkif_front_ring_t *front = &bench->front;
	RING_IDX end = look(&front->sring->rsp_prod);
	unsigned int taken = end - front->rsp_cons;
	blkif_response_t response;

	while (front->rsp_cons != end) {
		RING_COPY_RESPONSE(front, front->rsp_cons++, &response);
		if (response.id == bench->sampled_id) {
			latency_record(&bench->latency,
				       now_ns() - bench->sampled_at);
			bench->sampled_id = 0;
		}
	}
	bench->outstanding -= taken;
	bench->answered += taken;
	return taken;
}

XEN_RING_MACROS static void front_rest(struct bench *bench)
{
	unsigned int more;

	if (bench->options.mode == LIMIT_MODE_EVENT) {
		RING_FINAL_CHECK_FOR_RESPONSES(&bench->front, more);
		if (!more)
			event_wait(bench->front_event);
	} else if (bench->yields) {
		sched_yield();
	} else {
		__builtin_ia32_pause();
	}
}

/* Serves both sides in this thread when there is no back of its own. */
static void front_step(struct bench *bench)
{
	uint64_t start;

	front_fill(bench);
	if (bench->options.mode == LIMIT_MODE_SINGLE) {
		start = now_ns();
		back_turn(bench);
		bench->back_ns += now_ns() - start;
	}
	if (front_reap(bench) == 0)
		front_rest(bench);
}

/* Reading the clock costs as much as a request: look at it rarely. */
static uint64_t front_run(struct bench *bench, uint64_t ns)
{
	uint64_t start = now_ns();
	uint64_t elapsed = 0;

	while (elapsed < ns) {
		for (unsigned int i = 0; i < 64; i++)
			front_step(bench);
		elapsed = now_ns() - start;
	}
	return elapsed;
}

/* --- one run --- */

static void pin(pthread_t thread, int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((unsigned int)cpu, &set);
	errno = pthread_setaffinity_np(thread, sizeof(set), &set);
	if (errno)
		fail("cannot pin a thread to its CPU (--front-cpu, "
		     "--back-cpu)");
}

static uint64_t thread_cpu_ns(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t))
		fail("cannot read a thread's CPU time");
	return ns_of(t);
}

static void prepare(struct bench *bench)
{
	long bytes = (long)bench->options.pages * (long)PAGE_BYTES;

	bench->shared = aligned_alloc(PAGE_BYTES, (size_t)bytes);
	bench->back_event = eventfd(0, EFD_CLOEXEC);
	bench->front_event = eventfd(0, EFD_CLOEXEC);
	if (!bench->shared || bench->back_event < 0 || bench->front_event < 0)
		fail("cannot make the ring");
	memset(bench->shared, 0, (size_t)bytes);
	SHARED_RING_INIT(bench->shared);
/* Xen's macro subtracts addresses as long from a size_t. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
	FRONT_RING_INIT(&bench->front, bench->shared, bytes);
	BACK_RING_INIT(&bench->back, bench->shared, bytes);
#pragma GCC diagnostic pop
	bench->yields = bench->options.front_cpu >= 0 &&
			bench->options.front_cpu == bench->options.back_cpu;
	pin(pthread_self(), bench->options.front_cpu);
}

static void release(struct bench *bench)
{
	free(bench->shared);
	close(bench->back_event);
	close(bench->front_event);
}

/* Counts what happens after the warm-up only. */
static void measure(struct bench *bench, clockid_t back_clock,
		    struct limit_figures *to)
{
	bool single = bench->options.mode == LIMIT_MODE_SINGLE;
	uint64_t requests, calls, cpu_ns;

	front_run(bench, WARM_UP_NS);
	bench->latency = (struct latency){0};
	requests = bench->answered;
	calls = atomic_load(&bench->back_calls);
	cpu_ns = single ? bench->back_ns : thread_cpu_ns(back_clock);
	to->elapsed_ns =
		front_run(bench, (uint64_t)(bench->options.seconds * 1e9));
	to->back_cpu_ns =
		(single ? bench->back_ns : thread_cpu_ns(back_clock)) - cpu_ns;
	to->back_calls = atomic_load(&bench->back_calls) - calls;
	to->requests = bench->answered - requests;
	to->latency = bench->latency;
}

static void measure_threads(struct bench *bench, struct limit_figures *to)
{
	pthread_t back;
	clockid_t clock;

	errno = pthread_create(&back, NULL, back_thread, bench);
	if (errno)
		fail("cannot start a thread");
	pin(back, bench->options.back_cpu);
	errno = pthread_getcpuclockid(back, &clock);
	if (errno)
		fail("cannot find a thread's clock");
	measure(bench, clock, to);
	atomic_store(&bench->stop, true);
	event_send(bench->back_event);
	pthread_join(back, NULL);
}

unsigned int limit_slots(unsigned int pages)
{
	return (unsigned int)__CONST_RING_SIZE(blkif, PAGE_BYTES * pages);
}

void limit_run(const struct limit_options *options,
	       struct limit_figures *figures)
{
	static struct bench bench; /* its two halves need their alignment */

	bench = (struct bench){.options = *options};
	prepare(&bench);
	if (options->mode == LIMIT_MODE_SINGLE)
		measure(&bench, CLOCK_THREAD_CPUTIME_ID, figures);
	else
		measure_threads(&bench, figures);
	release(&bench);
}
