/* Timers, and calls that fail.  See kernel.h. */
#include "fuzz/nbd/kernel.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "fuzz/oracle/oracle.h"

#define TIMERS 8u

int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __real_epoll_ctl(int fd, int what, int of, struct epoll_event *event);
int __wrap_epoll_ctl(int fd, int what, int of, struct epoll_event *event);
int __wrap_timerfd_create(int clock, int flags);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *when,
			   struct itimerspec *before);
int __real_shutdown(int fd, int how);
int __wrap_shutdown(int fd, int how);
int __real_close(int fd);
int __wrap_close(int fd);

/* An event descriptor stands for each; used while its number is here. */
static struct timer {
	int fd; /* 0: none */
	uint64_t every_ns, gone_ns;
} timers[TIMERS];

static struct timer *timer_at(int fd)
{
	for (unsigned int i = 0; i < TIMERS; i++)
		if (timers[i].fd == fd)
			return &timers[i];
	return NULL;
}

void kernel_begin(void)
{
	memset(timers, 0, sizeof(timers));
}

void kernel_end(void)
{
	for (unsigned int i = 0; i < TIMERS; i++)
		if (timers[i].fd > 0)
			oracle_fail(ORACLE_RESOURCES, "a timer is left");
}

void kernel_clock(uint64_t ns)
{
	const uint64_t one = 1;

	for (unsigned int i = 0; i < TIMERS; i++) {
		struct timer *t = &timers[i];

		if (t->fd <= 0 || t->every_ns == 0)
			continue;
		t->gone_ns += ns;
		if (t->gone_ns < t->every_ns)
			continue;
		t->gone_ns = 0;
		if (write(t->fd, &one, sizeof(one)) != sizeof(one))
			abort();
	}
}

int __wrap_epoll_create1(int flags)
{
	return server_fails() ? -1 : __real_epoll_create1(flags);
}

int __wrap_epoll_ctl(int fd, int what, int of, struct epoll_event *event)
{
	if (what == EPOLL_CTL_ADD && server_fails())
		return -1;
	return __real_epoll_ctl(fd, what, of, event);
}

int __wrap_timerfd_create(int clock, int flags)
{
	struct timer *t = timer_at(0);

	(void)clock;
	(void)flags;
	if (server_fails())
		return -1;
	if (t == NULL)
		abort();
	t->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t->fd <= 0)
		abort();
	return t->fd;
}

int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *when,
			   struct itimerspec *before)
{
	struct timer *t = timer_at(fd);
	uint64_t ticks;

	(void)flags;
	(void)before;
	if (t == NULL)
		return -1;
	t->every_ns = (uint64_t)when->it_value.tv_sec * 1000000000u +
		      (uint64_t)when->it_value.tv_nsec;
	t->gone_ns = 0;
	/* What was over before is not told any more. */
	(void)!read(fd, &ticks, sizeof(ticks));
	return 0;
}

int __wrap_shutdown(int fd, int how)
{
	server_shut(fd);
	return __real_shutdown(fd, how);
}

int __wrap_close(int fd)
{
	struct timer *t = fd > 0 ? timer_at(fd) : NULL;

	if (t != NULL)
		memset(t, 0, sizeof(*t));
	return __real_close(fd);
}
