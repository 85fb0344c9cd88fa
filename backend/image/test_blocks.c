/* Sectors on a store that takes whole blocks only: the store is the test's, keeps
 * what it is given until it is let go, and refuses what is no block. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "backend/image/blocks.h"

#define BLOCK	4096u
#define BLOCKS	1040u /* more than one group */
#define DISK	(BLOCK * BLOCKS)
#define QUEUES	4u
#define DEPTH	40u /* more than a channel has rooms */
#define SECTORS (DISK / SECTOR_BYTES)

struct store_channel {
	struct image_channel channel; /* first */
	struct store *store;
	struct image_io held[DEPTH];
	unsigned int count;
};

struct store {
	struct image image; /* first */
	bool hold;
	int refuse;	    /* what submit() returns */
	int32_t fail_read;  /* what reads come to */
	int32_t fail_write; /* what writes come to */
	struct store_channel channel[QUEUES];
	unsigned char *disk;
};

static void store_info(const struct image *image, struct image_info *info)
{
	(void)image;
	*info = (struct image_info){.sectors = SECTORS,
				    .physical_block_bytes = BLOCK};
}

static int store_open(struct image *image, unsigned int queue,
		      unsigned int depth, struct image_channel **channel)
{
	struct store *store = (struct store *)image;

	assert_true(depth <= DEPTH);
	store->channel[queue].channel.operations = image->operations;
	store->channel[queue].store = store;
	*channel = &store->channel[queue].channel;
	return 0;
}

static void store_close_channel(struct image_channel *channel)
{
	assert_int_equal(((struct store_channel *)channel)->count, 0);
}

static int store_submit(struct image_channel *channel,
			const struct image_io *io)
{
	struct store_channel *c = (struct store_channel *)channel;

	if (c->store->refuse != 0)
		return c->store->refuse;
	assert_int_equal(io->sector * SECTOR_BYTES % BLOCK, 0);
	for (uint32_t i = 0; i < io->iov_count; i++) {
		assert_int_equal((uintptr_t)io->iov[i].iov_base % BLOCK, 0);
		assert_int_equal(io->iov[i].iov_len % BLOCK, 0);
	}
	assert_true(c->count < DEPTH);
	c->held[c->count++] = *io;
	return 0;
}

/* As an engine may: the vector is not as it was afterwards. */
static void store_move(struct store *store, const struct image_io *io)
{
	unsigned char *at = store->disk + io->sector * SECTOR_BYTES;

	for (uint32_t i = 0; i < io->iov_count; i++) {
		struct iovec *iov = &io->iov[i];

		if (io->operation == IMAGE_WRITE)
			memcpy(at, iov->iov_base, iov->iov_len);
		else
			memcpy(iov->iov_base, at, iov->iov_len);
		at += iov->iov_len;
		iov->iov_base = (char *)iov->iov_base + iov->iov_len - 1;
		iov->iov_len = 1;
	}
}

static int32_t store_do(struct store *store, const struct image_io *io)
{
	if (io->operation == IMAGE_READ && store->fail_read != 0)
		return store->fail_read;
	if (io->operation == IMAGE_WRITE && store->fail_write != 0)
		return store->fail_write;
	if (io->operation != IMAGE_DISCARD)
		store_move(store, io);
	return 0;
}

static unsigned int store_poll(struct image_channel *channel,
			       struct image_done *done, unsigned int room)
{
	struct store_channel *c = (struct store_channel *)channel;
	unsigned int n = c->store->hold ? 0 : c->count;

	n = n < room ? n : room;
	for (unsigned int i = 0; i < n; i++)
		done[i] = (struct image_done){
			.tag = c->held[i].tag,
			.result = store_do(c->store, &c->held[i])};
	c->count -= n;
	memmove(c->held, c->held + n, c->count * sizeof(c->held[0]));
	return n;
}

static int store_descriptor(const struct image_channel *channel)
{
	(void)channel;
	return -1;
}

static void store_close(struct image *image)
{
	(void)image;
}

static const struct image_operations store_operations = {
	.info = store_info,
	.open_channel = store_open,
	.close_channel = store_close_channel,
	.submit = store_submit,
	.poll = store_poll,
	.descriptor = store_descriptor,
	.close = store_close,
};

struct fixture {
	struct store store;
	struct image *image;
	struct image_channel *channel[QUEUES];
	unsigned char *memory; /* what the guest reads and writes */
	unsigned char *model;  /* what the disk should be */
	struct iovec iov[DEPTH * 2];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct blocks_store store = {.image = &f->store.image,
				     .block_bytes = BLOCK,
				     .queues = QUEUES};

