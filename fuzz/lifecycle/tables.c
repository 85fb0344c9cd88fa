/*
 * The files of tables that outlive a daemon, without a file system: each disk
 * has one file at most, in memory, which is there until it is unlinked.  Calls
 * for other paths pass.  See life.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/lifecycle/life.h"

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_memfd_create(const char *name, unsigned int flags);
int __real_unlink(const char *path);
int __wrap_unlink(const char *path);

/* The disk whose table a path names; NULL: it is none of ours. */
static struct life_disk *owner(const char *path)
{
	unsigned int domid, devid;

	if (sscanf(path, LIFE_TABLES_HOME "/vbd-%10u-%10u.table", &domid,
		   &devid) != 2)
		return NULL;
	return life_find(domid, devid);
}

/* A description of its own, as of a file that is opened again. */
static int again(const struct life_disk *disk)
{
	char path[40];

	if (disk->table < 0) {
		errno = ENOENT;
		return -1;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", disk->table);
	return __real_open(path, O_RDWR | O_CLOEXEC);
}

int __wrap_open(const char *path, int flags, ...)
{
	struct life_disk *disk = owner(path);
	unsigned int mode = 0;
	va_list arguments;
	int fd;

	if ((flags & O_CREAT) != 0) {
		va_start(arguments, flags);
		mode = va_arg(arguments, unsigned int);
		va_end(arguments);
	}
	if (images_open(path, flags, &fd))
		return fd;
	if (disk == NULL)
		return __real_open(path, flags, mode);
	if (life.no_tables > 0) {
		life.no_tables--;
		errno = EACCES;
		return -1;
	}
	if ((flags & O_CREAT) == 0)
		return again(disk);
	if (disk->table >= 0) {
		errno = EEXIST;
		return -1;
	}
	disk->table = __real_memfd_create("table", MFD_CLOEXEC);
	return again(disk);
}

int __wrap_unlink(const char *path)
{
	struct life_disk *disk = owner(path);

	if (disk == NULL)
		return __real_unlink(path);
	if (disk->table < 0) {
		errno = ENOENT;
		return -1;
	}
	close(disk->table);
	disk->table = -1;
	return 0;
}

void tables_reset(bool begin)
{
	for (unsigned int i = 0; i < LIFE_DISKS; i++) {
		if (!begin && life.disk[i].table >= 0)
			close(life.disk[i].table);
		life.disk[i].table = -1;
	}
}
