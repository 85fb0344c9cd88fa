/*
 * A server of long blocks, and the client that finds it: see store.h.
 *
 * Supplies export.h and image.h of backend/nbd.  An operation that is not made of
 * whole blocks ends the process: a real server would refuse it.
 */
#include "conformance/targets/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/check.h"
#include "backend/nbd/export.h"
#include "backend/nbd/image.h"
#include "conformance/case.h"

/* Of the one image: how its memory does it, and the same with a look first. */
static int (*submit_to_memory)(struct image_channel *channel,
			       const struct image_io *io);
static struct image_operations operations;

static int submit_whole(struct image_channel *channel,
			const struct image_io *io)
{
	const uint64_t block = case_disk_shape(DISK_BLOCKS)->block;

	CHECK(io->sector * SECTOR_BYTES % block == 0);
	CHECK(io->sectors * SECTOR_BYTES % block == 0);
	for (uint32_t i = 0; i < io->iov_count; i++)
		CHECK(io->iov[i].iov_len % block == 0);
	return submit_to_memory(channel, io);
}

int export_look(const char *uri, struct export_facts *facts, char *sentence,
		size_t room)
{
	const struct case_disk_shape *shape = case_disk_shape(DISK_BLOCKS);

	if (strcmp(uri, STORE_URI) != 0) {
		snprintf(sentence, room, "there is no such server here");
		return -ENOTSUP;
	}
	*facts = (struct export_facts){
		.bytes = shape->sectors * SECTOR_BYTES,
		.minimum_bytes = shape->block,
		.preferred_bytes = SECTOR_BYTES, /* which cannot be right */
		.many = true,
		.flushes = true,
		.trims = true,
	};
	return 0;
}

int image_nbd_open(const char *uri, unsigned int count, uint64_t sectors,
		   bool readonly, struct image **image)
{
	const int error = image_ram_open(sectors, readonly, image);

	CHECK(strcmp(uri, STORE_URI) == 0);
	CHECK(count > 0);
	if (error != 0)
		return error;
	operations = *(*image)->operations;
	submit_to_memory = operations.submit;
	operations.submit = submit_whole;
	(*image)->operations = &operations;
	return 0;
}
