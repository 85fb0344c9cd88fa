/* A disk with a volatile cache: see device.h. */
#include "conformance/crash/device.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/check.h"

#define STAMP_WORDS (SECTOR_BYTES / sizeof(uint64_t))
#define STAMP_MIX   0x9e3779b97f4a7c15u

/* --- stamps --- */

static uint64_t stamp_word(uint32_t write, uint64_t sector, unsigned int i)
{
	return i == 0 ? write : (write * STAMP_MIX) ^ (sector << 32) ^ i;
}

void device_stamp(void *sector_bytes, uint32_t write, uint64_t sector)
{
	uint64_t *word = sector_bytes;

	for (unsigned int i = 0; i < STAMP_WORDS; i++)
		word[i] = stamp_word(write, sector, i);
}

bool device_stamped(const void *sector_bytes, uint64_t sector, uint32_t *write)
{
	const uint64_t *word = sector_bytes;

	*write = (uint32_t)word[0];
	for (unsigned int i = 0; i < STAMP_WORDS; i++) {
		if (word[i] != stamp_word(*write, sector, i))
			return false;
	}
	return true;
}

/* --- sectors --- */

static void cell_forget(struct cell *cell, unsigned int i)
{
	CHECK(i < cell->count);
	cell->count--;
	memmove(&cell->trace[i], &cell->trace[i + 1],
		(cell->count - i) * sizeof(cell->trace[0]));
}

/* What a flush settles that was submitted then: the youngest of what had been
 * seen done stays, and what it overwrote is gone. */
static void cell_settle(struct cell *cell, uint64_t submitted)
{
	const struct trace *latest = NULL;

	for (unsigned int i = 0; i < cell->count; i++) {
		const struct trace *t = &cell->trace[i];

		if (t->seen != 0 && t->seen < submitted &&
		    (latest == NULL || t->applied > latest->applied))
			latest = t;
	}
	if (latest == NULL)
		return;
	if (latest->applied > cell->durable_applied) {
		cell->durable = latest->write;
		cell->durable_applied = latest->applied;
	}
	for (unsigned int i = cell->count; i-- > 0;) {
		if (cell->trace[i].seen != 0 && cell->trace[i].seen < submitted)
			cell_forget(cell, i);
	}
}

/* What a read finds. */
static uint32_t cell_value(const struct cell *cell)
{
	uint64_t applied = cell->durable_applied;
	uint32_t write = cell->durable;

	for (unsigned int i = 0; i < cell->count; i++) {
		if (cell->trace[i].applied > applied) {
			applied = cell->trace[i].applied;
			write = cell->trace[i].write;
		}
	}
	return write;
}

static struct trace *cell_trace(struct cell *cell, uint32_t op)
{
	for (unsigned int i = 0; i < cell->count; i++) {
		if (cell->trace[i].op == op)
			return &cell->trace[i];
	}
	return NULL;
}

/* --- an operation's memory, sector by sector --- */

struct walk {
	const struct image_io *io;
	uint32_t vector;
	size_t at;
	uint64_t sector;
};

static void *walk_next(struct walk *walk)
{
	const struct iovec *iov;
	void *bytes;

	while (walk->vector < walk->io->iov_count &&
	       walk->at == walk->io->iov[walk->vector].iov_len) {
		walk->vector++;
		walk->at = 0;
	}
	if (walk->vector == walk->io->iov_count)
		return NULL;
	iov = &walk->io->iov[walk->vector];
	CHECK(iov->iov_len % SECTOR_BYTES == 0);
	bytes = (char *)iov->iov_base + walk->at;
	walk->at += SECTOR_BYTES;
	CHECK(walk->sector < CRASH_SECTORS);
	return bytes;
}

static uint64_t sectors_of(const struct image_io *io)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < io->iov_count; i++)
		bytes += io->iov[i].iov_len;
	return bytes / SECTOR_BYTES;
}

/* --- carrying out --- */

