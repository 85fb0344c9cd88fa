/*
 * ctl: whatever words xenblkctl is called with and whatever a daemon answers, it
 * ends with a status of its manual; it asks only what it was told to, in whole
 * lines; who reads it finds a sentence whenever it is not 0.
 *
 * Aims at backend/ctl.  Input: the words of its command line up to a newline;
 * then answers, one in a line, or nothing where nobody listens.
 */
#include <jansson.h>
#include <string.h>

#include "fuzz/ctl/run.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/target.h"

#define WORDS_MAX  8
#define LINE_BYTES 300u
#define ANSWER_MAX 16384u

static int split(char *line, char **argv)
{
	static char name[] = "xenblkctl";
	int argc = 1;
	char *word, *rest = line;

	argv[0] = name;
	while (argc < WORDS_MAX && (word = strsep(&rest, " ")) != NULL)
		if (*word != '\0')
			argv[argc++] = word;
	argv[argc] = NULL;
	return argc;
}

/* One object in each line that names a command; how many lines. */
static unsigned int check_requests(const struct ctl_run *run)
{
	const char *from = run->request, *end;
	size_t left = run->request_bytes;
	unsigned int lines = 0;
	json_error_t error;
	json_t *request;

	while (from != NULL && left > 0 &&
	       (end = memchr(from, '\n', left)) != NULL) {
		const size_t length = (size_t)(end + 1 - from);

		request = json_loadb(from, length, 0, &error);
		if (!json_is_string(json_object_get(request, "command")))
			oracle_fail(ORACLE_TALK, "the daemon is asked \"%.*s\"",
				    (int)length, from);
		json_decref(request);
		from += length;
		left -= length;
		lines++;
	}
	if (lines == 0 || left > 0)
		oracle_fail(ORACLE_TALK, "the daemon got %zu bytes, no line",
			    left);
	return lines;
}

/* What the answer deserves, if there was one. */
static int wanted(const char *answer, size_t bytes)
{
	const char *end = bytes > 0 ? memchr(answer, '\n', bytes) : NULL;
	json_error_t error;
	json_t *json = end == NULL
			       ? NULL
			       : json_loadb(answer, (size_t)(end - answer) + 1,
					    0, &error);
	const int status = json == NULL				       ? 4
			   : json_is_true(json_object_get(json, "ok")) ? 0
								       : 1;

	json_decref(json);
	return status;
}

static void check_words(const struct ctl_run *run, const uint8_t *data,
			size_t size)
{
	if (run->status != 0 && strncmp(run->said, "xenblkctl: ", 11) != 0 &&
	    strstr(run->said, "\nxenblkctl: ") == NULL)
		oracle_fail(ORACLE_RESPONSES, "status %d without a sentence",
			    run->status);
	if (strstr(run->said, "(null)") != NULL &&
	    memmem(data, size, "(null)", 6) == NULL)
		oracle_fail(ORACLE_RESPONSES, "it says \"%s\"", run->said);
}

static void check_status(const struct ctl_run *run, bool is_top,
			 const char *answer, size_t bytes)
{
	if (!run->connected) {
		if (run->status == 1 || run->status < 0 || run->status > 4)
			oracle_fail(ORACLE_RESPONSES,
				    "status %d without a daemon", run->status);
		return;
	}
	/* The live view asks more than once, and may have no screen. */
	if (is_top)
		return;
	/* Who changed a disk asks until it is changed. */
	if (check_requests(run) > 1)
		return;
	if (run->status != wanted(answer, bytes))
		oracle_fail(ORACLE_RESPONSES, "status %d instead of %d",
			    run->status, wanted(answer, bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char line[LINE_BYTES + 1] = "", *argv[WORDS_MAX + 1];
	const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
	size_t words = end != NULL ? (size_t)(end - data) : size;
	const char *answer = end != NULL ? (const char *)end + 1 : NULL;
	size_t bytes = end != NULL ? size - words - 1 : 0;
	bool is_top = false;
	struct ctl_run run;
	int argc;

	memcpy(line, data, words < LINE_BYTES ? words : LINE_BYTES);
	if (bytes > ANSWER_MAX)
		bytes = ANSWER_MAX;
	argc = split(line, argv);
	for (int i = 1; i < argc; i++)
		is_top = is_top || strcmp(argv[i], "top") == 0;
	terminal_begin((unsigned int)(words % 7), (unsigned int)(bytes % 256));
	ctl_run(argc, argv, answer, bytes, &run);
	check_words(&run, data, size);
	check_status(&run, is_top, bytes > 0 ? answer : "", bytes);
	target_report(run.said_bytes * 8 + (unsigned int)run.status, 1,
		      run.status == 0);
	ctl_run_free(&run);
	return 0;
}
