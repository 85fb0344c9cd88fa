/*
 * Limits of a disk: requests and bytes per second, shared by its queues.
 *
 * struct throttle is the disk's: two buckets, read by all its queues, lent from
 * by those that have something to do.  struct share is what a queue has lent and
 * not used yet; a request that is longer than that leaves a debt, which the
 * queue pays before its next one.  A queue that may take nothing holds back:
 * what is in the ring stays there, and the queue sleeps until it is time.
 *
 * Called by the parts of a queue, and by worker.c to change the limits.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "backend/base/link.h"
#include "backend/worker/bucket.h"

struct request;

struct throttle {
	struct bucket requests;
	struct bucket sectors;
	_Alignas(64) _Atomic uint32_t version; /* of the limits; 0: none set */
	_Atomic uint32_t limited;	       /* 0 or 1 */
};

struct share {
	struct throttle *throttle;
	uint32_t version; /* of the limits that it was lent under */
	bool held;	  /* the last turn left requests in the ring */
	int64_t requests;
	int64_t sectors; /* negative: a debt */
};

/** throttle_set() - other limits, from now on; by one thread. */
void throttle_set(struct throttle *throttle, const struct link_limits *limits);

/**
 * throttle_open() - a turn begins that would take so many requests.
 *
 * Return: how many it may take, if throttle_allows() agrees to each.
 */
unsigned int throttle_open(struct share *share, unsigned int want,
			   uint64_t now_ns);

/** throttle_allows() - whether another request may be taken. */
bool throttle_allows(struct share *share, uint64_t now_ns);

/** throttle_spend() - one was taken; NULL: one that was refused. */
void throttle_spend(struct share *share, const struct request *request);

/**
 * throttle_wait_ns() - how long a queue that is held should sleep.
 *
 * Never long, since the limits may change meanwhile, nor very short, so that
 * each wake-up is worth it.
 */
uint64_t throttle_wait_ns(const struct share *share, uint64_t now_ns);
