/*
 * link: a message of any bytes with any number of descriptors is accepted only
 * if every field that its receiver will use lies in its range.
 *
 * Aims at link_message_valid() in backend/base/link.c, which stands between a
 * worker that a guest took over and the supervisor.  Input: one byte of how
 * many descriptors came, one that shortens the message, then the message.
 */
#include <string.h>

#include "backend/base/link.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/target.h"

static bool block_sane(const struct link_device *d)
{
	return d->block == 0 ||
	       (d->block >= 1024 && d->block <= 65536 &&
		(d->block & (d->block - 1)) == 0 &&
		d->sectors % (d->block / 512) == 0 &&
		d->image != LINK_IMAGE_NULL && d->image != LINK_IMAGE_RAM);
}

static bool device_sane(const struct link_device *d, unsigned int fds)
{
	return d->domid < 0x7ff0 &&
	       (d->sectors > 0 || d->image == LINK_IMAGE_NULL) &&
	       d->sectors <= INT64_MAX / 512 && d->image >= LINK_IMAGE_FILE &&
	       d->image <= LINK_IMAGE_NBD && d->max_queues >= 1 &&
	       d->max_queues <= LIMIT_QUEUES && d->readonly < 2 &&
	       d->direct < 2 && d->sandbox < 2 &&
	       d->persistent_cap <= LIMIT_PERSISTENT &&
	       d->poll_ns <= LIMIT_POLL_NS && d->log_level <= 4 &&
	       d->record < 2 && d->staged < 2 && block_sane(d) &&
	       fds == (d->image == LINK_IMAGE_FILE ? 1 + d->max_queues : 1) +
			       d->record &&
	       (d->image == LINK_IMAGE_FILE || d->direct == 0) &&
	       strnlen(d->uri, LINK_URI_BYTES) < LINK_URI_BYTES &&
	       (d->image == LINK_IMAGE_NBD) == (d->uri[0] != '\0');
}

static bool attach_sane(const struct link_attach *a)
{
	return a->queues >= 1 && a->queues <= LIMIT_QUEUES &&
	       a->ring_order <= LIMIT_RING_ORDER && a->persistent < 2 &&
	       a->resume < 2 && a->barrier < 2 && a->discard < 2 &&
	       a->indirect <= LIMIT_INDIRECT_SEGMENTS &&
	       (a->abi == LINK_ABI_X86_64 || a->abi == LINK_ABI_X86_32);
}

static bool refused_sane(const struct link_refused *r)
{
	return r->refusal < REFUSAL_COUNT && r->queue < LIMIT_QUEUES &&
	       refusal_is_fatal((enum refusal)r->refusal);
}

static bool sane(const struct link_message *message, uint64_t bytes,
		 unsigned int fds)
{
	if (bytes != sizeof(*message))
		return false;
	switch (message->kind) {
	case LINK_DEVICE:
		return device_sane(&message->device, fds);
	case LINK_ATTACH:
		return fds == 0 && attach_sane(&message->attach);
	case LINK_REFUSED:
	case LINK_BROKEN:
		return fds == 0 && refused_sane(&message->refused);
	case LINK_LIMITS:
		return fds == 0 && message->limits.iops <= LIMIT_RATE &&
		       message->limits.sectors <= LIMIT_RATE &&
		       message->limits.burst_ns <= 8000000000u;
	default:
		return fds == 0 && message->kind >= LINK_READY &&
		       message->kind <= LINK_STOP;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct link_message message;
	uint8_t head[2] = {0, 0};
	uint64_t bytes = sizeof(message);
	unsigned int fds;
	bool valid;

	memset(&message, 0, sizeof(message));
	if (size > 0)
		memcpy(head, data, size < 2 ? size : 2);
	if (size > 2)
		memcpy(&message, data + 2,
		       size - 2 < sizeof(message) ? size - 2 : sizeof(message));
	fds = head[0] % (LINK_MAX_FDS + 2);
	if (head[1] >= 0xe0)
		bytes -= head[1] - 0xdf; /* one byte at least is missing */
	valid = link_message_valid(&message, bytes, fds);
	if (valid != sane(&message, bytes, fds))
		oracle_fail(ORACLE_DECODE, "message %u of %llu bytes was %s",
			    message.kind, (unsigned long long)bytes,
			    valid ? "accepted" : "refused");
	target_report(message.kind + (uint64_t)valid, 1, valid);
	return 0;
}
