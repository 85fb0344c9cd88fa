/*
 * Where the control socket lies: a name of this process alone that no file has.
 *
 * Stands between the socket calls and the kernel, linked in by --wrap; every
 * other address and path passes.  See stage.h.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fuzz/control/stage.h"

int __real_bind(int fd, const struct sockaddr *address, socklen_t bytes);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t bytes);
int __real_connect(int fd, const struct sockaddr *address, socklen_t bytes);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t bytes);
int __real_unlink(const char *path);
int __wrap_unlink(const char *path);

static bool taken;

bool place_is_taken(void)
{
	return taken;
}

static bool is_ours(const struct sockaddr *address)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)address;

	return address->sa_family == AF_UNIX &&
	       strncmp(un->sun_path, PLACE_NAME, strlen(PLACE_NAME)) == 0;
}

static bool is_other(const struct sockaddr *address)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)address;

	return strcmp(un->sun_path, PLACE_OTHER) == 0;
}

/* Return: how long the address is. */
static socklen_t name_it(struct sockaddr_un *address, bool other)
{
	int n;

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	/* An abstract name: its first byte is NUL. */
	n = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1,
		     "xenblk-fuzz-control-%d%s", (int)getpid(),
		     other ? "-2" : "");
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)n);
}

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t bytes)
{
	struct sockaddr_un name;

	if (!is_ours(address))
		return __real_bind(fd, address, bytes);
	taken |= !is_other(address);
	bytes = name_it(&name, is_other(address));
	return __real_bind(fd, (struct sockaddr *)&name, bytes);
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t bytes)
{
	struct sockaddr_un name;

	if (!is_ours(address))
		return __real_connect(fd, address, bytes);
	bytes = name_it(&name, is_other(address));
	return __real_connect(fd, (struct sockaddr *)&name, bytes);
}

int __wrap_unlink(const char *path)
{
	if (strcmp(path, PLACE_NAME) != 0)
		return __real_unlink(path);
	errno = ENOENT;
	if (!taken)
		return -1;
	taken = false;
	return 0;
}
