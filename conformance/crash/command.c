/* The command "crash": see command.h. */
#include "conformance/crash/command.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/crash/apart.h"
#include "conformance/crash/shrink.h"

#define COMMAND_BYTES 128u

/* What is said of a history that broke a rule. */
struct violation {
	uint64_t seed;
	unsigned int steps; /* before it was made shorter */
	struct history history;
	struct played outcome;
	char *journal;
	char again[COMMAND_BYTES];
};

static int tool_failed(const char *what, int error)
{
	fprintf(stderr, "xenblk-conform: %s: %s\n", what, strerror(-error));
	return EXIT_TOOL;
}

/* The whole of a file, as a string; NULL when there is no memory. */
static char *read_whole(FILE *file)
{
	char *text;
	long bytes;
	size_t got;

	if (fseek(file, 0, SEEK_END) != 0 || (bytes = ftell(file)) < 0)
		return NULL;
	rewind(file);
	text = malloc((size_t)bytes + 1);
	if (text == NULL)
		return NULL;
	got = fread(text, 1, (size_t)bytes, file);
	text[got] = '\0';
	return text;
}

/* Played once more, and written down. */
static int tell(struct violation *violation)
{
	FILE *journal = tmpfile();
	int error;

	if (journal == NULL)
		return -errno;
	error = apart_play(&violation->history, journal, &violation->outcome);
	violation->journal = error == 0 ? read_whole(journal) : NULL;
	fclose(journal);
	return error != 0 ? error : violation->journal == NULL ? -ENOMEM : 0;
}

static int explain(struct violation *violation, const struct apart_many *many)
{
	int error;

	violation->seed = many->broken_seed;
	snprintf(violation->again, sizeof(violation->again),
		 "xenblk-conform crash --seed %" PRIu64 " --histories 1%s",
		 violation->seed, many->deaths ? " --deaths" : "");
	history_make(&violation->history, violation->seed, many->deaths);
	violation->steps = violation->history.count;
	error = shrink_history(&violation->history, &violation->outcome);
	return error != 0 ? error : tell(violation);
}

/* --- words --- */

static void print_counts(const struct apart_many *many)
{
	const struct play_counts *c = &many->outcome.counts;

	printf("%" PRIu64 " histories from seed %" PRIu64 ": %" PRIu64
	       " writes, %" PRIu64 " reads, %" PRIu64 " flushes, %" PRIu64
	       " barriers (%" PRIu64 " of both with data), %" PRIu64
	       " answered otherwise than OKAY, %" PRIu64
	       " workers killed; %" PRIu64 " crash points, at %" PRIu64
	       " of them there was something to lose\n",
	       c->histories, many->seed, c->okay[CRASH_WRITE],
	       c->okay[CRASH_READ], c->okay[CRASH_FLUSH],
	       c->okay[CRASH_BARRIER], c->with_data, c->errors, c->deaths,
	       c->crash_points, c->volatile_points);
}

static void print_violation(const struct violation *v)
{
	printf("seed %" PRIu64 " breaks a rule: %s\n", v->seed,
	       v->outcome.words);
	printf("\n%u of its %u steps are enough, on %u queue%s:\n\n%s\n"
	       "broken: %s\nagain: %s\n",
	       v->history.count, v->steps, v->history.queues,
	       v->history.queues == 1 ? "" : "s", v->journal, v->outcome.words,
	       v->again);
}

static json_t *json_violation(const struct violation *v)
{
	if (v == NULL)
		return json_null();
	return json_pack("{s:I, s:s, s:i, s:i, s:s, s:s}", "seed",
			 (json_int_t)v->seed, "rule", v->outcome.words, "steps",
			 (int)v->history.count, "of_steps", (int)v->steps,
			 "history", v->journal, "again", v->again);
}

static void print_json(const struct apart_many *many,
		       const struct violation *violation)
{
	const struct play_counts *c = &many->outcome.counts;
	json_t *document = json_pack(
		"{s:I, s:I, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
		"s:o}",
		"seed", (json_int_t)many->seed, "histories",
		(json_int_t)c->histories, "deaths", many->deaths, "writes",
		(json_int_t)c->okay[CRASH_WRITE], "reads",
		(json_int_t)c->okay[CRASH_READ], "flushes",
		(json_int_t)c->okay[CRASH_FLUSH], "barriers",
		(json_int_t)c->okay[CRASH_BARRIER], "with_data",
		(json_int_t)c->with_data, "errors", (json_int_t)c->errors,
		"workers_killed", (json_int_t)c->deaths, "crash_points",
		(json_int_t)c->crash_points, "volatile_points",
		(json_int_t)c->volatile_points, "violation",
		json_violation(violation));

	json_dumpf(document, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(document);
}

/* --- the command --- */

static int report_violation(const struct apart_many *many, bool json)
{
	static struct violation violation;
	const int error = explain(&violation, many);

	if (error == -ENOENT)
		fprintf(stderr,
			"xenblk-conform: seed %" PRIu64
			" broke a rule beside others and does not alone: %s\n",
			many->broken_seed, many->outcome.words);
	else if (error != 0)
		return tool_failed("no history could be told", error);
	else if (json)
		print_json(many, &violation);
	else
		print_violation(&violation);
	free(violation.journal);
	return EXIT_CHECK;
}

/* A run in which nothing could be lost has shown nothing. */
static bool hollow(const struct apart_many *many)
{
	const struct play_counts *c = &many->outcome.counts;

	return many->count >= 100 &&
	       (c->volatile_points == 0 || c->okay[CRASH_FLUSH] == 0 ||
		c->okay[CRASH_BARRIER] == 0 || c->okay[CRASH_READ] == 0 ||
		(many->deaths && c->deaths == 0));
}

int crash_command(const struct command_line *line)
{
	struct apart_many many = {.seed = line->seed,
				  .count = line->histories,
				  .deaths = line->deaths};
	int error;

	if (line->selection.wanted_count != 0)
		return options_complain("crash takes options only, not",
					line->selection.wanted[0]);
	error = apart_play_many(&many);
	if (error != 0)
		return tool_failed("no process can be started", error);
	if (many.outcome.broken)
		return report_violation(&many, line->json);
	if (line->json)
		print_json(&many, NULL);
	else
		print_counts(&many);
	if (hollow(&many)) {
		fprintf(stderr, "xenblk-conform: nothing could be lost in all "
				"these histories: they show nothing\n");
		return EXIT_TOOL;
	}
	return EXIT_OK;
}
