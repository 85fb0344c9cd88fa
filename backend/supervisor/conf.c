/* Settings: defaults, one setter per name, the file.  See conf.h. */
#include "backend/supervisor/conf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/checked.h"
#include "backend/base/limits.h"
#include "backend/base/log.h"
#include "backend/supervisor/decimal.h"
#include "backend/supervisor/endpoint.h"

#define LINE_BYTES 1024u

/* An idle queue spins this long for the next request before it sleeps. */
#define DEFAULT_POLL_US 20u

/* A few seconds of a disk at full speed, a day of an ordinary one. */
#define DEFAULT_RECORD_BYTES (UINT64_C(64) << 20)
/* So often a minute a disk gets a new worker for one that died: often enough
 * for whatever kills processes, too seldom for a guest that has found out how
 * to kill its own to keep this host busy with it. */
#define DEFAULT_RESCUES 10u

/* A MiB in one request: what guests ask for at most, and as much as one of
 * Linux's own backend may have. */
#define DEFAULT_INDIRECT 256u

/* Longer than a guest's pauses between two batches, shorter than what a
 * neighbour notices. */
#define DEFAULT_BURST_MS 100u

/* Published scaling of blkif falls beyond four queues. */
#define DEFAULT_QUEUES 4u

/* A setting that is a number, and its range. */
struct number {
	const char *name;
	size_t offset;
	uint32_t min;
	uint32_t max;
};

static const struct number numbers[] = {
	{"persistent-grants", offsetof(struct conf, persistent_grants), 0,
	 LIMIT_PERSISTENT},
	{"max-queues", offsetof(struct conf, max_queues), 1, LIMIT_QUEUES},
	{"max-ring-page-order", offsetof(struct conf, max_ring_order), 0,
	 LIMIT_RING_ORDER},
	{"max-indirect-segments", offsetof(struct conf, max_indirect), 0,
	 LIMIT_INDIRECT_SEGMENTS},
	{"poll-us", offsetof(struct conf, poll_us), 0, LIMIT_POLL_NS / 1000},
	{"limit-iops", offsetof(struct conf, limits.iops), 0, LIMIT_RATE},
	{"limit-burst-ms", offsetof(struct conf, limits.burst_ms),
	 LIMIT_BURST_FIRST_MS, LIMIT_BURST_MS},
	{"max-rescues", offsetof(struct conf, max_rescues), 0, LIMIT_RESCUES},
};

static void find_worker(char *path, size_t room)
{
	static const char name[] = "xenblk-worker";
	ssize_t n = readlink("/proc/self/exe", path, room - 1);
	char *slash;

	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL || (size_t)(slash + 1 - path) + sizeof(name) > room)
		snprintf(path, room, "/usr/libexec/xenblk/%s", name);
	else
		memcpy(slash + 1, name, sizeof(name));
}

void conf_init(struct conf *conf)
{
	memset(conf, 0, sizeof(*conf));
	snprintf(conf->directory, sizeof(conf->directory), "vbd");
	snprintf(conf->control, sizeof(conf->control), "/run/xenblk/control");
	find_worker(conf->worker, sizeof(conf->worker));
	conf->persistent_grants = LIMIT_PERSISTENT;
	conf->max_queues = DEFAULT_QUEUES;
	conf->max_ring_order = LIMIT_RING_ORDER;
	conf->max_indirect = DEFAULT_INDIRECT;
	conf->poll_us = DEFAULT_POLL_US;
	conf->max_rescues = DEFAULT_RESCUES;
	conf->limits.burst_ms = DEFAULT_BURST_MS;
	conf->barrier = true;
	conf->discard = true;
	conf->sandbox = true;
	conf->log_level = LOG_INFO;
	conf->record_bytes = DEFAULT_RECORD_BYTES;
}

static int reject(char *error, const char *name, const char *value,
		  const char *must)
{
	snprintf(error, CONF_ERROR_BYTES, "%s is \"%.100s\", but must be %s",
		 name, value, must);
	return -EINVAL;
}

static int set_number(struct conf *conf, const struct number *number,
		      const char *value, char *error)
{
	char must[64];
	uint64_t n;

	if (!decimal_parse(value, strlen(value), number->max, &n) ||
	    n < number->min) {
		snprintf(must, sizeof(must), "a number from %u to %u",
			 number->min, number->max);
		return reject(error, number->name, value, must);
	}
	*(uint32_t *)((char *)conf + number->offset) = (uint32_t)n;
	return 0;
}

/* One component of a xenstore path. */
static int set_directory(struct conf *conf, const char *value, char *error)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-";
	size_t length = strlen(value);

	if (length == 0 || length >= sizeof(conf->directory) ||
	    strspn(value, letters) != length)
		return reject(error, "directory", value,
			      "a name of letters and digits, like vbd");
	memcpy(conf->directory, value, length + 1);
	return 0;
}

