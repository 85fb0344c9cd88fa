/*
 * Verified random I/O: see load.h.
 *
 * Each thread owns a part of the region and knows the generation of every
 * sector in it, so that all it reads can be judged without asking another.
 * What an I/O error leaves behind is unknown until it is written again.  Called
 * by disk_main.c; it must never wait by itself: a request that takes long is
 * the backend's, and its time is what longest_ms tells.
 */
#include "conformance/lab/guest/load.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ALIGNMENT     4096u
#define ERRORS_MAX    100u /* of one thread: then it is enough */
#define STAMP_BYTES   (1u << 20)
#define UNKNOWN	      (1u << 31) /* beside a generation: not to be judged */
#define SWEEP_READ    false
#define SWEEP_WRITE   true
#define NS_PER_SECOND 1e9

struct part {
	const struct load_options *options;
	struct load_result result;
	uint64_t first;	      /* sector of the device */
	uint64_t sectors;     /* of this part */
	uint32_t *generation; /* of each sector; 0: never written */
	unsigned char *buffer;
	uint64_t random;
	uint64_t requests;
	double end; /* seconds of the clock */
	pthread_t thread;
};

/* A run of sectors of a part, counted from the part's first. */
struct span {
	uint64_t sector;
	uint32_t sectors;
};

static double now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / NS_PER_SECOND;
}

uint64_t load_errors(const struct load_result *result)
{
	uint64_t errors = result->io_errors;

	for (unsigned int i = 0; i < SECTOR_VERDICTS; i++)
		errors += result->wrong[i];
	return errors;
}

static void note_io(struct part *part, const char *what, uint64_t sector,
		    ssize_t done)
{
	struct load_result *result = &part->result;

	if (load_errors(result) == 0)
		snprintf(result->first_error, sizeof(result->first_error),
			 "%s at byte %" PRIu64 ": %s", what,
			 sector * SECTOR_BYTES,
			 done < 0 ? strerror(errno) : "it was cut short");
	result->io_errors++;
}

static void note_wrong(struct part *part, enum sector_verdict verdict,
		       const struct sector_id *id)
{
	struct load_result *result = &part->result;

	if (load_errors(result) == 0)
		snprintf(result->first_error, sizeof(result->first_error),
			 "the sector at byte %" PRIu64
			 " is %s (generation %" PRIu32 " was written)",
			 id->sector * SECTOR_BYTES,
			 sector_verdict_name(verdict), id->generation);
	result->wrong[verdict]++;
}

static void note_time(struct part *part, double start)
{
	double ms = (now_seconds() - start) * 1000.0;

	if (ms > part->result.longest_ms)
		part->result.longest_ms = ms;
}

static void judge(struct part *part, struct span span)
{
	for (uint32_t i = 0; i < span.sectors; i++) {
		struct sector_id id = {part->options->seed,
				       part->first + span.sector + i,
				       part->generation[span.sector + i]};
		enum sector_verdict verdict;

		if (id.generation == 0 || id.generation & UNKNOWN)
			continue;
		verdict = sector_judge(part->buffer + i * SECTOR_BYTES, &id);
		if (verdict == SECTOR_RIGHT)
			part->result.verified_sectors++;
		else
			note_wrong(part, verdict, &id);
	}
}

static void read_span(struct part *part, struct span span)
{
	uint64_t sector = part->first + span.sector;
	size_t bytes = (size_t)span.sectors * SECTOR_BYTES;
	double start = now_seconds();
	ssize_t done = pread(part->options->fd, part->buffer, bytes,
			     (off_t)(sector * SECTOR_BYTES));

	note_time(part, start);
	if (done != (ssize_t)bytes) {
		note_io(part, "a read", sector, done);
		return;
	}
	part->result.reads++;
	part->result.read_bytes += bytes;
	judge(part, span);
}

static void write_span(struct part *part, struct span span)
{
	uint64_t sector = part->first + span.sector;
	size_t bytes = (size_t)span.sectors * SECTOR_BYTES;
	uint32_t *generation = part->generation + span.sector;
	double start;
	ssize_t done;

	for (uint32_t i = 0; i < span.sectors; i++) {
		struct sector_id id = {part->options->seed, sector + i, 0};

		generation[i] = (generation[i] & ~UNKNOWN) + 1;
		id.generation = generation[i];
		sector_fill(part->buffer + i * SECTOR_BYTES, &id);
	}
	start = now_seconds();
	done = pwrite(part->options->fd, part->buffer, bytes,
		      (off_t)(sector * SECTOR_BYTES));
	note_time(part, start);
	if (done != (ssize_t)bytes) {
		note_io(part, "a write", sector, done);
		for (uint32_t i = 0; i < span.sectors; i++)
			generation[i] |= UNKNOWN;
		return;
	}
	part->result.writes++;
	part->result.written_bytes += bytes;
}

static void flush(struct part *part)
{
	double start = now_seconds();
	int done = fdatasync(part->options->fd);

	note_time(part, start);
	if (done != 0)
		note_io(part, "a flush", part->first, done);
	else
		part->result.flushes++;
}

/* Small and large ones alike: first the magnitude, then a size within it. */
static struct span choose(struct part *part)
{
	const struct load_options *o = part->options;
	uint32_t unit = o->unit_bytes / SECTOR_BYTES;
	uint32_t most = o->bytes_max / SECTOR_BYTES;
	uint32_t least = o->bytes_min / SECTOR_BYTES;
	unsigned int doublings = 0;
	struct span span;
	uint64_t places;

