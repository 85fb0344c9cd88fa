/*
 * A terminal for xenblkctl top: its size, keys that are pressed, and a clock that
 * moves when somebody waits.  Linked in by --wrap; see run.h.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/ctl/run.h"

int __real_poll(struct pollfd *fds, nfds_t count, int milliseconds);
int __wrap_poll(struct pollfd *fds, nfds_t count, int milliseconds);
int __real_isatty(int fd);
int __wrap_isatty(int fd);
int __real_tcgetattr(int fd, struct termios *keys);
int __wrap_tcgetattr(int fd, struct termios *keys);
int __real_tcsetattr(int fd, int when, const struct termios *keys);
int __wrap_tcsetattr(int fd, int when, const struct termios *keys);
int __real_sigprocmask(int how, const sigset_t *set, sigset_t *old);
int __wrap_sigprocmask(int how, const sigset_t *set, sigset_t *old);
int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
ssize_t __real_read(int fd, void *to, size_t room);
ssize_t __wrap_read(int fd, void *to, size_t room);
int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

static struct {
	unsigned int keys, columns;
	long long now_ms;
} terminal;

void terminal_begin(unsigned int keys, unsigned int columns)
{
	terminal.keys = keys;
	terminal.columns = columns;
	terminal.now_ms = 1000;
}

/* A key now and then; else the time is over. */
int __wrap_poll(struct pollfd *fds, nfds_t count, int milliseconds)
{
	if (!ctl_running())
		return __real_poll(fds, count, milliseconds);
	if (count == 0 || terminal.keys % 2 == 0) {
		terminal.now_ms += milliseconds;
		terminal.keys -= terminal.keys > 0;
		return 0;
	}
	fds[0].revents = POLLIN;
	fds[1].revents = 0;
	return 1;
}

ssize_t __wrap_read(int fd, void *to, size_t room)
{
	if (!ctl_running() || fd != STDIN_FILENO)
		return __real_read(fd, to, room);
	if (room == 0 || terminal.keys == 0)
		return 0;
	*(char *)to = --terminal.keys == 0 ? 'q' : 'x';
	return 1;
}

int __wrap_isatty(int fd)
{
	return ctl_running() ? terminal.columns > 0 : __real_isatty(fd);
}

int __wrap_tcgetattr(int fd, struct termios *keys)
{
	if (!ctl_running())
		return __real_tcgetattr(fd, keys);
	*keys = (struct termios){0};
	return 0;
}

int __wrap_tcsetattr(int fd, int when, const struct termios *keys)
{
	return ctl_running() ? 0 : __real_tcsetattr(fd, when, keys);
}

int __wrap_sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	return ctl_running() ? 0 : __real_sigprocmask(how, set, old);
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	void *to;

	va_start(arguments, request);
	to = va_arg(arguments, void *);
	va_end(arguments);
	if (!ctl_running() || request != TIOCGWINSZ)
		return __real_ioctl(fd, request, to);
	*(struct winsize *)to = (struct winsize){
		.ws_row = (unsigned short)(terminal.columns / 2),
		.ws_col = (unsigned short)terminal.columns};
	return 0;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (!ctl_running())
		return __real_clock_gettime(clock, now);
	*now = (struct timespec){.tv_sec = terminal.now_ms / 1000,
				 .tv_nsec = terminal.now_ms % 1000 * 1000000};
	return 0;
}
