/* The file engine on real files: io_uring is there or these tests fail. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/image/image.h"

#define SECTORS 2048u
#define DEPTH	32u
#define QUEUES	2u

struct disk {
	struct image *image;
	struct image_channel *channel[QUEUES];
	int fd; /* ours, to look at the file from the side */
};

static int reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_CLOEXEC);
}

/* A disk on the file behind fd, with a description of its own per queue. */
static struct disk disk_on(int fd, bool readonly, int flags)
{
	struct disk disk = {.fd = fd};
	int fds[QUEUES];

	for (unsigned int i = 0; i < QUEUES; i++) {
		fds[i] = reopen(fd, (readonly ? O_RDONLY : O_RDWR) | flags);
		assert_true(fds[i] >= 0);
	}
	assert_int_equal(image_file_open(fds, QUEUES, SECTORS, readonly,
					 flags != 0, &disk.image),
			 0);
	for (unsigned int i = 0; i < QUEUES; i++)
		assert_int_equal(
			disk.image->operations->open_channel(
				disk.image, i, DEPTH, &disk.channel[i]),
			0);
	return disk;
}

static struct disk disk_open(void)
{
	int fd = memfd_create("disk", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, SECTORS * 512), 0);
	return disk_on(fd, false, 0);
}

static void disk_close(struct disk *disk)
{
	for (unsigned int i = 0; i < QUEUES; i++)
		disk->channel[i]->operations->close_channel(disk->channel[i]);
	disk->image->operations->close(disk->image);
	close(disk->fd);
}

static void submit(struct image_channel *channel, const struct image_io *io)
{
	assert_int_equal(channel->operations->submit(channel, io), 0);
}

/* Sleeps on the descriptor until so many completions came; 10 s at most. */
static void collect(struct image_channel *channel, struct image_done *done,
		    unsigned int wanted)
{
	struct pollfd pfd = {
		.fd = channel->operations->descriptor(channel),
		.events = POLLIN,
	};
	unsigned int n;

	assert_true(pfd.fd >= 0);
	n = channel->operations->poll(channel, done, wanted);
	while (n < wanted) {
		assert_int_equal(poll(&pfd, 1, 10000), 1);
		n += channel->operations->poll(channel, done + n, wanted - n);
	}
}

static int32_t run(struct image_channel *channel, struct image_io *io)
{
	struct image_done done;

	io->tag = 0xfffffff0u;
	submit(channel, io);
	collect(channel, &done, 1);
	assert_int_equal(done.tag, 0xfffffff0u);
	return done.result;
}

static void fill(unsigned char *data, size_t bytes, unsigned int seed)
{
	for (size_t i = 0; i < bytes; i++)
		data[i] = (unsigned char)(i * 31 + seed);
}

static void what_one_queue_writes_the_other_reads(void **state)
{
	struct disk disk = disk_open();
	unsigned char data[6144], seen[6144], direct[6144];
	struct iovec out[3] = {
		{data, 512}, {data + 512, 4096}, {data + 4608, 1536}};
	struct iovec in = {seen, sizeof(seen)};
	struct image_io io = {.operation = IMAGE_WRITE,
			      .sector = SECTORS - 12,
			      .iov_count = 3,
			      .iov = out};

	(void)state;
	fill(data, sizeof(data), 5);
	memset(seen, 0, sizeof(seen));
	assert_int_equal(run(disk.channel[0], &io), 0);
	assert_int_equal(
		pread(disk.fd, direct, sizeof(direct), (SECTORS - 12) * 512),
		sizeof(direct));
	assert_memory_equal(direct, data, sizeof(data));
	io = (struct image_io){.operation = IMAGE_READ,
			       .sector = SECTORS - 12,
			       .iov_count = 1,
			       .iov = &in};
	assert_int_equal(run(disk.channel[1], &io), 0);
	assert_memory_equal(seen, data, sizeof(data));
	disk_close(&disk);
}

static void flushes_complete(void **state)
{
	struct disk disk = disk_open();
	struct image_io io = {.operation = IMAGE_FLUSH};

	(void)state;
	assert_int_equal(run(disk.channel[0], &io), 0);
	disk_close(&disk);
}

/* Its blocks are free afterwards, and its neighbours as before; a file that is on
 * nothing that could do it says so. */
static void a_discarded_range_is_a_hole(void **state)
{
	struct disk disk = disk_open();
	struct image_io io = {
		.operation = IMAGE_DISCARD, .sector = 9, .sectors = 1030};
	static unsigned char data[SECTORS * 512], seen[SECTORS * 512];
	struct stat before, after;

	(void)state;
	fill(data, sizeof(data), 3);
	assert_int_equal(pwrite(disk.fd, data, sizeof(data), 0), sizeof(data));
	assert_int_equal(fstat(disk.fd, &before), 0);
	assert_int_equal(run(disk.channel[1], &io), 0);
	assert_int_equal(fstat(disk.fd, &after), 0);
	assert_true(before.st_blocks - after.st_blocks >= 1016);
	assert_int_equal(after.st_size, before.st_size);
	assert_int_equal(pread(disk.fd, seen, sizeof(seen), 0), sizeof(seen));
	memset(data + 9 * 512, 0, 1030 * 512);
	assert_memory_equal(seen, data, sizeof(data));
	disk_close(&disk);
}

