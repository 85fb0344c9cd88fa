/*
 * A file or block device through io_uring: one ring and one open file
 * description per channel, so that queues share neither.
 *
 * Owns the descriptors it was given.  A channel is used by one thread; its
 * operations live in slots that were allocated with it, and each slot has at
 * most one entry in the submission queue, so that queue never overflows.
 *
 * System calls: poll() looks at the completion queue in memory and enters the
 * kernel only to hand over what was submitted, or when the kernel says that it
 * has completions to deliver.  A second time within one poll() only after a
 * transfer that was short, or longer than a vector may be: nobody else would
 * submit its rest.
 */
#include "backend/image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/cleanup.h"
#include "backend/image/io.h"

/* io_uring_enter() may refuse for a moment (EAGAIN, EBUSY, EINTR); if it does
 * so this often without taking anything, the ring is dead. */
#define ENTER_TRIES 1000000u

/* Linux takes no longer vector at once (UIO_MAXIOV); what is left goes on as
 * after a short transfer. */
#define VECTOR_MAX 1024u

struct file_image {
	struct image image; /* first */
	struct image_info info;
	unsigned int count;
	int held; /* image_file_hold(); -1: nothing */
	int fds[LIMIT_QUEUES];
};

/* One operation in flight; free ones form a list. */
struct operation {
	struct image_io io; /* what is left to do */
	uint64_t offset;    /* bytes, of what is left */
	uint64_t left;	    /* bytes */
	uint32_t next_free; /* index + 1, or 0 */
	bool busy;
};

struct file_channel {
	struct image_channel channel; /* first */
	const struct file_image *file;
	struct io_uring ring;
	unsigned int depth;
	unsigned int in_flight;
	uint32_t free; /* index + 1, or 0 */
	struct operation operation[];
};

static void file_info(const struct image *image, struct image_info *info)
{
	*info = ((const struct file_image *)image)->info;
}

static struct file_channel *from_channel(struct image_channel *channel)
{
	CHECK(channel != NULL);
	return (struct file_channel *)channel;
}

/* Completions without interrupting our thread, and a word in memory that says
 * when to fetch them; kernels before 5.19 know neither. */
static int open_ring(struct io_uring *ring, unsigned int depth)
{
	int error;

	error = io_uring_queue_init(depth, ring,
				    IORING_SETUP_COOP_TASKRUN |
					    IORING_SETUP_TASKRUN_FLAG |
					    IORING_SETUP_SUBMIT_ALL);
	if (error == -EINVAL)
		error = io_uring_queue_init(depth, ring, 0);
	return error;
}

/* The image as number 0; what is held only has to be there. */
static int register_files(struct io_uring *ring, const struct file_image *file,
			  unsigned int queue)
{
	const int fds[] = {file->fds[queue], file->held};

	return io_uring_register_files(ring, fds, file->held < 0 ? 1 : 2);
}

static int file_open_channel(struct image *image, unsigned int queue,
			     unsigned int depth, struct image_channel **channel)
{
	const struct file_image *file = (const struct file_image *)image;
	struct file_channel *c;
	int error;

	CHECK(queue < file->count);
	CHECK(depth > 0);
	CHECK(depth <= LIMIT_RING_SLOTS);
	c = calloc(1, sizeof(*c) + depth * sizeof(c->operation[0]));
	if (c == NULL)
		return -ENOMEM;
	error = open_ring(&c->ring, depth);
	if (error < 0) {
		free(c);
		return error;
	}
	error = register_files(&c->ring, file, queue);
	if (error < 0) {
		io_uring_queue_exit(&c->ring);
		free(c);
		return error;
	}
	for (uint32_t i = 0; i < depth; i++)
		c->operation[i].next_free = i + 1 < depth ? i + 2 : 0;
	c->free = 1;
	c->depth = depth;
	c->file = file;
	c->channel.operations = image->operations;
	*channel = &c->channel;
	return 0;
}

static void file_close_channel(struct image_channel *channel)
{
	struct file_channel *c = from_channel(channel);

	CHECK(c->in_flight == 0);
	io_uring_queue_exit(&c->ring);
	free(c);
}

