/* The control socket and its clients.  See control.h. */
#include "backend/supervisor/control.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/cleanup.h"
#include "backend/base/log.h"
#include "backend/supervisor/report.h"

#define CLIENTS	      16u
#define REQUEST_BYTES 4096u

/* A request that says two things at once is none. */
#define JSON_FLAGS (JSON_REJECT_DUPLICATES)

struct client {
	int fd; /* -1: a free place */
	size_t received;
	char request[REQUEST_BYTES];
	char *answer; /* malloc'd; NULL when none is under way */
	size_t length;
	size_t sent;
};

struct control {
	int listener;
	int poller;
	bool full; /* all places taken: the listener is not polled */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct client client[CLIENTS];
};

static int listen_at(const char *path, char *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	mode_t mask;
	int fd, result;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		close(fd);
		snprintf(error, CONTROL_ERROR_BYTES,
			 "another daemon answers at the control socket %s: use "
			 "another --control",
			 path);
		return -EADDRINUSE;
	}
	if (errno == ECONNREFUSED && unlink(path) < 0)
		log_line(LOG_DEBUG, "unlink %s: %s", path, strerror(errno));
	mask = umask(0177);
	result = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0
			 ? -errno
			 : 0;
	umask(mask);
	if (result == 0 && listen(fd, 8) < 0)
		result = -errno;
	if (result < 0) {
		snprintf(error, CONTROL_ERROR_BYTES,
			 "the control socket %s cannot be made: %s", path,
			 strerror(-result));
		close(fd);
		return result;
	}
	return fd;
}

/* What a descriptor is waited for; index CLIENTS is the listener. */
static void poll_for(const struct control *control, int fd, unsigned int index,
		     uint32_t events)
{
	struct epoll_event event = {.events = events, .data.u32 = index};

	if (epoll_ctl(control->poller, EPOLL_CTL_MOD, fd, &event) < 0 &&
	    epoll_ctl(control->poller, EPOLL_CTL_ADD, fd, &event) < 0)
		log_line(LOG_ERROR, "control socket: epoll_ctl: %s",
			 strerror(errno));
}

int control_create(const char *path, struct control **control, char *error)
{
	struct control *c;
	int fd = listen_at(path, error);

	if (fd < 0)
		return fd;
	c = calloc(1, sizeof(*c));
	if (c == NULL) {
		close(fd);
		return -ENOMEM;
	}
	c->listener = fd;
	snprintf(c->path, sizeof(c->path), "%s", path);
	for (unsigned int i = 0; i < CLIENTS; i++)
		c->client[i].fd = -1;
	c->poller = epoll_create1(EPOLL_CLOEXEC);
	if (c->poller < 0) {
		int result = -errno;

		control_destroy(c);
		return result;
	}
	poll_for(c, fd, CLIENTS, EPOLLIN);
	*control = c;
	return 0;
}

static void hang_up(struct control *control, struct client *client)
{
	close(client->fd);
	free(client->answer);
	memset(client, 0, sizeof(*client));
	client->fd = -1;
	if (control->full)
		poll_for(control, control->listener, CLIENTS, EPOLLIN);
	control->full = false;
}

void control_destroy(struct control *control)
{
	if (control == NULL)
		return;
	for (unsigned int i = 0; i < CLIENTS; i++)
		if (control->client[i].fd >= 0)
			hang_up(control, &control->client[i]);
	close(control->listener);
	if (control->poller >= 0)
		close(control->poller);
	unlink(control->path);
	free(control);
}

int control_fd(const struct control *control)
{
	return control->poller;
}

