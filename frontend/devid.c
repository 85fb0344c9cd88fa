/*
 * Names of virtual disks: xvda to a device number and nothing else.
 *
 * As Xen's docs/misc/vbd-interface encodes them.  Pure.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/front.h"

#define XVD_MAJOR     202u
#define MAX_DISKS     (1u << 20)
#define MAX_PARTITION 255

static int parse_number(const char *text, long most, uint32_t *number)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || value > most)
		return -EINVAL;
	*number = (uint32_t)value;
	return 0;
}

int front_devid(const char *name, uint32_t *devid)
{
	uint32_t disk = 0, partition = 0;

	if (strncmp(name, "xvd", 3))
		return parse_number(name, INT_MAX, devid);
	for (name += 3; *name >= 'a' && *name <= 'z' && disk < MAX_DISKS;
	     name++)
		disk = disk * 26 + (uint32_t)(*name - 'a') + 1;
	if (!disk || disk > MAX_DISKS)
		return -EINVAL;
	if (*name && parse_number(name, MAX_PARTITION, &partition))
		return -EINVAL;
	disk--;
	if (disk < 16 && partition < 16)
		*devid = XVD_MAJOR << 8 | disk << 4 | partition;
	else
		*devid = 1u << 28 | disk << 8 | partition;
	return 0;
}
