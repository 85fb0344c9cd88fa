/*
 * The recorder of one queue: what its thread does, as records in memory.
 *
 * Writes into the ring that the supervisor empties (backend/base/record.h).
 * Whoever runs the queue calls it: no lock, no allocation, no system call.
 * When the ring is full, records are left out and counted; when the recording
 * has stopped, every call returns at once.  Nothing that it does may change
 * what the queue does.
 *
 * Callers hold a pointer that is NULL when nothing is recorded, and look at it
 * first: that branch is all that a queue without a recorder pays.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/inflight.h"
#include "backend/base/link.h"
#include "backend/base/record.h"
#include "backend/worker/abi.h"
#include "backend/worker/ring.h"

struct recorder;

/** recorder_create() - of queue @index of a mapped region; 0 or -ENOMEM. */
int recorder_create(struct record_region *region, unsigned int index,
		    struct recorder **recorder);
void recorder_destroy(struct recorder *recorder);

/** recorder_now() - the time of the records to come. */
void recorder_now(struct recorder *recorder, uint64_t now_ns);

/** recorder_attach() - the ring was attached, or was not: why. */
void recorder_attach(struct recorder *recorder,
		     const struct link_attach *attach, const struct ring *ring,
		     enum refusal refusal);
void recorder_detach(struct recorder *recorder);

/** recorder_request() - a slot as it was copied out, at this ring index. */
void recorder_request(struct recorder *recorder,
		      const struct wire_request *request, uint32_t index);

/** recorder_segments() - what was read from the pages of an indirect request.
 */
void recorder_segments(struct recorder *recorder, uint32_t index,
		       const struct segment *segments, unsigned int count);

/** recorder_response() - a response as it was written. */
void recorder_response(struct recorder *recorder,
		       const struct record_response *response);

/** recorder_push() - responses were published; whether an event was sent. */
void recorder_push(struct recorder *recorder, const struct ring *ring,
		   uint32_t count, bool notified);

/** recorder_event() - an event of the frontend was received. */
void recorder_event(struct recorder *recorder);

/** recorder_overflow() - req_prod is further ahead than can be. */
void recorder_overflow(struct recorder *recorder, const struct ring *ring);

/** recorder_grants() - RECORD_MAP or RECORD_UNMAP of so many pages. */
void recorder_grants(struct recorder *recorder, enum record_kind kind,
		     const uint32_t *grefs, unsigned int count, int result);

/**
 * recorder_copies() - a batch is over: room for LIMIT_RECORD_ENTRIES of its
 * segments at most, to be filled in.
 *
 * Return: @count entries, valid until the next call, or NULL when there is
 * nothing to fill; recorder_copies_done() follows.
 */
struct record_copy *recorder_copies(struct recorder *recorder,
				    enum record_kind kind, unsigned int count,
				    int result);
void recorder_copies_done(struct recorder *recorder);