/* The memory may be looked at until the end: it must hold still. */
static void look_at_data(struct device *device, struct device_op *op)
{
	struct walk walk = {.io = &op->io, .sector = op->io.sector};
	const void *bytes;

	for (; (bytes = walk_next(&walk)) != NULL; walk.sector++) {
		uint32_t write;

		if (!device_stamped(bytes, walk.sector, &write) || write == 0)
			device->watch.strange(device->watch.context,
					      walk.sector,
					      "is written with bytes that are "
					      "no request's");
		else if (op->write != 0 && op->write != write)
			device->watch.strange(device->watch.context,
					      walk.sector,
					      "is written from memory that "
					      "changed, or of two requests");
		else
			op->write = write;
	}
}

static void leave_traces(struct device *device, const struct device_op *op)
{
	const uint64_t count = sectors_of(&op->io);

	for (uint64_t i = 0; i < count; i++) {
		struct cell *cell = &device->cell[op->io.sector + i];

		CHECK(cell->count < DEVICE_TRACES);
		cell->trace[cell->count++] =
			(struct trace){.write = op->write, .op = op->number};
	}
}

/* Into the cache; of one that failed or was cut off, perhaps some sectors. */
static void carry_out_write(struct device *device, const struct device_op *op,
			    bool whole, uint32_t choice)
{
	const uint64_t count = sectors_of(&op->io);

	for (uint64_t i = 0; i < count; i++) {
		struct cell *cell = &device->cell[op->io.sector + i];
		struct trace *trace = cell_trace(cell, op->number);

		CHECK(trace != NULL);
		if (whole || (choice >> i % 32 & 1) != 0)
			trace->applied = ++device->now;
		else
			cell_forget(cell, (unsigned int)(trace - cell->trace));
	}
}

static void carry_out_read(struct device *device, const struct device_op *op)
{
	struct walk walk = {.io = &op->io, .sector = op->io.sector};
	void *bytes;

	for (; (bytes = walk_next(&walk)) != NULL; walk.sector++)
		device_stamp(bytes, cell_value(&device->cell[walk.sector]),
			     walk.sector);
}

static void carry_out_flush(struct device *device, const struct device_op *op)
{
	for (unsigned int i = 0; i < CRASH_SECTORS; i++)
		cell_settle(&device->cell[i], op->submitted);
}

static void finish(struct device *device, struct device_op *op, bool fails,
		   uint32_t choice)
{
	CHECK(!op->done);
	if (op->io.operation == IMAGE_WRITE) {
		look_at_data(device, op);
		carry_out_write(device, op, !fails, choice);
	} else if (op->io.operation == IMAGE_READ && !fails) {
		carry_out_read(device, op);
	} else if (op->io.operation == IMAGE_FLUSH && !fails) {
		carry_out_flush(device, op);
	}
	op->done = true;
	op->result = fails ? -EIO : 0;
	device->watch.completed(device->watch.context, op);
}

static struct device_op *flying(struct device *device, unsigned int i)
{
	for (unsigned int at = 0; at < device->count; at++) {
		if (!device->op[at].done && i-- == 0)
			return &device->op[at];
	}
	return NULL;
}

unsigned int device_flying(const struct device *device)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < device->count; i++)
		count += !device->op[i].done;
	return count;
}

void device_complete(struct device *device, unsigned int i, bool fails,
		     uint32_t choice)
{
	struct device_op *op = flying(device, i);

	CHECK(op != NULL);
	finish(device, op, fails, choice);
}

/* From now on a flush covers it. */
static void see(struct device *device, const struct device_op *op)
{
	const uint64_t now = ++device->now;

	if (op->io.operation != IMAGE_WRITE)
		return;
	for (unsigned int s = 0; s < CRASH_SECTORS; s++) {
		struct trace *trace = cell_trace(&device->cell[s], op->number);

		if (trace != NULL)
			trace->seen = now;
	}
}

void device_orphan(struct device *device, uint32_t choice)
{
	uint64_t sequence = choice;

	for (unsigned int i = 0; i < device->count; i++) {
		struct device_op *op = &device->op[i];
		const bool whole = history_number(&sequence, 2) == 0;

		/* The memory of a read is the dead one's: nobody looks. */
		if (!op->done && op->io.operation == IMAGE_WRITE)
			carry_out_write(device, op, whole,
					history_number(&sequence, UINT32_MAX));
		else if (!op->done && op->io.operation == IMAGE_FLUSH && whole)
			carry_out_flush(device, op);
		see(device, op);
	}
	device->count = 0;
}

