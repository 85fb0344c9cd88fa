/* The engines without a kernel behind them: null and ram. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/image/image.h"

#define SECTORS 64u

struct disk {
	struct image *image;
	struct image_channel *channel;
};

static struct disk disk_open(struct image *image, unsigned int depth)
{
	struct disk disk = {.image = image};

	assert_int_equal(
		image->operations->open_channel(image, 0, depth, &disk.channel),
		0);
	return disk;
}

static void disk_close(struct disk *disk)
{
	disk->channel->operations->close_channel(disk->channel);
	disk->image->operations->close(disk->image);
}

static int32_t run(struct disk *disk, struct image_io *io)
{
	struct image_done done[2];

	io->tag = 77;
	assert_int_equal(disk->channel->operations->submit(disk->channel, io),
			 0);
	assert_int_equal(
		disk->channel->operations->poll(disk->channel, done, 2), 1);
	assert_int_equal(done[0].tag, 77);
	return done[0].result;
}

static int32_t transfer(struct disk *disk, enum image_operation operation,
			uint64_t sector, void *data, size_t bytes)
{
	/* Two pieces, so that the vector is walked. */
	struct iovec iov[2] = {{data, 512}, {(char *)data + 512, bytes - 512}};
	struct image_io io = {.operation = operation,
			      .sector = sector,
			      .iov_count = 2,
			      .iov = iov};

	return run(disk, &io);
}

static void null_reads_zeroes_and_forgets(void **state)
{
	unsigned char data[1024];
	struct image *image;
	struct image_info info;
	struct disk disk;

	(void)state;
	assert_int_equal(image_null_open(SECTORS, false, &image), 0);
	disk = disk_open(image, 4);
	image->operations->info(image, &info);
	assert_int_equal(info.sectors, SECTORS);
	assert_false(info.readonly);
	memset(data, 0xa5, sizeof(data));
	assert_int_equal(transfer(&disk, IMAGE_WRITE, 3, data, sizeof(data)),
			 0);
	assert_int_equal(transfer(&disk, IMAGE_READ, 3, data, sizeof(data)), 0);
	for (size_t i = 0; i < sizeof(data); i++)
		assert_int_equal(data[i], 0);
	assert_int_equal(disk.channel->operations->descriptor(disk.channel),
			 -1);
	disk_close(&disk);
}

static void ram_starts_with_zeroes_and_remembers(void **state)
{
	unsigned char data[1024], seen[1024];
	struct image *image;
	struct image_io flush = {.operation = IMAGE_FLUSH};
	struct disk disk;

	(void)state;
	assert_int_equal(image_ram_open(SECTORS, false, &image), 0);
	disk = disk_open(image, 4);
	memset(seen, 0xa5, sizeof(seen));
	assert_int_equal(transfer(&disk, IMAGE_READ, SECTORS - 2, seen, 1024),
			 0);
	for (size_t i = 0; i < sizeof(seen); i++)
		assert_int_equal(seen[i], 0);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 7);
	assert_int_equal(transfer(&disk, IMAGE_WRITE, SECTORS - 2, data, 1024),
			 0);
	assert_int_equal(run(&disk, &flush), 0);
	assert_int_equal(transfer(&disk, IMAGE_READ, SECTORS - 2, seen, 1024),
			 0);
	assert_memory_equal(seen, data, sizeof(data));
	disk_close(&disk);
}

/* Whole pages become zeroes; what else the range has stays. */
static void ram_gives_whole_pages_back(void **state)
{
	static unsigned char data[SECTORS * 512], seen[SECTORS * 512];
	struct iovec out = {data, sizeof(data)}, in = {seen, sizeof(seen)};
	struct image_io io = {
		.operation = IMAGE_WRITE, .iov_count = 1, .iov = &out};
	struct image *image;
	struct disk disk;

	(void)state;
	assert_int_equal(image_ram_open(SECTORS, false, &image), 0);
	disk = disk_open(image, 4);
	memset(data, 0x5a, sizeof(data));
	assert_int_equal(run(&disk, &io), 0);
	io = (struct image_io){
		.operation = IMAGE_DISCARD, .sector = 7, .sectors = 18};
	assert_int_equal(run(&disk, &io), 0);
	io = (struct image_io){
		.operation = IMAGE_DISCARD, .sector = 41, .sectors = 6};
	assert_int_equal(run(&disk, &io), 0);
	io = (struct image_io){
		.operation = IMAGE_READ, .iov_count = 1, .iov = &in};
	assert_int_equal(run(&disk, &io), 0);
	memset(data + 8 * 512, 0, 2 * 4096);
	assert_memory_equal(seen, data, sizeof(data));
	disk_close(&disk);
}

