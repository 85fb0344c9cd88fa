/* Settings and params as they read.  See reference.h. */
#include "fuzz/settings/reference.h"

#include <stdio.h>
#include <string.h>

/* Digits, then perhaps one of KMGT: as everybody reads it. */
static bool reference_size(const char *text, uint64_t *bytes)
{
	const size_t digits = strspn(text, "0123456789");
	const char *suffix = strchr("KMGT", text[digits]);
	bool fits = true;

	if (digits == 0 || digits > 20 || suffix == NULL ||
	    (text[digits] != '\0' && text[digits + 1] != '\0'))
		return false;
	*bytes = 0;
	for (size_t i = 0; i < digits; i++)
		fits = fits && !__builtin_mul_overflow(*bytes, 10u, bytes) &&
		       !__builtin_add_overflow(
			       *bytes, (uint64_t)(text[i] - '0'), bytes);
	for (const char *c = "KMGT"; text[digits] != '\0' && *c != '\0'; c++) {
		fits = fits && !__builtin_mul_overflow(*bytes, 1024u, bytes);
		if (*c == text[digits])
			break;
	}
	return fits;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

bool reference_params(const char *text, struct params *params)
{
	const char *colon = strchr(text, ':');

	memset(params, 0, sizeof(*params));
	if (begins(text, "null:") || begins(text, "ram:")) {
		params->image =
			text[0] == 'n' ? LINK_IMAGE_NULL : LINK_IMAGE_RAM;
		return reference_size(colon + 1, &params->bytes) &&
		       params->bytes <= INT64_MAX;
	}
	params->path = text;
	if (begins(text, "file:") || begins(text, "raw:") ||
	    begins(text, "aio:"))
		params->path = colon + 1;
	params->image = LINK_IMAGE_NBD;
	if (begins(params->path, "nbd://") ||
	    begins(params->path, "nbd+unix://"))
		return true;
	params->image = LINK_IMAGE_FILE;
	return params->path[0] == '/';
}

/* Without the blanks at both ends, in place. */
static char *bare(char *text)
{
	size_t length;

	while (*text == ' ' || *text == '\t')
		text++;
	length = strlen(text);
	while (length > 0 &&
	       (text[length - 1] == ' ' || text[length - 1] == '\t' ||
		text[length - 1] == '\r'))
		text[--length] = '\0';
	return text;
}

enum reference_line reference_line(const char *line, char *copy, char **name,
				   char **value)
{
	char *equals;

	snprintf(copy, REFERENCE_LINE, "%s", line);
	*name = bare(copy);
	if (**name == '\0' || **name == '#')
		return LINE_EMPTY;
	equals = strchr(*name, '=');
	if (equals == NULL)
		return LINE_WRONG;
	*equals = '\0';
	*name = bare(*name);
	*value = bare(equals + 1);
	return LINE_SETTING;
}
