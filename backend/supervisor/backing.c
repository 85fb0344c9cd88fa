/*
 * Opening an image: allowed paths, one open file description per queue,
 * O_DIRECT where it works, for blocks of what size, size and block size.  See
 * backing.h.
 */
#include "backend/supervisor/backing.h"

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
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/cleanup.h"
#include "backend/base/log.h"
#include "backend/nbd/export.h"
#include "backend/supervisor/discard.h"
#include "backend/supervisor/params.h"

/* Larger preferred blocks tell a guest nothing useful about alignment. */
#define PHYSICAL_MAX 4096u

/* The longest logical block of a disk that the kernel can drive. */
#define DIRECT_BLOCK_MAX 4096u

static int say(char *sentence, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Writes why it failed and passes the error on. */
static int say(char *sentence, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, BACKING_SENTENCE_BYTES, format, arguments);
	va_end(arguments);
	return error;
}

static bool lies_below(const char *path, const char *prefix)
{
	size_t length = strlen(prefix);

	if (strcmp(prefix, "/") == 0)
		return true;
	return strncmp(path, prefix, length) == 0 &&
	       (path[length] == '/' || path[length] == '\0');
}

/* Links are followed before the comparison, or they would lead out of it. */
static int check_allowed(const struct conf *conf, const char *path,
			 char *resolved, char *sentence)
{
	if (realpath(path, resolved) == NULL)
		return say(sentence, -errno,
			   "the image %s cannot be opened: %s", path,
			   strerror(errno));
	if (conf->allow_count == 0)
		return 0;
	for (unsigned int i = 0; i < conf->allow_count; i++)
		if (lies_below(resolved, conf->allow[i]))
			return 0;
	return say(
		sentence, -EACCES,
		"the image %s lies outside the paths that --allow-path permits",
		resolved);
}

/* The smallest block that direct I/O can read into memory aligned to no more than
 * that; 0: none.  A guest's segments are aligned to a sector. */
static uint32_t direct_block(int fd)
{
	CLEANUP(free_string)
	char *memory =
		aligned_alloc(2 * DIRECT_BLOCK_MAX, 2 * DIRECT_BLOCK_MAX);

	if (memory == NULL)
		return 0;
	for (uint32_t block = SECTOR_BYTES; block <= DIRECT_BLOCK_MAX;
	     block *= 2)
		if (pread(fd, memory + block, block, 0) == (ssize_t)block)
			return block;
	return 0;
}

static bool direct_works(int fd, struct backing *backing)
{
	const uint32_t block = direct_block(fd);

	backing->block_bytes = block > SECTOR_BYTES ? block : 0;
	return block > 0;
}

