/* Line by line.  See page.h. */
#include "fuzz/metrics/page.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/oracle/oracle.h"

#define FAMILIES   100u
#define NAME_BYTES 80u

struct reader {
	const char *line;
	char family[FAMILIES][NAME_BYTES];
	unsigned int families, samples;
	char type[16];
	/* Of the histogram that is being read. */
	double bound;
	uint64_t below;
	bool infinite;
};

static void wrong(const struct reader *r, const char *what)
{
	oracle_fail(ORACLE_PAGE, "%s: %.*s", what, (int)strcspn(r->line, "\n"),
		    r->line);
}

static size_t name_length(const char *at)
{
	return strspn(at, "abcdefghijklmnopqrstuvwxyz_0123456789");
}

static void read_help(struct reader *r)
{
	char name[NAME_BYTES], type[16];
	const char *at = r->line;

	if (sscanf(at, "# HELP %79[a-z_0-9] %*[^\n]", name) != 1 ||
	    r->families == FAMILIES) {
		wrong(r, "no HELP");
		return;
	}
	for (unsigned int i = 0; i < r->families; i++)
		if (strcmp(r->family[i], name) == 0)
			wrong(r, "a family twice");
	memcpy(r->family[r->families++], name, sizeof(name));
	r->line = at + strcspn(at, "\n") + 1;
	if (sscanf(r->line, "# TYPE %79[a-z_0-9] %15[a-z]", name, type) != 2 ||
	    strcmp(name, r->family[r->families - 1]) != 0)
		wrong(r, "no TYPE");
	memcpy(r->type, type, sizeof(type));
}

/* Return: behind the labels; @le: the bound, if there is one. */
static const char *read_labels(const struct reader *r, const char *at, char *le,
			       size_t room)
{
	le[0] = '\0';
	while (*at != '}') {
		const size_t name = name_length(at);
		const size_t value =
			name > 0 ? strcspn(at + name + 2, "\"\\\n") : 0;

		if (name == 0 || strncmp(at + name, "=\"", 2) != 0 ||
		    at[name + 2 + value] != '"') {
			wrong(r, "a label");
			return at + strcspn(at, " \n");
		}
		if (strncmp(at, "le=", 3) == 0)
			snprintf(le, room, "%.*s", (int)value, at + 4);
		at += name + value + 3;
		if (*at == ',')
			at++;
	}
	return at + 1;
}

static void check_bucket(struct reader *r, const char *le, uint64_t count)
{
	const double bound = strcmp(le, "+Inf") == 0 ? 1e300 : atof(le);

	if (r->infinite) { /* the first of another series */
		r->bound = 0;
		r->below = 0;
	}
	if (bound <= r->bound || count < r->below)
		wrong(r, "buckets do not add up");
	r->bound = bound;
	r->below = count;
	r->infinite = bound >= 1e300;
}

static void check_sample(struct reader *r, const char *suffix, const char *le,
			 const char *number)
{
	char *end;
	const double value = strtod(number, &end);
	const uint64_t count = strtoull(number, NULL, 10);

	if (end == number || *end != '\n' || !(value >= 0))
		wrong(r, "no number");
	if (strcmp(r->type, "histogram") != 0) {
		if (suffix[0] != '{')
			wrong(r, "a name of another family");
		return;
	}
	if (strncmp(suffix, "_bucket{", 8) == 0)
		check_bucket(r, le, count);
	else if (strncmp(suffix, "_count{", 7) == 0) {
		if (!r->infinite || count != r->below)
			wrong(r, "a count that the buckets do not have");
	} else if (strncmp(suffix, "_sum{", 5) != 0)
		wrong(r, "no part of a histogram");
}

static void read_sample(struct reader *r)
{
	const char *family = r->families > 0 ? r->family[r->families - 1] : "#";
	const size_t length = strlen(family);
	const char *brace = r->line + name_length(r->line);
	char le[32];

	if (strncmp(r->line, family, length) != 0 || *brace != '{') {
		wrong(r, "a sample of no family");
		return;
	}
	brace = read_labels(r, brace + 1, le, sizeof(le));
	if (*brace != ' ')
		wrong(r, "no number");
	check_sample(r, r->line + length, le, brace + 1);
	r->samples++;
}

unsigned int page_check(const char *text)
{
	struct reader r = {.line = text, .infinite = true};

	while (*r.line != '\0') {
		if (r.line[strcspn(r.line, "\n")] == '\0') {
			wrong(&r, "the page ends within a line");
			break;
		}
		if (r.line[0] == '#')
			read_help(&r);
		else
			read_sample(&r);
		r.line += strcspn(r.line, "\n") + 1;
	}
	return r.samples;
}
