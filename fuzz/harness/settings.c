/*
 * settings: whatever a configuration file or a params node says, it is taken as
 * it reads, or refused with a sentence and nothing changed; whatever was taken
 * lies within its bounds; numbers are what a plain reference makes of them.
 *
 * Aims at backend/supervisor/conf.c, params.c and decimal.c.  Input: a file.
 * Its lines are settings, and each, up to the first blank, is a params text too.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend/base/limits.h"
#include "backend/base/log.h"
#include "backend/supervisor/conf.h"
#include "backend/supervisor/params.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/settings/reference.h"
#include "fuzz/target.h"

#define TEXT_MAX 4000u

static void check_sentence(const char *sentence, size_t room)
{
	if (sentence[0] == '\0' || memchr(sentence, '\0', room) == NULL)
		oracle_fail(ORACLE_DECODE, "a refusal has no sentence");
}

/* Whether it is one. */
static bool check_params(const char *text)
{
	char sentence[256] = "";
	struct params params;
	struct params expected = {0};
	const bool wanted = reference_params(text, &expected);
	const bool taken =
		params_parse(text, &params, sentence, sizeof(sentence)) == 0;

	if (taken != wanted ||
	    (taken && memcmp(&params, &expected, sizeof(params)) != 0))
		oracle_fail(ORACLE_DECODE,
			    "params \"%s\": taken %d, %" PRIu64
			    " bytes instead of %d, %" PRIu64,
			    text, taken, params.bytes, wanted, expected.bytes);
	if (!taken)
		check_sentence(sentence, sizeof(sentence));
	return taken;
}

static void check_bounds(const struct conf *conf)
{
	if (conf->persistent_grants > LIMIT_PERSISTENT ||
	    conf->max_queues - 1 >= LIMIT_QUEUES ||
	    conf->max_ring_order > LIMIT_RING_ORDER ||
	    conf->max_indirect > LIMIT_INDIRECT_SEGMENTS ||
	    conf->poll_us > LIMIT_POLL_NS / 1000 ||
	    conf->max_rescues > LIMIT_RESCUES ||
	    conf->record_bytes < LIMIT_RECORD_FILE_MIN ||
	    conf->record_bytes > INT64_MAX || conf->direct > CONF_DIRECT_OFF ||
	    conf->staging > CONF_STAGING_OFF || conf->log_level > LOG_TRACE ||
	    conf->allow_count > CONF_ALLOW_MAX)
		oracle_fail(ORACLE_DECODE, "a setting has no bound");
	for (unsigned int i = 0; i < conf->allow_count; i++)
		if (conf->allow[i][0] != '/' ||
		    strlen(conf->allow[i]) >= CONF_PATH_BYTES)
			oracle_fail(ORACLE_DECODE, "an allowed path is \"%s\"",
				    conf->allow[i]);
	if (conf->directory[0] == '\0' ||
	    strchr(conf->directory, '/') != NULL || conf->worker[0] != '/' ||
	    conf->control[0] != '/')
		oracle_fail(ORACLE_DECODE, "a name is none");
}

/* One line, as on the command line; whether it was taken. */
static bool check_line(struct conf *conf, const char *line)
{
	char copy[REFERENCE_LINE], error[CONF_ERROR_BYTES] = "";
	const struct conf before = *conf;
	char *name, *value;

	switch (reference_line(line, copy, &name, &value)) {
	case LINE_EMPTY:
		return true;
	case LINE_WRONG:
		return false;
	case LINE_SETTING:
		break;
	}
	if (conf_set(conf, name, value, error) == 0)
		return true;
	check_sentence(error, sizeof(error));
	if (memcmp(&before, conf, sizeof(before)) != 0)
		oracle_fail(ORACLE_DECODE, "%s was refused and changed", name);
	return false;
}

static bool load(struct conf *conf, const char *text, size_t length)
{
	char error[CONF_ERROR_BYTES] = "", path[32];
	const int fd = memfd_create("settings", MFD_CLOEXEC);
	bool taken;

	if (fd < 0 || write(fd, text, length) != (ssize_t)length)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	taken = conf_load(conf, path, error) == 0;
	if (!taken)
		check_sentence(error, sizeof(error));
	close(fd);
	return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[TEXT_MAX + 1];
	struct conf once, lines;
	bool taken = true, params = false, loaded, whole;
	char *saved = text, *line;

	size = size < TEXT_MAX ? size : TEXT_MAX;
	memcpy(text, data, size);
	text[size] = '\0';
	conf_init(&once);
	conf_init(&lines);
	loaded = load(&once, text, size);
	whole = strlen(text) == size;
	if (!whole && loaded)
		oracle_fail(ORACLE_DECODE,
			    "a file with a byte of zero was taken");
	while ((line = strsep(&saved, "\n")) != NULL) {
		whole = whole && strlen(line) < REFERENCE_LINE;
		taken = taken && whole && check_line(&lines, line);
		line[strcspn(line, " \t\r")] = '\0';
		params = check_params(line) || params;
	}
	/* A file does what its lines do, one by one. */
	if (whole && (loaded != taken ||
		      (taken && memcmp(&once, &lines, sizeof(once)) != 0)))
		oracle_fail(ORACLE_DECODE,
			    "the file was taken: %d, its lines: "
			    "%d",
			    loaded, taken);
	check_bounds(&once);
	check_bounds(&lines);
	target_report((uint64_t)loaded * 2 + params, 1, loaded || params);
	return 0;
}
