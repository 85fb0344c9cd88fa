/*
 * Whole transfers: a byte range becomes requests of up to 11 pages, or of more
 * with indirect segments.
 *
 * Several threads may use one queue at once.  A lock guards the ring and the
 * table of requests in flight; whoever has to wait first sleeps on the event
 * channel for all of them (the reaper) and hands that duty on when its own
 * operation is done.  Nobody sleeps on the event channel with the lock held.
 *
 * A request whose owner gave up (a timeout) stays in the table as an orphan:
 * its pages belong to the backend until the response comes.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/blkif.h>

#include "frontend/inside.h"

/* Requests of transfers in flight per queue: bounds the granted pages we hold.
 */
#define TRANSFER_SLOTS 64u

/* One front_transfer() or front_flush() of one thread, on its stack. */
struct operation {
	uint8_t code; /* BLKIF_OP_* */
	uint64_t sector;
	uint8_t *data;
	size_t bytes;	  /* not yet submitted */
	bool bare;	  /* without data, and not yet submitted */
	uint64_t discard; /* sectors to give up */
	unsigned int in_flight;
	bool starved; /* found no slot, and has nothing in flight to wait for */
	int error;
	pthread_cond_t wake;
	struct operation
		*next; /* in the list of sleepers, first come first served */
};

struct transfer_slot {
	struct operation *owner; /* NULL: an orphan */
	bool used;
	uint8_t *data;
	size_t bytes;
	unsigned int pages;
	struct front_page list; /* of descriptors, with more than 11 pages */
	struct front_page page[FRONT_MAX_INDIRECT];
	uint32_t next; /* free list: index + 1 */
};

struct front_transfers {
	pthread_mutex_t lock;
	bool reaping;
	struct operation *sleepers;
	uint32_t free;
	struct transfer_slot slot[TRANSFER_SLOTS];
};

int front_transfers_create(struct front_queue *queue)
{
	struct front_transfers *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	pthread_mutex_init(&t->lock, NULL);
	for (uint32_t i = TRANSFER_SLOTS; i > 0; i--) {
		t->slot[i - 1].next = t->free;
		t->free = i;
	}
	queue->transfers = t;
	return 0;
}

void front_transfers_destroy(struct front_queue *queue)
{
	if (!queue->transfers)
		return;
	pthread_mutex_destroy(&queue->transfers->lock);
	free(queue->transfers);
	queue->transfers = NULL;
}

static void slot_release(struct front_queue *queue, struct transfer_slot *slot)
{
	struct front_transfers *t = queue->transfers;

	if (slot->pages > FRONT_MAX_SEGMENTS)
		front_queue_page_put(queue, &slot->list);
	while (slot->pages)
		front_queue_page_put(queue, &slot->page[--slot->pages]);
	slot->used = false;
	slot->owner = NULL;
	slot->next = t->free;
	t->free = (uint32_t)(slot - t->slot) + 1;
}

/* What one request of this connection may move. */
static size_t request_bytes(const struct front *front)
{
	unsigned int pages = front->properties.max_indirect_segments;

	if (pages > front->personality.indirect)
		pages = front->personality.indirect;
	if (pages > FRONT_MAX_INDIRECT)
		pages = FRONT_MAX_INDIRECT;
	if (pages < FRONT_MAX_SEGMENTS)
		pages = FRONT_MAX_SEGMENTS;
	return pages * (size_t)FRONT_PAGE_BYTES;
}

/* More pages than a slot of the ring names need one that names them. */
static void slot_list(struct front_queue *queue, struct transfer_slot *slot)
{
	if (slot->pages <= FRONT_MAX_SEGMENTS ||
	    !front_queue_page_get(queue, &slot->list))
		return;
	while (slot->pages > FRONT_MAX_SEGMENTS)
		front_queue_page_put(queue, &slot->page[--slot->pages]);
}

/* Pages for a request: fewer than wanted when no more can be granted. */
static int slot_pages(struct front_queue *queue, struct transfer_slot *slot,
		      size_t bytes)
{
	int err = 0;

	slot->pages = 0;
	while (slot->pages * (size_t)FRONT_PAGE_BYTES < bytes && !err) {
		err = front_queue_page_get(queue, &slot->page[slot->pages]);
		slot->pages += !err;
	}
	slot_list(queue, slot);
	slot->bytes = slot->pages * (size_t)FRONT_PAGE_BYTES;
	if (slot->bytes > bytes)
		slot->bytes = bytes;
	return slot->pages || !bytes ? 0 : err;
}

