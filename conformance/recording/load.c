/* Reading a file whole.  See load.h. */
#include "conformance/recording/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/cleanup.h"

static int read_all(int fd, unsigned char *data, size_t room, size_t *bytes)
{
	*bytes = 0;
	while (*bytes < room) {
		ssize_t n = read(fd, data + *bytes, room - *bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		*bytes += (size_t)n;
	}
	return 0;
}

int load_file(const char *path, unsigned char **data, size_t *bytes)
{
	CLEANUP(close_fd)
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	int error;

	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EISDIR;
	*data = malloc((size_t)status.st_size + 1);
	if (*data == NULL)
		return -ENOMEM;
	error = read_all(fd, *data, (size_t)status.st_size, bytes);
	if (error < 0) {
		free(*data);
		*data = NULL;
	}
	return error;
}
