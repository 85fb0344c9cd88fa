/*
 * Images that need not exist: two files in memory, one of which takes direct
 * I/O, and servers of stores.  Calls for other paths pass.  See life.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend/base/checked.h"
#include "backend/base/limits.h"
#include "backend/nbd/export.h"
#include "fuzz/lifecycle/life.h"

#define FILE_NAME   LIFE_TABLES_HOME "/image"
#define DIRECT_NAME LIFE_TABLES_HOME "/direct"
#define FILE_BYTES  (1u << 20)

int __real_open(const char *path, int flags, ...);
ssize_t __real_pwrite(int fd, const void *data, size_t bytes, off_t at);
int __real_memfd_create(const char *name, unsigned int flags);
int __wrap_memfd_create(const char *name, unsigned int flags);
char *__real_realpath(const char *path, char *resolved);
char *__wrap_realpath(const char *path, char *resolved);
int __wrap_export_look(const char *uri, struct export_facts *facts,
		       char *sentence, size_t room);

static const char *const images[] = {
	"file:" FILE_NAME,     "file:" DIRECT_NAME,   "nbd://life/plain",
	"nbd://life/blocks",   "nbd://life/readonly", "nbd://life/none",
	"nbd://life/too-long", "nbd://life/small",
};

const char *life_image(uint8_t which)
{
	return images[which % ARRAY_SIZE(images)];
}

void images_begin(void)
{
	life.image = __real_memfd_create("image", MFD_CLOEXEC);
	if (life.image < 0 || ftruncate(life.image, FILE_BYTES) != 0)
		abort();
}

void images_end(void)
{
	close(life.image);
	life.image = -1;
}

/* What the daemon's domain is, as far as it can be asked. */
static int open_type(void)
{
	static const char type[] = "PV\n";
	int fd;

	errno = ENOENT;
	if (!life.pv)
		return -1;
	fd = __real_memfd_create("guest_type", MFD_CLOEXEC);
	if (fd >= 0 && __real_pwrite(fd, type, sizeof(type) - 1, 0) < 0)
		abort();
	return fd;
}

bool images_open(const char *path, int flags, int *fd)
{
	const bool direct = strcmp(path, DIRECT_NAME) == 0;
	char name[40];

	if (strstr(path, "/sys/hypervisor/guest_type") != NULL) {
		*fd = open_type();
		return true;
	}
	if (!direct && strcmp(path, FILE_NAME) != 0)
		return false;
	/* Memory takes no direct I/O; nobody notices the difference. */
	snprintf(name, sizeof(name), "/proc/self/fd/%d", life.image);
	*fd = __real_open(name, direct ? flags & ~O_DIRECT : flags);
	return true;
}

char *__wrap_realpath(const char *path, char *resolved)
{
	if (strcmp(path, FILE_NAME) != 0 && strcmp(path, DIRECT_NAME) != 0)
		return __real_realpath(path, resolved);
	snprintf(resolved, PATH_MAX, "%s", path);
	return resolved;
}

int __wrap_memfd_create(const char *name, unsigned int flags)
{
	if (life.no_tables == 0)
		return __real_memfd_create(name, flags);
	life.no_tables--;
	errno = EMFILE;
	return -1;
}

int __wrap_export_look(const char *uri, struct export_facts *facts,
		       char *sentence, size_t room)
{
	const char *name = strrchr(uri, '/') + 1;

	*facts = (struct export_facts){.bytes = FILE_BYTES,
				       .minimum_bytes = 1,
				       .preferred_bytes = 4096,
				       .many = true,
				       .flushes = true,
				       .trims = true};
	if (strcmp(name, "none") == 0) {
		snprintf(sentence, room, "nobody answers");
		return -ECONNREFUSED;
	}
	if (strcmp(name, "blocks") == 0) {
		facts->minimum_bytes = 16384;
		facts->flushes = facts->trims = false;
	} else if (strcmp(name, "too-long") == 0) {
		facts->minimum_bytes = 2 * LIMIT_STORE_BLOCK;
	} else if (strcmp(name, "small") == 0) {
		facts->bytes = 100;
	}
	facts->readonly = strcmp(name, "readonly") == 0;
	return 0;
}