static int set_path(char *to, size_t room, const char *name, const char *value,
		    char *error)
{
	size_t length = strlen(value);

	if (value[0] != '/')
		return reject(error, name, value, "an absolute path");
	if (length >= room)
		return reject(error, name, value, "a shorter path");
	memcpy(to, value, length + 1);
	return 0;
}

static int set_allow(struct conf *conf, const char *value, char *error)
{
	char *to;
	int result;

	if (conf->allow_count == CONF_ALLOW_MAX)
		return reject(error, "allow-path", value,
			      "given 16 times at most");
	to = conf->allow[conf->allow_count];
	result = set_path(to, CONF_PATH_BYTES, "allow-path", value, error);
	if (result < 0)
		return result;
	/* "/srv/" and "/srv" mean the same. */
	for (size_t n = strlen(to); n > 1 && to[n - 1] == '/'; n--)
		to[n - 1] = '\0';
	conf->allow_count++;
	return 0;
}

static int set_flag(bool *flag, const char *name, const char *value,
		    char *error)
{
	bool yes = strcmp(value, "yes") == 0;

	if (!yes && strcmp(value, "no") != 0)
		return reject(error, name, value, "yes or no");
	*flag = yes;
	return 0;
}

static int set_record_bytes(struct conf *conf, const char *value, char *error)
{
	uint64_t bytes;

	if (!decimal_size(value, &bytes) || bytes < LIMIT_RECORD_FILE_MIN ||
	    bytes > INT64_MAX)
		return reject(error, "record-bytes", value,
			      "a number of bytes from 64K on, with an optional "
			      "K, M, G or T");
	conf->record_bytes = bytes;
	return 0;
}

const char *conf_limits_wrong(const struct conf_limits *limits)
{
	if (limits->iops > LIMIT_RATE)
		return "iops must be a number from 0 to 2147483648";
	if (limits->bandwidth != 0 &&
	    (limits->bandwidth < LIMIT_BANDWIDTH_FIRST ||
	     limits->bandwidth > (uint64_t)LIMIT_RATE * SECTOR_BYTES))
		return "bandwidth must be 0 or a number of bytes per second "
		       "from 4K to 1T";
	if (limits->burst_ms < LIMIT_BURST_FIRST_MS ||
	    limits->burst_ms > LIMIT_BURST_MS)
		return "burst must be a number of milliseconds from 10 to "
		       "8000";
	return NULL;
}

static int set_metrics(struct conf *conf, const char *value, char *error)
{
	struct endpoint endpoint;

	if (!endpoint_parse(value, &endpoint) ||
	    strlen(value) >= sizeof(conf->metrics))
		return reject(error, "metrics", value,
			      "unix:/PATH, 127.0.0.1:PORT or [::1]:PORT: they "
			      "are for this host only, since they have no "
			      "password; put a proxy before them that has one");
	snprintf(conf->metrics, sizeof(conf->metrics), "%s", value);
	return 0;
}

static int set_bandwidth(struct conf *conf, const char *value, char *error)
{
	struct conf_limits limits = conf->limits;

	if (!decimal_size(value, &limits.bandwidth) ||
	    conf_limits_wrong(&limits) != NULL)
		return reject(error, "limit-bandwidth", value,
			      "0 or a number of bytes per second from 4K to "
			      "1T, with an optional K, M, G or T");
	conf->limits.bandwidth = limits.bandwidth;
	return 0;
}

_Static_assert((int)CONF_STAGING_AUTO == CONF_DIRECT_AUTO &&
		       (int)CONF_STAGING_ON == CONF_DIRECT_ON &&
		       (int)CONF_STAGING_OFF == CONF_DIRECT_OFF,
	       "one table of words for both");

/* auto, on or off, by its place; or -EINVAL. */
static int read_choice(const char *name, const char *value, char *error)
{
	static const char *const words[] = {
		[CONF_DIRECT_AUTO] = "auto",
		[CONF_DIRECT_ON] = "on",
		[CONF_DIRECT_OFF] = "off",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(value, words[i]) == 0)
			return (int)i;
	return reject(error, name, value, "auto, on or off");
}

static int set_direct(struct conf *conf, const char *value, char *error)
{
	const int choice = read_choice("direct", value, error);

	if (choice < 0)
		return choice;
	conf->direct = (enum conf_direct)choice;
	return 0;
}

static int set_staging(struct conf *conf, const char *value, char *error)
{
	const int choice = read_choice("staging", value, error);

	if (choice < 0)
		return choice;
	conf->staging = (enum conf_staging)choice;
	return 0;
}

