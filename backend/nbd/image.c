/*
 * The engine "NBD".  See image.h.
 *
 * Owns one connection of libnbd for each queue, made before the worker is
 * confined; a channel borrows its queue's and is used by that queue's thread
 * alone.  A segment of an operation is a command of its own, for libnbd has no
 * vectors; neighbours in memory go together.  libnbd allocates a little for each
 * command: the only allocation behind a request, and not of ours.
 */
#include "backend/nbd/image.h"

#include <errno.h>
#include <libnbd.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/check.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/image/instant.h"
#include "backend/image/io.h"
#include "backend/nbd/connect.h"
#include "backend/nbd/connection.h"

struct nbd_image {
	struct image image; /* first */
	struct image_info info;
	bool flushes;
	bool trims;
	unsigned int count;
	struct connection connection[];
};

struct operation {
	struct nbd_channel *channel;
	uint32_t tag;
	uint32_t next_free; /* index + 1, or 0 */
	unsigned int
		parts; /* commands without an answer, and submit() itself */
	int error;     /* the first one, -errno */
};

struct nbd_channel {
	struct image_channel channel; /* first */
	const struct nbd_image *nbd;
	struct connection *connection;
	struct image_channel *over; /* what is over and was not yet collected */
	uint32_t free;		    /* index + 1, or 0 */
	struct operation operation[];
};

static struct nbd_channel *from_channel(struct image_channel *channel)
{
	CHECK(channel != NULL);
	return (struct nbd_channel *)channel;
}

static void nbd_info(const struct image *image, struct image_info *info)
{
	*info = ((const struct nbd_image *)image)->info;
}

/* --- operations --- */

static struct operation *take_operation(struct nbd_channel *c)
{
	struct operation *op;

	CHECK(c->free != 0);
	op = &c->operation[c->free - 1];
	CHECK(op->parts == 0);
	c->free = op->next_free;
	op->error = 0;
	op->parts = 1;
	return op;
}

static void part_done(struct operation *op, int error)
{
	struct nbd_channel *c = op->channel;

	CHECK(op->parts > 0);
	if (error != 0 && op->error == 0)
		op->error = error;
	if (--op->parts > 0)
		return;
	instant_complete(c->over, op->tag, op->error);
	op->next_free = c->free;
	c->free = (uint32_t)(op - c->operation) + 1;
}

/* Called by libnbd from within a call of ours, in the queue's thread. */
static int answered(void *data, int *error)
{
	struct operation *op = data;
	struct connection *c = op->channel->connection;

	CHECK(c->asked > 0);
	c->asked--;
	part_done(op, *error > 0 ? -*error : 0);
	return 1;
}

static void ask(struct operation *op, enum image_operation what, void *memory,
		size_t bytes, uint64_t offset)
{
	struct connection *c = op->channel->connection;
	const nbd_completion_callback done = {.callback = answered,
					      .user_data = op};
	char why[NBD_SENTENCE_BYTES];
	int64_t cookie;
	int error;

	if (c->asked++ == 0)
		c->silent_ns = clock_now_ns();
	op->parts++;
	if (what == IMAGE_READ)
		cookie = nbd_aio_pread(c->handle, memory, bytes, offset, done,
				       0);
	else if (what == IMAGE_WRITE)
		cookie = nbd_aio_pwrite(c->handle, memory, bytes, offset, done,
					0);
	else if (what == IMAGE_DISCARD)
		cookie = nbd_aio_trim(c->handle, bytes, offset, done, 0);
	else
		cookie = nbd_aio_flush(c->handle, done, 0);
	if (cookie >= 0)
		return;
	/* It was not taken, and answered() is not called for it. */
	c->asked--;
	error = connect_error(why, sizeof(why));
	connection_look_for_end(c, why);
	part_done(op, error);
}

static void ask_transfer(struct operation *op, const struct image_io *io)
{
	uint64_t offset = io->sector * SECTOR_BYTES;

	for (uint32_t i = 0; i < io->iov_count;) {
		char *memory = io->iov[i].iov_base;
		size_t bytes = io->iov[i++].iov_len;

		while (i < io->iov_count &&
		       io->iov[i].iov_base == memory + bytes &&
		       bytes + io->iov[i].iov_len <= LIMIT_STORE_COMMAND)
			bytes += io->iov[i++].iov_len;
		ask(op, io->operation, memory, bytes, offset);
		offset += bytes;
	}
}

static void ask_discard(struct operation *op, const struct image_io *io)
{
	uint64_t offset = io->sector * SECTOR_BYTES;
	uint64_t left = io->sectors * SECTOR_BYTES;

	/* Known only now where another server answers than the one that the
	 * supervisor asked. */
	if (!op->channel->nbd->trims) {
		op->error = -EOPNOTSUPP;
		return;
	}
	for (unsigned int i = 0; i < LIMIT_DISCARD_PIECES && left > 0; i++) {
		const uint64_t piece =
			left < LIMIT_DISCARD_BYTES ? left : LIMIT_DISCARD_BYTES;

		ask(op, IMAGE_DISCARD, NULL, piece, offset);
		offset += piece;
		left -= piece;
	}
}

