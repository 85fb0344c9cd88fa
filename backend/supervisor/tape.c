/* Reading a worker's records out of shared memory.  See tape.h. */
#include "backend/supervisor/tape.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/log.h"

struct tape {
	struct device_key key;
	struct record_region *region;
	unsigned int queues;
	uint64_t tail[LIMIT_QUEUES]; /* our own: the shared one is for them */
	bool broken[LIMIT_QUEUES];   /* not read any more */
};

int tape_create(struct device_key key, unsigned int queues, uint64_t start_ns,
		struct tape **tape, int *fd)
{
	struct tape *t = calloc(1, sizeof(*t));
	int error;

	if (t == NULL)
		return -ENOMEM;
	t->key = key;
	t->queues = queues;
	*fd = record_region_create(queues, start_ns);
	error = *fd < 0 ? *fd : record_region_map(*fd, queues, &t->region);
	if (error == 0) {
		*tape = t;
		return 0;
	}
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	free(t);
	return error;
}

void tape_destroy(struct tape *tape)
{
	if (tape == NULL)
		return;
	record_region_unmap(tape->region, tape->queues);
	free(tape);
}

struct device_key tape_key(const struct tape *tape)
{
	return tape->key;
}

unsigned int tape_queues(const struct tape *tape)
{
	return tape->queues;
}

void tape_stop(struct tape *tape)
{
	atomic_store_explicit(&tape->region->stopped, 1, memory_order_relaxed);
}

static void copy_out(const struct record_ring *ring, uint64_t from,
		     unsigned char *to, size_t bytes)
{
	const size_t at = from % LIMIT_RECORD_RING_BYTES;
	const size_t first = LIMIT_RECORD_RING_BYTES - at < bytes
				     ? LIMIT_RECORD_RING_BYTES - at
				     : bytes;

	memcpy(to, ring->byte + at, first);
	memcpy(to + first, ring->byte, bytes - first);
}

static bool header_valid(const struct record_header *header)
{
	return header->bytes >= sizeof(*header) && header->bytes % 8 == 0 &&
	       header->bytes <= LIMIT_RECORD_BYTES &&
	       header->kind >= RECORD_ATTACH &&
	       header->kind < RECORD_WORKER_KINDS_END;
}

/*
 * Walks over the copy, which nobody can change any more.  Return: bytes of
 * whole records; *valid is false when one of them is none.
 */
static size_t stamp(const struct tape *tape, unsigned int queue,
		    unsigned char *bytes, size_t count, bool *valid)
{
	size_t at = 0;

	*valid = true;
	while (count - at >= sizeof(struct record_header)) {
		struct record_header header;

		memcpy(&header, bytes + at, sizeof(header));
		*valid = header_valid(&header);
		if (!*valid || header.bytes > count - at)
			break;
		header.queue = (uint16_t)queue;
		header.domid = tape->key.domid;
		header.devid = tape->key.devid;
		memcpy(bytes + at, &header, sizeof(header));
		at += header.bytes;
	}
	return at;
}

static void give_up(struct tape *tape, unsigned int queue)
{
	tape->broken[queue] = true;
	log_line(LOG_WARNING,
		 "vbd %u/%u queue %u: its worker wrote what is no record; "
		 "nothing more of this queue is recorded",
		 tape->key.domid, tape->key.devid, queue);
}

size_t tape_read(struct tape *tape, unsigned int queue, unsigned char *to,
		 size_t room)
{
	struct record_ring *ring = &tape->region->ring[queue];
	uint64_t filled;
	size_t count, used;
	bool valid;

	CHECK(queue < tape->queues);
	CHECK(room >= TAPE_ROOM_MIN);
	if (tape->broken[queue])
		return 0;
	/* Acquire pairs with the queue's release: what lies below the head is
	 * written. */
	filled = atomic_load_explicit(&ring->head, memory_order_acquire) -
		 tape->tail[queue];
	if (filled == 0)
		return 0;
	if (filled > LIMIT_RECORD_RING_BYTES) {
		give_up(tape, queue);
		return 0;
	}
	count = filled < room ? (size_t)filled : room;
	copy_out(ring, tape->tail[queue], to, count);
	used = stamp(tape, queue, to, count, &valid);
	/* With room for the longest record, no progress means nonsense. */
	if (!valid || used == 0)
		give_up(tape, queue);
	tape->tail[queue] += used;
	/* Release: the copy is made before the queue may write there again. */
	atomic_store_explicit(&ring->tail, tape->tail[queue],
			      memory_order_release);
	return used;
}

uint64_t tape_lost(const struct tape *tape, unsigned int queue)
{
	CHECK(queue < tape->queues);
	return atomic_load_explicit(&tape->region->ring[queue].lost,
				    memory_order_relaxed);
}
