/*
 * The steps of an operation: edges, merging, writing; and who has blocks lets go
 * of them.  See piece.h.
 *
 * Its room is there first, then it asks for its blocks, so that who has blocks
 * never waits.
 */
#include "backend/image/piece.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/check.h"

static uint64_t round_down(const struct operation *op, uint64_t bytes)
{
	return bytes & ~(uint64_t)(op->channel->blocks->store.block_bytes - 1);
}

static uint64_t round_up(const struct operation *op, uint64_t bytes)
{
	return round_down(op,
			  bytes + op->channel->blocks->store.block_bytes - 1);
}

/* --- who may write: busy.h --- */

static struct operation *operation_of(struct busy_entry *entry)
{
	return (struct operation *)((char *)entry -
				    offsetof(struct operation, entry));
}

/* From here on the other thread may do anything with it. */
static void tell(struct operation *op)
{
	struct inbox *inbox = op->channel->inbox;
	struct operation *first =
		atomic_load_explicit(&inbox->granted, memory_order_relaxed);
	const uint64_t one = 1;

	do
		op->next = first;
	while (!atomic_compare_exchange_weak_explicit(&inbox->granted, &first,
						      op, memory_order_release,
						      memory_order_relaxed));
	if (first == NULL)
		CHECK(write(inbox->event_fd, &one, sizeof(one)) == sizeof(one));
}

bool piece_take_blocks(struct operation *op, uint64_t first, uint64_t end)
{
	struct blocks_image *blocks = op->channel->blocks;

	CHECK(op->io.operation == IMAGE_WRITE);
	op->entry.first = first / blocks->store.block_bytes;
	op->entry.last = (end - 1) / blocks->store.block_bytes;
	return busy_take(blocks->busy, &op->entry);
}

static void give_blocks(struct operation *op)
{
	struct blocks_channel *c = op->channel;
	struct busy_entry *entry;

	if (!op->entry.in)
		return;
	entry = busy_give(c->blocks->busy, &op->entry);
	while (entry != NULL) {
		struct operation *other = operation_of(entry);

		entry = entry->granted;
		if (other->channel == c)
			piece_append(&c->ready, other);
		else
			tell(other);
	}
}

/* --- steps --- */

static void finish(struct operation *op, int32_t result)
{
	struct blocks_channel *c = op->channel;

	CHECK(op->step != STEP_FREE);
	CHECK(result <= 0);
	give_blocks(op);
	if (op->room != NULL) {
		CHECK(c->room_count < LIMIT_BLOCK_ROOMS);
		c->room[c->room_count++] = op->room;
		op->room = NULL;
	}
	op->result = result;
	piece_append(&c->finished, op);
}

void piece_below(struct operation *op, const struct image_io *io)
{
	struct blocks_channel *c = op->channel;
	const int error = c->below->operations->submit(c->below, io);

	if (error != 0)
		finish(op, error);
	else
		c->submitted = true;
}

void piece_discard(struct operation *op)
{
	const uint64_t from = round_up(op, op->at);
	const uint64_t to = round_down(op, op->end);

	CHECK(op->io.operation == IMAGE_DISCARD);
	op->io.sector = from / SECTOR_BYTES;
	op->io.sectors = from < to ? (to - from) / SECTOR_BYTES : 0;
	if (op->io.sectors > 0)
		piece_below(op, &op->io);
	else
		finish(op, 0);
}

/* The store's turn with a part of the room: bytes [from, to) of the disk. */
static void ask(struct operation *op, enum image_operation what, uint64_t from,
		uint64_t to)
{
	struct image_io io = {
		.operation = what,
		.sector = from / SECTOR_BYTES,
		.tag = (uint32_t)(op - op->channel->operation),
		.iov_count = 1,
		.iov = &op->part,
	};
	const uint64_t start = round_down(op, op->at);

	CHECK(from >= start && from < to);
	CHECK(to - start <= piece_room_bytes(op->channel->blocks));
	op->part.iov_base = op->room + (from - start);
	op->part.iov_len = to - from;
	piece_below(op, &io);
}

