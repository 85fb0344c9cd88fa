/*
 * The messages between a supervisor and its worker, and their descriptors.
 *
 * Owns the wire form and its validation; keeps no state.  Called by both ends.
 * It must never hand a message on that was not validated, and never leave a
 * descriptor open that nobody knows of: either end may have been taken over.
 */
#include "backend/base/link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/limits.h"
#include "backend/base/log.h"

/* What SCM_RIGHTS needs for a full set, and a little more: alignment may let
 * the kernel install one descriptor beyond it, which must be found and closed.
 */
#define CONTROL_BYTES CMSG_SPACE(sizeof(int) * LINK_MAX_FDS)
#define CONTROL_FDS   (CONTROL_BYTES / sizeof(int))

union control {
	char bytes[CONTROL_BYTES];
	struct cmsghdr aligned;
};

/* What one recvmsg() brought. */
struct packet {
	ssize_t bytes;
	int flags;
	int fds[CONTROL_FDS];
	unsigned int fd_count;
};

int link_pair(int *supervisor_end, int *worker_end)
{
	int ends[2];

	CHECK(supervisor_end != NULL);
	CHECK(worker_end != NULL);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       0, ends) < 0)
		return -errno;
	*supervisor_end = ends[0];
	*worker_end = ends[1];
	return 0;
}

static bool is_flag(uint32_t value)
{
	return value <= 1;
}

/* How many bytes of the union a kind uses. */
static size_t payload_bytes(uint32_t kind)
{
	switch (kind) {
	case LINK_DEVICE:
		return sizeof(struct link_device);
	case LINK_ATTACH:
		return sizeof(struct link_attach);
	case LINK_REFUSED:
	case LINK_BROKEN:
		return sizeof(struct link_refused);
	case LINK_LIMITS:
		return sizeof(struct link_limits);
	default:
		return 0;
	}
}

static bool ends_within(const char *text, size_t room)
{
	return memchr(text, '\0', room) != NULL;
}

/* Only what a file or a store behind a socket can be like. */
static bool block_valid(const struct link_device *device)
{
	const uint64_t block = device->block;

	if (block == 0)
		return true;
	return block > SECTOR_BYTES && block <= LIMIT_STORE_BLOCK &&
	       (block & (block - 1)) == 0 &&
	       device->sectors % (block / SECTOR_BYTES) == 0 &&
	       (device->image == LINK_IMAGE_FILE ||
		device->image == LINK_IMAGE_NBD);
}

static bool device_valid(const struct link_device *device, unsigned int fds)
{
	if (device->domid > LIMIT_DOMID)
		return false;
	if (device->sectors > (uint64_t)INT64_MAX / SECTOR_BYTES)
		return false;
	/* K16: nothing else can be empty than a drive without a medium. */
	if (device->sectors == 0 && device->image != LINK_IMAGE_NULL)
		return false;
	if (device->image < LINK_IMAGE_FILE ||
	    device->image >= LINK_IMAGE_COUNT)
		return false;
	if (device->max_queues == 0 || device->max_queues > LIMIT_QUEUES)
		return false;
	if (!is_flag(device->readonly) || !is_flag(device->direct) ||
	    !is_flag(device->sandbox) || !is_flag(device->record) ||
	    !is_flag(device->staged))
		return false;
	if (device->persistent_cap > LIMIT_PERSISTENT ||
	    device->poll_ns > LIMIT_POLL_NS || device->log_level > LOG_TRACE)
		return false;
	if (!ends_within(device->uri, sizeof(device->uri)) ||
	    (device->uri[0] != '\0') != (device->image == LINK_IMAGE_NBD))
		return false;
	if (!block_valid(device))
		return false;
	if (device->image == LINK_IMAGE_FILE)
		return fds == 1 + device->max_queues + device->record;
	return fds == 1 + device->record && device->direct == 0;
}

static bool attach_valid(const struct link_attach *attach)
{
	return attach->queues >= 1 && attach->queues <= LIMIT_QUEUES &&
	       attach->ring_order <= LIMIT_RING_ORDER &&
	       attach->abi >= LINK_ABI_X86_64 && attach->abi < LINK_ABI_COUNT &&
	       is_flag(attach->persistent) && is_flag(attach->resume) &&
	       is_flag(attach->barrier) && is_flag(attach->discard) &&
	       attach->indirect <= LIMIT_INDIRECT_SEGMENTS;
}

static bool refused_valid(const struct link_refused *refused)
{
	return refused->refusal < REFUSAL_COUNT &&
	       refusal_is_fatal((enum refusal)refused->refusal) &&
	       refused->queue < LIMIT_QUEUES;
}

static bool limits_valid(const struct link_limits *limits)
{
	return limits->iops <= LIMIT_RATE && limits->sectors <= LIMIT_RATE &&
	       limits->burst_ns <= LIMIT_BURST_MS * UINT64_C(1000000);
}

