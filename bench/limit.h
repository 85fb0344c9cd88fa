/*
 * The bare ring limit: what a blkif ring can do when nobody does any work.
 *
 * limit.c is the measurement, limit_main.c its command line, xenblk-bench-ring
 * the program.
 */
#pragma once

#include <stdint.h>

#include "frontend/latency.h"

/*
 *   event   both sides sleep on an eventfd and notify as Xen's ring.h says
 *   spin    no events; a side that finds nothing looks again (and on a shared
 *           CPU gives it away, or the other side could never run)
 *   single  one thread is front and back in turn: the cost without any waiting
 */
enum limit_mode {
	LIMIT_MODE_EVENT,
	LIMIT_MODE_SPIN,
	LIMIT_MODE_SINGLE,
	LIMIT_MODE_COUNT
};

struct limit_options {
	enum limit_mode mode;
	unsigned int depth; /* requests in flight, up to the ring's slots */
	unsigned int pages; /* of the ring, a power of two */
	int front_cpu, back_cpu; /* -1: wherever the kernel likes */
	double seconds;
};

/* What happened after the warm-up. */
struct limit_figures {
	uint64_t requests, elapsed_ns;
	uint64_t back_cpu_ns;	/* of the thread that answers */
	uint64_t back_calls;	/* system calls that it made */
	struct latency latency; /* of one request in a while */
};

/** limit_slots() - how many requests fit into a ring of so many pages. */
unsigned int limit_slots(unsigned int pages);

/** limit_run() - measure; ends the program with a sentence when it cannot. */
void limit_run(const struct limit_options *options,
	       struct limit_figures *figures);
