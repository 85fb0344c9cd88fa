/* The file of a disk's in-flight region.  See table.h. */
#include "backend/supervisor/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/cleanup.h"

void table_init(struct table *table, const char *path)
{
	memset(table, 0, sizeof(*table));
	table->fd = -1;
	CHECK(strlen(path) < sizeof(table->path));
	memcpy(table->path, path, strlen(path) + 1);
}

int table_open(struct table *table, unsigned int queues)
{
	int error;

	CHECK(table->fd < 0);
	if (table->path[0] == '\0')
		return -ENOENT;
	table->fd = open(table->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (table->fd < 0)
		return -errno;
	error = inflight_examine(table->fd, queues);
	if (error < 0) {
		table_close(table);
		return error;
	}
	table->queues = queues;
	return 0;
}

int table_create(struct table *table, unsigned int queues)
{
	int error;

	table_close(table);
	if (table->path[0] == '\0') {
		table->fd = inflight_create(queues);
		if (table->fd < 0)
			return table->fd;
		table->queues = queues;
		return 0;
	}
	/* A new file, not the old one emptied: whoever has that mapped keeps
	 * it. */
	if (unlink(table->path) < 0 && errno != ENOENT)
		return -errno;
	table->fd =
		open(table->path,
		     O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (table->fd < 0)
		return -errno;
	error = inflight_format(table->fd, queues);
	if (error < 0) {
		table_remove(table);
		return error;
	}
	table->queues = queues;
	return 0;
}

int table_lend(const struct table *table)
{
	char path[64];
	int fd, error;

	CHECK(table->fd >= 0);
	/* An open file description of its own: the lock is on that. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", table->fd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

int table_write(const struct table *table,
		const struct inflight_connection *connection)
{
	ssize_t n = pwrite(table->fd, connection, sizeof(*connection),
			   offsetof(struct inflight_region, connection));

	if (n < 0)
		return -errno;
	return n == (ssize_t)sizeof(*connection) ? 0 : -EIO;
}

int table_read(const struct table *table,
	       struct inflight_connection *connection)
{
	ssize_t n = pread(table->fd, connection, sizeof(*connection),
			  offsetof(struct inflight_region, connection));

	if (n < 0)
		return -errno;
	return n == (ssize_t)sizeof(*connection) ? 0 : -EINVAL;
}

bool table_stats(const struct table *table, unsigned int queue,
		 struct stats *stats)
{
	if (table->fd < 0 || queue >= table->queues)
		return false;
	return pread(table->fd, stats, sizeof(*stats),
		     (off_t)inflight_stats_offset(queue)) ==
	       (ssize_t)sizeof(*stats);
}

void table_close(struct table *table)
{
	close_fd(&table->fd);
	table->fd = -1;
	table->queues = 0;
}

void table_remove(struct table *table)
{
	table_close(table);
	if (table->path[0] != '\0')
		(void)unlink(table->path);
}

void table_boot(char *boot)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, boot, INFLIGHT_BOOT_BYTES - 1);

	memset(boot + (n > 0 ? n : 0), 0,
	       INFLIGHT_BOOT_BYTES - (size_t)(n > 0 ? n : 0));
	close_fd(&fd);
}
