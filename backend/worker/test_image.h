/*
 * The disk of tests of a queue: in memory, under the test's thumb.  Keeps every
 * operation until it is let go, then carries them out in order.
 *
 * Include after cmocka.h.
 */
#pragma once

#include <string.h>

#include "backend/image/image.h"

#define TEST_IMAGE_CHANNELS 2u
#define TEST_IMAGE_DEPTH    128u

struct test_channel {
	struct image_channel channel; /* first */
	struct test_image *image;
	struct image_io held[TEST_IMAGE_DEPTH];
	unsigned int count;
};

struct test_image {
	struct image image; /* first */
	bool hold;
	bool pieces; /* leaves vectors as if the last sector had come later */
	int refuse;  /* what submit() returns */
	struct test_channel channel[TEST_IMAGE_CHANNELS];
	unsigned char *disk; /* the test's */
};

static int test_open_channel(struct image *image, unsigned int queue,
			     unsigned int depth, struct image_channel **channel)
{
	struct test_image *test = (struct test_image *)image;

	assert_true(queue < TEST_IMAGE_CHANNELS);
	assert_true(depth <= TEST_IMAGE_DEPTH);
	test->channel[queue].channel.operations = image->operations;
	test->channel[queue].image = test;
	*channel = &test->channel[queue].channel;
	return 0;
}

static void test_close_channel(struct image_channel *channel)
{
	assert_int_equal(((struct test_channel *)channel)->count, 0);
}

static int test_submit(struct image_channel *channel, const struct image_io *io)
{
	struct test_channel *c = (struct test_channel *)channel;

	if (c->image->refuse != 0)
		return c->image->refuse;
	c->held[c->count++] = *io;
	return 0;
}

static void test_move(struct test_image *image, const struct image_io *io)
{
	unsigned char *at = image->disk + io->sector * SECTOR_BYTES;

	for (uint32_t i = 0; i < io->iov_count; i++) {
		if (io->operation == IMAGE_WRITE)
			memcpy(at, io->iov[i].iov_base, io->iov[i].iov_len);
		else
			memcpy(io->iov[i].iov_base, at, io->iov[i].iov_len);
		at += io->iov[i].iov_len;
	}
}

static unsigned int test_poll(struct image_channel *channel,
			      struct image_done *done, unsigned int room)
{
	struct test_channel *c = (struct test_channel *)channel;
	unsigned int n = c->image->hold ? 0 : c->count;

	n = n < room ? n : room;
	for (unsigned int i = 0; i < n; i++) {
		test_move(c->image, &c->held[i]);
		if (c->image->pieces) {
			struct iovec *iov = c->held[i].iov;

			iov->iov_base = (char *)iov->iov_base + iov->iov_len -
					SECTOR_BYTES;
			iov->iov_len = SECTOR_BYTES;
		}
		done[i] = (struct image_done){.tag = c->held[i].tag};
	}
	c->count -= n;
	memmove(c->held, c->held + n, c->count * sizeof(c->held[0]));
	return n;
}

static int test_descriptor(const struct image_channel *channel)
{
	(void)channel;
	return -1;
}

static const struct image_operations test_operations = {
	.open_channel = test_open_channel,
	.close_channel = test_close_channel,
	.submit = test_submit,
	.poll = test_poll,
	.descriptor = test_descriptor,
};
