/*
 * A growing queue of bytes: what waits to be written to a ring or a socket.
 */
#pragma once

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
	char *data;
	size_t start, end, room; /* waiting: data[start .. end) */
};

static inline size_t bytes_waiting(const struct bytes *bytes)
{
	return bytes->end - bytes->start;
}

/** bytes_append() - copy to the end; aborts when there is no memory. */
static inline void bytes_append(struct bytes *bytes, const void *data,
				size_t length)
{
	if (bytes->start == bytes->end)
		bytes->start = bytes->end = 0;
	if (bytes->end + length > bytes->room) {
		bytes->room = (bytes->end + length) * 2;
		bytes->data = realloc(bytes->data, bytes->room);
		if (!bytes->data)
			abort();
	}
	memcpy(bytes->data + bytes->end, data, length);
	bytes->end += length;
}

static inline void bytes_free(struct bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct bytes){0};
}