/* --- the engine --- */

static void device_info(const struct image *image, struct image_info *info)
{
	(void)image;
	memset(info, 0, sizeof(*info));
	info->sectors = CRASH_SECTORS;
	info->physical_block_bytes = SECTOR_BYTES;
}

static int device_open(struct image *image, unsigned int queue,
		       unsigned int depth, struct image_channel **channel)
{
	struct device *device = (struct device *)image;

	CHECK(queue < CRASH_QUEUES && depth <= DEVICE_OPS / CRASH_QUEUES);
	device->channel[queue] = (struct device_channel){
		.channel = {.operations = image->operations},
		.device = device,
		.queue = queue};
	*channel = &device->channel[queue].channel;
	return 0;
}

static void device_close_channel(struct image_channel *channel)
{
	const struct device_channel *c = (struct device_channel *)channel;

	for (unsigned int i = 0; i < c->device->count; i++)
		CHECK(c->device->op[i].queue != c->queue);
}

static int device_submit(struct image_channel *channel,
			 const struct image_io *io)
{
	const struct device_channel *c = (struct device_channel *)channel;
	struct device *device = c->device;
	struct device_op *op;

	device->watch.called(device->watch.context);
	CHECK(device->count < DEVICE_OPS);
	op = &device->op[device->count++];
	*op = (struct device_op){.io = *io,
				 .number = ++device->numbers,
				 .queue = c->queue,
				 .submitted = ++device->now};
	if (io->operation == IMAGE_WRITE) {
		look_at_data(device, op);
		leave_traces(device, op);
	}
	device->watch.submitted(device->watch.context, op);
	device->watch.called(device->watch.context);
	return 0;
}

static void hurry(struct device *device, unsigned int queue)
{
	for (unsigned int i = 0; i < device->count; i++) {
		const bool back = (device->quick_choice & 1) != 0;
		struct device_op *op =
			&device->op[back ? device->count - 1 - i : i];

		if (op->queue == queue && !op->done)
			finish(device, op, false, 0);
	}
}

static unsigned int device_poll(struct image_channel *channel,
				struct image_done *done, unsigned int room)
{
	const struct device_channel *c = (struct device_channel *)channel;
	struct device *device = c->device;
	unsigned int taken = 0, kept = 0;

	device->watch.called(device->watch.context);
	if (device->quick)
		hurry(device, c->queue);
	for (unsigned int i = 0; i < device->count; i++) {
		const struct device_op op = device->op[i];

		if (op.queue != c->queue || !op.done || taken == room) {
			device->op[kept++] = op;
			continue;
		}
		see(device, &op);
		done[taken++] = (struct image_done){.tag = op.io.tag,
						    .result = op.result};
	}
	device->count = kept;
	device->watch.called(device->watch.context);
	return taken;
}

static int device_descriptor(const struct image_channel *channel)
{
	(void)channel;
	return -1;
}

static void device_close(struct image *image)
{
	(void)image;
}

static const struct image_operations operations = {
	.info = device_info,
	.open_channel = device_open,
	.close_channel = device_close_channel,
	.submit = device_submit,
	.poll = device_poll,
	.descriptor = device_descriptor,
	.close = device_close,
};

void device_reset(struct device *device, const struct device_watch *watch)
{
	memset(device, 0, sizeof(*device));
	device->image.operations = &operations;
	device->watch = *watch;
}

void device_after_crash(const struct device *device,
			struct may_hold may[CRASH_SECTORS])
{
	for (unsigned int s = 0; s < CRASH_SECTORS; s++) {
		const struct cell *cell = &device->cell[s];

		may[s].count = 1;
		may[s].write[0] = cell->durable;
		for (unsigned int i = 0; i < cell->count; i++)
			may[s].write[may[s].count++] = cell->trace[i].write;
	}
}