/* Between the room and the caller's vector, as far as the piece goes. */
static void move(struct operation *op)
{
	unsigned char *memory = op->room + (op->at - round_down(op, op->at));

	while (op->at < op->piece_end) {
		const struct iovec *iov = &op->io.iov[op->segment];
		unsigned char *theirs;
		size_t bytes;

		CHECK(op->segment < op->io.iov_count);
		theirs = (unsigned char *)iov->iov_base + op->segment_offset;
		bytes = iov->iov_len - op->segment_offset;
		if (bytes > op->piece_end - op->at)
			bytes = op->piece_end - op->at;
		if (op->io.operation == IMAGE_READ)
			memcpy(theirs, memory, bytes);
		else
			memcpy(memory, theirs, bytes);
		memory += bytes;
		op->at += bytes;
		op->segment_offset += bytes;
		if (op->segment_offset == iov->iov_len) {
			op->segment++;
			op->segment_offset = 0;
		}
	}
}

/* Its edges are there: its own bytes over them, and off. */
static void write_piece(struct operation *op)
{
	const uint64_t from = round_down(op, op->at);
	const uint64_t to = round_up(op, op->piece_end);
	const uint64_t at = op->at;

	CHECK(op->entry.in);
	op->step = STEP_WRITE;
	move(op);
	op->at = at; /* until it is written */
	ask(op, IMAGE_WRITE, from, to);
}

static void read_tail(struct operation *op)
{
	const uint64_t last = round_down(op, op->piece_end);

	if (last == op->piece_end) {
		write_piece(op);
		return;
	}
	op->step = STEP_TAIL;
	ask(op, IMAGE_READ, last, round_up(op, op->piece_end));
}

/* The blocks are ours: what of them is not replaced is read. */
static void read_edges(struct operation *op)
{
	const uint64_t block = op->channel->blocks->store.block_bytes;
	const uint64_t from = round_down(op, op->at);
	const uint64_t to = round_up(op, op->piece_end);

	if (from == op->at && to == op->piece_end) {
		write_piece(op);
	} else if (to - from <= 2 * block) {
		op->step = STEP_HEAD;
		ask(op, IMAGE_READ, from, to);
	} else if (from < op->at) {
		op->step = STEP_HEAD;
		ask(op, IMAGE_READ, from, from + block);
	} else {
		read_tail(op);
	}
}

void piece_begin(struct operation *op)
{
	const struct blocks_image *blocks = op->channel->blocks;
	const uint64_t group =
		(uint64_t)BUSY_GROUP_BLOCKS * blocks->store.block_bytes;
	const uint64_t from = round_down(op, op->at);
	uint64_t end = from + piece_room_bytes(blocks);

	CHECK(op->room != NULL);
	CHECK(op->at < op->end);
	if (end > (from / group + 1) * group)
		end = (from / group + 1) * group;
	op->piece_end = op->end < end ? op->end : end;
	if (op->io.operation == IMAGE_READ) {
		op->step = STEP_READ;
		ask(op, IMAGE_READ, from, round_up(op, op->piece_end));
		return;
	}
	op->step = STEP_HEAD;
	if (piece_take_blocks(op, op->at, op->piece_end))
		read_edges(op);
}

/* It has its blocks, after waiting for them. */
void piece_granted(struct operation *op)
{
	CHECK(op->entry.in);
	if (op->step == STEP_THROUGH)
		piece_below(op, &op->io);
	else
		read_edges(op);
}

static void piece_over(struct operation *op)
{
	if (op->step == STEP_READ) {
		move(op);
	} else {
		give_blocks(op);
		op->at = op->piece_end;
	}
	if (op->at == op->end)
		finish(op, 0);
	else
		piece_begin(op);
}

/* The store has done what it was asked for. */
void piece_advance(struct operation *op, int32_t result)
{
	const uint64_t block = op->channel->blocks->store.block_bytes;

	CHECK(op->step != STEP_FREE);
	if (result != 0 || op->step == STEP_THROUGH)
		finish(op, result);
	else if (op->step == STEP_HEAD &&
		 round_up(op, op->piece_end) - round_down(op, op->at) >
			 2 * block)
		read_tail(op);
	else if (op->step == STEP_HEAD || op->step == STEP_TAIL)
		write_piece(op);
	else
		piece_over(op);
}
