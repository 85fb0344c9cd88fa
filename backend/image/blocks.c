/*
 * Whole blocks below, sectors above.  See blocks.h.
 *
 * An operation has at most one operation of the store under way, with the same
 * tag.  One that fits is passed through; another goes piece by piece through a
 * room, a piece of memory of which a channel has a few (piece.c).
 *
 * Who gets its blocks from another thread hears of it through the inbox of its
 * queue: a list that others put entries on, and an event for the first of them.
 * The list may be taken before its event is written.  An inbox is part of the
 * image, not of the channel: a confined worker makes none.
 */
#include "backend/image/blocks.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/cleanup.h"
#include "backend/image/busy.h"
#include "backend/image/io.h"
#include "backend/image/piece.h"

/* Completions that are taken from the store at once. */
#define BATCH 64u

static struct blocks_channel *from_channel(struct image_channel *channel)
{
	CHECK(channel != NULL);
	return (struct blocks_channel *)channel;
}

static void blocks_info(const struct image *image, struct image_info *info)
{
	*info = ((const struct blocks_image *)image)->info;
}

/* --- operations of an image --- */

/* Whether the store can take it as it is: direct I/O wants such memory, and a store
 * behind a socket is asked for each segment by itself. */
static bool fits(const struct blocks_image *blocks, const struct operation *op)
{
	const uint64_t block = blocks->store.block_bytes;
	const uint64_t group = BUSY_GROUP_BLOCKS * block;
	uintptr_t bits = 0;

	if (op->io.operation == IMAGE_FLUSH)
		return true;
	if (op->at % block != 0 || op->end % block != 0)
		return false;
	if (op->io.operation == IMAGE_WRITE &&
	    op->at / group != (op->end - 1) / group)
		return false;
	for (uint32_t i = 0; i < op->io.iov_count; i++)
		bits |= (uintptr_t)op->io.iov[i].iov_base |
			op->io.iov[i].iov_len;
	return bits % block == 0;
}

static void give_rooms(struct blocks_channel *c)
{
	while (c->room_count > 0 && c->wanting.first != NULL) {
		struct operation *op = piece_take(&c->wanting);

		op->room = c->room[--c->room_count];
		piece_begin(op);
	}
}

static int blocks_submit(struct image_channel *channel,
			 const struct image_io *io)
{
	struct blocks_channel *c = from_channel(channel);
	struct operation *op = piece_take(&c->free);

	image_io_check(io, &c->blocks->info);
	CHECK(op != NULL);
	CHECK(op->step == STEP_FREE);
	c->in_flight++;
	op->io = *io;
	op->io.tag = (uint32_t)(op - c->operation);
	op->entry.in = false;
	op->segment = 0;
	op->segment_offset = 0;
	op->at = io->sector * SECTOR_BYTES;
	op->end = op->at;
	if (io->operation == IMAGE_DISCARD)
		op->end += io->sectors * SECTOR_BYTES;
	else if (io->operation != IMAGE_FLUSH)
		op->end += image_io_bytes(io);
	op->step = STEP_THROUGH;
	op->tag = io->tag;
	if (io->operation == IMAGE_DISCARD) {
		piece_discard(op);
	} else if (!fits(c->blocks, op)) {
		op->step = STEP_HEAD;
		piece_append(&c->wanting, op);
		give_rooms(c);
	} else if (io->operation != IMAGE_WRITE ||
		   piece_take_blocks(op, op->at, op->end)) {
		piece_below(op, &op->io);
	}
	return 0;
}

static void take_granted(struct blocks_channel *c)
{
	/* Acquire: pairs with the release of tell(). */
	struct operation *op = atomic_exchange_explicit(
		&c->inbox->granted, NULL, memory_order_acquire);

	c->inbox->owed += op != NULL;
	while (op != NULL) {
		struct operation *next = op->next;

		CHECK(op->channel == c);
		piece_append(&c->ready, op);
		op = next;
	}
}

/* What other threads gave; and their events, of which there is or will be one for
 * each list that was taken.  Looks again after an event was read: it may have
 * been that of the next list, and nothing would tell of that any more. */
static void read_inbox(struct blocks_channel *c)
{
	struct inbox *inbox = c->inbox;
	uint64_t events;

	do {
		if (atomic_load_explicit(&inbox->granted,
					 memory_order_relaxed) != NULL)
			take_granted(c);
		if (inbox->owed > 0 && read(inbox->event_fd, &events,
					    sizeof(events)) == sizeof(events))
			inbox->owed -= (int64_t)events;
	} while (atomic_load_explicit(&inbox->granted, memory_order_acquire) !=
		 NULL);
	CHECK(inbox->owed >= 0);
}

static void collect(struct blocks_channel *c)
{
	struct image_done done[BATCH];
	unsigned int n;

	c->submitted = false;
	n = c->below->operations->poll(c->below, done, BATCH);
	CHECK(n <= BATCH);
	for (unsigned int i = 0; i < n; i++) {
		CHECK(done[i].tag < c->depth);
		piece_advance(&c->operation[done[i].tag], done[i].result);
	}
	read_inbox(c);
	while (c->ready.first != NULL)
		piece_granted(piece_take(&c->ready));
	give_rooms(c);
}

/* Who has nothing under way is not woken: the last operation stays while an event
 * is owed. */
static bool can_hand_over(const struct blocks_channel *c)
{
	return c->finished.first != NULL &&
	       (c->in_flight > 1 || c->inbox->owed == 0);
}

static unsigned int blocks_poll(struct image_channel *channel,
				struct image_done *done, unsigned int room)
{
	struct blocks_channel *c = from_channel(channel);
	unsigned int n = 0;

