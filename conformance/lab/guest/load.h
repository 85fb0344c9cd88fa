/*
 * Verified I/O on a block device by several threads, each with a part of its
 * own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conformance/lab/guest/sector.h"

#define LOAD_THREADS_MAX  64u
#define LOAD_BYTES_MAX	  (4u << 20) /* of one request */
#define LOAD_REASON_BYTES 160u

/** struct load_options - what to do */
struct load_options {
	int fd;
	uint64_t region_bytes; /* from the start of the device */
	uint32_t unit_bytes;   /* the device's logical block: 512 or 4096 */
	uint32_t bytes_min;
	uint32_t bytes_max;
	unsigned int threads;
	unsigned int write_percent;
	unsigned int flush_every; /* writes of a thread; 0: never */
	double seconds;		  /* 0: until so many requests */
	uint64_t requests;	  /* 0: until the time is over */
	uint64_t seed;
};

/** struct load_result - what happened */
struct load_result {
	uint64_t reads;
	uint64_t writes;
	uint64_t flushes;
	uint64_t read_bytes;
	uint64_t written_bytes;
	uint64_t verified_sectors;
	uint64_t io_errors;
	uint64_t wrong[SECTOR_VERDICTS]; /* sectors; RIGHT stays 0 */
	double seconds;
	double longest_ms; /* of any request */
	char first_error[LOAD_REASON_BYTES];
};

/**
 * load_run() - random reads and writes, then everything written is read again.
 *
 * Return: 0, also with errors in @result; -ENOMEM or what pthread_create says
 * when it could not begin.
 */
int load_run(const struct load_options *options, struct load_result *result);

/** load_stamp() - writes generation 1 over the region, and flushes. */
int load_stamp(const struct load_options *options, struct load_result *result);

/** load_check() - reads the region and compares it with load_stamp()'s. */
int load_check(const struct load_options *options, struct load_result *result);

/** load_errors() - failed requests and wrong sectors. */
uint64_t load_errors(const struct load_result *result);