	f->store.image.operations = &store_operations;
	f->store.disk = malloc(DISK);
	f->model = malloc(DISK);
	f->memory = aligned_alloc(BLOCK, DISK);
	for (unsigned int i = 0; i < DISK; i++)
		f->store.disk[i] = (unsigned char)(i / SECTOR_BYTES * 7 + i);
	memcpy(f->model, f->store.disk, DISK);
	assert_int_equal(blocks_open(&store, &f->image), 0);
	for (unsigned int i = 0; i < QUEUES; i++)
		assert_int_equal(f->image->operations->open_channel(
					 f->image, i, DEPTH, &f->channel[i]),
				 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < QUEUES; i++)
		f->image->operations->close_channel(f->channel[i]);
	f->image->operations->close(f->image);
	free(f->store.disk);
	free(f->model);
	free(f->memory);
	free(f);
	return 0;
}

/* A write or read of memory at the same place as on the disk, and `shift`. */
static void submit(struct fixture *f, unsigned int queue,
		   enum image_operation what, uint32_t tag, uint64_t sector,
		   uint64_t sectors)
{
	struct image_io io = {.operation = what,
			      .sector = sector,
			      .tag = tag,
			      .iov_count = 1,
			      .iov = &f->iov[tag]};

	f->iov[tag] = (struct iovec){f->memory + sector * SECTOR_BYTES,
				     sectors * SECTOR_BYTES};
	assert_int_equal(f->image->operations->submit(f->channel[queue], &io),
			 0);
}

static unsigned int collect(struct fixture *f, unsigned int queue,
			    struct image_done *done)
{
	return f->image->operations->poll(f->channel[queue], done, DEPTH);
}

static int32_t one(struct fixture *f, unsigned int queue)
{
	struct image_done done[DEPTH];

	assert_int_equal(collect(f, queue, done), 1);
	return done[0].result;
}

static bool readable(struct fixture *f, unsigned int queue)
{
	struct pollfd wait = {
		.fd = f->image->operations->descriptor(f->channel[queue]),
		.events = POLLIN};

	return poll(&wait, 1, 0) == 1;
}

/* Writes a pattern and keeps the model. */
static void write_sectors(struct fixture *f, unsigned int queue, uint32_t tag,
			  uint64_t sector, uint64_t sectors)
{
	const size_t at = sector * SECTOR_BYTES;

	for (size_t i = 0; i < sectors * SECTOR_BYTES; i++)
		f->memory[at + i] = (unsigned char)(i * 13 + tag + sector);
	memcpy(f->model + at, f->memory + at, sectors * SECTOR_BYTES);
	submit(f, queue, IMAGE_WRITE, tag, sector, sectors);
}

static void expect_disk(const struct fixture *f)
{
	assert_memory_equal(f->store.disk, f->model, DISK);
}

/* Every offset in a block, every length up to three blocks and a bit. */
static void neighbours_are_kept(void **state)
{
	struct fixture *f = *state;

	for (unsigned int at = 0; at < 8; at++)
		for (unsigned int sectors = 1; sectors <= 26; sectors++) {
			write_sectors(f, 0, 0, 16 + at, sectors);
			assert_int_equal(one(f, 0), 0);
			assert_memory_equal(f->store.disk, f->model, 8 * BLOCK);
		}
	/* In pieces, and over the border of a group. */
	write_sectors(f, 0, 0, 1020 * 8 + 3, 130);
	assert_int_equal(one(f, 0), 0);
	write_sectors(f, 0, 0, 1022 * 8, 32);
	assert_int_equal(one(f, 0), 0);
	expect_disk(f);
}

static void any_sectors_are_read(void **state)
{
	struct fixture *f = *state;

	for (unsigned int at = 0; at < 8; at++)
		for (unsigned int sectors = 1; sectors <= 300; sectors += 23) {
			memset(f->memory, 0, 64 * BLOCK);
			submit(f, 1, IMAGE_READ, 2, 8 + at, sectors);
			assert_int_equal(one(f, 1), 0);
			assert_memory_equal(f->memory + (8 + at) * 512,
					    f->model + (8 + at) * 512,
					    (size_t)sectors * 512);
			assert_int_equal(f->memory[(8 + at + sectors) * 512],
					 0);
		}
}

/* Segments of one sector, in memory that direct I/O cannot use. */
static void memory_may_lie_anywhere(void **state)
{
	struct fixture *f = *state;
	struct image_io io = {.operation = IMAGE_WRITE,
			      .sector = 8,
			      .iov_count = 8,
			      .iov = f->iov};

	for (unsigned int i = 0; i < 8; i++) {
		f->iov[i].iov_base = f->memory + (size_t)i * BLOCK + 512;
		f->iov[i].iov_len = 512;
		memset(f->iov[i].iov_base, (int)i + 1, 512);
		memset(f->model + BLOCK + (size_t)i * 512, (int)i + 1, 512);
	}
	assert_int_equal(f->image->operations->submit(f->channel[0], &io), 0);
	assert_int_equal(one(f, 0), 0);
	expect_disk(f);
}