	/* Again for what it led to: nobody else would hand that over.  It ends:
	 * every round is a step of an operation that has finitely many. */
	do
		collect(c);
	while (c->submitted || c->ready.first != NULL);
	while (n < room && can_hand_over(c)) {
		struct operation *op = piece_take(&c->finished);

		CHECK(!op->entry.in && op->room == NULL);
		CHECK(c->in_flight > 0);
		done[n++] = (struct image_done){.tag = op->tag,
						.result = op->result};
		op->step = STEP_FREE;
		piece_append(&c->free, op);
		c->in_flight--;
	}
	return n;
}

static int blocks_descriptor(const struct image_channel *channel)
{
	return ((const struct blocks_channel *)channel)->inbox->poller;
}

/* --- channels, images --- */

static int watch(const struct inbox *inbox, int operation, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	if (fd < 0)
		return 0;
	return epoll_ctl(inbox->poller, operation, fd, &event) < 0 ? -errno : 0;
}

static void fill(struct blocks_channel *c)
{
	const size_t bytes = piece_room_bytes(c->blocks);

	for (uint32_t i = 0; i < c->depth; i++) {
		c->operation[i].channel = c;
		piece_append(&c->free, &c->operation[i]);
	}
	while (c->room_count < LIMIT_BLOCK_ROOMS) {
		c->room[c->room_count] = c->rooms + c->room_count * bytes;
		c->room_count++;
	}
}

static int blocks_open_channel(struct image *image, unsigned int queue,
			       unsigned int depth,
			       struct image_channel **channel)
{
	struct blocks_image *blocks = (struct blocks_image *)image;
	struct image *under = blocks->store.image;
	struct blocks_channel *c;
	int error = -ENOMEM;

	CHECK(queue < blocks->store.queues);
	CHECK(depth > 0 && depth <= LIMIT_RING_SLOTS);
	c = calloc(1, sizeof(*c) + depth * sizeof(c->operation[0]));
	if (c == NULL)
		return -ENOMEM;
	c->blocks = blocks;
	c->depth = depth;
	c->inbox = &blocks->inbox[queue];
	c->channel.operations = image->operations;
	c->rooms = aligned_alloc(LIMIT_STORE_BLOCK,
				 LIMIT_BLOCK_ROOMS * piece_room_bytes(blocks));
	if (c->rooms != NULL)
		error = under->operations->open_channel(under, queue, depth,
							&c->below);
	if (error == 0)
		error = watch(c->inbox, EPOLL_CTL_ADD,
			      c->below->operations->descriptor(c->below));
	if (error != 0) {
		if (c->below != NULL)
			c->below->operations->close_channel(c->below);
		free(c->rooms);
		free(c);
		return error;
	}
	fill(c);
	*channel = &c->channel;
	return 0;
}

static void blocks_close_channel(struct image_channel *channel)
{
	struct blocks_channel *c = from_channel(channel);

	CHECK(c->in_flight == 0 && c->inbox->owed == 0);
	CHECK(c->room_count == LIMIT_BLOCK_ROOMS);
	CHECK(watch(c->inbox, EPOLL_CTL_DEL,
		    c->below->operations->descriptor(c->below)) == 0);
	c->below->operations->close_channel(c->below);
	free(c->rooms);
	free(c);
}

static void free_blocks(struct blocks_image *blocks)
{
	for (unsigned int i = 0; i < blocks->store.queues; i++) {
		close_fd(&blocks->inbox[i].event_fd);
		close_fd(&blocks->inbox[i].poller);
	}
	busy_destroy(blocks->busy);
	free(blocks);
}

static void blocks_close(struct image *image)
{
	struct blocks_image *blocks = (struct blocks_image *)image;

	blocks->store.image->operations->close(blocks->store.image);
	free_blocks(blocks);
}

static const struct image_operations blocks_operations = {
	.info = blocks_info,
	.open_channel = blocks_open_channel,
	.close_channel = blocks_close_channel,
	.submit = blocks_submit,
	.poll = blocks_poll,
	.descriptor = blocks_descriptor,
	.close = blocks_close,
};

/* Before the worker is confined: its filter knows no epoll_create1(). */
static int open_inbox(struct inbox *inbox)
{
	inbox->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	inbox->poller = epoll_create1(EPOLL_CLOEXEC);
	if (inbox->event_fd < 0 || inbox->poller < 0)
		return -errno;
	return watch(inbox, EPOLL_CTL_ADD, inbox->event_fd);
}

int blocks_open(const struct blocks_store *store, struct image **image)
{
	struct blocks_image *blocks = aligned_alloc(64, sizeof(*blocks));
	int error;

	CHECK(store->block_bytes > SECTOR_BYTES);
	CHECK(store->block_bytes <= LIMIT_STORE_BLOCK);
	CHECK((store->block_bytes & (store->block_bytes - 1)) == 0);
	CHECK(store->queues > 0 && store->queues <= LIMIT_QUEUES);
	if (blocks == NULL)
		return -ENOMEM;
	memset(blocks, 0, sizeof(*blocks));
	blocks->image.operations = &blocks_operations;
	blocks->store = *store;
	store->image->operations->info(store->image, &blocks->info);
	CHECK(blocks->info.sectors % (store->block_bytes / SECTOR_BYTES) == 0);
	blocks->info.physical_block_bytes = store->block_bytes;
	for (unsigned int i = 0; i < store->queues; i++)
		blocks->inbox[i].event_fd = blocks->inbox[i].poller = -1;
	error = busy_create(&blocks->busy);
	for (unsigned int i = 0; i < store->queues && error == 0; i++)
		error = open_inbox(&blocks->inbox[i]);
	if (error != 0) {
		free_blocks(blocks);
		return error;
	}
	*image = &blocks->image;
	return 0;
}
