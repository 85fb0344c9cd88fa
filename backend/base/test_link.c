/* The link: what goes over it whole, and what a hostile end may not do. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/base/checked.h"
#include "backend/base/link.h"

struct ends {
	int supervisor;
	int worker;
};

static struct ends ends_open(void)
{
	struct ends ends;

	assert_int_equal(link_pair(&ends.supervisor, &ends.worker), 0);
	return ends;
}

static void ends_close(const struct ends *ends)
{
	close(ends->supervisor);
	close(ends->worker);
}

static unsigned int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static struct link_message device_message(void)
{
	struct link_message message;

	memset(&message, 0, sizeof(message));
	message.kind = LINK_DEVICE;
	message.device = (struct link_device){.domid = 5,
					      .devid = 51712,
					      .sectors = 2048,
					      .image = LINK_IMAGE_FILE,
					      .max_queues = LIMIT_QUEUES,
					      .log_level = 2};
	return message;
}

static struct link_message attach_message(void)
{
	struct link_message message;

	memset(&message, 0, sizeof(message));
	message.kind = LINK_ATTACH;
	message.attach.queues = 4;
	message.attach.ring_order = 2;
	message.attach.abi = LINK_ABI_X86_32;
	message.attach.queue[3].ring_gref[3] = 77;
	message.attach.queue[3].event_channel = 9;
	return message;
}

/* Sends bytes and descriptors as they are, past link_send()'s own checks. */
static void send_raw(int fd, const void *bytes, size_t length, unsigned int fds)
{
	char control[CMSG_SPACE(sizeof(int) * 64)] = {0};
	struct iovec iov;
	struct msghdr header;
	struct cmsghdr *message;
	int duplicate = dup(fd);

	memset(&header, 0, sizeof(header));
	memcpy(&iov.iov_base, &bytes,
	       sizeof(bytes)); /* sendmsg() only reads it */
	iov.iov_len = length;
	header.msg_iov = &iov;
	header.msg_iovlen = 1;
	assert_true(duplicate >= 0);
	if (fds > 0) {
		header.msg_control = control;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * fds);
		message = CMSG_FIRSTHDR(&header);
		message->cmsg_level = SOL_SOCKET;
		message->cmsg_type = SCM_RIGHTS;
		message->cmsg_len = CMSG_LEN(sizeof(int) * fds);
		for (unsigned int i = 0; i < fds; i++)
			memcpy(CMSG_DATA(message) + i * sizeof(int), &duplicate,
			       sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &header, MSG_NOSIGNAL), (ssize_t)length);
	close(duplicate);
}

static void device_travels_with_its_descriptors(void **state)
{
	struct ends ends = ends_open();
	struct link_message sent = device_message(), got;
	int fds[LINK_MAX_FDS], received[LINK_MAX_FDS];
	unsigned int count;
	char byte = 0;

	(void)state;
	for (unsigned int i = 0; i < LINK_MAX_FDS; i++) {
		fds[i] = memfd_create("test", 0);
		byte = (char)('a' + i);
		assert_int_equal(write(fds[i], &byte, 1), 1);
	}
	sent.device.record = 1;
	assert_int_equal(link_send(ends.supervisor, &sent, fds, LINK_MAX_FDS),
			 0);
	assert_int_equal(link_receive(ends.worker, &got, received, &count), 1);
	assert_int_equal(count, LINK_MAX_FDS);
	assert_memory_equal(&got.device, &sent.device, sizeof(got.device));
	for (unsigned int i = 0; i < LINK_MAX_FDS; i++) {
		assert_int_equal(pread(received[i], &byte, 1, 0), 1);
		assert_int_equal(byte, 'a' + i);
		assert_int_equal(fcntl(received[i], F_GETFD), FD_CLOEXEC);
		close(received[i]);
		close(fds[i]);
	}
	ends_close(&ends);
}

static void attach_travels(void **state)
{
	struct ends ends = ends_open();
	struct link_message sent = attach_message(), got;
	int fds[LINK_MAX_FDS];
	unsigned int count;

	(void)state;
	assert_int_equal(link_send(ends.supervisor, &sent, NULL, 0), 0);
	assert_int_equal(link_receive(ends.worker, &got, fds, &count), 1);
	assert_int_equal(count, 0);
	assert_memory_equal(&got.attach, &sent.attach, sizeof(got.attach));
	ends_close(&ends);
}

