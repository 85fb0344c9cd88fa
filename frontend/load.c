/*
 * The load generator: options checked, one driver per queue, figures summed.
 *
 * Each driver has a part of the region to itself, so that verification needs no
 * word between queues.
 */
#include "frontend/load.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/driver.h"
#include "frontend/inside.h"

#define DEFAULT_DEPTH 32u
#define DEFAULT_BLOCK 4096u

/* A run: the options with every default filled in, and its drivers. */
struct load {
	struct front *front;
	struct load_options options;
	struct load_result *result;
	uint32_t unit_bytes, largest, weights;
	struct driver *driver;
};

__attribute__((format(printf, 2, 3))) static int invalid(struct load *load,
							 const char *format,
							 ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(load->result->complaint, sizeof(load->result->complaint),
		  format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static int check_size(struct load *load, uint32_t bytes)
{
	if (!bytes || bytes % 512 || bytes > LOAD_MAX_BLOCK_BYTES)
		return invalid(load,
			       "a block of %u bytes: it must be a multiple of "
			       "512 up to %u",
			       bytes, LOAD_MAX_BLOCK_BYTES);
	if (bytes > FRONT_MAX_SEGMENTS * FRONT_PAGE_BYTES &&
	    (bytes - 1) / FRONT_PAGE_BYTES >=
		    front_properties(load->front)->max_indirect_segments)
		return invalid(
			load,
			"a block of %u bytes: the backend takes %u "
			"pages in a request at most",
			bytes,
			front_properties(load->front)->max_indirect_segments >
					FRONT_MAX_SEGMENTS
				? front_properties(load->front)
					  ->max_indirect_segments
				: FRONT_MAX_SEGMENTS);
	if (bytes > load->largest)
		load->largest = bytes;
	if (!load->unit_bytes || bytes < load->unit_bytes)
		load->unit_bytes = bytes;
	return 0;
}

/* Positions are multiples of the smallest size if that divides the others. */
static int check_sizes(struct load *load)
{
	struct load_options *o = &load->options;
	uint32_t smallest;
	int err = 0;

	if (!o->block_bytes)
		o->block_bytes = DEFAULT_BLOCK;
	if (!o->sizes)
		return check_size(load, o->block_bytes);
	if (o->sizes > LOAD_MAX_SIZES)
		return invalid(load, "a mix of %u sizes: at most %u", o->sizes,
			       LOAD_MAX_SIZES);
	for (unsigned int i = 0; !err && i < o->sizes; i++) {
		err = check_size(load, o->size[i].bytes);
		load->weights += o->size[i].weight;
	}
	if (!err && !load->weights)
		return invalid(load, "a mix in which every weight is 0");
	smallest = load->unit_bytes;
	for (unsigned int i = 0; !err && i < o->sizes; i++)
		if (o->size[i].bytes % smallest)
			load->unit_bytes = 512;
	return err;
}

static int check_shape(struct load *load)
{
	struct load_options *o = &load->options;
	unsigned int slots = front_properties(load->front)->ring_slots;
	unsigned int queues = front_queues(load->front);

	if (!o->queues)
		o->queues = queues;
	if (!o->depth)
		o->depth = DEFAULT_DEPTH;
	if (o->queues > queues)
		return invalid(load, "%u queues wanted, the device has %u",
			       o->queues, queues);
	if (o->depth > slots)
		return invalid(load, "depth %u: the ring has %u slots",
			       o->depth, slots);
	if (o->write_percent > 100)
		return invalid(load, "%u %% of writes", o->write_percent);
	if (o->flush_percent + o->barrier_percent + o->discard_percent > 100)
		return invalid(load,
			       "%u %% of flushes, %u %% of barriers and %u %% "
			       "of discards are more than all requests",
			       o->flush_percent, o->barrier_percent,
			       o->discard_percent);
	if (o->seconds <= 0 && !o->operations && !o->stop)
		return invalid(load, "neither a time nor a number of requests "
				     "ends this load");
	return 0;
}

static int check_offer(struct load *load)
{
	const struct front_properties *p = front_properties(load->front);
	const struct load_options *o = &load->options;
	const char *missing = NULL;

	if (o->flush_percent > 0 && !p->feature_flush)
		missing = "flushes";
	if (o->barrier_percent > 0 && !p->feature_barrier)
		missing = "barriers";
	if (o->discard_percent > 0 && !p->feature_discard)
		missing = "discards";
	return missing == NULL
		       ? 0
		       : invalid(load, "the backend offers no %s", missing);
}

static int check_region(struct load *load)
{
	struct load_options *o = &load->options;
	uint64_t sectors = front_properties(load->front)->sectors;

	if (o->region_start > sectors)
		return invalid(load,
			       "the region starts at sector %llu, the "
			       "disk has %llu",
			       (unsigned long long)o->region_start,
			       (unsigned long long)sectors);
	if (!o->region_sectors)
		o->region_sectors = sectors - o->region_start;
	if (o->region_sectors > sectors - o->region_start)
		return invalid(load,
			       "the region ends beyond the disk's %llu "
			       "sectors",
			       (unsigned long long)sectors);
	if (o->region_sectors / o->queues * 512 < load->largest)
		return invalid(load,
			       "the region has no room for a block of "
			       "%u bytes per queue",
			       load->largest);
	return 0;
}

static void driver_options(struct load *load, unsigned int i)
{
	struct driver *driver = &load->driver[i];
	struct load_options *o = &load->options;
	uint64_t unit_sectors = load->unit_bytes / 512;
	uint64_t share = o->region_sectors / unit_sectors / o->queues;

	driver->queue = front_queue(load->front, i);
	driver->options = o;
	driver->index = i;
	driver->depth = o->depth;
	driver->unit_bytes = load->unit_bytes;
	driver->weights = load->weights;
	driver->units = share;
	driver->start = o->region_start + share * unit_sectors * i;
	driver->random = (o->seed + i + 1) * 0x9e3779b97f4a7c15ull | 1;
	driver->quota = UINT64_MAX;
	if (o->operations)
		driver->quota = o->operations / o->queues +
				(i < o->operations % o->queues);
}

static int drivers_init(struct load *load)
{
	unsigned int queues = load->options.queues;
	int err = 0;

	load->driver = calloc(queues, sizeof(*load->driver));
	if (!load->driver)
		return -ENOMEM;
	for (unsigned int i = 0; !err && i < queues; i++) {
		driver_options(load, i);
		err = driver_init(&load->driver[i]);
		if (err)
			invalid(load, "cannot set up queue %u: %s", i,
				strerror(-err));
	}
	return err;
}

static void drivers_fini(struct load *load)
{
	for (unsigned int i = 0; load->driver && i < load->options.queues; i++)
		driver_fini(&load->driver[i]);
	free(load->driver);
}

static void *thread_main(void *context)
{
	struct driver *driver = context;
	const struct load_options *o = driver->options;

	if (o->cpu_count) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET((size_t)o->cpus[driver->index % o->cpu_count], &set);
		driver->error = -pthread_setaffinity_np(pthread_self(),
							sizeof(set), &set);
	}
	if (!driver->error)
		driver_run(driver);
	return NULL;
}

static int run_threads(struct load *load)
{
	unsigned int started = 0;
	pthread_t thread[FRONT_MAX_QUEUES];
	int err = 0;

	while (!err && started < load->options.queues) {
		err = -pthread_create(&thread[started], NULL, thread_main,
				      &load->driver[started]);
		started += !err;
	}
	for (unsigned int i = 0; i < started; i++)
		pthread_join(thread[i], NULL);
	return err;
}

/* Without threads: every queue in turn, the caller's own waiting in between. */
static int run_in_turn(struct load *load)
{
	unsigned int queues = load->options.queues;

	for (unsigned int i = 0; i < queues; i++)
		driver_start(&load->driver[i]);
	for (;;) {
		bool busy = false, ready = false;

		for (unsigned int i = 0; i < queues; i++) {
			ready |= driver_step(&load->driver[i]);
			busy |= load->driver[i].in_flight != 0;
		}
		if (!busy)
			return 0;
		for (unsigned int i = 0; i < queues; i++)
			ready |= front_arm(load->driver[i].queue);
		if (!ready &&
		    front_wait(load->front, front_timeout_ms(load->front)) <= 0)
			return -ETIMEDOUT;
	}
}

static void add(struct load_result *sum, const struct load_result *one)
{
	sum->operations += one->operations;
	sum->reads += one->reads;
	sum->writes += one->writes;
	sum->barriers += one->barriers;
	sum->flushes += one->flushes;
	sum->discards += one->discards;
	sum->bytes += one->bytes;
	sum->errors += one->errors;
	sum->mismatches += one->mismatches;
	sum->verified += one->verified;
	sum->protocol += one->protocol;
	if (!sum->complaint[0])
		memcpy(sum->complaint, one->complaint, sizeof(sum->complaint));
}

static void percentiles(struct load_result *result,
			const struct latency *latency)
{
	if (!latency->count)
		return;
	result->mean_ns = (double)latency->sum_ns / (double)latency->count;
	result->p50_ns = latency_percentile(latency, 500);
	result->p99_ns = latency_percentile(latency, 990);
	result->p999_ns = latency_percentile(latency, 999);
	result->max_ns = latency->max_ns;
}

/* What the counters of the queues gained since @before was taken. */
static void count_events(struct load *load, const struct front_counters *before)
{
	for (unsigned int i = 0; i < load->options.queues; i++) {
		struct front_counters now;

		front_counters(front_queue(load->front, i), &now);
		load->result->pushes += now.pushes - before[i].pushes;
		load->result->notifies += now.notifies - before[i].notifies;
		load->result->wakeups += now.wakeups - before[i].wakeups;
	}
}

static int sum_up(struct load *load)
{
	uint64_t begin = UINT64_MAX, end = 0;
	struct latency *all = &load->driver[0].latency;
	int err = 0;

	for (unsigned int i = 0; i < load->options.queues; i++) {
		struct driver *driver = &load->driver[i];

		add(load->result, &driver->result);
		load->result->cpu_seconds += driver->cpu_seconds;
		if (driver->begin_ns < begin)
			begin = driver->begin_ns;
		if (driver->end_ns > end)
			end = driver->end_ns;
		if (i)
			latency_add(all, &driver->latency);
		if (driver->error)
			err = driver->error;
	}
	load->result->seconds = end > begin ? (double)(end - begin) / 1e9 : 0;
	load->result->queues = load->options.queues;
	load->result->depth = load->options.depth;
	percentiles(load->result, all);
	return err;
}

int load_run(struct front *front, const struct load_options *options,
	     struct load_result *result)
{
	struct load load = {front, *options, result, 0, 0, 0, NULL};
	struct front_counters before[FRONT_MAX_QUEUES];
	int err, summed;

	memset(result, 0, sizeof(*result));
	err = check_sizes(&load);
	if (!err)
		err = check_shape(&load);
	if (!err)
		err = check_offer(&load);
	if (!err)
		err = check_region(&load);
	if (!err)
		err = drivers_init(&load);
	if (!err) {
		for (unsigned int i = 0; i < load.options.queues; i++)
			front_counters(front_queue(front, i), &before[i]);
		err = front->options.wait ? run_in_turn(&load)
					  : run_threads(&load);
		summed = sum_up(&load);
		err = err ? err : summed;
		if (err == -ETIMEDOUT && !result->complaint[0])
			invalid(&load, "responses stayed away");
		count_events(&load, before);
	}
	drivers_fini(&load);
	return err;
}