static void slot_copy(struct transfer_slot *slot, bool to_pages)
{
	size_t done = 0;

	for (unsigned int i = 0; i < slot->pages; i++) {
		size_t part = slot->bytes - done;

		if (part > FRONT_PAGE_BYTES)
			part = FRONT_PAGE_BYTES;
		if (to_pages)
			memcpy(slot->page[i].data, slot->data + done, part);
		else
			memcpy(slot->data + done, slot->page[i].data, part);
		done += part;
	}
}

static void slot_submit(struct front_queue *queue, struct transfer_slot *slot,
			const struct operation *operation)
{
	struct front_request request;
	size_t left = slot->bytes;

	request.operation = operation->code;
	request.segments = (uint8_t)slot->pages;
	if (slot->pages > FRONT_MAX_SEGMENTS) {
		request.operation = BLKIF_OP_INDIRECT;
		request.indirect_operation = operation->code;
		request.indirect_segments = (uint16_t)slot->pages;
		memset(request.indirect_gref, 0, sizeof(request.indirect_gref));
		request.indirect_gref[0] = slot->list.gref;
	}
	request.handle = (uint16_t)queue->front->options.devid;
	request.id = (uint64_t)(slot - queue->transfers->slot);
	request.sector = operation->sector;
	request.discard_flag = 0;
	request.discard_sectors = operation->discard;
	for (unsigned int i = 0; i < slot->pages; i++) {
		size_t part = left < FRONT_PAGE_BYTES ? left : FRONT_PAGE_BYTES;

		const struct front_segment segment = {
			.gref = slot->page[i].gref,
			.last_sector = (uint8_t)(part / 512 - 1),
		};

		if (slot->pages > FRONT_MAX_SEGMENTS)
			front_describe(slot->list.data, i, &segment);
		else
			request.segment[i] = segment;
		left -= part;
	}
	front_submit(queue, &request);
}

/* Put the next part of an operation on the ring; 0, -EAGAIN when there is no
 * room. */
static int operation_submit(struct front_queue *queue,
			    struct operation *operation)
{
	struct front_transfers *t = queue->transfers;
	struct transfer_slot *slot;
	size_t bytes = operation->bytes;
	int err;

	if (!t->free || !front_room(queue))
		return -EAGAIN;
	slot = &t->slot[t->free - 1];
	if (bytes > request_bytes(queue->front))
		bytes = request_bytes(queue->front);
	err = slot_pages(queue, slot, bytes);
	if (err) /* What others hold comes back; if nobody does, give up. */
		return operation->in_flight ? -EAGAIN : err;
	t->free = slot->next;
	slot->used = true;
	slot->owner = operation;
	slot->data = operation->data;
	if (operation->code == BLKIF_OP_WRITE)
		slot_copy(slot, true);
	slot_submit(queue, slot, operation);
	operation->in_flight++;
	operation->bare = false;
	if (slot->bytes) /* a flush has no data */
		operation->data += slot->bytes;
	operation->bytes -= slot->bytes;
	operation->sector += slot->bytes / 512;
	return 0;
}

static int status_error(int16_t status)
{
	if (status == BLKIF_RSP_OKAY)
		return 0;
	return status == BLKIF_RSP_EOPNOTSUPP ? -EOPNOTSUPP : -EIO;
}

static void answer(struct front_queue *queue,
		   const struct front_response *response)
{
	struct front_transfers *t = queue->transfers;
	struct transfer_slot *slot;
	struct operation *owner;
	int err;

	/* An id that we did not give: nothing of ours to finish. */
	if (response->id >= TRANSFER_SLOTS || !t->slot[response->id].used)
		return;
	slot = &t->slot[response->id];
	owner = slot->owner;
	if (owner) {
		err = status_error(response->status);
		if (err && !owner->error)
			owner->error = err;
		if (!err && owner->code == BLKIF_OP_READ)
			slot_copy(slot, false);
		owner->in_flight--;
		pthread_cond_signal(&owner->wake);
	}
	slot_release(queue, slot);
}