static int set_log_level(struct conf *conf, const char *value, char *error)
{
	int level = log_level_parse(value);

	if (level < 0)
		return reject(error, "log-level", value,
			      "error, warning, info, debug or trace");
	conf->log_level = level;
	return 0;
}

int conf_set(struct conf *conf, const char *name, const char *value,
	     char *error)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (strcmp(name, numbers[i].name) == 0)
			return set_number(conf, &numbers[i], value, error);
	if (strcmp(name, "directory") == 0)
		return set_directory(conf, value, error);
	if (strcmp(name, "worker") == 0)
		return set_path(conf->worker, sizeof(conf->worker), name, value,
				error);
	if (strcmp(name, "control") == 0)
		return set_path(conf->control, sizeof(conf->control), name,
				value, error);
	if (strcmp(name, "record") == 0)
		return set_path(conf->record, sizeof(conf->record), name, value,
				error);
	if (strcmp(name, "record-bytes") == 0)
		return set_record_bytes(conf, value, error);
	if (strcmp(name, "metrics") == 0)
		return set_metrics(conf, value, error);
	if (strcmp(name, "limit-bandwidth") == 0)
		return set_bandwidth(conf, value, error);
	if (strcmp(name, "allow-path") == 0)
		return set_allow(conf, value, error);
	if (strcmp(name, "barrier") == 0)
		return set_flag(&conf->barrier, name, value, error);
	if (strcmp(name, "sandbox") == 0)
		return set_flag(&conf->sandbox, name, value, error);
	if (strcmp(name, "discard") == 0)
		return set_flag(&conf->discard, name, value, error);
	if (strcmp(name, "foreground") == 0)
		return set_flag(&conf->foreground, name, value, error);
	if (strcmp(name, "direct") == 0)
		return set_direct(conf, value, error);
	if (strcmp(name, "staging") == 0)
		return set_staging(conf, value, error);
	if (strcmp(name, "log-level") == 0)
		return set_log_level(conf, value, error);
	snprintf(error, CONF_ERROR_BYTES, "there is no setting \"%.100s\"",
		 name);
	return -ENOENT;
}

/* Cuts blanks off both ends, in place. */
static char *trim(char *text)
{
	size_t length;

	text += strspn(text, " \t");
	length = strlen(text);
	while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
		text[--length] = '\0';
	return text;
}

static int load_line(struct conf *conf, char *line, char *error)
{
	char *name = trim(line), *equals;

	if (name[0] == '\0' || name[0] == '#')
		return 0;
	equals = strchr(name, '=');
	if (equals == NULL) {
		snprintf(error, CONF_ERROR_BYTES,
			 "\"%.100s\" is not of the form name = value", name);
		return -EINVAL;
	}
	*equals = '\0';
	return conf_set(conf, trim(name), trim(equals + 1), error);
}

/*
 * The next line, without its end: 1, 0 at the end of the file, or a negative
 * errno with a sentence.  Not fgets(): a byte of zero would hide what follows.
 */
static int read_line(FILE *file, char line[LINE_BYTES], char *error)
{
	size_t length = 0;
	int c;

	while ((c = getc(file)) != EOF && c != '\n') {
		if (c == '\0') {
			snprintf(error, CONF_ERROR_BYTES,
				 "byte %zu of the line is zero, but a "
				 "configuration is text",
				 length + 1);
			return -EINVAL;
		}
		if (length == LINE_BYTES - 1) {
			snprintf(error, CONF_ERROR_BYTES,
				 "the line is longer than %u bytes",
				 LINE_BYTES - 1);
			return -EINVAL;
		}
		line[length++] = (char)c;
	}
	line[length] = '\0';
	if (ferror(file)) {
		snprintf(error, CONF_ERROR_BYTES, "it cannot be read: %s",
			 strerror(EIO));
		return -EIO;
	}
	return c != EOF || length > 0;
}

static int load_lines(struct conf *conf, FILE *file, unsigned int *number,
		      char *error)
{
	char line[LINE_BYTES];
	int result;

	do {
		++*number;
		result = read_line(file, line, error);
		if (result <= 0)
			return result;
		result = load_line(conf, line, error);
	} while (result == 0);
	return result;
}

int conf_load(struct conf *conf, const char *path, char *error)
{
	char inner[CONF_ERROR_BYTES];
	unsigned int number = 0;
	FILE *file = fopen(path, "re");
	int result;

	if (file == NULL) {
		result = -errno;
		snprintf(error, CONF_ERROR_BYTES,
			 "the configuration file %.200s cannot be opened: %s",
			 path, strerror(-result));
		return result;
	}
	result = load_lines(conf, file, &number, inner);
	fclose(file);
	if (result < 0)
		snprintf(error, CONF_ERROR_BYTES, "%.200s, line %u: %.250s",
			 path, number, inner);
	return result;
}
