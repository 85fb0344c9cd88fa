/*
 * Numbers of virtual disks (vdev.h).
 */
#include "sim/toolstack/vdev.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Disks and partitions that the classic encoding has room for. */
#define CLASSIC_DISKS	    16u
#define CLASSIC_PARTITIONS  16u
#define EXTENDED	    (1u << 28)
#define EXTENDED_DISKS	    (1u << 20)
#define EXTENDED_PARTITIONS 256u

static int parse_number(const char *text, uint32_t *number)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 0);
	if (errno || *end || value > UINT32_MAX)
		return -EINVAL;
	*number = (uint32_t)value;
	return 0;
}

/* "a" is 0, "z" 25, "aa" 26 ... */
static int parse_letters(const char **text, uint32_t *disk)
{
	uint32_t value = 0;
	const char *c = *text;

	for (; islower((unsigned char)*c); c++) {
		value = value * 26 + (uint32_t)(*c - 'a' + 1);
		if (value > EXTENDED_DISKS)
			return -EINVAL;
	}
	if (c == *text)
		return -EINVAL;
	*text = c;
	*disk = value - 1;
	return 0;
}

static int combine(const char *prefix, uint32_t disk, uint32_t partition,
		   uint32_t *number)
{
	if (!strcmp(prefix, "xvd") && disk < CLASSIC_DISKS &&
	    partition < CLASSIC_PARTITIONS)
		*number = 202u << 8 | disk << 4 | partition;
	else if (!strcmp(prefix, "xvd") && disk < EXTENDED_DISKS &&
		 partition < EXTENDED_PARTITIONS)
		*number = EXTENDED | disk << 8 | partition;
	else if (!strcmp(prefix, "sd") && disk < CLASSIC_DISKS &&
		 partition < CLASSIC_PARTITIONS)
		*number = 8u << 8 | disk << 4 | partition;
	else if (!strcmp(prefix, "hd") && disk < 4 && partition < 64)
		*number = (disk < 2 ? 3u : 22u) << 8 | (disk & 1u) << 6 |
			  partition;
	else
		return -EINVAL;
	return 0;
}

int vdev_parse(const char *text, uint32_t *number)
{
	static const char *const prefixes[] = {"xvd", "sd", "hd"};
	uint32_t disk, partition = 0;

	if (isdigit((unsigned char)text[0]))
		return parse_number(text, number);
	for (unsigned int i = 0; i < 3; i++) {
		size_t length = strlen(prefixes[i]);
		const char *rest = text + length;

		if (strncmp(text, prefixes[i], length) != 0)
			continue;
		if (parse_letters(&rest, &disk) != 0)
			return -EINVAL;
		if (*rest &&
		    (!isdigit((unsigned char)*rest) ||
		     parse_number(rest, &partition) != 0 || partition == 0))
			return -EINVAL;
		return combine(prefixes[i], disk, partition, number);
	}
	return -EINVAL;
}
