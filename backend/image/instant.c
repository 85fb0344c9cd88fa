/* Completions that are there at once, in order.  See instant.h. */
#include "backend/image/instant.h"

#include <errno.h>
#include <stdlib.h>

#include "backend/base/check.h"

static struct instant *from_channel(struct image_channel *channel)
{
	CHECK(channel != NULL);
	return (struct instant *)channel;
}

int instant_open(struct image *image, unsigned int depth,
		 struct image_channel **channel)
{
	struct instant *instant;

	CHECK(depth > 0);
	CHECK(depth <= LIMIT_RING_SLOTS);
	instant =
		calloc(1, sizeof(*instant) + depth * sizeof(instant->done[0]));
	if (instant == NULL)
		return -ENOMEM;
	instant->channel.operations = image->operations;
	instant->image = image;
	instant->depth = depth;
	*channel = &instant->channel;
	return 0;
}

void instant_close(struct image_channel *channel)
{
	struct instant *instant = from_channel(channel);

	CHECK(instant->count == 0);
	free(instant);
}

void instant_complete(struct image_channel *channel, uint32_t tag,
		      int32_t result)
{
	struct instant *instant = from_channel(channel);
	unsigned int at;

	CHECK(instant->count < instant->depth);
	CHECK(result <= 0);
	at = instant->head + instant->count++;
	if (at >= instant->depth)
		at -= instant->depth;
	instant->done[at] = (struct image_done){.tag = tag, .result = result};
}

unsigned int instant_poll(struct image_channel *channel,
			  struct image_done *done, unsigned int room)
{
	struct instant *instant = from_channel(channel);
	unsigned int n = instant->count < room ? instant->count : room;

	for (unsigned int i = 0; i < n; i++) {
		done[i] = instant->done[instant->head];
		if (++instant->head == instant->depth)
			instant->head = 0;
	}
	instant->count -= n;
	return n;
}

int instant_descriptor(const struct image_channel *channel)
{
	(void)channel;
	return -1;
}

struct image *instant_image(struct image_channel *channel)
{
	return from_channel(channel)->image;
}