static int nbd_submit(struct image_channel *channel, const struct image_io *io)
{
	struct nbd_channel *c = from_channel(channel);
	struct operation *op;

	image_io_check(io, &c->nbd->info);
	op = take_operation(c);
	op->tag = io->tag;
	if (io->operation == IMAGE_DISCARD)
		ask_discard(op, io);
	else if (io->operation != IMAGE_FLUSH)
		ask_transfer(op, io);
	else if (c->nbd->flushes)
		ask(op, IMAGE_FLUSH, NULL, 0, 0);
	part_done(op, 0);
	connection_settle(c->connection);
	return 0;
}

static unsigned int nbd_collect(struct image_channel *channel,
				struct image_done *done, unsigned int room)
{
	struct nbd_channel *c = from_channel(channel);

	connection_step(c->connection);
	connection_settle(c->connection);
	return instant_poll(c->over, done, room);
}

static int nbd_descriptor(const struct image_channel *channel)
{
	return ((const struct nbd_channel *)channel)->connection->poller;
}

/* --- channels, images --- */

static int nbd_open_channel(struct image *image, unsigned int queue,
			    unsigned int depth, struct image_channel **channel)
{
	struct nbd_image *nbd = (struct nbd_image *)image;
	struct nbd_channel *c;

	/* The supervisor offers a guest no more; but it asked another time. */
	if (queue >= nbd->count)
		return -ENOTSUP;
	CHECK(depth > 0 && depth <= LIMIT_RING_SLOTS);
	c = calloc(1, sizeof(*c) + depth * sizeof(c->operation[0]));
	if (c == NULL)
		return -ENOMEM;
	if (instant_open(image, depth, &c->over) < 0) {
		free(c);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < depth; i++) {
		c->operation[i].channel = c;
		c->operation[i].next_free = i + 1 < depth ? i + 2 : 0;
	}
	c->free = 1;
	c->nbd = nbd;
	c->connection = &nbd->connection[queue];
	c->channel.operations = image->operations;
	*channel = &c->channel;
	return 0;
}

static void nbd_close_channel(struct image_channel *channel)
{
	struct nbd_channel *c = from_channel(channel);

	CHECK(c->connection->asked == 0);
	instant_close(c->over);
	free(c);
}

static void nbd_close_image(struct image *image)
{
	struct nbd_image *nbd = (struct nbd_image *)image;

	for (unsigned int i = 0; i < nbd->count; i++)
		connection_close(&nbd->connection[i]);
	free(nbd);
}

static const struct image_operations nbd_operations = {
	.info = nbd_info,
	.open_channel = nbd_open_channel,
	.close_channel = nbd_close_channel,
	.submit = nbd_submit,
	.poll = nbd_collect,
	.descriptor = nbd_descriptor,
	.close = nbd_close_image,
};

/* What the server said when the supervisor asked must still hold. */
static int check_size(struct nbd_image *nbd, const char *uri)
{
	const int64_t bytes = nbd_get_size(nbd->connection[0].handle);

	if (bytes >= 0 && (uint64_t)bytes / SECTOR_BYTES >= nbd->info.sectors)
		return 0;
	log_line(LOG_ERROR,
		 "%s is smaller than it was a moment ago: %lld bytes", uri,
		 (long long)bytes);
	return -ESTALE;
}

int image_nbd_open(const char *uri, unsigned int count, uint64_t sectors,
		   bool readonly, struct image **image)
{
	struct nbd_image *nbd;
	int error = 0;

	CHECK(count > 0 && count <= LIMIT_QUEUES);
	CHECK(sectors > 0 && sectors <= (uint64_t)INT64_MAX / SECTOR_BYTES);
	nbd = calloc(1, sizeof(*nbd) + count * sizeof(nbd->connection[0]));
	if (nbd == NULL)
		return -ENOMEM;
	nbd->image.operations = &nbd_operations;
	nbd->info = (struct image_info){.sectors = sectors,
					.physical_block_bytes = SECTOR_BYTES,
					.readonly = readonly};
	for (; nbd->count < count && error == 0; nbd->count++) {
		struct connection *c = &nbd->connection[nbd->count];

		c->queue = nbd->count;
		error = connection_open(c, uri);
		/* What one connection wrote another might not see. */
		if (error == 0 && nbd_can_multi_conn(c->handle) <= 0)
			count = 1;
	}
	if (error == 0)
		error = check_size(nbd, uri);
	if (error != 0) {
		nbd_close_image(&nbd->image);
		return error;
	}
	nbd->flushes = nbd_can_flush(nbd->connection[0].handle) > 0;
	nbd->trims = nbd_can_trim(nbd->connection[0].handle) > 0;
	*image = &nbd->image;
	return 0;
}