	while (least << doublings < most)
		doublings++;
	doublings = (unsigned int)(sector_mix(&part->random) % (doublings + 1));
	span.sectors = least << doublings;
	span.sectors -=
		(uint32_t)(sector_mix(&part->random) % (span.sectors / 2 + 1));
	span.sectors -= span.sectors % unit;
	if (span.sectors < least)
		span.sectors = least;
	if (span.sectors > most)
		span.sectors = most;
	places = (part->sectors - span.sectors) / unit + 1;
	span.sector = sector_mix(&part->random) % places * unit;
	return span;
}

static bool goes_on(const struct part *part, uint64_t done)
{
	if (load_errors(&part->result) >= ERRORS_MAX)
		return false;
	if (part->requests > 0)
		return done < part->requests;
	return now_seconds() < part->end;
}

static void sweep(struct part *part, bool writes)
{
	uint32_t step = part->options->bytes_max / SECTOR_BYTES;

	for (uint64_t at = 0; at < part->sectors; at += step) {
		uint64_t left = part->sectors - at;
		struct span span = {at, left < step ? (uint32_t)left : step};

		if (load_errors(&part->result) >= ERRORS_MAX)
			return;
		if (writes)
			write_span(part, span);
		else
			read_span(part, span);
	}
}

static void *random_part(void *argument)
{
	struct part *part = argument;
	const struct load_options *o = part->options;

	for (uint64_t done = 0; goes_on(part, done); done++) {
		struct span span = choose(part);

		if (sector_mix(&part->random) % 100 >= o->write_percent) {
			read_span(part, span);
			continue;
		}
		write_span(part, span);
		if (o->flush_every > 0 &&
		    part->result.writes % o->flush_every == 0)
			flush(part);
	}
	flush(part);
	sweep(part, SWEEP_READ);
	return NULL;
}

static void add(struct load_result *sum, const struct load_result *one)
{
	if (load_errors(sum) == 0)
		memcpy(sum->first_error, one->first_error,
		       sizeof(sum->first_error));
	sum->reads += one->reads;
	sum->writes += one->writes;
	sum->flushes += one->flushes;
	sum->read_bytes += one->read_bytes;
	sum->written_bytes += one->written_bytes;
	sum->verified_sectors += one->verified_sectors;
	sum->io_errors += one->io_errors;
	for (unsigned int i = 0; i < SECTOR_VERDICTS; i++)
		sum->wrong[i] += one->wrong[i];
	if (one->longest_ms > sum->longest_ms)
		sum->longest_ms = one->longest_ms;
}

static int part_init(struct part *part, const struct load_options *options,
		     unsigned int index)
{
	uint64_t units = options->region_bytes / options->unit_bytes;
	uint64_t unit = options->unit_bytes / SECTOR_BYTES;
	uint64_t each = units / options->threads;

	memset(part, 0, sizeof(*part));
	part->options = options;
	part->first = index * each * unit;
	part->sectors = each * unit;
	part->random = options->seed + index;
	part->requests = options->requests / options->threads;
	part->end = now_seconds() + options->seconds;
	part->generation = calloc(part->sectors, sizeof(*part->generation));
	part->buffer = aligned_alloc(ALIGNMENT, LOAD_BYTES_MAX);
	return part->generation && part->buffer ? 0 : -ENOMEM;
}

static void part_fini(struct part *part)
{
	free(part->generation);
	free(part->buffer);
}

int load_run(const struct load_options *options, struct load_result *result)
{
	struct part *parts = calloc(options->threads, sizeof(*parts));
	double start = now_seconds();
	unsigned int made = 0, running = 0;
	int error = parts ? 0 : -ENOMEM;

	memset(result, 0, sizeof(*result));
	while (error == 0 && made < options->threads) {
		error = part_init(&parts[made], options, made);
		made++;
	}
	while (error == 0 && running < options->threads) {
		error = -pthread_create(&parts[running].thread, NULL,
					random_part, &parts[running]);
		running += error == 0;
	}
	for (unsigned int i = 0; i < running; i++) {
		pthread_join(parts[i].thread, NULL);
		add(result, &parts[i].result);
	}
	for (unsigned int i = 0; i < made; i++)
		part_fini(&parts[i]);
	free(parts);
	result->seconds = now_seconds() - start;
	return error;
}

static int one_part(const struct load_options *given, bool writes,
		    struct load_result *result)
{
	struct load_options options = *given;
	double start = now_seconds();
	struct part part;
	int error;

	options.threads = 1;
	options.bytes_max = STAMP_BYTES;
	error = part_init(&part, &options, 0);
	if (error == 0) {
		if (!writes)
			for (uint64_t i = 0; i < part.sectors; i++)
				part.generation[i] = 1;
		sweep(&part, writes);
		if (writes)
			flush(&part);
	}
	part.result.seconds = now_seconds() - start;
	*result = part.result;
	part_fini(&part);
	return error;
}

int load_stamp(const struct load_options *options, struct load_result *result)
{
	return one_part(options, SWEEP_WRITE, result);
}

int load_check(const struct load_options *options, struct load_result *result)
{
	return one_part(options, SWEEP_READ, result);
}
