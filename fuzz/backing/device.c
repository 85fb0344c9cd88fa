/*
 * What /sys says of a block device that need not exist: files of numbers, or none.
 * Every other path passes.  See files.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend/base/checked.h"
#include "fuzz/backing/files.h"

#define PLACE "/sys/dev/block/7:3/"

/* Bits of how it is. */
enum {
	PARTITION = 1, /* its queue is its disk's */
	NO_QUEUE = 2,
	GRANULARITY = 2, /* three bits from there on */
	KEEPS_ALL = 0x20,
	NO_ZEROES = 0x40,
	ODD_ALIGNMENT = 0x80,
};

static const char *const granularities[] = {"4096\n", "512\n",	"0\n",
					    "520\n",  "4096",	"4294967296\n",
					    "4k6\n",  "65536\n"};

static const char *number_of(const char *name, uint8_t how)
{
	if (strcmp(name, "queue/discard_granularity") == 0)
		return granularities[how >> GRANULARITY &
				     (ARRAY_SIZE(granularities) - 1)];
	if (strcmp(name, "discard_alignment") == 0)
		return (how & ODD_ALIGNMENT) != 0 ? "9223372036854775807\n"
						  : "512\n";
	if (strcmp(name, "queue/discard_max_bytes") == 0)
		return (how & KEEPS_ALL) != 0 ? "0\n" : "1073741824\n";
	return (how & NO_ZEROES) != 0 ? "0\n" : "65536\n";
}

/* A file with a text; what reads it begins at its begin. */
static int file_of(const char *text)
{
	int fd = memfd_create("number", MFD_CLOEXEC);

	if (fd < 0 ||
	    pwrite(fd, text, strlen(text), 0) != (ssize_t)strlen(text))
		abort();
	return fd;
}

bool device_open(const char *path, uint8_t how, int *fd)
{
	const char *name;
	bool above;

	if (strncmp(path, PLACE, strlen(PLACE)) != 0)
		return false;
	errno = ENOENT;
	*fd = -1;
	name = path + strlen(PLACE);
	above = strncmp(name, "../", 3) == 0;
	name += above ? 3 : 0;
	if ((how & NO_QUEUE) == 0 &&
	    (above || (how & PARTITION) == 0 || strncmp(name, "queue", 5) != 0))
		*fd = file_of(number_of(name, how));
	return true;
}
