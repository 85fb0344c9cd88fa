/*
 * The null disk: reads zeroes, forgets writes.
 *
 * For measuring everything but storage, and for tests that need a large disk.
 * Reads do write their zeroes: a guest must never find in its pages what was
 * there before.  One of no sectors is a drive without a medium: nothing in it can
 * be asked for.
 */
#include "backend/image/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/check.h"
#include "backend/image/instant.h"
#include "backend/image/io.h"

struct null_image {
	struct image image; /* first */
	struct image_info info;
};

static void null_info(const struct image *image, struct image_info *info)
{
	*info = ((const struct null_image *)image)->info;
}

static int null_open_channel(struct image *image, unsigned int queue,
			     unsigned int depth, struct image_channel **channel)
{
	(void)queue;
	return instant_open(image, depth, channel);
}

static int null_submit(struct image_channel *channel, const struct image_io *io)
{
	struct image_info info;

	null_info(instant_image(channel), &info);
	image_io_check(io, &info);
	if (io->operation == IMAGE_READ)
		for (uint32_t i = 0; i < io->iov_count; i++)
			memset(io->iov[i].iov_base, 0, io->iov[i].iov_len);
	instant_complete(channel, io->tag, 0);
	return 0;
}

static void null_close(struct image *image)
{
	free(image);
}

static const struct image_operations null_operations = {
	.info = null_info,
	.open_channel = null_open_channel,
	.close_channel = instant_close,
	.submit = null_submit,
	.poll = instant_poll,
	.descriptor = instant_descriptor,
	.close = null_close,
};

int image_null_open(uint64_t sectors, bool readonly, struct image **image)
{
	struct null_image *null;

	CHECK(sectors <= (uint64_t)INT64_MAX / SECTOR_BYTES);
	null = calloc(1, sizeof(*null));
	if (null == NULL)
		return -ENOMEM;
	null->image.operations = &null_operations;
	null->info = (struct image_info){.sectors = sectors,
					 .physical_block_bytes = SECTOR_BYTES,
					 .readonly = readonly};
	*image = &null->image;
	return 0;
}
