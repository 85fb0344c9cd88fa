/* The scripted disk.  See disk.h. */
#include "fuzz/disk.h"

#include <errno.h>
#include <string.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"
#include "fuzz/oracle/oracle.h"

struct word {
	uint64_t value;
} __attribute__((packed, may_alias)); /* of a buffer that is not aligned */

/* Filled thousands of times in a play: simple enough for the vector unit, and
 * without the check of each store that would keep it out. */
__attribute__((no_sanitize("address", "undefined"))) void disk_pattern(
	uint64_t sector, uint8_t bytes[SECTOR_BYTES])
{
	const uint64_t first = (sector + 1) * UINT64_C(0x9e3779b97f4a7c15);
	struct word *word = (struct word *)bytes;

	for (unsigned int i = 0; i < SECTOR_BYTES / 8; i++)
		word[i].value = (first + i * UINT64_C(0xd1342543de82ef95)) | 1;
}

static void touch(struct disk *disk, uint64_t sector, uint64_t count)
{
	for (uint64_t s = sector; s < sector + count; s++)
		disk->touched[s / 64] |= UINT64_C(1) << s % 64;
}

static struct disk *disk_of(struct image_channel *channel)
{
	return ((struct disk_channel *)channel)->disk;
}

static void disk_info(const struct image *image, struct image_info *info)
{
	const struct disk *disk = (const struct disk *)image;

	*info = (struct image_info){
		.sectors = disk->sectors,
		.physical_block_bytes = SECTOR_BYTES,
		.readonly = disk->readonly,
	};
}

static void record(struct disk *disk, enum disk_event_kind kind,
		   const struct disk_operation *o)
{
	struct disk_event *event = &disk->event[disk->events];

	if (disk->events == DISK_RECORD)
		oracle_fail(ORACLE_WORK,
			    "one call made more than %u disk operations",
			    DISK_RECORD);
	disk->events++;
	event->kind = kind;
	event->operation = o->io.operation;
	event->queue = o->queue;
	event->sector = o->io.sector;
	event->sectors = (uint32_t)o->io.sectors;
	for (uint32_t i = 0; i < o->io.iov_count; i++)
		event->sectors +=
			(uint32_t)(o->io.iov[i].iov_len / SECTOR_BYTES);
	event->result = o->result;
	event->write_number = disk->writes_delivered;
}

static int open_channel(struct image *image, unsigned int queue,
			unsigned int depth, struct image_channel **channel)
{
	struct disk *disk = (struct disk *)image;
	struct disk_channel *c = &disk->channel[queue % DISK_MAX_QUEUES];

	if (queue >= DISK_MAX_QUEUES || c->open)
		oracle_fail(ORACLE_STORAGE,
			    "channel %u of the disk was opened twice", queue);
	c->open = true;
	c->depth = depth;
	c->in_flight = 0;
	*channel = &c->base;
	return 0;
}

static void close_channel(struct image_channel *channel)
{
	struct disk_channel *c = (struct disk_channel *)channel;

	if (!c->open || c->in_flight != 0)
		oracle_fail(ORACLE_STORAGE,
			    "channel %u was closed with %u operations in "
			    "flight",
			    c->queue, c->in_flight);
	c->open = false;
}

/* What any disk would object to, whatever the guest wanted. */
static void check_operation(const struct disk *disk,
			    const struct disk_channel *c,
			    const struct image_io *io)
{
	uint64_t bytes = io->sectors * SECTOR_BYTES;

	for (uint32_t i = 0; i < io->iov_count; i++)
		bytes += io->iov[i].iov_len;
	if (io->operation == IMAGE_FLUSH)
		bytes = 0;
	if (bytes % SECTOR_BYTES != 0 || io->sectors > disk->sectors ||
	    !range_fits(io->sector, bytes / SECTOR_BYTES, disk->sectors))
		oracle_fail(ORACLE_STORAGE,
			    "%llu bytes at sector %llu lie outside the disk of "
			    "%llu sectors",
			    (unsigned long long)bytes,
			    (unsigned long long)io->sector,
			    (unsigned long long)disk->sectors);
	if (io->operation == IMAGE_WRITE && disk->readonly)
		oracle_fail(ORACLE_STORAGE, "a read-only disk was written");
	if (io->operation == IMAGE_DISCARD && disk->readonly)
		oracle_fail(ORACLE_STORAGE, "a read-only disk was discarded");
	if (c->in_flight >= c->depth)
		oracle_fail(ORACLE_STORAGE,
			    "more operations than the %u that were announced",
			    c->depth);
	for (uint32_t i = 0; i < disk->pending; i++)
		if (disk->operation[i].queue == c->queue &&
		    disk->operation[i].io.tag == io->tag)
			oracle_fail(ORACLE_STORAGE,
				    "tag %u is in flight already", io->tag);
}

