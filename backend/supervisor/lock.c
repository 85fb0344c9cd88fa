/* The lock on a backend directory.  See lock.h. */
#include "backend/supervisor/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "backend/base/check.h"

#define PATH_BYTES 256u

/* How often to look again, and after how long. */
#define TRIES	    500u
#define TRY_WAIT_MS 10

/* The directory of xenstored's socket, as libxenstore finds it. */
static void store_directory(const char *fallback, char *path)
{
	const char *socket = getenv("XENSTORED_PATH");
	const char *directory = getenv("XENSTORED_RUNDIR");
	const char *slash = socket != NULL ? strrchr(socket, '/') : NULL;

	if (slash != NULL)
		snprintf(path, PATH_BYTES, "%.*s", (int)(slash - socket),
			 socket);
	else
		snprintf(path, PATH_BYTES, "%s",
			 directory != NULL ? directory : "/var/run/xenstored");
	if (access(path, W_OK) < 0)
		snprintf(path, PATH_BYTES, "%s", fallback);
}

/* Who holds it: the number that it has written there. */
static void read_holder(int fd, char *holder, size_t room)
{
	ssize_t n = pread(fd, holder, room - 1, 0);

	holder[n > 0 ? n : 0] = '\0';
	holder[strspn(holder, "0123456789")] = '\0';
	if (holder[0] == '\0')
		snprintf(holder, room, "unknown");
}

static int write_holder(int fd)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	CHECK(n > 0);
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n)
		return -errno;
	return 0;
}

/*
 * A daemon that was killed while it started a worker: for a moment there is a copy
 * of it, which dies with it but a little later, and has its lock.
 */
static bool holder_is_gone(int fd)
{
	char holder[16];
	long pid;

	read_holder(fd, holder, sizeof(holder));
	pid = strtol(holder, NULL, 10);
	return pid > 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

static int lock_file(int fd)
{
	int error = -EWOULDBLOCK;

	for (unsigned int i = 0; i < TRIES && error == -EWOULDBLOCK; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		error = -errno;
		if (!holder_is_gone(fd))
			break;
		(void)poll(NULL, 0, TRY_WAIT_MS);
	}
	return error;
}

int lock_take(const char *directory, const char *fallback, char *error)
{
	char base[PATH_BYTES], path[PATH_BYTES + 64], holder[16];
	int fd, result;

	store_directory(fallback, base);
	snprintf(path, sizeof(path), "%s/xenblkd-%s.lock", base, directory);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0) {
		result = -errno;
		snprintf(error, LOCK_ERROR_BYTES,
			 "the lock file %s cannot be opened: %s", path,
			 strerror(-result));
		return result;
	}
	result = lock_file(fd);
	if (result < 0) {
		read_holder(fd, holder, sizeof(holder));
		snprintf(error, LOCK_ERROR_BYTES,
			 "another xenblkd (process %s) serves backend/%s of "
			 "this xenstore: stop it first, or use another "
			 "--directory",
			 holder, directory);
		close(fd);
		return result;
	}
	result = write_holder(fd);
	if (result < 0) {
		snprintf(error, LOCK_ERROR_BYTES, "%s cannot be written: %s",
			 path, strerror(-result));
		close(fd);
		return result;
	}
	return fd;
}
