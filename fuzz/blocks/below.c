/* A window on the scripted disk.  See below.h. */
#include "fuzz/blocks/below.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "fuzz/blocks/meet.h"
#include "fuzz/blocks/model.h"
#include "fuzz/oracle/oracle.h"

#define FAILURES MODEL_NUMBERS /* no operation fails twice */

struct below_channel {
	struct image_channel base; /* first */
	struct image_channel *disk;
	unsigned int queue;
	int fd; /* -1: it has none */
	bool rung;
	struct image_io held[LIMIT_RING_SLOTS];
	struct below_sums sums;
};

static struct {
	struct image base;
	struct below_plan plan;
	unsigned int open, closed;
	struct below_channel channel[DISK_MAX_QUEUES];
	unsigned int failures;
	struct below_failure failure[FAILURES];
	bool ready; /* the disk was made */
	struct disk disk;
} below;

static struct below_channel *channel_of(struct image_channel *channel)
{
	return (struct below_channel *)channel;
}

static void below_info(const struct image *image, struct image_info *info)
{
	(void)image;
	*info = (struct image_info){
		.sectors = below.plan.first + below.plan.sectors,
		.physical_block_bytes = SECTOR_BYTES,
		.readonly = below.plan.readonly,
	};
}

static int open_channel(struct image *image, unsigned int queue,
			unsigned int depth, struct image_channel **channel)
{
	struct below_channel *c = &below.channel[queue];

	if (meet_fails())
		return -ENOMEM;
	c->base.operations = image->operations;
	c->queue = queue;
	c->rung = false;
	c->fd = below.plan.silent
			? -1
			: meet_real_eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	CHECK(below.plan.silent || c->fd >= 0);
	below.open++;
	*channel = &c->base;
	return below.disk.base.operations->open_channel(&below.disk.base, queue,
							depth, &c->disk);
}

static void close_channel(struct image_channel *channel)
{
	struct below_channel *c = channel_of(channel);

	c->disk->operations->close_channel(c->disk);
	if (c->fd >= 0)
		close(c->fd);
	below.open--;
}

static uint32_t sectors_of(const struct image_io *io)
{
	uint64_t bytes = io->sectors * SECTOR_BYTES;

	for (uint32_t i = 0; i < io->iov_count; i++)
		bytes += io->iov[i].iov_len;
	return io->operation == IMAGE_FLUSH ? 0
					    : (uint32_t)(bytes / SECTOR_BYTES);
}

static void check_blocks(const struct image_io *io)
{
	const uint32_t block = below.plan.block_bytes;
	uint64_t bits = io->sector * SECTOR_BYTES | io->sectors * SECTOR_BYTES;

	if (io->operation == IMAGE_FLUSH)
		return;
	for (uint32_t i = 0; i < io->iov_count; i++)
		bits |= (uintptr_t)io->iov[i].iov_base | io->iov[i].iov_len;
	if (bits % block != 0 || sectors_of(io) == 0)
		oracle_fail(ORACLE_STORAGE,
			    "%u sectors at %llu are no whole blocks of %u "
			    "bytes",
			    sectors_of(io), (unsigned long long)io->sector,
			    block);
}

static void note(struct below_channel *c, const struct image_io *io, int result)
{
	c->sums.flushes += io->operation == IMAGE_FLUSH && result == 0;
	c->sums.discards += io->operation == IMAGE_DISCARD && result == 0;
	if (result == 0)
		return;
	CHECK(below.failures < FAILURES);
	c->sums.failures++;
	below.failure[below.failures++] = (struct below_failure){
		.operation = io->operation,
		.queue = c->queue,
		.sector = (uint32_t)io->sector,
		.sectors = (uint32_t)io->sectors,
		.error = result,
		.when = model_now(),
	};
}

static int submit(struct image_channel *channel, const struct image_io *io)
{
	struct below_channel *c = channel_of(channel);
	struct image_io inner = *io;
	struct image_io *held;
	int result;

	CHECK(io->tag < LIMIT_RING_SLOTS);
	check_blocks(io);
	if (io->operation != IMAGE_FLUSH)
		inner.sector -= below.plan.first;
	below.disk.events = 0;
	result = c->disk->operations->submit(c->disk, &inner);
	held = &c->held[io->tag];
	*held = inner;
	/* For note(): its vector may be gone by then. */
	held->sectors = sectors_of(io);
	if (result != 0)
		note(c, held, result);
	return result;
}

/* As an engine may: the vector is not as it was afterwards. */
static void use_up(const struct image_io *io)
{
	for (uint32_t i = 0; i < io->iov_count; i++)
		io->iov[i] = (struct iovec){.iov_len = 1};
}

static unsigned int poll_channel(struct image_channel *channel,
				 struct image_done *done, unsigned int room)
{
	struct below_channel *c = channel_of(channel);
	unsigned int n;

	below.disk.events = 0;
	n = c->disk->operations->poll(c->disk, done, room);
	for (unsigned int i = 0; i < n; i++) {
		note(c, &c->held[done[i].tag], done[i].result);
		use_up(&c->held[done[i].tag]);
	}
	return n;
}

static int descriptor(const struct image_channel *channel)
{
	return ((const struct below_channel *)channel)->fd;
}

static void close_image(struct image *image)
{
	(void)image;
	below.closed++;
}

static const struct image_operations operations = {
	.info = below_info,
	.open_channel = open_channel,
	.close_channel = close_channel,
	.submit = submit,
	.poll = poll_channel,
	.descriptor = descriptor,
	.close = close_image,
};

struct image *below_begin(const struct below_plan *plan)
{
	const struct disk_options options = {.sectors = plan->sectors,
					     .readonly = plan->readonly,
					     .hold = plan->hold};

	if (!below.ready)
		disk_init(&below.disk);
	below.ready = true;
	disk_reset(&below.disk, &options);
	below.base.operations = &operations;
	below.plan = *plan;
	below.open = below.closed = below.failures = 0;
	for (unsigned int i = 0; i < DISK_MAX_QUEUES; i++)
		below.channel[i].sums = (struct below_sums){0};
	return &below.base;
}

struct disk *below_disk(void)
{
	return &below.disk;
}

bool below_wakes(unsigned int queue)
{
	struct below_channel *c = &below.channel[queue];
	const bool ready = disk_ready(&below.disk, queue);
	uint64_t word = 1;

	if (c->fd < 0)
		return ready;
	if (ready != c->rung &&
	    (ready ? write(c->fd, &word, sizeof(word))
		   : read(c->fd, &word, sizeof(word))) != sizeof(word))
		abort();
	c->rung = ready;
	return false;
}

const struct below_sums *below_sums(unsigned int queue)
{
	return &below.channel[queue].sums;
}

unsigned int below_failures(const struct below_failure **first)
{
	*first = below.failure;
	return below.failures;
}

void below_end(bool owned)
{
	if (meet_rooms() != 0)
		oracle_fail(ORACLE_RESOURCES,
			    "the rooms of %u channels are left", meet_rooms());
	if (below.open != 0 || below.closed != owned)
		oracle_fail(ORACLE_RESOURCES,
			    "%u channels of the store are open, and it was "
			    "closed %u times",
			    below.open, below.closed);
}
