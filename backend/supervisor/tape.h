/*
 * A tape: the memory through which one worker's records come, as the supervisor
 * holds it.
 *
 * Called by recording.c.  A worker may have been taken over by its guest: its
 * indices and records are checked here, and a queue that writes nonsense is not
 * read any more.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "backend/base/record.h"
#include "backend/supervisor/device.h"

struct tape;

/* Room for what tape_read() is given: no record is longer. */
#define TAPE_ROOM_MIN ((size_t)LIMIT_RECORD_BYTES)

/**
 * tape_create() - memory for a worker with so many queues.
 * @start_ns: of the clock, when the recording began
 * @fd: the memory, for the worker; the caller closes it
 *
 * Return: 0 or -errno.
 */
int tape_create(struct device_key key, unsigned int queues, uint64_t start_ns,
		struct tape **tape, int *fd);
void tape_destroy(struct tape *tape);

/** tape_key() - whose it is. */
struct device_key tape_key(const struct tape *tape);
unsigned int tape_queues(const struct tape *tape);

/** tape_stop() - the worker shall record no more. */
void tape_stop(struct tape *tape);

/**
 * tape_read() - take whole records of one queue, with their disk stamped on.
 *
 * Return: how many bytes, a multiple of 8; 0 when there are none.
 */
size_t tape_read(struct tape *tape, unsigned int queue, unsigned char *to,
		 size_t room);

/**
 * tape_lost() - records that a queue could not write and did not tell of.
 *
 * Only of a worker that has ended.
 */
uint64_t tape_lost(const struct tape *tape, unsigned int queue);
