/*
 * A channel whose operations are over when they are submitted: what the engines
 * without a kernel behind them (null, ram) share.
 *
 * Completions wait in a fixed FIFO until poll() takes them, so that a caller
 * meets the same order of calls as with an asynchronous engine.
 */
#pragma once

#include "backend/image/image.h"

struct instant {
	struct image_channel
		channel; /* first: an engine casts back and forth */
	struct image *image;
	unsigned int depth;
	unsigned int head;
	unsigned int count;
	struct image_done done[];
};

/** instant_open() - a channel of that depth for the image; 0 or -errno. */
int instant_open(struct image *image, unsigned int depth,
		 struct image_channel **channel);

/** instant_close() - free it; CHECKs that every completion was taken. */
void instant_close(struct image_channel *channel);

/** instant_complete() - let poll() report this tag with this result. */
void instant_complete(struct image_channel *channel, uint32_t tag,
		      int32_t result);

/** instant_poll() - as image_operations.poll. */
unsigned int instant_poll(struct image_channel *channel,
			  struct image_done *done, unsigned int room);

/** instant_descriptor() - -1: nothing ever becomes ready later. */
int instant_descriptor(const struct image_channel *channel);

/** instant_image() - the image that the channel belongs to. */
struct image *instant_image(struct image_channel *channel);