static void both_ends_never_block(void **state)
{
	struct ends ends = ends_open();
	struct link_message message, stop = {.kind = LINK_STOP};
	int fds[LINK_MAX_FDS], error = 0;
	unsigned int count;

	(void)state;
	assert_int_equal(link_receive(ends.worker, &message, fds, &count),
			 -EAGAIN);
	for (unsigned int i = 0; i < 100000 && error == 0; i++)
		error = link_send(ends.supervisor, &stop, NULL, 0);
	assert_int_equal(error, -EAGAIN);
	ends_close(&ends);
}

static void the_end_is_seen(void **state)
{
	struct ends ends = ends_open();
	struct link_message message, ready = {.kind = LINK_READY};
	int fds[LINK_MAX_FDS];
	unsigned int count;

	(void)state;
	/* The worker's end closes with something of ours unread in it. */
	assert_int_equal(link_send(ends.supervisor, &ready, NULL, 0), 0);
	close(ends.worker);
	assert_int_equal(link_receive(ends.supervisor, &message, fds, &count),
			 0);
	assert_int_equal(link_send(ends.supervisor, &ready, NULL, 0), -EPIPE);
	close(ends.supervisor);
}

static void a_short_packet_is_refused(void **state)
{
	struct ends ends = ends_open();
	struct link_message message = {.kind = LINK_READY};
	int fds[LINK_MAX_FDS];
	unsigned int count, before = open_descriptors();

	(void)state;
	send_raw(ends.worker, &message, sizeof(message) - 1, 3);
	assert_int_equal(link_receive(ends.supervisor, &message, fds, &count),
			 -EPROTO);
	assert_int_equal(count, 0);
	assert_int_equal(open_descriptors(), before);
	ends_close(&ends);
}

/* Also when what came is a message by itself: the rest was cut off. */
static void a_message_is_valid_as_a_whole_only(void **state)
{
	const struct link_message message = attach_message();

	(void)state;
	assert_true(link_message_valid(&message, sizeof(message), 0));
	assert_false(link_message_valid(&message, sizeof(message) - 1, 0));
	assert_false(link_message_valid(&message, sizeof(message) + 1, 0));
}

static void a_long_packet_is_refused(void **state)
{
	struct ends ends = ends_open();
	struct {
		struct link_message message;
		char more;
	} packet = {.message = {.kind = LINK_READY}};
	struct link_message message;
	int fds[LINK_MAX_FDS];
	unsigned int count;

	(void)state;
	send_raw(ends.worker, &packet, sizeof(packet), 0);
	assert_int_equal(link_receive(ends.supervisor, &message, fds, &count),
			 -EPROTO);
	ends_close(&ends);
}

static void surplus_descriptors_are_closed(void **state)
{
	struct link_message message = {.kind = LINK_READY};
	const unsigned int counts[] = {1, LINK_MAX_FDS, LINK_MAX_FDS + 1,
				       LINK_MAX_FDS + 2, 60};
	int fds[LINK_MAX_FDS];
	unsigned int count;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		struct ends ends = ends_open();
		unsigned int before = open_descriptors();

		send_raw(ends.worker, &message, sizeof(message), counts[i]);
		assert_int_equal(
			link_receive(ends.supervisor, &message, fds, &count),
			-EPROTO);
		assert_int_equal(open_descriptors(), before);
		ends_close(&ends);
	}
}

static struct link_message store_message(void)
{
	struct link_message message = device_message();

	message.device.image = LINK_IMAGE_NBD;
	message.device.direct = 0;
	snprintf(message.device.uri, LINK_URI_BYTES, "nbd://localhost");
	return message;
}

/* One byte short of an end. */
static struct link_message endless_message(void)
{
	struct link_message message = store_message();

	memset(message.device.uri, 'n', LINK_URI_BYTES - 1);
	return message;
}

#define REFUSED_FIELD(make, field, value)                                      \
	do {                                                                   \
		struct link_message m = make();                                \
		unsigned int n = m.kind != LINK_DEVICE ? 0                     \
				 : m.device.image == LINK_IMAGE_NBD            \
					 ? 1                                   \
					 : 1 + m.device.max_queues;            \
		assert_true(link_message_valid(&m, sizeof(m), n));             \
		m.field = (value);                                             \
		assert_false(link_message_valid(&m, sizeof(m), n));            \
	} while (0)