/* Opens once, deciding about O_DIRECT for all queues. */
static int open_first(const struct conf *conf, const char *path,
		      struct backing *backing, char *sentence)
{
	const int flags = (backing->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC |
			  O_NONBLOCK;
	int fd = -1;

	if (conf->direct != CONF_DIRECT_OFF) {
		fd = open(path, flags | O_DIRECT);
		backing->direct = fd >= 0 && direct_works(fd, backing);
		if (backing->direct)
			return fd;
		close_fd(&fd);
		if (conf->direct == CONF_DIRECT_ON)
			return say(sentence, -EINVAL,
				   "the image %s does not allow direct I/O of "
				   "blocks up to 4096 bytes: use --direct auto",
				   path);
	}
	fd = open(path, flags);
	if (fd < 0)
		return say(sentence, -errno,
			   "the image %s cannot be opened%s: %s", path,
			   backing->readonly ? "" : " for writing",
			   strerror(errno));
	return fd;
}

static int measure(int fd, const struct stat *st, struct backing *backing,
		   uint64_t *bytes)
{
	unsigned int block = 0;

	if (S_ISREG(st->st_mode)) {
		*bytes = (uint64_t)st->st_size;
		backing->physical_bytes = (uint32_t)st->st_blksize;
		return 0;
	}
	if (!S_ISBLK(st->st_mode))
		return -ENOTBLK;
	if (ioctl(fd, BLKGETSIZE64, bytes) < 0 ||
	    ioctl(fd, BLKPBSZGET, &block) < 0)
		return -errno;
	backing->physical_bytes = block;
	return 0;
}

/* E13, E14: a power of two, and the capacity is a multiple of it. */
static void settle_physical(struct backing *backing)
{
	uint32_t physical = backing->physical_bytes;

	if (physical > PHYSICAL_MAX)
		physical = PHYSICAL_MAX;
	if (physical < SECTOR_BYTES || (physical & (physical - 1)) != 0 ||
	    backing->sectors % (physical / SECTOR_BYTES) != 0)
		physical = SECTOR_BYTES;
	backing->physical_bytes = physical;
	/* What a write of less costs is the guest's to know. */
	if (physical < backing->block_bytes)
		backing->physical_bytes = backing->block_bytes;
}

/* What is behind the last whole unit is not part of the disk. */
static void tell_rest(const char *name, uint64_t bytes, uint32_t unit)
{
	if (bytes % unit != 0)
		log_line(LOG_WARNING,
			 "the image %s is %llu bytes long: the last %llu are "
			 "no whole %s and not part of the disk",
			 name, (unsigned long long)bytes,
			 (unsigned long long)(bytes % unit),
			 unit > SECTOR_BYTES ? "block of the store" : "sector");
}

static int set_size(struct backing *backing, const char *name, uint64_t bytes,
		    char *sentence)
{
	const uint32_t unit =
		backing->block_bytes > 0 ? backing->block_bytes : SECTOR_BYTES;

	backing->sectors = bytes / unit * (unit / SECTOR_BYTES);
	if (backing->sectors == 0)
		return say(sentence, -EINVAL,
			   "the image %s is %llu bytes long, but a disk has at "
			   "least one sector of 512 bytes, and of its store "
			   "one block of %u",
			   name, (unsigned long long)bytes, unit);
	tell_rest(name, bytes, unit);
	settle_physical(backing);
	return 0;
}

/* Another open file description of the same file; -ESTALE if it was replaced.
 */
static int open_again(const char *path, const struct stat *first,
		      const struct backing *backing)
{
	const int flags = (backing->readonly ? O_RDONLY : O_RDWR) |
			  (backing->direct ? O_DIRECT : 0) | O_CLOEXEC;
	struct stat st;
	int fd = open(path, flags);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || st.st_dev != first->st_dev ||
	    st.st_ino != first->st_ino) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}

static int open_queues(const char *path, unsigned int queues,
		       struct backing *backing, char *sentence)
{
	struct stat st;
	uint64_t bytes = 0;
	int error;

	if (fstat(backing->fds[0], &st) < 0)
		return say(sentence, -errno, "the image %s: %s", path,
			   strerror(errno));
	error = measure(backing->fds[0], &st, backing, &bytes);
	if (error == -ENOTBLK)
		return say(sentence, error,
			   "the image %s is neither a file nor a block device",
			   path);
	if (error < 0)
		return say(sentence, error,
			   "the image %s cannot be measured: %s", path,
			   strerror(-error));
	error = set_size(backing, path, bytes, sentence);
	while (error == 0 && backing->count < queues) {
		int fd = open_again(path, &st, backing);

		if (fd < 0)
			return say(sentence, fd,
				   "the image %s cannot be opened for queue "
				   "%u: %s",
				   path, backing->count, strerror(-fd));
		backing->fds[backing->count++] = fd;
	}
	return error;
}

static int open_file(const struct conf *conf, const char *path,
		     struct backing *backing, char *sentence)
{
	char resolved[PATH_MAX];
	int result = check_allowed(conf, path, resolved, sentence);

	if (result < 0)
		return result;
	result = open_first(conf, resolved, backing, sentence);
	if (result < 0)
		return result;
	/* O_NONBLOCK kept a FIFO from hanging us; a disk does not want it. */
	if (fcntl(result, F_SETFL, backing->direct ? O_DIRECT : 0) < 0)
		log_line(LOG_DEBUG, "F_SETFL: %s", strerror(errno));
	backing->fds[0] = result;
	backing->count = 1;
	return open_queues(resolved, conf->max_queues, backing, sentence);
}

/* Of less than a block nothing is given back, nor of less than a sector, whatever
 * a server prefers. */
static uint32_t store_granularity(uint32_t preferred, uint32_t block)
{
	const uint32_t least = block > 0 ? block : SECTOR_BYTES;

	return preferred > least ? preferred : least;
}

