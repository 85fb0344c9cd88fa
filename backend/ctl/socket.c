/* Requests and answers over the control socket.  See socket.h. */
#include "backend/ctl/socket.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/base/cleanup.h"

/* Far more than the counters of all disks that a daemon can have. */
#define ANSWER_BYTES_MAX (256u << 20)

int socket_open(const char *path)
{
	const struct timeval patience = {.tv_sec = SOCKET_ANSWER_SECONDS};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, error;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static bool send_line(int fd, const char *text)
{
	const size_t length = strlen(text);

	return send(fd, text, length, MSG_NOSIGNAL) == (ssize_t)length &&
	       send(fd, "\n", 1, MSG_NOSIGNAL) == 1;
}

/* Up to the end of a line; how many bytes, 0 if it did not come.  *text is the
 * caller's to free in any case. */
static size_t receive_line(int fd, char **text)
{
	size_t room = 0, length = 0;

	while (length == 0 || (*text)[length - 1] != '\n') {
		ssize_t n;

		if (length == room) {
			char *more = realloc(*text, room = room * 2 + 65536);

			if (more == NULL || room > ANSWER_BYTES_MAX)
				return 0;
			*text = more;
		}
		n = recv(fd, *text + length, room - length, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		length += (size_t)n;
	}
	return length;
}

json_t *socket_ask(int fd, const json_t *request)
{
	CLEANUP(free_string) char *text = json_dumps(request, JSON_COMPACT);
	CLEANUP(free_string) char *answer = NULL;
	json_error_t error;
	size_t length;

	if (text == NULL || !send_line(fd, text))
		return NULL;
	length = receive_line(fd, &answer);
	return length == 0 ? NULL : json_loadb(answer, length, 0, &error);
}

const char *socket_refusal(const json_t *answer)
{
	const char *sentence =
		json_string_value(json_object_get(answer, "error"));

	return sentence != NULL ? sentence
				: "the daemon's answer is neither yes nor no: "
				  "is it another version?";
}