bool link_message_valid(const struct link_message *message, uint64_t bytes,
			unsigned int fds)
{
	if (bytes != sizeof(*message))
		return false;
	if (message->kind == LINK_DEVICE)
		return device_valid(&message->device, fds);
	if (fds != 0)
		return false;
	switch (message->kind) {
	case LINK_ATTACH:
		return attach_valid(&message->attach);
	case LINK_REFUSED:
	case LINK_BROKEN:
		return refused_valid(&message->refused);
	case LINK_LIMITS:
		return limits_valid(&message->limits);
	case LINK_READY:
	case LINK_ATTACHED:
	case LINK_DETACH:
	case LINK_DETACHED:
	case LINK_STOP:
		return true;
	default:
		return false;
	}
}

static void put_fds(struct msghdr *header, union control *control,
		    const int *fds, unsigned int count)
{
	struct cmsghdr *message;

	memset(control, 0, sizeof(*control));
	header->msg_control = control->bytes;
	header->msg_controllen = CMSG_SPACE(sizeof(int) * count);
	message = CMSG_FIRSTHDR(header);
	message->cmsg_level = SOL_SOCKET;
	message->cmsg_type = SCM_RIGHTS;
	message->cmsg_len = CMSG_LEN(sizeof(int) * count);
	memcpy(CMSG_DATA(message), fds, sizeof(int) * count);
}

int link_send(int fd, const struct link_message *message, const int *fds,
	      unsigned int count)
{
	struct link_message wire;
	struct iovec iov = {.iov_base = &wire, .iov_len = sizeof(wire)};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
	union control control;
	ssize_t n;

	CHECK(count <= LINK_MAX_FDS);
	CHECK(link_message_valid(message, sizeof(*message), count));
	/* The unused rest of the union is zeroed, not whatever our stack held.
	 */
	memset(&wire, 0, sizeof(wire));
	wire.kind = message->kind;
	memcpy(&wire.device, &message->device, payload_bytes(message->kind));
	if (count > 0)
		put_fds(&header, &control, fds, count);
	do
		n = sendmsg(fd, &header, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	CHECK(n ==
	      (ssize_t)sizeof(wire)); /* a packet goes whole or not at all */
	return 0;
}

/* Adds the descriptors of one control message to the packet's. */
static void take_rights(struct packet *packet, const struct cmsghdr *message)
{
	const unsigned char *data = CMSG_DATA(message);
	size_t count;
	int fd;

	if (message->cmsg_level != SOL_SOCKET ||
	    message->cmsg_type != SCM_RIGHTS || message->cmsg_len < CMSG_LEN(0))
		return;
	count = (message->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	for (size_t i = 0; i < count; i++) {
		memcpy(&fd, data + i * sizeof(int), sizeof(int));
		if (packet->fd_count < CONTROL_FDS)
			packet->fds[packet->fd_count++] = fd;
		else
			close(fd);
	}
}

static int receive_packet(int fd, struct link_message *message,
			  struct packet *packet)
{
	struct iovec iov = {.iov_base = message, .iov_len = sizeof(*message)};
	union control control;
	struct msghdr header = {.msg_iov = &iov,
				.msg_iovlen = 1,
				.msg_control = control.bytes,
				.msg_controllen = sizeof(control.bytes)};

	*packet = (struct packet){0};
	do
		packet->bytes = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
	while (packet->bytes < 0 && errno == EINTR);
	if (packet->bytes < 0)
		return -errno;
	packet->flags = header.msg_flags;
	for (struct cmsghdr *m = CMSG_FIRSTHDR(&header); m != NULL;
	     m = CMSG_NXTHDR(&header, m))
		take_rights(packet, m);
	return 0;
}

static void close_all(const struct packet *packet)
{
	for (unsigned int i = 0; i < packet->fd_count; i++)
		close(packet->fds[i]);
}

int link_receive(int fd, struct link_message *message, int *fds,
		 unsigned int *count)
{
	struct packet packet;
	int error;

	*count = 0;
	error = receive_packet(fd, message, &packet);
	/* The other end closed while something of ours was still unread there.
	 */
	if (error == -ECONNRESET)
		return 0;
	if (error < 0)
		return error;
	if (packet.bytes == 0) {
		close_all(&packet);
		return 0;
	}
	/* A cut message or cut rights: whatever is left of it means nothing. */
	if ((packet.flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
	    packet.fd_count > LINK_MAX_FDS ||
	    !link_message_valid(message, (uint64_t)packet.bytes,
				packet.fd_count)) {
		close_all(&packet);
		return -EPROTO;
	}
	memcpy(fds, packet.fds, packet.fd_count * sizeof(int));
	*count = packet.fd_count;
	return 1;
}