static void accept_client(struct control *control)
{
	unsigned int i = 0;
	int fd;

	while (i < CLIENTS && control->client[i].fd >= 0)
		i++;
	if (i == CLIENTS) {
		/* The next one waits in the backlog until a place is free. */
		control->full = true;
		poll_for(control, control->listener, CLIENTS, 0);
		return;
	}
	fd = accept4(control->listener, NULL, NULL,
		     SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	control->client[i].fd = fd;
	poll_for(control, fd, i, EPOLLIN);
}

static bool has_failed(ssize_t n)
{
	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* Writes on; waits for room when the client is slow. */
static void send_answer(struct control *control, unsigned int i)
{
	struct client *client = &control->client[i];
	ssize_t n;

	n = send(client->fd, client->answer + client->sent,
		 client->length - client->sent, MSG_NOSIGNAL);
	if (has_failed(n)) {
		hang_up(control, client);
		return;
	}
	client->sent += n > 0 ? (size_t)n : 0;
	if (client->sent < client->length) {
		poll_for(control, client->fd, i, EPOLLOUT);
		return;
	}
	free(client->answer);
	client->answer = NULL;
	poll_for(control, client->fd, i, EPOLLIN);
}

/* Takes over a reference to the answer. */
static void start_answer(struct control *control, unsigned int i, json_t *json)
{
	struct client *client = &control->client[i];
	CLEANUP(free_string) char *text = NULL;

	CHECK(client->answer == NULL);
	text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
	json_decref(json);
	client->length = text == NULL ? 0 : strlen(text) + 1;
	client->answer = text == NULL ? NULL : malloc(client->length);
	if (client->answer == NULL) {
		hang_up(control, client);
		return;
	}
	memcpy(client->answer, text, client->length - 1);
	client->answer[client->length - 1] = '\n';
	client->sent = 0;
	send_answer(control, i);
}

/* Answers the first whole line of what was received. */
static void answer_line(struct control *control, unsigned int i,
			struct host *host)
{
	struct client *client = &control->client[i];
	char *end = memchr(client->request, '\n', client->received);
	json_t *request, *answer;
	json_error_t error;
	size_t used;

	if (end == NULL)
		return;
	used = (size_t)(end + 1 - client->request);
	request = json_loadb(client->request, used - 1, JSON_FLAGS, &error);
	answer = request == NULL ? report_error("the request is not JSON")
				 : report_answer(host, request);
	json_decref(request);
	client->received -= used;
	memmove(client->request, end + 1, client->received);
	start_answer(control, i, answer);
}

static void read_request(struct control *control, unsigned int i)
{
	struct client *client = &control->client[i];
	ssize_t n;

	CHECK(client->received < sizeof(client->request));
	n = recv(client->fd, client->request + client->received,
		 sizeof(client->request) - client->received, 0);
	if (has_failed(n))
		hang_up(control, client);
	else if (n > 0)
		client->received += (size_t)n;
}

/* A full buffer without a line end cannot become a request.  At once: no byte
 * may come that would wake us. */
static void refuse_length(struct control *control, unsigned int i)
{
	struct client *client = &control->client[i];

	start_answer(control, i,
		     report_error("the request is longer than 4096 bytes"));
	if (client->fd >= 0)
		hang_up(control, client);
}

static void step_client(struct control *control, unsigned int i,
			struct host *host)
{
	struct client *client = &control->client[i];

	if (client->fd < 0)
		return;
	if (client->answer != NULL)
		send_answer(control, i);
	else
		read_request(control, i);
	/* Bounded: the buffer holds so many lines at most. */
	for (size_t n = 0;
	     n < REQUEST_BYTES && client->fd >= 0 && client->answer == NULL &&
	     memchr(client->request, '\n', client->received);
	     n++)
		answer_line(control, i, host);
	if (client->fd >= 0 && client->answer == NULL &&
	    client->received == sizeof(client->request))
		refuse_length(control, i);
}

void control_step(struct control *control, struct host *host)
{
	struct epoll_event events[CLIENTS + 1];
	int n = epoll_wait(control->poller, events, CLIENTS + 1, 0);

	for (int e = 0; e < n; e++) {
		const unsigned int i = events[e].data.u32;

		if (i == CLIENTS)
			accept_client(control);
		else
			step_client(control, i, host);
	}
}
