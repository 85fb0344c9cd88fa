/* Limits, from options to a request and from an answer to text.  See limit.h. */
#include "backend/ctl/limit.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* More digits than any limit has, fewer than a number of JSON may have. */
#define DIGITS 15u

bool limit_number(const char *text, const char *suffixes, json_int_t *number)
{
	const size_t digits = strspn(text, "0123456789");
	const char *suffix;

	*number = 0;
	if (strcmp(text, "none") == 0)
		return true;
	if (digits == 0 || digits > DIGITS)
		return false;
	for (size_t i = 0; i < digits; i++)
		*number = *number * 10 + (text[i] - '0');
	if (text[digits] == '\0')
		return true;
	suffix = strchr(suffixes, text[digits] & ~0x20);
	if (suffix == NULL || text[digits + 1] != '\0')
		return false;
	for (const char *s = suffixes; s <= suffix; s++) {
		if (*number > INT64_MAX / 1024)
			return false;
		*number *= 1024;
	}
	return true;
}

static bool put(json_t *request, const char *key, const char *text,
		const char *suffixes)
{
	json_int_t number;

	if (text == NULL)
		return true;
	return limit_number(text, suffixes, &number) &&
	       json_object_set_new(request, key, json_integer(number)) == 0;
}

const char *limit_request(const struct limit_options *options, json_t *request)
{
	if (!put(request, "iops", options->iops, ""))
		return "--iops is a number of requests per second, or none";
	if (!put(request, "bandwidth", options->bandwidth, "KMGT"))
		return "--bandwidth is a number of bytes per second with an "
		       "optional k, M, G or T, or none";
	if (!put(request, "burst_ms", options->burst, ""))
		return "--burst is a number of milliseconds";
	return NULL;
}

bool limit_given(const struct limit_options *options)
{
	return options->iops != NULL || options->bandwidth != NULL ||
	       options->burst != NULL;
}

static void print_one(const json_t *disk, const char *key, const char *name,
		      const char *unit)
{
	const json_int_t n = json_integer_value(json_object_get(disk, key));

	if (n == 0)
		printf("%-10s none\n", name);
	else
		printf("%-10s %lld %s\n", name, (long long)n, unit);
}

void limit_print(const json_t *disk)
{
	print_one(disk, "limit_iops", "requests", "per second");
	print_one(disk, "limit_bandwidth", "bytes", "per second");
	print_one(disk, "limit_burst_ms", "burst", "ms");
}
