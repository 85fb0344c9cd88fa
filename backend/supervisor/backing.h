/*
 * An image, opened and measured: what a worker gets as descriptors.
 *
 * The only place of the supervisor that opens files of users.  Called by
 * device.c, which hands the descriptors to a worker and closes them here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/link.h"
#include "backend/supervisor/conf.h"

struct backing {
	enum link_image image;
	uint64_t sectors;
	uint32_t physical_bytes; /* power of two; divides the capacity */
	uint32_t block_bytes; /* the store takes whole ones only; 0: sectors */
	bool readonly;
	bool direct;
	/* What can be given back: in units of so many bytes, from so many bytes
	 * on; no unit: nothing can. */
	uint32_t discard_granularity;
	uint32_t discard_alignment;
	unsigned int queues; /* that it can serve, at most what is configured */
	char uri[LINK_URI_BYTES]; /* of a store; else empty */
	unsigned int count; /* descriptors: one per queue for a file, else 0 */
	int fds[LIMIT_QUEUES];
};

/**
 * backing_open() - open what a params text names, once per queue.
 * @sentence: what is wrong and what to do, on failure
 *
 * Return: 0 or -errno.
 */
int backing_open(const struct conf *conf, const char *params, bool readonly,
		 struct backing *backing, char *sentence);

/** backing_none() - what a drive has without a medium: no sector. */
void backing_none(const struct conf *conf, bool readonly,
		  struct backing *backing);

/**
 * backing_limit() - fewer sectors than it has, if that was asked for; of nothing
 * there is as much as one likes.
 * @sectors: 0: as it is
 */
void backing_limit(struct backing *backing, uint64_t sectors);

/** backing_close() - close its descriptors; harmless when there are none. */
void backing_close(struct backing *backing);

/* Room that sentence must have. */
#define BACKING_SENTENCE_BYTES 512u