/* Whole blocks in good memory are not copied, and do wait for their turn. */
static void writes_of_one_block_take_turns(void **state)
{
	struct fixture *f = *state;
	struct image_done done[DEPTH];

	f->store.hold = true;
	write_sectors(f, 0, 1, 17, 1);
	submit(f, 1, IMAGE_WRITE, 2, 16, 8);
	write_sectors(f, 2, 3, 18, 1);
	write_sectors(f, 3, 4, 32, 1); /* another block */
	assert_int_equal(f->store.channel[0].count, 1);
	assert_int_equal(f->store.channel[1].count, 0);
	assert_int_equal(f->store.channel[2].count, 0);
	assert_int_equal(f->store.channel[3].count, 1);
	memcpy(f->model + 2 * BLOCK, f->memory + 2 * BLOCK, BLOCK);
	f->store.hold = false;
	assert_int_equal(collect(f, 2, done), 0);
	assert_false(readable(f, 1));
	assert_int_equal(one(f, 0), 0);
	assert_true(readable(f, 1));
	assert_int_equal(one(f, 1), 0);
	assert_false(readable(f, 1));
	assert_true(readable(f, 2));
	assert_int_equal(one(f, 2), 0);
	assert_false(readable(f, 2));
	assert_int_equal(one(f, 3), 0);
	expect_disk(f);
}

static void a_failed_edge_lets_the_block_go(void **state)
{
	struct fixture *f = *state;

	f->store.fail_read = -EIO;
	submit(f, 0, IMAGE_WRITE, 1, 17, 1);
	submit(f, 1, IMAGE_WRITE, 2, 16, 8); /* needs no edge */
	assert_int_equal(one(f, 0), -EIO);
	assert_int_equal(one(f, 1), 0);
	f->store.fail_write = -ENOSPC;
	f->store.fail_read = 0;
	submit(f, 0, IMAGE_WRITE, 1, 23, 2);
	assert_int_equal(one(f, 0), -ENOSPC);
	f->store.refuse = -ENOMEM;
	submit(f, 0, IMAGE_WRITE, 1, 23, 2);
	submit(f, 1, IMAGE_WRITE, 1, 16, 8);
	submit(f, 2, IMAGE_READ, 1, 17, 1);
	assert_int_equal(one(f, 0), -ENOMEM);
	assert_int_equal(one(f, 1), -ENOMEM);
	assert_int_equal(one(f, 2), -ENOMEM);
	f->store.refuse = f->store.fail_write = 0;
	submit(f, 0, IMAGE_WRITE, 1, 16, 8);
	assert_int_equal(one(f, 0), 0);
}

/* More at once than there are rooms, all in two blocks. */
static void rooms_are_shared(void **state)
{
	struct fixture *f = *state;
	struct image_done done[DEPTH];
	bool seen[DEPTH] = {false};

	f->store.hold = true;
	for (uint32_t tag = 0; tag < DEPTH; tag++)
		write_sectors(f, 0, tag, 8 + tag % 15, 1);
	f->store.hold = false;
	assert_int_equal(collect(f, 0, done), DEPTH);
	for (unsigned int i = 0; i < DEPTH; i++) {
		assert_int_equal(done[i].result, 0);
		assert_false(seen[done[i].tag]);
		seen[done[i].tag] = true;
	}
	f->store.hold = true;
	submit(f, 0, IMAGE_FLUSH, 5, 0, 0);
	assert_int_equal(f->store.channel[0].held[0].operation, IMAGE_FLUSH);
	f->store.hold = false;
	assert_int_equal(one(f, 0), 0);
}

static void whole_blocks_are_discarded(void **state)
{
	struct fixture *f = *state;
	struct image_io io = {
		.operation = IMAGE_DISCARD, .sector = 3, .sectors = 20};

	f->store.hold = true;
	assert_int_equal(f->image->operations->submit(f->channel[0], &io), 0);
	assert_int_equal(f->store.channel[0].count, 1);
	assert_int_equal(f->store.channel[0].held[0].sector, 8);
	assert_int_equal(f->store.channel[0].held[0].sectors, 8);
	f->store.hold = false;
	assert_int_equal(one(f, 0), 0);
	io.sector = 9;
	io.sectors = 14;
	assert_int_equal(f->image->operations->submit(f->channel[0], &io), 0);
	assert_int_equal(f->store.channel[0].count, 0);
	assert_int_equal(one(f, 0), 0);
	expect_disk(f);
}

