/* A connection while it is used.  See connection.h. */
#include "backend/nbd/connection.h"

#include <errno.h>
#include <libnbd.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/limits.h"
#include "backend/base/log.h"
#include "backend/nbd/connect.h"

/* Steps of it in one turn: a server cannot keep a queue here. */
#define STEPS_MAX 1024u

static void set_timer(struct connection *c, bool on)
{
	const struct timespec tick = {
		.tv_sec = on ? (time_t)(LIMIT_STORE_TICK_NS / 1000000000u) : 0};
	const struct itimerspec when = {.it_interval = tick, .it_value = tick};

	CHECK(timerfd_settime(c->timer, 0, &when, NULL) == 0);
	c->ticking = on;
}

/* Has epoll wait for what the connection waits for. */
void connection_settle(struct connection *c)
{
	struct epoll_event event = {.data.fd = -1};
	const unsigned int direction = nbd_aio_get_direction(c->handle);
	const int fd = nbd_aio_get_fd(c->handle);

	if (c->asked > 0 && !c->ticking)
		set_timer(c, true);
	if ((direction & LIBNBD_AIO_DIRECTION_READ) != 0)
		event.events |= EPOLLIN;
	if ((direction & LIBNBD_AIO_DIRECTION_WRITE) != 0)
		event.events |= EPOLLOUT;
	if (fd < 0 || event.events == c->events)
		return; /* a closed one has left the set by itself */
	CHECK(epoll_ctl(c->poller, EPOLL_CTL_MOD, fd, &event) == 0);
	c->events = event.events;
}

/* Once, by whoever sees it first, while the reason is known. */
static void say_gone(struct connection *c, const char *why)
{
	if (c->gone)
		return;
	c->gone = true;
	log_line(LOG_ERROR,
		 "queue %u: the NBD server is gone (%s): requests are answered "
		 "with errors until the disk is detached and attached anew",
		 c->queue, why);
}

/* A server that says nothing for so long while it was asked. */
static void look_after(struct connection *c)
{
	uint64_t ticks;

	if (!c->ticking || read(c->timer, &ticks, sizeof(ticks)) < 0)
		return;
	if (c->asked == 0) {
		set_timer(c, false);
		return;
	}
	if (clock_now_ns() - c->silent_ns < LIMIT_STORE_SILENT_NS)
		return;
	say_gone(c, "it left a request without an answer for too long");
	/* What is under way ends with errors; nothing is waited for. */
	(void)shutdown(nbd_aio_get_fd(c->handle), SHUT_RDWR);
}

void connection_look_for_end(struct connection *c, const char *why)
{
	if (nbd_aio_is_dead(c->handle) > 0 || nbd_aio_is_closed(c->handle) > 0)
		say_gone(c, why);
}

void connection_step(struct connection *c)
{
	char why[NBD_SENTENCE_BYTES];
	unsigned int steps = 0;
	int n = 0;

	look_after(c);
	/* Once also when nothing was asked: a server that has left is to be let
	 * go of, or its queue would be woken for ever. */
	while ((c->asked > 0 || (steps == 0 && !c->gone)) &&
	       steps++ < STEPS_MAX && (n = nbd_poll(c->handle, 0)) > 0)
		c->silent_ns = clock_now_ns();
	if (n < 0)
		(void)connect_error(why, sizeof(why));
	connection_look_for_end(c, n < 0 ? why : "it closed the connection");
}

void connection_close(struct connection *c)
{
	if (c->handle != NULL)
		nbd_close(c->handle);
	close_fd(&c->poller);
	close_fd(&c->timer);
}

/* Everything that needs a descriptor, while the worker may still open some. */
static int make_poller(struct connection *c)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = -1};
	const int fd = nbd_aio_get_fd(c->handle);

	c->events = EPOLLIN;
	c->poller = epoll_create1(EPOLL_CLOEXEC);
	c->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (c->poller < 0 || c->timer < 0 ||
	    epoll_ctl(c->poller, EPOLL_CTL_ADD, fd, &event) < 0 ||
	    epoll_ctl(c->poller, EPOLL_CTL_ADD, c->timer, &event) < 0)
		return -errno;
	return 0;
}

int connection_open(struct connection *c, const char *uri)
{
	char why[NBD_SENTENCE_BYTES];
	int error;

	c->poller = c->timer = -1;
	c->handle = connect_prepare();
	if (c->handle == NULL)
		return -ENOMEM;
	if (nbd_connect_uri(c->handle, uri) == 0)
		return make_poller(c);
	error = connect_error(why, sizeof(why));
	log_line(LOG_ERROR, "queue %u: %s cannot be reached: %s", c->queue, uri,
		 why);
	return error;
}