/* In pieces: one of them is a GiB. */
static void a_long_discard_goes_on_to_its_end(void **state)
{
	const uint64_t sectors = UINT64_C(7) << 20;
	struct image_io io = {.operation = IMAGE_DISCARD, .sectors = sectors};
	int fd = memfd_create("disk", MFD_CLOEXEC), own = reopen(fd, O_RDWR);
	struct image_channel *channel;
	struct image *image;
	struct stat st;

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)sectors * 512), 0);
	for (uint64_t at = 0; at < sectors; at += sectors / 7 + 1)
		assert_int_equal(pwrite(fd, "x", 1, (off_t)at * 512), 1);
	assert_int_equal(pwrite(fd, "x", 1, (off_t)sectors * 512 - 1), 1);
	assert_int_equal(
		image_file_open(&own, 1, sectors, false, false, &image), 0);
	assert_int_equal(image->operations->open_channel(image, 0, 1, &channel),
			 0);
	assert_int_equal(run(channel, &io), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_blocks, 0);
	channel->operations->close_channel(channel);
	image->operations->close(image);
	close(fd);
}

static void a_discard_that_cannot_be_says_so(void **state)
{
	struct image_io io = {
		.operation = IMAGE_DISCARD, .sector = 0, .sectors = 8};
	int own = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct image_channel *channel;
	struct image *image;

	(void)state;
	assert_int_equal(image_file_open(&own, 1, 8, false, false, &image), 0);
	assert_int_equal(image->operations->open_channel(image, 0, 1, &channel),
			 0);
	assert_true(run(channel, &io) < 0);
	channel->operations->close_channel(channel);
	image->operations->close(image);
}

static void full_depth_completes_each_tag_once(void **state)
{
	struct disk disk = disk_open();
	static unsigned char data[DEPTH][4096];
	struct iovec iov[DEPTH];
	struct image_done done[DEPTH];
	unsigned int seen[DEPTH] = {0};

	(void)state;
	for (unsigned int turn = 0; turn < 20; turn++) {
		for (uint32_t i = 0; i < DEPTH; i++) {
			iov[i] = (struct iovec){data[i], sizeof(data[i])};
			struct image_io io = {
				.operation =
					turn % 2 ? IMAGE_READ : IMAGE_WRITE,
				.sector = i * 8,
				.tag = i * 1000 + turn,
				.iov_count = 1,
				.iov = &iov[i],
			};
			if (turn % 2 == 0)
				fill(data[i], 4096, i + turn);
			else
				memset(data[i], 0, 4096);
			submit(disk.channel[0], &io);
		}
		collect(disk.channel[0], done, DEPTH);
		for (uint32_t i = 0; i < DEPTH; i++) {
			assert_int_equal(done[i].result, 0);
			assert_int_equal(done[i].tag % 1000, turn);
			seen[done[i].tag / 1000]++;
		}
		for (uint32_t i = 0; i < DEPTH && turn % 2; i++) {
			unsigned char expected[4096];

			fill(expected, 4096, i + turn - 1);
			assert_memory_equal(data[i], expected, 4096);
		}
	}
	for (uint32_t i = 0; i < DEPTH; i++)
		assert_int_equal(seen[i], 20);
	disk_close(&disk);
}

static void a_short_file_gives_its_bytes_and_an_error(void **state)
{
	struct disk disk = disk_open();
	unsigned char data[4096], expected[1024];
	struct iovec iov[3] = {
		{data, 512}, {data + 512, 1024}, {data + 1536, 2560}};
	struct image_io io = {
		.operation = IMAGE_READ, .iov_count = 3, .iov = iov};

	(void)state;
	fill(expected, sizeof(expected), 9);
	assert_int_equal(pwrite(disk.fd, expected, 1024, 0), 1024);
	/* Somebody cuts the file below the disk's size while it is served. */
	assert_int_equal(ftruncate(disk.fd, 1024), 0);
	memset(data, 0xee, sizeof(data));
	assert_int_equal(run(disk.channel[0], &io), -EIO);
	assert_memory_equal(data, expected, sizeof(expected));
	disk_close(&disk);
}

/*
 * A pipe is a file that gives what it has: reads of it are short, so the engine
 * must go on where they stopped, in the middle of a piece of the vector.
 */
