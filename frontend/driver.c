/*
 * Drives one queue: a fixed number of requests in flight, each answered one
 * replaced at once.
 *
 * The hot path looks at the clock once per batch of responses, allocates
 * nothing, and leaves the pages alone unless the data is verified.
 */
#include "frontend/driver.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "frontend/verify.h"

#define BATCH	     64u
#define SILENCE_MS   10000 /* no response at all for so long: give up */
#define SPINS_A_LOOK 32u

uint64_t driver_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static uint32_t largest_block(const struct load_options *options)
{
	uint32_t bytes = options->sizes ? 0 : options->block_bytes;

	for (unsigned int i = 0; i < options->sizes; i++)
		if (options->size[i].bytes > bytes)
			bytes = options->size[i].bytes;
	return bytes;
}

static int slot_init(struct driver *driver, struct driver_slot *slot)
{
	int err = 0;

	slot->page = driver->page + (slot - driver->slot) * driver->pages;
	if (driver->pages > FRONT_MAX_SEGMENTS)
		err = front_queue_page_get(driver->queue, &slot->list);
	for (unsigned int i = 0; !err && i < driver->pages; i++) {
		err = front_queue_page_get(driver->queue, &slot->page[i]);
		if (err)
			break;
		memset(slot->page[i].data, (int)(0xa0 + i % 64),
		       FRONT_PAGE_BYTES);
		driver_segment(slot, i, 7);
	}
	slot->request.id = (uint64_t)(slot - driver->slot);
	slot->request.indirect_gref[0] = slot->list.gref;
	return err;
}

int driver_init(struct driver *driver)
{
	driver->pages =
		(largest_block(driver->options) + FRONT_PAGE_BYTES - 1) /
		FRONT_PAGE_BYTES;
	if (driver->pages == 0 || driver->depth == 0)
		return -EINVAL; /* a load of empty blocks is none */
	driver->slot = calloc(driver->depth, sizeof(*driver->slot));
	driver->page = calloc((size_t)driver->depth * driver->pages,
			      sizeof(*driver->page));
	driver->free = calloc(driver->depth, sizeof(*driver->free));
	if (driver->options->verify)
		driver->state = malloc(driver->units * sizeof(uint32_t));
	if (!driver->slot || !driver->page || !driver->free ||
	    (driver->options->verify && !driver->state))
		return -ENOMEM;
	for (uint64_t i = 0; driver->state && i < driver->units; i++)
		driver->state[i] = driver->options->expect;
	for (unsigned int i = 0; i < driver->depth; i++) {
		int err = slot_init(driver, &driver->slot[i]);

		if (err)
			return err;
		driver->free[driver->free_count++] = (uint16_t)i;
	}
	return 0;
}

void driver_fini(struct driver *driver)
{
	for (unsigned int i = 0; driver->slot && i < driver->depth; i++) {
		struct driver_slot *slot = &driver->slot[i];

		/* What was never answered still belongs to the backend. */
		for (unsigned int j = 0; slot->page && j < driver->pages; j++)
			if (slot->page[j].data && !slot->used)
				front_queue_page_put(driver->queue,
						     &slot->page[j]);
		if (slot->list.data && !slot->used)
			front_queue_page_put(driver->queue, &slot->list);
	}
	free(driver->page);
	free(driver->slot);
	free(driver->free);
	free(driver->state);
}

__attribute__((format(printf, 2, 3))) static void complain(
	struct driver *driver, const char *format, ...)
{
	struct load_result *result = &driver->result;
	va_list arguments;

	if (result->complaint[0])
		return;
	va_start(arguments, format);
	vsnprintf(result->complaint, sizeof(result->complaint), format,
		  arguments);
	va_end(arguments);
}

static bool wants_more(struct driver *driver, uint64_t now)
{
	const struct load_options *options = driver->options;

	if (!driver->quota || now >= driver->stop_ns)
		return false;
	return !options->stop ||
	       !atomic_load_explicit(options->stop, memory_order_relaxed);
}

static bool issue(struct driver *driver, uint64_t now)
{
	uint16_t index = driver->free[driver->free_count - 1];
	struct driver_slot *slot = &driver->slot[index];

	if (!driver_pick(driver, slot))
		return false;
	driver->free_count--;
	driver->quota -= driver->quota != UINT64_MAX;
	if (driver->state)
		driver_stamp(driver, slot);
	slot->issued_ns = now;
	slot->used = true;
	front_submit(driver->queue, &slot->request);
	driver->in_flight++;
	return true;
}