static void a_large_ram_disk_costs_nothing(void **state)
{
	unsigned char data[1024] = {1};
	/* Far beyond any memory, and within what ThreadSanitizer leaves us. */
	const uint64_t sectors = (1ull << 37) / 512;
	struct image *image;
	struct disk disk;

	(void)state;
	assert_int_equal(image_ram_open(sectors, false, &image), 0);
	disk = disk_open(image, 1);
	assert_int_equal(transfer(&disk, IMAGE_WRITE, sectors - 2, data, 1024),
			 0);
	disk_close(&disk);
	assert_true(image_ram_open(UINT64_MAX / 512, false, &image) < 0);
}

static void completions_keep_their_order(void **state)
{
	struct image *image;
	struct image_done done[8];
	struct disk disk;

	(void)state;
	assert_int_equal(image_null_open(SECTORS, false, &image), 0);
	disk = disk_open(image, 4);
	/* Three turns of four, taken in uneven bites: the FIFO wraps. */
	for (uint32_t turn = 0; turn < 3; turn++) {
		for (uint32_t i = 0; i < 4; i++) {
			struct image_io io = {.operation = IMAGE_FLUSH,
					      .tag = turn * 4 + i};

			assert_int_equal(disk.channel->operations->submit(
						 disk.channel, &io),
					 0);
		}
		assert_int_equal(
			disk.channel->operations->poll(disk.channel, done, 3),
			3);
		assert_int_equal(disk.channel->operations->poll(disk.channel,
								done + 3, 5),
				 1);
		for (uint32_t i = 0; i < 4; i++)
			assert_int_equal(done[i].tag, turn * 4 + i);
	}
	disk_close(&disk);
}

/* Whether an operation that must never reach an engine ends the process. */
static bool aborts(bool readonly, const struct image_io *io)
{
	struct image *image;
	struct disk disk;
	int status;
	pid_t pid;

	assert_int_equal(image_ram_open(SECTORS, readonly, &image), 0);
	disk = disk_open(image, 4);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* What the CHECK prints is expected here. */
		if (dup2(open("/dev/null", O_WRONLY), STDERR_FILENO) < 0)
			_exit(0);
		disk.channel->operations->submit(disk.channel, io);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	disk_close(&disk);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void what_was_not_checked_before_ends_the_worker(void **state)
{
	unsigned char data[4096] = {0};
	struct iovec iov = {data, sizeof(data)};
	struct iovec odd = {data, 100};
	struct image_io good = {.operation = IMAGE_WRITE,
				.sector = SECTORS - 8,
				.iov_count = 1,
				.iov = &iov};
	struct image_io io = good;

	(void)state;
	assert_false(aborts(false, &good));
	assert_true(aborts(true, &good));
	io.sector++;
	assert_true(aborts(false, &io));
	io.sector = UINT64_MAX - 3;
	assert_true(aborts(false, &io));
	io = good;
	io.iov = &odd;
	assert_true(aborts(false, &io));
	io = good;
	io.iov_count = 0;
	assert_true(aborts(false, &io));
	io.operation = IMAGE_OPERATION_COUNT;
	assert_true(aborts(false, &io));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_reads_zeroes_and_forgets),
		cmocka_unit_test(ram_starts_with_zeroes_and_remembers),
		cmocka_unit_test(ram_gives_whole_pages_back),
		cmocka_unit_test(a_large_ram_disk_costs_nothing),
		cmocka_unit_test(completions_keep_their_order),
		cmocka_unit_test(what_was_not_checked_before_ends_the_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
