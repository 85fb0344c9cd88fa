/* Files that need not exist, and who opened them how.  See files.h. */
#include "fuzz/backing/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "backend/base/checked.h"
#include "backend/base/limits.h"
#include "backend/nbd/export.h"
#include "fuzz/oracle/oracle.h"

#define FIRST  1000 /* no descriptor of ours has such a number */
#define OPENED 64u

enum {
	IS_FILE,
	IS_BLOCK,
	IS_OTHER,
	IS_NOTHING,
};

char *__real_realpath(const char *path, char *resolved);
char *__wrap_realpath(const char *path, char *resolved);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_fstat(int fd, struct stat *status);
int __wrap_fstat(int fd, struct stat *status);
int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
ssize_t __real_pread(int fd, void *to, size_t bytes, off_t at);
ssize_t __wrap_pread(int fd, void *to, size_t bytes, off_t at);
int __real_close(int fd);
int __wrap_close(int fd);

struct opened {
	bool open;
	int flags;
	unsigned int inode;
};

static struct {
	struct stored stored;
	unsigned int calls, openings;
	struct opened opened[OPENED];
} files;

static const char *const leads[] = {STORE_ROOT "/a", STORE_ROOT "/b/image",
				    "/elsewhere/image", STORE_ROOT "/a.old"};

void files_begin(const struct stored *stored)
{
	memset(&files, 0, sizeof(files));
	files.stored = *stored;
}

void files_end(void)
{
	memset(&files, 0, sizeof(files));
}

static bool fails(void)
{
	if (++files.calls != files.stored.fails)
		return false;
	errno = files.stored.error;
	return true;
}

static struct opened *opened_at(int fd)
{
	if (fd < FIRST || fd >= FIRST + (int)OPENED)
		return NULL;
	return &files.opened[fd - FIRST];
}

static bool is_stored(const char *path)
{
	if (strncmp(path, STORE_ROOT, strlen(STORE_ROOT)) == 0)
		return true;
	for (unsigned int i = 0; i < sizeof(leads) / sizeof(leads[0]); i++)
		if (strcmp(path, leads[i]) == 0)
			return true;
	return false;
}

/* --- in place of the kernel --- */

char *__wrap_realpath(const char *path, char *resolved)
{
	if (!is_stored(path))
		return __real_realpath(path, resolved);
	errno = ENOENT;
	if (files.stored.kind % 4 == IS_NOTHING || fails())
		return NULL;
	snprintf(resolved, PATH_MAX, "%s", leads[files.stored.leads % 4]);
	return resolved;
}

static int refuse(int error)
{
	errno = error;
	return -1;
}

int __wrap_open(const char *path, int flags, ...)
{
	const struct stored *stored = &files.stored;
	va_list arguments;
	int mode = 0, fd;

	va_start(arguments, flags);
	if ((flags & O_CREAT) != 0)
		mode = va_arg(arguments, int);
	va_end(arguments);
	if (device_open(path, stored->queue, &fd))
		return fd;
	if (!is_stored(path))
		return __real_open(path, flags, mode);
	if ((flags & O_DIRECT) != 0 && stored->no_direct &&
	    !stored->opens_direct)
		return refuse(EINVAL);
	if ((flags & O_ACCMODE) != O_RDONLY && stored->read_only)
		return refuse(EACCES);
	if (fails() || files.openings == OPENED)
		return -1;
	files.opened[files.openings] =
		(struct opened){.open = true,
				.flags = flags,
				.inode = stored->replaced > 0 &&
					 files.openings >= stored->replaced};
	return FIRST + (int)files.openings++;
}

