/*
 * Values of options: numbers and sizes, with a sentence for what is neither.
 *
 * Called by options_main.c; the value is getopt's optarg.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/values.h"

int values_refuse(const char *word, const char *value, const char *wanted)
{
	fprintf(stderr,
		"xenblk-front: --%s \"%s\": %s; see xenblk-front --help\n",
		word, value, wanted);
	return -EINVAL;
}

/* Bytes with k, M, G, T; stops at @end, which must be one of ",:" or the end.
 */
int values_parse_size(const char *text, char **end, uint64_t *bytes)
{
	static const char units[] = "kMGT";
	const char *unit;

	errno = 0;
	*bytes = strtoull(text, end, 10);
	if (*end == text || *text == '-' || errno)
		return -EINVAL;
	unit = **end ? strchr(units, **end == 'K' ? 'k' : **end) : NULL;
	if (unit) {
		unsigned int shift = 10 * (unsigned int)(unit - units + 1);

		if (*bytes > UINT64_MAX >> shift)
			return -EINVAL;
		*bytes <<= shift;
		(*end)++;
	}
	return 0;
}

static int values_size(const char *word, uint64_t *bytes)
{
	char *end;

	if (values_parse_size(optarg, &end, bytes) || *end)
		return values_refuse(
			word, optarg,
			"not a number of bytes such as 4096 or 16M");
	return 0;
}

int values_sectors(const char *word, uint64_t *bytes)
{
	int err = values_size(word, bytes);

	if (!err && *bytes % 512)
		return values_refuse(word, optarg,
				     "not a multiple of 512 bytes");
	return err;
}

int values_number(const char *word, uint64_t most, uint64_t *number)
{
	char wanted[64], *end;

	errno = 0;
	*number = strtoull(optarg, &end, 10);
	if (*end || end == optarg || *optarg == '-' || errno ||
	    *number > most) {
		snprintf(wanted, sizeof(wanted), "not a number from 0 to %llu",
			 (unsigned long long)most);
		return values_refuse(word, optarg, wanted);
	}
	return 0;
}

int values_small(const char *word, unsigned int most, unsigned int *number)
{
	uint64_t wide = 0;
	int err = values_number(word, most, &wide);

	*number = (unsigned int)wide;
	return err;
}