static unsigned int reap(struct front_queue *queue)
{
	struct front_response response[32];
	unsigned int total = 0, n;

	while ((n = front_reap(queue, response, 32))) {
		for (unsigned int i = 0; i < n; i++)
			answer(queue, &response[i]);
		total += n;
	}
	return total;
}

/* Sleep until the reaper answered something of ours or made us the reaper. */
static void sleep_beside(struct front_transfers *t, struct operation *operation)
{
	struct operation **link = &t->sleepers;

	while (*link)
		link = &(*link)->next;
	*link = operation;
	operation->next = NULL;
	pthread_cond_wait(&operation->wake, &t->lock);
	for (link = &t->sleepers; *link != operation;)
		link = &(*link)->next;
	*link = operation->next;
}

/*
 * Wait for responses on behalf of all threads of the queue.
 *
 * Return: 0, -ETIMEDOUT when nothing came, another -errno.
 */
static int reap_for_all(struct front_queue *queue)
{
	struct front_transfers *t = queue->transfers;
	int happened = 1;

	t->reaping = true;
	if (!front_arm(queue)) {
		pthread_mutex_unlock(&t->lock);
		happened =
			front_queue_wait(queue, front_timeout_ms(queue->front));
		pthread_mutex_lock(&t->lock);
	}
	t->reaping = false;
	if (reap(queue) || happened > 0 || happened == -EINTR)
		happened = 0;
	else if (happened == 0)
		happened = -ETIMEDOUT;
	for (struct operation *o = t->sleepers; o; o = o->next)
		if (o->starved)
			pthread_cond_signal(&o->wake);
	return happened;
}

/* The backend may still write into the pages of what is in flight. */
static void abandon(struct front_transfers *t,
		    const struct operation *operation)
{
	for (unsigned int i = 0; i < TRANSFER_SLOTS; i++)
		if (t->slot[i].owner == operation)
			t->slot[i].owner = NULL;
}

/* After an error nothing more is submitted, but what is in flight is awaited.
 */
static bool is_unsubmitted(const struct operation *operation)
{
	return !operation->error && (operation->bytes || operation->bare);
}

/* Fill the ring as far as there is room; 0 or -errno. */
static int operation_fill(struct front_queue *queue,
			  struct operation *operation)
{
	int err = 0;

	while (!err && is_unsubmitted(operation))
		err = operation_submit(queue, operation);
	front_push(queue);
	operation->starved = err == -EAGAIN && !operation->in_flight;
	return err == -EAGAIN ? 0 : err;
}

static int operation_run(struct front_queue *queue, struct operation *operation)
{
	struct front_transfers *t = queue->transfers;
	int err = 0;

	pthread_cond_init(&operation->wake, NULL);
	pthread_mutex_lock(&t->lock);
	while (!err) {
		err = operation_fill(queue, operation);
		if (err || reap(queue))
			continue;
		if (!operation->in_flight && !is_unsubmitted(operation))
			break;
		if (t->reaping)
			sleep_beside(t, operation);
		else
			err = reap_for_all(queue);
	}
	if (err)
		abandon(t, operation);
	if (!t->reaping && t->sleepers)
		pthread_cond_signal(&t->sleepers->wake);
	pthread_mutex_unlock(&t->lock);
	pthread_cond_destroy(&operation->wake);
	return err ? err : operation->error;
}

int front_transfer(struct front_queue *queue, bool write, uint64_t sector,
		   void *data, size_t bytes)
{
	struct operation operation = {
		.code = write ? BLKIF_OP_WRITE : BLKIF_OP_READ,
		.sector = sector,
		.data = data,
		.bytes = bytes,
	};

	if (bytes % 512)
		return -EINVAL;
	return operation_run(queue, &operation);
}

int front_flush(struct front_queue *queue)
{
	struct operation operation = {
		.code = BLKIF_OP_FLUSH_DISKCACHE,
		.bare = true,
	};

	if (!queue->front->properties.feature_flush)
		return -EOPNOTSUPP;
	return operation_run(queue, &operation);
}

int front_discard(struct front_queue *queue, uint64_t sector, uint64_t sectors)
{
	struct operation operation = {
		.code = BLKIF_OP_DISCARD,
		.sector = sector,
		.discard = sectors,
		.bare = true,
	};

	if (!queue->front->properties.feature_discard)
		return -EOPNOTSUPP;
	return operation_run(queue, &operation);
}
