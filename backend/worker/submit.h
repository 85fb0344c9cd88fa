/*
 * From decoded requests to the image and back: pages, copies, I/O, completion.
 *
 * One per queue.  Owns the private half of every in-flight slot (io vectors,
 * pages, persistent entries); borrows the queue's grants and table.  Never
 * touches the ring: queue.c puts requests in and takes finished ones out.
 *
 *   submit_add()  ->  descriptors of indirect requests
 *                 ->  pages and grants  ->  copy in  ->  image
 *                 ->  copy out  ->  pages given back  ->  submit_finished()
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/inflight.h"
#include "backend/image/image.h"
#include "backend/worker/grants.h"
#include "backend/worker/request.h"

struct failures;
struct submit;

struct submit_options {
	struct inflight_queue *table; /* reset to the ring's number of slots */
	struct grants *grants;
	struct image *image;
	unsigned int queue;	     /* which of the device's: for the image */
	unsigned int persistent_cap; /* 0: copy everything */
	struct request_rules rules;
	struct recorder *recorder; /* NULL: nothing is recorded */
	struct failures *failures; /* of the disk's store */
	bool staged; /* the image gets pages of ours only: see io.c */
};

/** submit_create() - pages, cache and image channel of a queue; 0 or -errno. */
int submit_create(const struct submit_options *options, struct submit **submit);

/** submit_destroy() - CHECKs that nothing is in flight; NULL is fine. */
void submit_destroy(struct submit *submit);

/**
 * submit_takes() - whether there is room for any request now; else only a
 * completion makes some.
 */
bool submit_takes(const struct submit *submit);

/**
 * submit_add() - a slot in state TAKEN enters; it leaves through
 * submit_finished().
 */
void submit_add(struct submit *submit, struct inflight_slot *slot);

/**
 * submit_work() - move everything on as far as it goes without waiting.
 *
 * A grant copy call each way for every full batch, one for descriptors, one
 * image poll.  Return: whether anything moved.
 */
bool submit_work(struct submit *submit, uint64_t now_ns);

/**
 * submit_finished() - the next slot in state DONE, or NULL.
 * @refusal: what it was refused with after it had been taken, or REFUSAL_NONE
 */
struct inflight_slot *submit_finished(struct submit *submit,
				      enum refusal *refusal);

/**
 * submit_begin_barrier() - it is the turn of the barrier that was added: nothing
 * else is under way, here or in other queues, and nothing is added before it has
 * finished.
 */
void submit_begin_barrier(struct submit *submit);

/** submit_busy() - requests added and not yet finished. */
unsigned int submit_busy(const struct submit *submit);

/** submit_look() - the image is readable: if no request is under way, it has
 * something to do for itself, and would be readable for ever. */
void submit_look(struct submit *submit);

/** submit_fd() - readable when the image has completions; -1: never needed. */
int submit_fd(const struct submit *submit);

/**
 * submit_trim() - give back what has been idle: pages, persistent grants.
 * @idle_ns: how long the queue has had nothing to do
 *
 * Return: nanoseconds until there may be more to give back, UINT64_MAX: never.
 */
uint64_t submit_trim(struct submit *submit, uint64_t now_ns, uint64_t idle_ns);

/** submit_check() - CHECK all relations (walks the slots). */
void submit_check(const struct submit *submit);