static void short_transfers_go_on_where_they_stopped(void **state)
{
	unsigned char data[2048], seen[2048];
	struct iovec iov[2] = {{seen, 1536}, {seen + 1536, 512}};
	struct image_io io = {.operation = IMAGE_READ,
			      .sector = 0,
			      .tag = 3,
			      .iov_count = 2,
			      .iov = iov};
	struct image_channel *channel;
	struct image_done done;
	struct image *image;
	int ends[2];

	(void)state;
	fill(data, sizeof(data), 1);
	memset(seen, 0, sizeof(seen));
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(image_file_open(&ends[0], 1, 8, false, false, &image),
			 0);
	assert_int_equal(image->operations->open_channel(image, 0, 1, &channel),
			 0);
	assert_int_equal(write(ends[1], data, 700), 700);
	submit(channel, &io);
	assert_int_equal(channel->operations->poll(channel, &done, 1), 0);
	assert_int_equal(write(ends[1], data + 700, 1000), 1000);
	/* The piece of 1000 is there when this returns, the rest is not. */
	while (seen[1699] != data[1699])
		assert_int_equal(channel->operations->poll(channel, &done, 1),
				 0);
	assert_int_equal(write(ends[1], data + 1700, 348), 348);
	collect(channel, &done, 1);
	assert_int_equal(done.result, 0);
	assert_int_equal(done.tag, 3);
	assert_memory_equal(seen, data, sizeof(data));
	channel->operations->close_channel(channel);
	image->operations->close(image);
	close(ends[1]);
}

static void errors_of_the_kernel_come_through(void **state)
{
	struct disk disk = disk_open();
	unsigned char data[512] = {0};
	struct iovec iov = {data, sizeof(data)};
	struct image_io io = {
		.operation = IMAGE_WRITE, .iov_count = 1, .iov = &iov};

	(void)state;
	/* The seal is what a full or read-only file system is elsewhere. */
	disk_close(&disk);
	disk.fd = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(disk.fd, SECTORS * 512), 0);
	disk = disk_on(disk.fd, false, 0);
	assert_int_equal(fcntl(disk.fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	assert_int_equal(run(disk.channel[0], &io), -EPERM);
	disk_close(&disk);
}

static void a_read_only_disk_reads(void **state)
{
	int fd = memfd_create("disk", MFD_CLOEXEC);
	unsigned char data[512] = {0};
	struct iovec iov = {data, sizeof(data)};
	struct image_io io = {
		.operation = IMAGE_READ, .iov_count = 1, .iov = &iov};
	struct image_info info;
	struct disk disk;

	(void)state;
	assert_int_equal(ftruncate(fd, SECTORS * 512), 0);
	assert_int_equal(pwrite(fd, "hello", 5, 0), 5);
	disk = disk_on(fd, true, 0);
	disk.image->operations->info(disk.image, &info);
	assert_true(info.readonly);
	assert_int_equal(run(disk.channel[0], &io), 0);
	assert_memory_equal(data, "hello", 5);
	disk_close(&disk);
}

/* poll(2) on the ring must wake with nothing but O_DIRECT I/O in flight. */
static void direct_io_wakes_a_sleeper(void **state)
{
	char path[] = "./test_file.XXXXXX";
	int fd = mkstemp(path), probe;
	unsigned char *data = aligned_alloc(4096, 4096);
	struct iovec iov = {data, 4096};
	struct image_io io = {
		.operation = IMAGE_WRITE, .iov_count = 1, .iov = &iov};
	struct disk disk;

	(void)state;
	assert_true(fd >= 0);
	assert_non_null(data);
	assert_int_equal(ftruncate(fd, SECTORS * 512), 0);
	probe = reopen(fd, O_RDWR | O_DIRECT);
	unlink(path);
	if (probe < 0) {
		assert_int_equal(errno, EINVAL);
		print_message("this file system has no O_DIRECT\n");
		close(fd);
		free(data);
		skip();
	}
	close(probe);
	disk = disk_on(fd, false, O_DIRECT);
	for (uint64_t i = 0; i < 200; i++) {
		memset(data, (int)i, 4096);
		io.operation = i % 2 ? IMAGE_READ : IMAGE_WRITE;
		io.sector = i / 2 * 8;
		iov = (struct iovec){data, 4096};
		assert_int_equal(run(disk.channel[0], &io), 0);
		if (i % 2)
			assert_int_equal(data[17], (unsigned char)(i - 1));
	}
	disk_close(&disk);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_one_queue_writes_the_other_reads),
		cmocka_unit_test(flushes_complete),
		cmocka_unit_test(a_discarded_range_is_a_hole),
		cmocka_unit_test(a_long_discard_goes_on_to_its_end),
		cmocka_unit_test(a_discard_that_cannot_be_says_so),
		cmocka_unit_test(full_depth_completes_each_tag_once),
		cmocka_unit_test(a_short_file_gives_its_bytes_and_an_error),
		cmocka_unit_test(short_transfers_go_on_where_they_stopped),
		cmocka_unit_test(errors_of_the_kernel_come_through),
		cmocka_unit_test(a_read_only_disk_reads),
		cmocka_unit_test(direct_io_wakes_a_sleeper),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
