/* The file of a disk's in-flight region.  See table.h. */
#include "backend/supervisor/table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/cleanup.h"
#include "backend/base/log.h"

void table_path(char *path, const char *tables, const char *kind,
		uint32_t domid, uint32_t devid)
{
	snprintf(path, TABLE_PATH_BYTES, "%.107s/%.31s-%u-%u.table", tables,
		 kind, domid, devid);
}

void table_init(struct table *table, const char *path)
{
	memset(table, 0, sizeof(*table));
	table->fd = -1;
	CHECK(strlen(path) < sizeof(table->path));
	memcpy(table->path, path, strlen(path) + 1);
}

/* Where the directory is everybody's, anybody may have put a file there. */
static bool is_ours(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	       status.st_uid == geteuid();
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
	error = is_ours(table->fd) ? inflight_examine(table->fd, queues)
				   : -EPERM;
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

/* "vbd-5-51712.table", and in no other spelling. */
static bool parse_name(const char *name, const char *kind, uint32_t *domid,
		       uint32_t *devid)
{
	char again[TABLE_PATH_BYTES];
	const size_t length = strlen(kind);

	if (strncmp(name, kind, length) != 0 ||
	    sscanf(name + length, "-%10u-%10u.table", domid, devid) != 2)
		return false;
	table_path(again, "", kind, *domid, *devid);
	return strcmp(again + 1, name) == 0;
}

void table_sweep(const char *tables, const char *kind,
		 bool (*gone)(const void *context, uint32_t domid,
			      uint32_t devid),
		 const void *context)
{
	DIR *directory = opendir(tables);
	const struct dirent *entry;
	char path[TABLE_PATH_BYTES];
	uint32_t domid, devid;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		if (!parse_name(entry->d_name, kind, &domid, &devid) ||
		    !gone(context, domid, devid))
			continue;
		table_path(path, tables, kind, domid, devid);
		if (unlink(path) < 0)
			log_line(LOG_WARNING, "%s cannot be removed: %s", path,
				 strerror(errno));
	}
	if (directory != NULL)
		closedir(directory);
}

void table_boot(char *boot)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, boot, INFLIGHT_BOOT_BYTES - 1);

	memset(boot + (n > 0 ? n : 0), 0,
	       INFLIGHT_BOOT_BYTES - (size_t)(n > 0 ? n : 0));
	close_fd(&fd);
}