static int submit(struct image_channel *channel, const struct image_io *io)
{
	struct disk *disk = disk_of(channel);
	struct disk_channel *c = (struct disk_channel *)channel;
	struct disk_operation *o;

	check_operation(disk, c, io);
	o = &disk->operation[disk->pending];
	o->io = *io;
	o->queue = c->queue;
	o->decided = false;
	o->result = 0;
	o->seen_writes = disk->writes_delivered;
	if (disk->refuse_at > 0 && --disk->refuse_at == 0) {
		o->result = -EAGAIN;
		record(disk, DISK_REFUSED, o);
		return -EAGAIN;
	}
	record(disk, DISK_SUBMITTED, o);
	disk->pending++;
	c->in_flight++;
	return 0;
}

void disk_discard(struct disk *disk, uint64_t sector, uint64_t sectors)
{
	const uint64_t end = (sector + sectors) / PAGE_SECTORS * PAGE_SECTORS;
	const uint64_t first =
		(sector + PAGE_SECTORS - 1) / PAGE_SECTORS * PAGE_SECTORS;

	CHECK(sector + sectors <= DISK_MAX_SECTORS);
	if (end <= first)
		return;
	memset(disk->bytes + first * SECTOR_BYTES, 0,
	       (end - first) * SECTOR_BYTES);
	touch(disk, first, end - first);
}

/* A failed operation gets half-way: that much is legal for a real one too. */
static void move_data(struct disk *disk, const struct disk_operation *o)
{
	uint64_t at = o->io.sector * SECTOR_BYTES;
	uint32_t count = o->result == 0 ? o->io.iov_count : o->io.iov_count / 2;

	if (o->io.operation == IMAGE_FLUSH)
		return;
	if (o->io.operation == IMAGE_DISCARD)
		disk_discard(disk, o->io.sector,
			     o->result == 0 ? o->io.sectors
					    : o->io.sectors / 2);
	for (uint32_t i = 0; i < count; i++) {
		size_t n = o->io.iov[i].iov_len;

		if (o->io.operation == IMAGE_READ) {
			memcpy(o->io.iov[i].iov_base, disk->bytes + at, n);
		} else {
			memcpy(disk->bytes + at, o->io.iov[i].iov_base, n);
			touch(disk, at / SECTOR_BYTES, n / SECTOR_BYTES);
		}
		at += n;
	}
}

static void account(struct disk *disk, const struct disk_operation *o)
{
	if (o->io.operation == IMAGE_WRITE && o->result == 0)
		disk->writes_delivered++;
	if (o->io.operation == IMAGE_FLUSH && o->result == 0 &&
	    o->seen_writes > disk->writes_durable)
		disk->writes_durable = o->seen_writes;
	record(disk, DISK_DELIVERED, o);
	disk->channel[o->queue].in_flight--;
}

/* One of the script's errors stands for a store that cannot discard. */
static void cannot_discard(struct disk_operation *o)
{
	if (o->io.operation == IMAGE_DISCARD && o->result == -ENOMEM)
		o->result = -EOPNOTSUPP;
}

static void deliver(struct disk *disk, struct disk_operation *o,
		    struct image_done *done)
{
	if (disk->error_at > 0 && --disk->error_at == 0)
		o->result = -EIO;
	cannot_discard(o);
	move_data(disk, o);
	account(disk, o);
	done->tag = o->io.tag;
	done->result = o->result;
}

static bool finished(const struct disk *disk, const struct disk_operation *o)
{
	return o->decided || !disk->hold;
}

static unsigned int poll_channel(struct image_channel *channel,
				 struct image_done *done, unsigned int room)
{
	struct disk *disk = disk_of(channel);
	uint32_t queue = ((struct disk_channel *)channel)->queue;
	unsigned int count = 0;
	unsigned int kept = 0;

	for (unsigned int i = 0; i < disk->pending; i++) {
		struct disk_operation *o = &disk->operation[i];

		if (count < room && o->queue == queue && finished(disk, o))
			deliver(disk, o, &done[count++]);
		else if (kept++ != i)
			disk->operation[kept - 1] = *o;
	}
	disk->pending = kept;
	return count;
}

static int descriptor(const struct image_channel *channel)
{
	(void)channel;
	return -1;
}

static void close_image(struct image *image)
{
	(void)image; /* the player owns it */
}

static const struct image_operations operations = {
	.info = disk_info,
	.open_channel = open_channel,
	.close_channel = close_channel,
	.submit = submit,
	.poll = poll_channel,
	.descriptor = descriptor,
	.close = close_image,
};

void disk_init(struct disk *disk)
{
	disk->base.operations = &operations;
	for (uint32_t i = 0; i < DISK_MAX_QUEUES; i++) {
		disk->channel[i].base.operations = &operations;
		disk->channel[i].disk = disk;
		disk->channel[i].queue = i;
		disk->channel[i].open = false;
	}
	memset(disk->touched, 0xff, sizeof(disk->touched));
}

