/* io_uring without a kernel.  See uring.h. */
#include "fuzz/uring.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/falloc.h>
#include <string.h>

#include "backend/base/check.h"
#include "fuzz/oracle/checks.h"

int __wrap_io_uring_queue_init(unsigned int entries, struct io_uring *ring,
			       unsigned int flags);
int __wrap_io_uring_register_files(struct io_uring *ring, const int *files,
				   unsigned int count);
void __wrap_io_uring_queue_exit(struct io_uring *ring);
int __wrap_io_uring_submit_and_get_events(struct io_uring *ring);

/* Numbers that no descriptor has: closing one does nothing. */
#define FD_BASE (-1000)

/* An operation from its first entry until its last completion. */
struct slot {
	bool active;  /* the disk has it */
	bool waiting; /* its entry is in the kernel */
	struct transfer start, now;
	struct iovec whole[REFERENCE_MOST]; /* as it began */
	struct iovec iov[REFERENCE_MOST];   /* of the entry */
	uint64_t moved;
};

/* What one ring shares with the library. */
struct kernel {
	struct io_uring *ring; /* NULL: free */
	unsigned int queue;
	unsigned int sq_head, sq_tail, sq_flags, cq_head, cq_tail;
	unsigned int refusals; /* of enter() that are due */
	struct io_uring_sqe sqe[LIMIT_RING_SLOTS];
	struct io_uring_cqe cqe[2 * LIMIT_RING_SLOTS];
	struct slot slot[LIMIT_RING_SLOTS];
};

static struct kernel kernels[DISK_MAX_QUEUES];
static struct disk *the_disk;
static bool old_kernel;

static struct kernel *kernel_of(const struct io_uring *ring)
{
	for (unsigned int i = 0; i < DISK_MAX_QUEUES; i++)
		if (kernels[i].ring == ring)
			return &kernels[i];
	check_failed(__FILE__, __LINE__, "a ring that was made");
}

/* --- making and unmaking --- */

int __wrap_io_uring_queue_init(unsigned int entries, struct io_uring *ring,
			       unsigned int flags)
{
	struct kernel *k;
	unsigned int size = 1;

	if (old_kernel && flags != 0)
		return -EINVAL;
	k = kernel_of(NULL);
	while (size < entries)
		size *= 2;
	CHECK(size <= LIMIT_RING_SLOTS);
	k->sq_head = k->sq_tail = k->cq_head = k->cq_tail = 0;
	k->sq_flags = k->refusals = 0;
	memset(k->slot, 0, size * sizeof(k->slot[0]));
	memset(ring, 0, sizeof(*ring));
	ring->sq.khead = &k->sq_head;
	ring->sq.ktail = &k->sq_tail;
	ring->sq.kflags = &k->sq_flags;
	ring->sq.sqes = k->sqe;
	ring->sq.ring_mask = size - 1;
	ring->sq.ring_entries = size;
	ring->cq.khead = &k->cq_head;
	ring->cq.ktail = &k->cq_tail;
	ring->cq.cqes = k->cqe;
	ring->cq.ring_mask = 2 * size - 1;
	ring->cq.ring_entries = 2 * size;
	ring->ring_fd = -1;
	k->ring = ring;
	return 0;
}

int __wrap_io_uring_register_files(struct io_uring *ring, const int *files,
				   unsigned int count)
{
	struct kernel *k = kernel_of(ring);
	struct image_channel *channel;

	CHECK(count == 1);
	k->queue = (unsigned int)(FD_BASE - files[0]);
	return the_disk->base.operations->open_channel(
		&the_disk->base, k->queue, ring->sq.ring_entries, &channel);
}

void __wrap_io_uring_queue_exit(struct io_uring *ring)
{
	struct kernel *k = kernel_of(ring);

	disk_close_channel(the_disk, k->queue);
	k->ring = NULL;
}

/* --- an entry is taken --- */

/* Holes are punched within the file; anything else would change its size. */
static void read_discard(const struct io_uring_sqe *sqe, struct transfer *t)
{
	CHECK(sqe->len == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE));
	t->operation = IMAGE_DISCARD;
	t->count = 0;
	t->length = sqe->addr;
}