/* A store of whole blocks: blocks.h puts sectors into them. */
static int fit_store(const struct export_facts *facts, const char *uri,
		     struct backing *backing, char *sentence)
{
	if (facts->minimum_bytes > LIMIT_STORE_BLOCK)
		return say(sentence, -EINVAL,
			   "the store %s takes requests of %u bytes at least: "
			   "more than %u are not served",
			   uri, facts->minimum_bytes, LIMIT_STORE_BLOCK);
	if (facts->minimum_bytes > SECTOR_BYTES)
		backing->block_bytes = facts->minimum_bytes;
	if (facts->readonly && !backing->readonly)
		return say(sentence, -EROFS,
			   "the store %s is read-only: attach the disk with "
			   "mode r",
			   uri);
	if (!facts->flushes && !backing->readonly)
		log_line(LOG_WARNING,
			 "the store %s knows no flush: what a guest flushed is "
			 "as durable there as what it wrote",
			 uri);
	backing->physical_bytes = facts->preferred_bytes;
	if (facts->trims)
		backing->discard_granularity = store_granularity(
			facts->preferred_bytes, backing->block_bytes);
	/* What one connection wrote another may not see. */
	if (!facts->many)
		backing->queues = 1;
	return 0;
}

static int open_store(const struct conf *conf, const char *uri,
		      struct backing *backing, char *sentence)
{
	char why[BACKING_SENTENCE_BYTES / 2];
	struct export_facts facts;
	int error;

	if (strlen(uri) >= sizeof(backing->uri))
		return say(sentence, -ENAMETOOLONG,
			   "the URI of a store has %zu bytes, and may have %zu",
			   strlen(uri), sizeof(backing->uri) - 1);
	if (conf->allow_count > 0)
		return say(sentence, -EACCES,
			   "the store %s lies outside the paths that "
			   "--allow-path permits: without that setting stores "
			   "are allowed",
			   uri);
	error = export_look(uri, &facts, why, sizeof(why));
	if (error < 0)
		return say(sentence, error, "the store %s cannot be used: %s",
			   uri, why);
	error = fit_store(&facts, uri, backing, sentence);
	if (error < 0)
		return error;
	memcpy(backing->uri, uri, strlen(uri) + 1);
	return set_size(backing, uri, facts.bytes, sentence);
}

int backing_open(const struct conf *conf, const char *text, bool readonly,
		 struct backing *backing, char *sentence)
{
	struct params params;
	int error;

	CHECK(conf->max_queues <= LIMIT_QUEUES);
	memset(backing, 0, sizeof(*backing));
	backing->readonly = readonly;
	backing->queues = conf->max_queues;
	error = params_parse(text, &params, sentence, BACKING_SENTENCE_BYTES);
	if (error < 0)
		return error;
	backing->image = params.image;
	if (params.image == LINK_IMAGE_FILE)
		error = open_file(conf, params.path, backing, sentence);
	else if (params.image == LINK_IMAGE_NBD)
		error = open_store(conf, params.path, backing, sentence);
	else
		error = set_size(backing, text, params.bytes, sentence);
	if (error == 0 && params.image != LINK_IMAGE_NBD)
		discard_look(params.image, backing);
	if (error < 0)
		backing_close(backing);
	return error;
}

void backing_none(const struct conf *conf, bool readonly,
		  struct backing *backing)
{
	*backing = (struct backing){
		.image = LINK_IMAGE_NULL,
		.physical_bytes = SECTOR_BYTES,
		.readonly = readonly,
		.queues = conf->max_queues,
	};
}

void backing_limit(struct backing *backing, uint64_t sectors)
{
	if (sectors == 0 || backing->sectors == 0 ||
	    (sectors >= backing->sectors && backing->image != LINK_IMAGE_NULL))
		return;
	/* Of a store of long blocks no part of one; but it has one at least. */
	if (backing->block_bytes > 0) {
		const uint32_t unit = backing->block_bytes / SECTOR_BYTES;

		sectors = sectors < unit ? unit : sectors - sectors % unit;
	}
	backing->sectors = sectors;
	settle_physical(backing);
}

void backing_close(struct backing *backing)
{
	for (unsigned int i = 0; i < backing->count; i++)
		close(backing->fds[i]);
	backing->count = 0;
}
