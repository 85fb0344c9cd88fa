/*
 * A disk in anonymous memory: zeroes at first, gone with the worker.
 *
 * The mapping is sparse: a sector costs memory once it is written.  Two
 * operations on the same sectors at the same time mix as they do on any disk;
 * that is the guest's own doing and harms nobody else.
 */
#include "backend/image/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "backend/base/check.h"
#include "backend/image/instant.h"
#include "backend/image/io.h"

struct ram_image {
	struct image image; /* first */
	struct image_info info;
	size_t bytes;
	char *memory;
};

static void ram_info(const struct image *image, struct image_info *info)
{
	*info = ((const struct ram_image *)image)->info;
}

static int ram_open_channel(struct image *image, unsigned int queue,
			    unsigned int depth, struct image_channel **channel)
{
	(void)queue;
	return instant_open(image, depth, channel);
}

static void ram_move(const struct ram_image *ram, const struct image_io *io)
{
	char *at = ram->memory + io->sector * SECTOR_BYTES;

	for (uint32_t i = 0; i < io->iov_count; i++) {
		const struct iovec *iov = &io->iov[i];

		if (io->operation == IMAGE_READ)
			memcpy(iov->iov_base, at, iov->iov_len);
		else
			memcpy(at, iov->iov_base, iov->iov_len);
		at += iov->iov_len;
	}
}

/* Whole pages only: what else the range has stays as it is. */
static int ram_discard(const struct ram_image *ram, const struct image_io *io)
{
	const uint64_t first = (io->sector + PAGE_SECTORS - 1) / PAGE_SECTORS;
	const uint64_t end = (io->sector + io->sectors) / PAGE_SECTORS;

	if (end <= first)
		return 0;
	/* Anonymous memory reads as zeroes afterwards. */
	return madvise(ram->memory + first * XEN_PAGE_BYTES,
		       (end - first) * XEN_PAGE_BYTES, MADV_DONTNEED) == 0
		       ? 0
		       : -errno;
}

static int ram_submit(struct image_channel *channel, const struct image_io *io)
{
	const struct ram_image *ram =
		(const struct ram_image *)instant_image(channel);

	image_io_check(io, &ram->info);
	if (io->operation == IMAGE_DISCARD) {
		instant_complete(channel, io->tag, ram_discard(ram, io));
		return 0;
	}
	if (io->operation != IMAGE_FLUSH)
		ram_move(ram, io);
	instant_complete(channel, io->tag, 0);
	return 0;
}

static void ram_close(struct image *image)
{
	struct ram_image *ram = (struct ram_image *)image;

	CHECK(munmap(ram->memory, ram->bytes) == 0);
	free(ram);
}

static const struct image_operations ram_operations = {
	.info = ram_info,
	.open_channel = ram_open_channel,
	.close_channel = instant_close,
	.submit = ram_submit,
	.poll = instant_poll,
	.descriptor = instant_descriptor,
	.close = ram_close,
};

int image_ram_open(uint64_t sectors, bool readonly, struct image **image)
{
	struct ram_image *ram;

	CHECK(sectors > 0);
	if (sectors > PTRDIFF_MAX / SECTOR_BYTES)
		return -EFBIG;
	ram = calloc(1, sizeof(*ram));
	if (ram == NULL)
		return -ENOMEM;
	ram->bytes = sectors * SECTOR_BYTES;
	ram->memory = mmap(NULL, ram->bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (ram->memory == MAP_FAILED) {
		free(ram);
		return -ENOMEM;
	}
	ram->image.operations = &ram_operations;
	ram->info = (struct image_info){.sectors = sectors,
					.physical_block_bytes = SECTOR_BYTES,
					.readonly = readonly};
	*image = &ram->image;
	return 0;
}