/* --- what another thread does between two instructions of this one --- */

ssize_t __real_write(int fd, const void *bytes, size_t count);
ssize_t __wrap_write(int fd, const void *bytes, size_t count);
int __real_pthread_mutex_unlock(pthread_mutex_t *lock);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *lock);

/* Once: then it is nobody's any more. */
static struct {
	struct fixture *before_write, *after_unlock;
	unsigned int queue, collected;
} other;

static void collect_as_another(struct fixture **f)
{
	struct fixture *once = *f;
	struct image_done done[DEPTH];

	if (once == NULL)
		return;
	*f = NULL;
	other.collected = collect(once, other.queue, done);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t count)
{
	collect_as_another(&other.before_write);
	return __real_write(fd, bytes, count);
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *lock)
{
	const int result = __real_pthread_mutex_unlock(lock);

	collect_as_another(&other.after_unlock);
	return result;
}

/* The list is taken before its event is there: who has nothing under way would be
 * woken by that again and again. */
static void an_event_may_come_late(void **state)
{
	struct fixture *f = *state;

	f->store.hold = true;
	write_sectors(f, 0, 1, 17, 1);
	write_sectors(f, 1, 2, 18, 1);
	f->store.hold = false;
	other.before_write = f;
	other.queue = 1;
	assert_int_equal(one(f, 0), 0);
	assert_null(other.before_write);
	assert_int_equal(other.collected, 0);
	assert_true(readable(f, 1));
	assert_int_equal(one(f, 1), 0);
	assert_false(readable(f, 1));
	expect_disk(f);
}

/* It has its block before it knows that it has to wait for it. */
static void a_turn_may_come_at_once(void **state)
{
	struct fixture *f = *state;

	f->store.hold = true;
	write_sectors(f, 0, 1, 17, 1);
	f->store.hold = false;
	other.after_unlock = f;
	other.queue = 0;
	write_sectors(f, 1, 2, 18, 1);
	assert_null(other.after_unlock);
	assert_int_equal(other.collected, 1);
	assert_true(readable(f, 1));
	assert_int_equal(one(f, 1), 0);
	assert_false(readable(f, 1));
	expect_disk(f);
}

/* --- threads: each writes its own sectors of the same few blocks --- */

#define ROUNDS 300u

struct writer {
	struct fixture *f;
	unsigned int queue;
	bool good;
};

static void *write_on(void *data)
{
	struct writer *w = data;
	const struct image_operations *o = w->f->image->operations;
	struct image_channel *channel = w->f->channel[w->queue];
	_Alignas(512) unsigned char memory[1024];
	struct iovec iov;
	struct image_io io = {
		.operation = IMAGE_WRITE, .iov_count = 1, .iov = &iov};
	struct image_done done;

	w->good = true;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct pollfd wait = {.fd = o->descriptor(channel),
				      .events = POLLIN};

		memset(memory, (int)(i + w->queue), sizeof(memory));
		iov = (struct iovec){memory, sizeof(memory)};
		io.sector = 8 * (i % 3) + w->queue * 2;
		w->good &= o->submit(channel, &io) == 0;
		while (o->poll(channel, &done, 1) == 0)
			w->good &= poll(&wait, 1, 10000) == 1;
		w->good &= done.result == 0;
	}
	return NULL;
}

static void no_thread_loses_a_sector(void **state)
{
	struct fixture *f = *state;
	struct writer writer[QUEUES];
	pthread_t thread[QUEUES];

	for (unsigned int i = 0; i < QUEUES; i++) {
		writer[i] = (struct writer){.f = f, .queue = i};
		assert_int_equal(
			pthread_create(&thread[i], NULL, write_on, &writer[i]),
			0);
	}
	for (unsigned int i = 0; i < QUEUES; i++) {
		assert_int_equal(pthread_join(thread[i], NULL), 0);
		assert_true(writer[i].good);
	}
	for (unsigned int b = 0; b < 3; b++)
		for (unsigned int i = 0; i < QUEUES; i++)
			memset(f->model + (size_t)b * BLOCK + (size_t)i * 1024,
			       (int)(ROUNDS - 3 + b + i), 1024);
	expect_disk(f);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(neighbours_are_kept),
		CASE(any_sectors_are_read),
		CASE(memory_may_lie_anywhere),
		CASE(writes_of_one_block_take_turns),
		CASE(a_failed_edge_lets_the_block_go),
		CASE(rooms_are_shared),
		CASE(whole_blocks_are_discarded),
		CASE(an_event_may_come_late),
		CASE(a_turn_may_come_at_once),
		CASE(no_thread_loses_a_sector),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