static void read_entry(const struct io_uring_sqe *sqe, struct slot *slot)
{
	struct transfer *t = &slot->now;

	t->registered = sqe->fd == 0 && (sqe->flags & IOSQE_FIXED_FILE) != 0;
	t->offset = sqe->off;
	t->iov = slot->iov;
	t->count = 1;
	t->length = 0;
	switch (sqe->opcode) {
	case IORING_OP_READ:
	case IORING_OP_WRITE:
		slot->iov[0].iov_base = (void *)(uintptr_t)sqe->addr;
		slot->iov[0].iov_len = sqe->len;
		break;
	case IORING_OP_READV:
	case IORING_OP_WRITEV:
		CHECK(sqe->len <= LIMIT_SEGMENTS);
		t->count = sqe->len;
		memcpy(slot->iov, (const void *)(uintptr_t)sqe->addr,
		       sqe->len * sizeof(slot->iov[0]));
		break;
	case IORING_OP_FALLOCATE:
		read_discard(sqe, t);
		return;
	default:
		CHECK(sqe->opcode == IORING_OP_FSYNC);
		t->count = 0;
		t->offset = 0;
		break;
	}
	t->operation = t->count == 0 ? IMAGE_FLUSH
		       : sqe->opcode == IORING_OP_READ ||
				       sqe->opcode == IORING_OP_READV
			       ? IMAGE_READ
			       : IMAGE_WRITE;
}

static void take_entry(struct kernel *k, const struct io_uring_sqe *sqe)
{
	struct slot *slot;

	CHECK(sqe->user_data < k->ring->sq.ring_entries);
	slot = &k->slot[sqe->user_data];
	CHECK(!slot->waiting);
	slot->waiting = true;
	read_entry(sqe, slot);
	if (slot->active) {
		transfers_check(&slot->start, slot->moved, &slot->now);
		return;
	}
	memcpy(slot->whole, slot->iov, sizeof(slot->whole));
	slot->start = slot->now;
	slot->start.iov = slot->whole;
	slot->moved = 0;
	transfers_check(&slot->start, 0, &slot->now);
	slot->active = true;
	CHECK(disk_submit(the_disk, k->queue,
			  &(struct image_io){
				  .operation = slot->now.operation,
				  .sector = slot->now.offset / SECTOR_BYTES,
				  .sectors = slot->now.length / SECTOR_BYTES,
				  .tag = (uint32_t)sqe->user_data,
				  .iov_count = slot->now.count,
				  .iov = slot->whole,
			  }) == 0);
}

/* --- completions --- */

static void complete(struct kernel *k, uint64_t tag, int result)
{
	struct io_uring_cqe *cqe = &k->cqe[k->cq_tail & k->ring->cq.ring_mask];

	CHECK(k->cq_tail - k->cq_head < k->ring->cq.ring_entries);
	cqe->user_data = tag;
	cqe->res = result;
	cqe->flags = 0;
	k->cq_tail++;
	k->slot[tag].waiting = false;
}

static uint64_t bytes_of(const struct slot *slot)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < slot->now.count; i++)
		bytes += slot->iov[i].iov_len;
	return bytes;
}

static void move(struct slot *slot, uint64_t bytes)
{
	disk_move(the_disk,
		  &(struct image_io){
			  .operation = slot->now.operation,
			  .iov_count = slot->now.count,
			  .iov = slot->iov,
		  },
		  slot->now.offset, bytes);
}

/* A transfer that fails gets half-way, but never ends within a sector. */
static uint64_t failing_bytes(uint64_t moved, uint64_t left)
{
	return (moved + left / 2) / SECTOR_BYTES * SECTOR_BYTES <= moved
		       ? (SECTOR_BYTES - moved % SECTOR_BYTES) % SECTOR_BYTES
		       : (moved + left / 2) / SECTOR_BYTES * SECTOR_BYTES -
				 moved;
}