static void fill(struct driver *driver, uint64_t now)
{
	while (driver->free_count && wants_more(driver, now))
		if (!issue(driver, now))
			break;
	front_push(driver->queue);
}

static const char *name_of(uint8_t operation)
{
	switch (operation) {
	case DRIVER_READ:
		return "read";
	case DRIVER_WRITE:
		return "write";
	case DRIVER_BARRIER:
		return "barrier";
	case DRIVER_FLUSH:
		return "flush";
	default:
		return "discard";
	}
}

static void count_kind(struct load_result *result, uint8_t operation)
{
	result->reads += operation == DRIVER_READ;
	result->writes += driver_writes(operation);
	result->barriers += operation == DRIVER_BARRIER;
	result->flushes += operation == DRIVER_FLUSH;
	result->discards += operation == DRIVER_DISCARD;
}

static void count(struct driver *driver, const struct driver_slot *slot,
		  int status)
{
	struct load_result *result = &driver->result;

	result->operations++;
	count_kind(result, slot->operation);
	if (slot->operation != DRIVER_DISCARD)
		result->bytes += slot->bytes;
	if (!status)
		return;
	result->errors++;
	complain(driver, "a %s of %u bytes at sector %llu was answered %d",
		 name_of(slot->operation), slot->bytes,
		 (unsigned long long)slot->request.sector, status);
}

static void finish(struct driver *driver, const struct front_response *response,
		   uint64_t now)
{
	struct driver_slot *slot;

	if (response->id >= driver->depth || !driver->slot[response->id].used ||
	    driver->slot[response->id].operation != response->operation) {
		driver->result.protocol++;
		complain(driver, "a response carries id %llu, operation %u",
			 (unsigned long long)response->id, response->operation);
		return;
	}
	slot = &driver->slot[response->id];
	count(driver, slot, response->status);
	if (driver->state)
		driver_check(driver, slot, response->status == 0);
	latency_record(&driver->latency, now - slot->issued_ns);
	slot->used = false;
	driver->free[driver->free_count++] = (uint16_t)response->id;
	driver->in_flight--;
}

void driver_start(struct driver *driver)
{
	double seconds = driver->options->seconds;
	uint64_t now = driver_now();

	driver->begin_ns = driver->end_ns = driver->idle_ns = now;
	driver->stop_ns = UINT64_MAX;
	if (seconds > 0)
		driver->stop_ns = now + (uint64_t)(seconds * 1e9);
	fill(driver, now);
}

bool driver_step(struct driver *driver)
{
	struct front_response response[BATCH];
	unsigned int n = front_reap(driver->queue, response, BATCH);
	uint64_t now;

	if (!n)
		return false;
	now = driver_now();
	for (unsigned int i = 0; i < n; i++)
		finish(driver, &response[i], now);
	driver->end_ns = driver->idle_ns = now;
	fill(driver, now);
	return true;
}

static void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

/* Look again for a bounded time; whether a response came. */
static bool spin(struct driver *driver)
{
	uint64_t bound = driver->options->spin_ns;

	while (bound) {
		for (unsigned int i = 0; i < SPINS_A_LOOK; i++) {
			if (driver_step(driver))
				return true;
			relax();
		}
		uint64_t idle = driver_now() - driver->idle_ns;

		if (idle > SILENCE_MS * 1000000ull)
			return false;
		if (idle > bound)
			return false;
	}
	return false;
}

static int sleep_for_response(struct driver *driver)
{
	unsigned int after = driver->options->event_after;
	int happened;

	if (after > driver->in_flight)
		after = driver->in_flight;
	if (front_arm_after(driver->queue, after ? after : 1))
		return 0;
	happened = front_queue_wait(driver->queue, SILENCE_MS);
	if (happened == 0 && !front_arm(driver->queue)) {
		complain(driver,
			 "queue %u: %u requests had no response for %d s",
			 driver->index, driver->in_flight, SILENCE_MS / 1000);
		return -ETIMEDOUT;
	}
	return happened < 0 && happened != -EINTR ? happened : 0;
}

static double thread_cpu(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

void driver_run(struct driver *driver)
{
	double cpu = thread_cpu();

	driver_start(driver);
	while (driver->in_flight && !driver->error) {
		if (driver_step(driver) || spin(driver))
			continue;
		driver->error = sleep_for_response(driver);
	}
	driver->cpu_seconds = thread_cpu() - cpu;
}