static struct operation *take_operation(struct file_channel *c)
{
	struct operation *op;

	CHECK(c->in_flight < c->depth);
	CHECK(c->free != 0);
	op = &c->operation[c->free - 1];
	CHECK(!op->busy);
	c->free = op->next_free;
	c->in_flight++;
	op->busy = true;
	return op;
}

static void put_operation(struct file_channel *c, struct operation *op)
{
	CHECK(op->busy);
	CHECK(c->in_flight > 0);
	op->busy = false;
	op->next_free = c->free;
	c->free = (uint32_t)(op - c->operation) + 1;
	c->in_flight--;
}

/* Of a long discard so much at a time: a file system may hold up whoever reads
 * the file until it has freed a piece. */
static uint64_t piece_of(const struct operation *op)
{
	return op->left < LIMIT_DISCARD_BYTES ? op->left : LIMIT_DISCARD_BYTES;
}

/* Puts what is left of an operation on the submission queue. */
static void prepare(struct file_channel *c, struct operation *op)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&c->ring);
	const struct iovec *iov = op->io.iov;
	const uint32_t count =
		op->io.iov_count < VECTOR_MAX ? op->io.iov_count : VECTOR_MAX;

	CHECK(sqe != NULL); /* never more entries than operations */
	switch (op->io.operation) {
	case IMAGE_FLUSH:
		io_uring_prep_fsync(sqe, 0, IORING_FSYNC_DATASYNC);
		break;
	case IMAGE_READ:
		if (op->io.iov_count == 1)
			io_uring_prep_read(sqe, 0, iov->iov_base,
					   (unsigned int)iov->iov_len,
					   op->offset);
		else
			io_uring_prep_readv(sqe, 0, iov, count, op->offset);
		break;
	case IMAGE_WRITE:
		if (op->io.iov_count == 1)
			io_uring_prep_write(sqe, 0, iov->iov_base,
					    (unsigned int)iov->iov_len,
					    op->offset);
		else
			io_uring_prep_writev(sqe, 0, iov, count, op->offset);
		break;
	case IMAGE_DISCARD:
		io_uring_prep_fallocate(
			sqe, 0, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			(off_t)op->offset, (off_t)piece_of(op));
		break;
	case IMAGE_OPERATION_COUNT:
	default:
		check_failed(__FILE__, __LINE__, "an operation that exists");
	}
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	io_uring_sqe_set_data64(sqe, (uint64_t)(op - c->operation));
}

static int file_submit(struct image_channel *channel, const struct image_io *io)
{
	struct file_channel *c = from_channel(channel);
	struct operation *op;

	image_io_check(io, &c->file->info);
	op = take_operation(c);
	op->io = *io;
	op->offset = 0;
	op->left = 0;
	if (io->operation == IMAGE_DISCARD) {
		op->offset = io->sector * SECTOR_BYTES;
		op->left = io->sectors * SECTOR_BYTES;
	} else if (io->operation != IMAGE_FLUSH) {
		op->offset = io->sector * SECTOR_BYTES;
		op->left = image_io_bytes(io);
	}
	prepare(c, op);
	return 0;
}

/* Moves an operation's vector over what a transfer has done. */
static void advance(struct operation *op, uint64_t bytes)
{
	CHECK(bytes < op->left);
	op->offset += bytes;
	op->left -= bytes;
	while (bytes >= op->io.iov->iov_len) {
		bytes -= op->io.iov->iov_len;
		op->io.iov++;
		op->io.iov_count--;
		CHECK(op->io.iov_count > 0);
	}
	op->io.iov->iov_base = (char *)op->io.iov->iov_base + bytes;
	op->io.iov->iov_len -= bytes;
}

/* A piece of a discard is gone: whether there is none behind it. */
static bool discard_goes_on(struct file_channel *c, struct operation *op)
{
	const uint64_t piece = piece_of(op);

	CHECK(piece > 0);
	op->offset += piece;
	op->left -= piece;
	if (op->left == 0)
		return true;
	prepare(c, op);
	return false;
}

/*
 * What a completion means: true with a result when the operation is over, false
 * when its rest was put on the submission queue.
 */
