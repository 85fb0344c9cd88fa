/*
 * Asking an NBD server what it exports.  See export.h.
 *
 * The supervisor serves all disks from one thread: a server that is silent may
 * not keep it, so that everything here has one deadline.
 */
#include "backend/nbd/export.h"

#include <errno.h>
#include <libnbd.h>
#include <stdio.h>

#include "backend/base/check.h"
#include "backend/base/clock.h"
#include "backend/base/limits.h"
#include "backend/nbd/connect.h"

/* Steps of the handshake until it is ready, dead, or too late. */
static int await(struct nbd_handle *handle, char *sentence, size_t room)
{
	const uint64_t end = clock_now_ns() + LIMIT_EXPORT_NS;

	while (nbd_aio_is_connecting(handle) > 0) {
		const uint64_t now = clock_now_ns();

		if (now >= end) {
			snprintf(sentence, room,
				 "it did not answer within "
				 "%u seconds",
				 (unsigned int)(LIMIT_EXPORT_NS / 1000000000u));
			return -ETIMEDOUT;
		}
		if (nbd_poll(handle, (int)((end - now) / 1000000u) + 1) < 0)
			return connect_error(sentence, room);
	}
	return nbd_aio_is_ready(handle) > 0 ? 0 : connect_error(sentence, room);
}

/* A size that a server need not name; what is no power of two means nothing. */
static uint32_t size_or(struct nbd_handle *handle, int which, uint32_t other)
{
	const int64_t bytes = nbd_get_block_size(handle, which);

	if (bytes <= 0 || bytes > INT32_MAX || (bytes & (bytes - 1)) != 0)
		return other;
	return (uint32_t)bytes;
}

static int ask(struct nbd_handle *handle, struct export_facts *facts,
	       char *sentence, size_t room)
{
	const int64_t bytes = nbd_get_size(handle);

	if (bytes < 0)
		return connect_error(sentence, room);
	*facts = (struct export_facts){
		.bytes = (uint64_t)bytes,
		.minimum_bytes = size_or(handle, LIBNBD_SIZE_MINIMUM, 1),
		.preferred_bytes =
			size_or(handle, LIBNBD_SIZE_PREFERRED, XEN_PAGE_BYTES),
		.readonly = nbd_is_read_only(handle) > 0,
		.many = nbd_can_multi_conn(handle) > 0,
		.flushes = nbd_can_flush(handle) > 0,
		.trims = nbd_can_trim(handle) > 0,
	};
	return 0;
}

int export_look(const char *uri, struct export_facts *facts, char *sentence,
		size_t room)
{
	struct nbd_handle *handle = connect_prepare();
	int error;

	CHECK(room > 0);
	if (handle == NULL) {
		snprintf(sentence, room, "there is not enough memory");
		return -ENOMEM;
	}
	if (nbd_aio_connect_uri(handle, uri) < 0)
		error = connect_error(sentence, room);
	else
		error = await(handle, sentence, room);
	if (error == 0)
		error = ask(handle, facts, sentence, room);
	if (error == 0)
		(void)nbd_aio_disconnect(handle, 0); /* politeness only */
	nbd_close(handle);
	CHECK(error <= 0);
	return error;
}