int __wrap_fstat(int fd, struct stat *status)
{
	static const mode_t modes[] = {S_IFREG, S_IFBLK, S_IFCHR, S_IFREG};
	const struct opened *opened = opened_at(fd);

	if (opened == NULL)
		return __real_fstat(fd, status);
	if (fails())
		return -1;
	memset(status, 0, sizeof(*status));
	status->st_mode = modes[files.stored.kind % 4];
	status->st_size = (off_t)(files.stored.bytes & INT64_MAX);
	status->st_blksize = (blksize_t)files.stored.block;
	status->st_ino = opened->inode;
	status->st_rdev = makedev(7, 3);
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	void *to;

	va_start(arguments, request);
	to = va_arg(arguments, void *);
	va_end(arguments);
	if (opened_at(fd) == NULL)
		return __real_ioctl(fd, request, to);
	if (fails())
		return -1;
	if (request == BLKGETSIZE64)
		memcpy(to, &files.stored.bytes, sizeof(files.stored.bytes));
	else if (request == BLKPBSZGET)
		memcpy(to, &files.stored.block, sizeof(files.stored.block));
	else
		return refuse(ENOTTY);
	return 0;
}

int __wrap_fcntl(int fd, int command, ...)
{
	struct opened *opened = opened_at(fd);
	va_list arguments;
	long argument;

	va_start(arguments, command);
	argument = va_arg(arguments, long);
	va_end(arguments);
	if (opened == NULL)
		return __real_fcntl(fd, command, argument);
	if (fails())
		return -1;
	if (command == F_SETFL)
		opened->flags = (opened->flags & ~(O_NONBLOCK | O_DIRECT)) |
				(int)argument;
	return 0;
}

ssize_t __wrap_pread(int fd, void *to, size_t bytes, off_t at)
{
	const struct opened *opened = opened_at(fd);

	if (opened == NULL)
		return __real_pread(fd, to, bytes, at);
	if (fails() ||
	    (files.stored.no_direct && (opened->flags & O_DIRECT) != 0))
		return -1;
	memset(to, 0, bytes);
	return (ssize_t)bytes;
}

int __wrap_close(int fd)
{
	struct opened *opened = opened_at(fd);

	if (opened == NULL)
		return __real_close(fd);
	if (!opened->open)
		oracle_fail(ORACLE_RESOURCES, "a descriptor is closed twice");
	opened->open = false;
	return 0;
}

/* --- in place of an NBD server --- */

int export_look(const char *uri, struct export_facts *facts, char *sentence,
		size_t room)
{
	const struct stored *stored = &files.stored;

	(void)uri;
	if (stored->kind % 4 == IS_NOTHING || fails()) {
		snprintf(sentence, room, "nobody answers");
		return -ECONNREFUSED;
	}
	*facts = (struct export_facts){
		.bytes = stored->bytes & INT64_MAX,
		.minimum_bytes = stored->no_direct ? 4096 : SECTOR_BYTES,
		/* As export.c does: what is no power of two means nothing. */
		.preferred_bytes =
			is_power_of_two(stored->block) ? stored->block : 4096,
		.readonly = stored->read_only,
		.many = (stored->leads & 1) != 0,
		.flushes = (stored->leads & 2) != 0,
		.trims = (stored->leads & 4) != 0,
	};
	return 0;
}

/* Return: whether this disk may be served from there. */
static bool is_fit(const struct conf *conf, const struct backing *backing)
{
	const struct stored *stored = &files.stored;
	const uint32_t unit = stored->no_direct ? 4096 : SECTOR_BYTES;

	return conf->allow_count == 0 &&
	       backing->block_bytes == (stored->no_direct ? unit : 0) &&
	       (backing->readonly || !stored->read_only) &&
	       backing->sectors == (stored->bytes & INT64_MAX) / unit *
					   (unit / SECTOR_BYTES) &&
	       backing->queues ==
		       ((stored->leads & 1) != 0 ? conf->max_queues : 1) &&
	       backing->count == 0;
}

/* --- what was made of it --- */

static unsigned int count_open(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < files.openings; i++)
		n += files.opened[i].open;
	return n;
}

static bool is_allowed(const struct conf *conf)
{
	const char *path = leads[files.stored.leads % 4];

	for (unsigned int i = 0; i < conf->allow_count; i++) {
		size_t n = strlen(conf->allow[i]);

		while (n > 0 && conf->allow[i][n - 1] == '/')
			n--;
		if (strncmp(path, conf->allow[i], n) == 0 &&
		    (path[n] == '/' || path[n] == '\0'))
			return true;
	}
	return conf->allow_count == 0;
}

