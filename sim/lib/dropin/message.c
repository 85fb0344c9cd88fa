/*
 * Packets between a process and the broker (message.h).
 */
#include "sim/lib/dropin/message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

int message_connect(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = getenv("XENSIM_SOCKET");
	int fd, error;

	if (!path)
		return -ENOENT;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

int message_send(int connection, const struct message *message, int fd)
{
	struct message copy = *message;
	struct iovec vector = {.iov_base = &copy, .iov_len = sizeof(copy)};
	union control control = {0};
	struct msghdr packet = {.msg_iov = &vector, .msg_iovlen = 1};

	if (fd >= 0) {
		packet.msg_control = control.bytes;
		packet.msg_controllen = sizeof(control.bytes);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	while (sendmsg(connection, &packet, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int message_receive(int connection, struct message *message, int *fd)
{
	struct iovec vector = {.iov_base = message,
			       .iov_len = sizeof(*message)};
	union control control = {0};
	struct msghdr packet = {.msg_iov = &vector,
				.msg_iovlen = 1,
				.msg_control = control.bytes,
				.msg_controllen = sizeof(control.bytes)};
	int received = -1;
	ssize_t n;

	do {
		n = recvmsg(connection, &packet, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	if (CMSG_FIRSTHDR(&packet) && control.header.cmsg_type == SCM_RIGHTS)
		memcpy(&received, CMSG_DATA(&control.header), sizeof(received));
	if (fd)
		*fd = received;
	else if (received >= 0)
		close(received);
	return n == (ssize_t)sizeof(*message) ? 1 : -EPROTO;
}

int message_call(int connection, struct message *message, int *fd)
{
	int error = message_send(connection, message, -1);
	int received = -1;

	if (fd)
		*fd = -1;
	if (error)
		return error;
	error = message_receive(connection, message, &received);
	if (error <= 0)
		return error ? error : -EPIPE;
	if (message->error == 0 && fd)
		*fd = received;
	else if (received >= 0)
		close(received);
	return message->error;
}
