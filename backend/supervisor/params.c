/* The grammar of `params`.  See params.h. */
#include "backend/supervisor/params.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/checked.h"
#include "backend/supervisor/decimal.h"

static const struct {
	const char *prefix;
	enum link_image image;
} kinds[] = {
	/* libxl writes its format before the path: "raw:", "aio:". */
	{"file:", LINK_IMAGE_FILE}, {"raw:", LINK_IMAGE_FILE},
	{"aio:", LINK_IMAGE_FILE},  {"null:", LINK_IMAGE_NULL},
	{"ram:", LINK_IMAGE_RAM},
};

static const char *strip_prefix(const char *text, enum link_image *image)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t length = strlen(kinds[i].prefix);

		if (strncmp(text, kinds[i].prefix, length) == 0) {
			*image = kinds[i].image;
			return text + length;
		}
	}
	*image = LINK_IMAGE_FILE;
	return text;
}

/* A store's URI, also behind the name of a format. */
static bool is_uri(const char *text)
{
	return strncmp(text, "nbd://", 6) == 0 ||
	       strncmp(text, "nbd+unix://", 11) == 0;
}

int params_parse(const char *text, struct params *params, char *sentence,
		 size_t room)
{
	const char *rest;

	memset(params, 0, sizeof(*params));
	rest = strip_prefix(text, &params->image);
	if (params->image == LINK_IMAGE_FILE && is_uri(rest)) {
		params->image = LINK_IMAGE_NBD;
		params->path = rest;
		return 0;
	}
	if (params->image == LINK_IMAGE_FILE) {
		params->path = rest;
		if (rest[0] == '/')
			return 0;
		snprintf(sentence, room,
			 "params \"%.100s\" names no image: use an absolute "
			 "PATH, file:PATH, a URI of nbd or nbd+unix, null:SIZE "
			 "or ram:SIZE",
			 text);
		return -EINVAL;
	}
	if (!decimal_size(rest, &params->bytes) ||
	    params->bytes > (uint64_t)INT64_MAX) {
		snprintf(sentence, room,
			 "params \"%.100s\" has no size: use a number with an "
			 "optional K, M, G or T, as in %s1G",
			 text,
			 params->image == LINK_IMAGE_NULL ? "null:" : "ram:");
		return -EINVAL;
	}
	return 0;
}