static bool finish(struct file_channel *c, struct operation *op, int32_t result,
		   struct image_done *done)
{
	done->tag = op->io.tag;
	done->result = result;
	if (result == -EINTR || result == -EAGAIN) {
		prepare(c, op);
		return false;
	}
	if (result < 0)
		return true;
	if (op->io.operation == IMAGE_DISCARD)
		return discard_goes_on(c, op);
	CHECK((uint64_t)result <= op->left);
	if ((uint64_t)result == op->left) {
		done->result = 0;
		return true;
	}
	if (result == 0) {
		/* The file is shorter than it was when it was opened. */
		done->result = -EIO;
		return true;
	}
	advance(op, (uint64_t)result);
	prepare(c, op);
	return false;
}

static bool kernel_wants_us(const struct io_uring *ring)
{
	unsigned int flags = IO_URING_READ_ONCE(*ring->sq.kflags);

	return (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

/* Hands over all that is on the submission queue. */
static void enter(struct file_channel *c)
{
	unsigned int tries = 0;
	int n;

	do {
		n = io_uring_submit_and_get_events(&c->ring);
		CHECK(n >= 0 || n == -EAGAIN || n == -EBUSY || n == -EINTR);
		CHECK(++tries < ENTER_TRIES);
	} while (io_uring_sq_ready(&c->ring) > 0);
}

static unsigned int reap(struct file_channel *c, struct image_done *done,
			 unsigned int room)
{
	struct io_uring_cqe *cqe;
	unsigned int head, taken = 0, n = 0;

	io_uring_for_each_cqe(&c->ring, head, cqe)
	{
		uint64_t index = io_uring_cqe_get_data64(cqe);
		struct operation *op;

		if (n == room)
			break;
		CHECK(index < c->depth);
		op = &c->operation[index];
		CHECK(op->busy);
		taken++;
		if (finish(c, op, cqe->res, &done[n])) {
			put_operation(c, op);
			n++;
		}
	}
	io_uring_cq_advance(&c->ring, taken);
	return n;
}

static unsigned int file_poll(struct image_channel *channel,
			      struct image_done *done, unsigned int room)
{
	struct file_channel *c = from_channel(channel);
	unsigned int n;

	if (io_uring_sq_ready(&c->ring) > 0 || kernel_wants_us(&c->ring))
		enter(c);
	n = reap(c, done, room);
	if (io_uring_sq_ready(&c->ring) > 0)
		enter(c);
	return n;
}

static int file_descriptor(const struct image_channel *channel)
{
	return ((const struct file_channel *)channel)->ring.ring_fd;
}

static void file_close(struct image *image)
{
	struct file_image *file = (struct file_image *)image;

	for (unsigned int i = 0; i < file->count; i++)
		close(file->fds[i]);
	close_fd(&file->held);
	free(file);
}

static const struct image_operations file_operations = {
	.info = file_info,
	.open_channel = file_open_channel,
	.close_channel = file_close_channel,
	.submit = file_submit,
	.poll = file_poll,
	.descriptor = file_descriptor,
	.close = file_close,
};

int image_file_open(const int *fds, unsigned int count, uint64_t sectors,
		    bool readonly, bool direct, struct image **image)
{
	struct file_image *file;

	CHECK(count > 0);
	CHECK(count <= LIMIT_QUEUES);
	CHECK(sectors > 0);
	CHECK(sectors <= (uint64_t)INT64_MAX / SECTOR_BYTES);
	(void)direct; /* the kernel knows; nothing of ours depends on it yet */
	file = calloc(1, sizeof(*file));
	if (file == NULL)
		return -ENOMEM;
	file->image.operations = &file_operations;
	file->info = (struct image_info){.sectors = sectors,
					 .physical_block_bytes = SECTOR_BYTES,
					 .readonly = readonly};
	file->count = count;
	file->held = -1;
	memcpy(file->fds, fds, count * sizeof(fds[0]));
	*image = &file->image;
	return 0;
}

void image_file_hold(struct image *image, int fd)
{
	struct file_image *file = (struct file_image *)image;

	CHECK(image->operations == &file_operations);
	CHECK(file->held < 0);
	file->held = fd;
}