/* One entry gets as far as the script lets it. */
static void serve(struct kernel *k, uint64_t tag)
{
	struct slot *slot = &k->slot[tag];
	const uint64_t left = bytes_of(slot);
	const uint64_t piece = the_disk->piece;
	int result;

	if (disk_says_again(the_disk, k->queue, (uint32_t)tag)) {
		complete(k, tag, tag % 2 ? -EAGAIN : -EINTR);
		return;
	}
	if (piece > 0 && left > piece) {
		move(slot, piece);
		slot->moved += piece;
		complete(k, tag, (int)piece);
		return;
	}
	result = disk_result(the_disk, k->queue, (uint32_t)tag);
	if (slot->now.operation == IMAGE_DISCARD && result == 0)
		disk_discard(the_disk, slot->now.offset / SECTOR_BYTES,
			     slot->now.length / SECTOR_BYTES);
	move(slot, result == 0 ? left : failing_bytes(slot->moved, left));
	disk_finish(the_disk, k->queue, (uint32_t)tag, result);
	slot->active = false;
	/* One of the script's errors stands for the end of a file. */
	complete(k, tag,
		 result == 0			 ? (int)left
		 : result == -ENOMEM && left > 0 ? 0
						 : result);
}

static bool due(const struct kernel *k, uint64_t tag)
{
	return k->slot[tag].waiting &&
	       disk_finished(the_disk, k->queue, (uint32_t)tag);
}

/* In the order in which the disk has them. */
static void serve_all(struct kernel *k)
{
	uint32_t tag[LIMIT_RING_SLOTS];
	unsigned int count = disk_tags(the_disk, k->queue, tag);

	for (unsigned int i = 0; i < count; i++)
		if (due(k, tag[i]))
			serve(k, tag[i]);
	k->sq_flags = 0;
	for (uint64_t t = 0; t < k->ring->sq.ring_entries && !old_kernel; t++)
		if (k->slot[t].waiting)
			k->sq_flags = IORING_SQ_TASKRUN;
}

int __wrap_io_uring_submit_and_get_events(struct io_uring *ring)
{
	static const int busy[] = {-EAGAIN, -EBUSY, -EINTR};
	struct kernel *k = kernel_of(ring);
	unsigned int ready = ring->sq.sqe_tail - k->sq_head;

	if (the_disk->refuse_at > 0) {
		k->refusals = the_disk->refuse_at;
		the_disk->refuse_at = 0;
	}
	if (k->refusals > 0) {
		unsigned int left = --k->refusals;

		/* Every other time, it takes a part. */
		if (left % 2 == 0)
			return busy[left / 2 % 3];
		ready = (ready + 1) / 2;
	}
	for (unsigned int i = 0; i < ready; i++)
		take_entry(k, &k->sqe[k->sq_head++ & ring->sq.ring_mask]);
	serve_all(k);
	return (int)ready;
}

/* --- the player's questions --- */

static bool ready(struct disk *disk, unsigned int queue)
{
	struct kernel *k = NULL;

	for (unsigned int i = 0; i < DISK_MAX_QUEUES; i++)
		if (kernels[i].ring != NULL && kernels[i].queue == queue)
			k = &kernels[i];
	CHECK(disk == the_disk);
	if (k == NULL)
		return false;
	if (old_kernel)
		serve_all(k);
	if (k->cq_head != k->cq_tail)
		return true;
	for (uint64_t t = 0; t < k->ring->sq.ring_entries; t++)
		if (due(k, t))
			return true;
	return false;
}

void uring_old_kernel(bool old)
{
	old_kernel = old;
}

int uring_open(struct disk *disk, struct image **image)
{
	int fds[DISK_MAX_QUEUES];

	for (unsigned int i = 0; i < DISK_MAX_QUEUES; i++) {
		fds[i] = FD_BASE - (int)i;
		kernels[i].ring = NULL;
	}
	the_disk = disk;
	disk->ready = ready;
	return image_file_open(fds, DISK_MAX_QUEUES, disk->sectors,
			       disk->readonly, false, image);
}
