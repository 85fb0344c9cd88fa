/*
 * Calls of the daemon that fail or do less than they were asked, as a script
 * says: linked in by --wrap; those of its clients pass.  See stage.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "backend/supervisor/control.h"
#include "fuzz/control/stage.h"
#include "fuzz/oracle/oracle.h"

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __real_listen(int fd, int backlog);
int __wrap_listen(int fd, int backlog);
int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __real_accept4(int fd, struct sockaddr *address, socklen_t *bytes,
		   int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *bytes,
		   int flags);
ssize_t __real_send(int fd, const void *data, size_t bytes, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t bytes, int flags);
ssize_t __real_recv(int fd, void *data, size_t bytes, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t bytes, int flags);

enum call {
	NO_CALL,
	ACCEPT,
	SEND,
	SEND_LITTLE,
	RECEIVE,
	SOCKET,
	LISTEN,
	POLLER,
	CALLS
};

static struct {
	bool daemon; /* it is the daemon that runs */
	enum call next;
} trouble;

void trouble_daemon_runs(bool runs)
{
	trouble.daemon = runs;
}

void trouble_begin(void)
{
	trouble.daemon = false;
	trouble.next = NO_CALL;
}

/* Whether this one is the call; once. */
static bool is_due(enum call call)
{
	if (!trouble.daemon || trouble.next != call)
		return false;
	trouble.next = NO_CALL;
	return true;
}

static bool fails(enum call call, int error)
{
	if (!is_due(call))
		return false;
	errno = error;
	return true;
}

int __wrap_socket(int domain, int type, int protocol)
{
	return fails(SOCKET, EMFILE) ? -1
				     : __real_socket(domain, type, protocol);
}

int __wrap_listen(int fd, int backlog)
{
	return fails(LISTEN, EADDRINUSE) ? -1 : __real_listen(fd, backlog);
}

int __wrap_epoll_create1(int flags)
{
	return fails(POLLER, EMFILE) ? -1 : __real_epoll_create1(flags);
}

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *bytes,
		   int flags)
{
	return fails(ACCEPT, EMFILE)
		       ? -1
		       : __real_accept4(fd, address, bytes, flags);
}

ssize_t __wrap_send(int fd, const void *data, size_t bytes, int flags)
{
	if (fails(SEND, EINTR))
		return -1;
	if (bytes > 1 && is_due(SEND_LITTLE))
		bytes = 1;
	return __real_send(fd, data, bytes, flags);
}

ssize_t __wrap_recv(int fd, void *data, size_t bytes, int flags)
{
	return fails(RECEIVE, EINTR) ? -1 : __real_recv(fd, data, bytes, flags);
}

/* One more daemon, at the same place or at another one. */
static void start_another(const char *path, bool may)
{
	char error[CONTROL_ERROR_BYTES] = "";
	struct control *control;

	if (control_create(path, &control, error) < 0)
		return;
	if (!may)
		oracle_fail(ORACLE_RESOURCES, "two daemons have one socket");
	control_destroy(control);
}

void trouble_comes(uint8_t which)
{
	trouble.next = which % CALLS;
	if (which < 0x80 && trouble.next < SOCKET)
		return;
	trouble_daemon_runs(true);
	if ((which & 8) == 0)
		start_another(PLACE_NAME, false);
	else
		start_another(PLACE_OTHER, true);
	trouble_daemon_runs(false);
	trouble.next = NO_CALL;
}
