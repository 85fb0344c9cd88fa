/*
 * Looking for what can be given back: fstat() of a file, /sys of a block device.
 * See discard.h.
 */
#include "backend/supervisor/discard.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"
#include "backend/base/cleanup.h"
#include "backend/supervisor/decimal.h"

/* Larger extents exist nowhere; a guest computes with 32 bits. */
#define GRANULARITY_MAX (1u << 30)

/* A number of /sys; 0 when it is not there or is none. */
static uint64_t queue_number(dev_t device, const char *name)
{
	char path[96], text[32];
	CLEANUP(close_fd) int fd = -1;
	uint64_t number;
	ssize_t n;

	/* A partition has no queue of its own: its disk's is one higher. */
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s", major(device),
		 minor(device), name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/../%s",
			 major(device), minor(device), name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text));
	if (n <= 0 || text[n - 1] != '\n' ||
	    !decimal_parse(text, (size_t)n - 1, INT64_MAX, &number))
		return 0;
	return number;
}

static void look_at_device(dev_t device, struct backing *backing)
{
	const uint64_t granularity =
		queue_number(device, "queue/discard_granularity");
	const uint64_t alignment = queue_number(device, "discard_alignment");

	if (queue_number(device, "queue/discard_max_bytes") == 0 ||
	    queue_number(device, "queue/write_zeroes_max_bytes") == 0 ||
	    granularity == 0 || granularity > GRANULARITY_MAX ||
	    granularity % SECTOR_BYTES != 0)
		return;
	backing->discard_granularity = (uint32_t)granularity;
	backing->discard_alignment =
		alignment < granularity ? (uint32_t)alignment : 0;
}

/* Of a file its file system's block, if that is something to compute with. */
static void look_at_file(const struct stat *st, struct backing *backing)
{
	const uint64_t block = (uint64_t)st->st_blksize;

	backing->discard_granularity = is_power_of_two(block) &&
						       block >= SECTOR_BYTES &&
						       block <= GRANULARITY_MAX
					       ? (uint32_t)block
					       : SECTOR_BYTES;
}

void discard_look(enum link_image image, struct backing *backing)
{
	struct stat st;

	CHECK(image != LINK_IMAGE_NBD);
	CHECK(backing->discard_granularity == 0);
	if (image == LINK_IMAGE_NULL)
		backing->discard_granularity = SECTOR_BYTES;
	else if (image == LINK_IMAGE_RAM)
		backing->discard_granularity = XEN_PAGE_BYTES;
	else if (fstat(backing->fds[0], &st) < 0)
		return;
	else if (S_ISBLK(st.st_mode))
		look_at_device(st.st_rdev, backing);
	else
		look_at_file(&st, backing);
}
