/* The file of a recording, and what must stand in it.  See file.h. */
#include "fuzz/records/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/record.h"
#include "fuzz/oracle/oracle.h"

#define BYTES_MAX (1u << 18)

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_lstat(const char *path, struct stat *status);
int __wrap_lstat(const char *path, struct stat *status);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
ssize_t __real_write(int fd, const void *data, size_t bytes);
ssize_t __wrap_write(int fd, const void *data, size_t bytes);

static struct {
	int fd; /* in memory; -1 */
	uint8_t found;
	unsigned int at; /* the write that is planned; 0: none */
	uint8_t how;
	uint64_t records;
} file = {.fd = -1};

void file_begin(uint8_t found)
{
	memset(&file, 0, sizeof(file));
	file.found = found;
	file.fd = memfd_create("recording", MFD_CLOEXEC);
	if (file.fd < 0)
		abort();
}

void file_end(void)
{
	close(file.fd);
	file.fd = -1;
}

void file_plan(unsigned int k, uint8_t how)
{
	file.at = k;
	file.how = how;
}

/* --- in place of the kernel --- */

int __wrap_lstat(const char *path, struct stat *status)
{
	if (strcmp(path, FILE_NAME) != 0)
		return __real_lstat(path, status);
	memset(status, 0, sizeof(*status));
	errno = ENOENT;
	if (file.found % 4 == 0)
		return -1;
	status->st_mode = file.found % 4 == 3 ? S_IFIFO : S_IFREG;
	return 0;
}

int __wrap_rename(const char *from, const char *to)
{
	if (strcmp(from, FILE_NAME) != 0)
		return __real_rename(from, to);
	errno = EROFS;
	return file.found % 4 == 2 ? -1 : 0;
}

int __wrap_open(const char *path, int flags, ...)
{
	va_list arguments;
	int mode = 0;

	if ((flags & O_CREAT) != 0) {
		va_start(arguments, flags);
		mode = va_arg(arguments, int);
		va_end(arguments);
	}
	if (strcmp(path, FILE_NAME) != 0)
		return __real_open(path, flags, mode);
	errno = EACCES;
	return file.found >= 0xe0 ? -1 : fcntl(file.fd, F_DUPFD_CLOEXEC, 0);
}

static bool is_ours(int fd)
{
	struct stat one, other;

	return file.fd >= 0 && fstat(fd, &one) == 0 &&
	       fstat(file.fd, &other) == 0 && one.st_ino == other.st_ino &&
	       one.st_dev == other.st_dev;
}

ssize_t __wrap_write(int fd, const void *data, size_t bytes)
{
	static const int errors[] = {ENOSPC, EIO, EINTR, EDQUOT};

	if (file.at == 0 || !is_ours(fd) || --file.at > 0)
		return __real_write(fd, data, bytes);
	if (file.how >= 0x80)
		return __real_write(fd, data, (bytes + 1) / 2);
	if (file.how >= 0x70)
		return 0;
	errno = errors[file.how % 4];
	return -1;
}

/* --- what was written --- */

/* A queue's records are of a worker's kinds, all others the supervisor's. */
static bool is_known(const struct record_header *header)
{
	if (header->queue == RECORD_NO_QUEUE)
		return header->kind >= RECORD_FRONT_STATE &&
		       header->kind < RECORD_SUPERVISOR_END;
	return header->kind >= RECORD_ATTACH &&
	       header->kind < RECORD_WORKER_KINDS_END;
}

/* As desk.c names its disks. */
static bool is_stamped(const struct record_header *header)
{
	if (header->kind == RECORD_FULL)
		return header->domid == 0;
	return header->domid >= 5 && header->domid < 9 &&
	       header->devid == 51712 &&
	       (header->queue == RECORD_NO_QUEUE ||
		header->queue < LIMIT_QUEUES);
}

static void walk(const uint8_t *bytes, size_t count)
{
	size_t at = sizeof(struct record_file);

	file.records = 0;
	while (at < count) {
		struct record_header header;

		if (count - at < sizeof(header)) {
			oracle_fail(ORACLE_RECORDS, "a header is cut");
			return;
		}
		memcpy(&header, bytes + at, sizeof(header));
		if (header.bytes < sizeof(header) || header.bytes % 8 != 0 ||
		    header.bytes > count - at || !is_known(&header) ||
		    !is_stamped(&header)) {
			oracle_fail(ORACLE_RECORDS,
				    "record %llu has kind %u, %u bytes, domain "
				    "%u, queue %u",
				    (unsigned long long)file.records,
				    header.kind, header.bytes, header.domid,
				    header.queue);
			return;
		}
		at += header.bytes;
		file.records++;
		if (header.kind == RECORD_FULL && at != count)
			oracle_fail(ORACLE_RECORDS,
				    "something follows the last record");
	}
}

uint64_t file_check(uint64_t max_bytes)
{
	static uint8_t bytes[BYTES_MAX];
	const ssize_t n = pread(file.fd, bytes, sizeof(bytes), 0);
	uint64_t hash = 0;

	if (n < 0 || (uint64_t)n > max_bytes)
		oracle_fail(ORACLE_RECORDS, "the file has %zd bytes, not %llu",
			    n, (unsigned long long)max_bytes);
	file.records = 0;
	/* A file system that was full from the first byte on. */
	if (n > 0)
		walk(bytes, (size_t)n);
	/* The wall clock stands in the file's header. */
	for (ssize_t i = sizeof(struct record_file); i < n; i++)
		hash = hash * 31 + bytes[i];
	return hash;
}

uint64_t file_records(void)
{
	return file.records;
}