static void check_descriptor(const struct backing *backing, int fd)
{
	const struct opened *opened = opened_at(fd);
	const int access = backing->readonly ? O_RDONLY : O_RDWR;

	if (opened == NULL || !opened->open ||
	    (opened->flags & O_ACCMODE) != access ||
	    ((opened->flags & O_DIRECT) != 0) != backing->direct ||
	    /* Where that cannot be taken back, a disk does not mind. */
	    ((opened->flags & O_NONBLOCK) != 0 && files.stored.fails == 0))
		oracle_fail(ORACLE_RESOURCES,
			    "descriptor %d of the image is open: %d, with "
			    "flags %x",
			    fd, opened != NULL && opened->open,
			    opened != NULL ? (unsigned int)opened->flags : 0);
	if (opened != NULL &&
	    opened->inode != opened_at(backing->fds[0])->inode)
		oracle_fail(ORACLE_STORAGE,
			    "an image that was replaced is served");
}

static void check_file(const struct conf *conf, const struct backing *backing)
{
	const uint32_t unit =
		backing->block_bytes > 0 ? backing->block_bytes : SECTOR_BYTES;

	if (unit != SECTOR_BYTES &&
	    (!backing->direct || unit < 1024 || unit > 4096 ||
	     (unit & (unit - 1)) != 0 || backing->physical_bytes < unit))
		oracle_fail(ORACLE_STORAGE, "blocks of %u bytes", unit);
	if (backing->count != conf->max_queues ||
	    count_open() != backing->count)
		oracle_fail(ORACLE_RESOURCES,
			    "%u descriptors for %u queues, %u are open",
			    backing->count, conf->max_queues, count_open());
	for (unsigned int i = 0; i < backing->count; i++)
		check_descriptor(backing, backing->fds[i]);
	if (backing->sectors !=
	    files.stored.bytes / unit * (unit / SECTOR_BYTES))
		oracle_fail(ORACLE_STORAGE, "%llu bytes became %llu sectors",
			    (unsigned long long)files.stored.bytes,
			    (unsigned long long)backing->sectors);
	if (!is_allowed(conf))
		oracle_fail(ORACLE_STORAGE,
			    "%s is served, which no path "
			    "permits",
			    leads[files.stored.leads % 4]);
	if (conf->direct == CONF_DIRECT_ON && !backing->direct)
		oracle_fail(ORACLE_STORAGE, "it is not direct, and must be");
}

void files_check(const struct conf *conf, const struct backing *backing,
		 int result, const char *sentence)
{
	const uint32_t physical = backing->physical_bytes;

	if (result != 0) {
		if (sentence[0] == '\0' || count_open() != 0)
			oracle_fail(ORACLE_RESOURCES,
				    "refused with \"%s\", %u descriptors stay",
				    sentence, count_open());
		return;
	}
	if (backing->image == LINK_IMAGE_FILE)
		check_file(conf, backing);
	if (backing->image == LINK_IMAGE_NBD && !is_fit(conf, backing))
		oracle_fail(ORACLE_STORAGE,
			    "a store of %llu sectors is served over %u queues",
			    (unsigned long long)backing->sectors,
			    backing->queues);
	if (backing->discard_granularity % SECTOR_BYTES != 0 ||
	    (backing->discard_alignment != 0 &&
	     backing->discard_alignment >= backing->discard_granularity))
		oracle_fail(ORACLE_NODES, "discards of %u bytes, from %u on",
			    backing->discard_granularity,
			    backing->discard_alignment);
	if (backing->sectors == 0 || physical < SECTOR_BYTES ||
	    physical > 4096 || (physical & (physical - 1)) != 0 ||
	    backing->sectors % (physical / SECTOR_BYTES) != 0)
		oracle_fail(ORACLE_NODES, "%llu sectors in blocks of %u",
			    (unsigned long long)backing->sectors, physical);
}