static struct link_message limits_message(void)
{
	const struct link_message message = {
		.kind = LINK_LIMITS,
		.limits = {.iops = LIMIT_RATE,
			   .sectors = LIMIT_RATE,
			   .burst_ns = LIMIT_BURST_MS * UINT64_C(1000000)},
	};

	return message;
}

static void fields_out_of_range_are_refused(void **state)
{
	(void)state;
	REFUSED_FIELD(device_message, device.domid, 0x7ff0);
	REFUSED_FIELD(device_message, device.record, 2);
	REFUSED_FIELD(device_message, device.record, 1); /* one fd short */
	REFUSED_FIELD(device_message, device.sectors, 0);
	REFUSED_FIELD(device_message, device.sectors, UINT64_MAX);
	REFUSED_FIELD(device_message, device.image, 0);
	REFUSED_FIELD(device_message, device.image, LINK_IMAGE_COUNT);
	REFUSED_FIELD(device_message, device.image, LINK_IMAGE_NULL);
	REFUSED_FIELD(device_message, device.uri[0], 'n');
	REFUSED_FIELD(store_message, device.uri[0], '\0');
	REFUSED_FIELD(store_message, device.image, LINK_IMAGE_RAM);
	REFUSED_FIELD(endless_message, device.uri[LINK_URI_BYTES - 1], 'n');
	REFUSED_FIELD(device_message, device.max_queues, 0);
	REFUSED_FIELD(device_message, device.max_queues, LIMIT_QUEUES + 1);
	REFUSED_FIELD(device_message, device.max_queues, LIMIT_QUEUES - 1);
	REFUSED_FIELD(device_message, device.readonly, 2);
	REFUSED_FIELD(device_message, device.direct, 2);
	REFUSED_FIELD(device_message, device.block, 512);
	REFUSED_FIELD(device_message, device.block, 5000);
	REFUSED_FIELD(device_message, device.block, 131072);
	REFUSED_FIELD(device_message, device.sandbox, 2);
	REFUSED_FIELD(device_message, device.persistent_cap,
		      LIMIT_PERSISTENT + 1);
	REFUSED_FIELD(device_message, device.poll_ns, LIMIT_POLL_NS + 1);
	REFUSED_FIELD(device_message, device.log_level, 5);
	REFUSED_FIELD(attach_message, attach.queues, 0);
	REFUSED_FIELD(attach_message, attach.queues, LIMIT_QUEUES + 1);
	REFUSED_FIELD(attach_message, attach.ring_order, LIMIT_RING_ORDER + 1);
	REFUSED_FIELD(attach_message, attach.abi, 0);
	REFUSED_FIELD(attach_message, attach.abi, LINK_ABI_COUNT);
	REFUSED_FIELD(attach_message, attach.persistent, 2);
	REFUSED_FIELD(attach_message, kind, 0);
	REFUSED_FIELD(attach_message, kind, LINK_KIND_COUNT);
	REFUSED_FIELD(attach_message, kind, LINK_DEVICE);
	REFUSED_FIELD(limits_message, limits.iops, LIMIT_RATE + 1);
	REFUSED_FIELD(limits_message, limits.sectors, LIMIT_RATE + 1);
	REFUSED_FIELD(limits_message, limits.burst_ns, 8000000001);
}

static struct link_message refused_message(void)
{
	struct link_message message;

	memset(&message, 0, sizeof(message));
	message.kind = LINK_REFUSED;
	message.refused.refusal = REFUSE_RING_GRANT;
	message.refused.queue = 3;
	return message;
}

static void refusals_must_be_fatal_ones(void **state)
{
	(void)state;
	REFUSED_FIELD(refused_message, refused.refusal, REFUSAL_NONE);
	REFUSED_FIELD(refused_message, refused.refusal, REFUSAL_COUNT);
	REFUSED_FIELD(refused_message, refused.refusal, REFUSE_BEYOND_END);
	REFUSED_FIELD(refused_message, refused.queue, LIMIT_QUEUES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(device_travels_with_its_descriptors),
		cmocka_unit_test(attach_travels),
		cmocka_unit_test(both_ends_never_block),
		cmocka_unit_test(the_end_is_seen),
		cmocka_unit_test(a_short_packet_is_refused),
		cmocka_unit_test(a_message_is_valid_as_a_whole_only),
		cmocka_unit_test(a_long_packet_is_refused),
		cmocka_unit_test(surplus_descriptors_are_closed),
		cmocka_unit_test(fields_out_of_range_are_refused),
		cmocka_unit_test(refusals_must_be_fatal_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