void disk_reset(struct disk *disk, const struct disk_options *options)
{
	for (unsigned int w = 0; w < ARRAY_SIZE(disk->touched); w++)
		while (disk->touched[w] != 0) {
			unsigned int bit =
				(unsigned int)__builtin_ctzll(disk->touched[w]);
			uint64_t sector = 64 * w + bit;

			disk_pattern(sector,
				     disk->bytes + sector * SECTOR_BYTES);
			disk->touched[w] &= disk->touched[w] - 1;
		}
	disk->sectors = options->sectors;
	disk->readonly = options->readonly;
	disk->hold = options->hold;
	disk->refuse_at = disk->error_at = disk->again_at = 0;
	disk->piece = disk->moved = 0;
	disk->ready = NULL;
	disk->writes_delivered = disk->writes_durable = 0;
	disk->pending = disk->events = 0;
	for (uint32_t i = 0; i < DISK_MAX_QUEUES; i++)
		disk->channel[i].open = false;
}

static bool can_be_chosen(const struct disk_operation *o,
			  const struct disk_choice *choice)
{
	return !o->decided && (!choice->one_queue || o->queue == choice->queue);
}

bool disk_complete(struct disk *disk, const struct disk_choice *choice)
{
	unsigned int waiting = 0;
	unsigned int which;

	for (unsigned int i = 0; i < disk->pending; i++)
		waiting += can_be_chosen(&disk->operation[i], choice);
	if (waiting == 0)
		return false;
	which = choice->which % waiting;
	for (unsigned int i = 0; i < disk->pending; i++) {
		struct disk_operation *o = &disk->operation[i];

		if (!can_be_chosen(o, choice) || which-- > 0)
			continue;
		o->decided = true;
		o->result = choice->error;
		/* Decided ones are delivered in the order of decision. */
		for (; i + 1 < disk->pending; i++) {
			struct disk_operation t = disk->operation[i];

			disk->operation[i] = disk->operation[i + 1];
			disk->operation[i + 1] = t;
		}
		return true;
	}
	return false;
}

void disk_release(struct disk *disk)
{
	disk->hold = false;
}

bool disk_ready(struct disk *disk, uint32_t queue)
{
	if (disk->ready != NULL)
		return disk->ready(disk, queue);
	for (unsigned int i = 0; i < disk->pending; i++)
		if (disk->operation[i].queue == queue &&
		    finished(disk, &disk->operation[i]))
			return true;
	return false;
}

/* --- behind another engine --- */

static struct disk_operation *find(struct disk *disk, unsigned int queue,
				   uint32_t tag)
{
	for (unsigned int i = 0; i < disk->pending; i++)
		if (disk->operation[i].queue == queue &&
		    disk->operation[i].io.tag == tag)
			return &disk->operation[i];
	check_failed(__FILE__, __LINE__, "an operation that is pending");
}

int disk_submit(struct disk *disk, unsigned int queue,
		const struct image_io *io)
{
	return submit(&disk->channel[queue].base, io);
}

void disk_close_channel(struct disk *disk, unsigned int queue)
{
	close_channel(&disk->channel[queue].base);
}

unsigned int disk_tags(const struct disk *disk, unsigned int queue,
		       uint32_t tag[LIMIT_RING_SLOTS])
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < disk->pending; i++)
		if (disk->operation[i].queue == queue)
			tag[count++] = disk->operation[i].io.tag;
	return count;
}

bool disk_finished(struct disk *disk, unsigned int queue, uint32_t tag)
{
	return finished(disk, find(disk, queue, tag));
}

bool disk_says_again(struct disk *disk, unsigned int queue, uint32_t tag)
{
	struct disk_operation *o = find(disk, queue, tag);

	if (disk->again_at > 0 && --disk->again_at == 0)
		return true;
	if (o->result != -EAGAIN)
		return false;
	o->result = 0;
	return true;
}

int disk_result(struct disk *disk, unsigned int queue, uint32_t tag)
{
	struct disk_operation *o = find(disk, queue, tag);

	if (disk->error_at > 0 && --disk->error_at == 0)
		o->result = -EIO;
	cannot_discard(o);
	return o->result;
}

void disk_move(struct disk *disk, const struct image_io *io, uint64_t offset,
	       uint64_t bytes)
{
	CHECK(offset + bytes <= sizeof(disk->bytes));
	disk->moved += bytes;
	if (bytes > 0 && io->operation == IMAGE_WRITE)
		touch(disk, offset / SECTOR_BYTES,
		      (offset + bytes - 1) / SECTOR_BYTES -
			      offset / SECTOR_BYTES + 1);
	for (uint32_t i = 0; i < io->iov_count && bytes > 0; i++) {
		size_t n =
			io->iov[i].iov_len < bytes ? io->iov[i].iov_len : bytes;

		if (io->operation == IMAGE_READ)
			memcpy(io->iov[i].iov_base, disk->bytes + offset, n);
		else
			memcpy(disk->bytes + offset, io->iov[i].iov_base, n);
		offset += n;
		bytes -= n;
	}
}

void disk_finish(struct disk *disk, unsigned int queue, uint32_t tag,
		 int result)
{
	struct disk_operation *o = find(disk, queue, tag);

	o->result = result;
	account(disk, o);
	for (disk->pending--; o < disk->operation + disk->pending; o++)
		*o = o[1];
}
