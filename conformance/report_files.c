/* Reports as files: JSON for programs, JUnit XML for build servers, a page. */
#include "conformance/report.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "conformance/case.h"
#include "conformance/page.h"

static json_t *result_object(const struct report *report,
			     const struct outcome *outcome)
{
	const struct conform_case *one = outcome->one;
	char command[256];
	json_t *object;

	report_repro(outcome, report->target, command, sizeof(command));
	object = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:f, s:i}", "id", one->id,
		"clause", one->clause != NULL ? one->clause : "", "level",
		case_level_name(one->level), "verdict",
		verdict_name(outcome->verdict), "reason", outcome->reason,
		"repro", command, "seconds", outcome->seconds, "attempts",
		(int)outcome->attempts);
	if (outcome->attempts > 1)
		json_object_set_new(object, "first",
				    json_string(verdict_name(outcome->first)));
	if (outcome->expectation == EXPECTATION_MET)
		json_object_set_new(object, "expected",
				    json_string(outcome->why));
	return object;
}

int report_json(const struct report *report, FILE *out)
{
	json_t *results = json_array();
	json_t *document;
	int result = 0;

	for (unsigned int i = 0; i < report->done; i++)
		json_array_append_new(
			results, result_object(report, &report->outcomes[i]));
	document =
		json_pack("{s:s, s:s, s:s, s:o}", "backend",
			  report->target->backend, "frontend", "scripted",
			  "target", report->target->name, "results", results);
	if (document == NULL)
		return -ENOMEM;
	if (json_dumpf(document, out, JSON_INDENT(1)) != 0 ||
	    fputc('\n', out) == EOF)
		result = -EIO;
	json_decref(document);
	return result;
}

static void put_escaped(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '<' || c == '>' || c == '&' || c == '"' ||
		    (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			/* XML 1.0 has no way to write most control bytes */
			fprintf(out, c < 0x20 ? "?" : "&#%u;", (unsigned int)c);
		else
			fputc(c, out);
	}
}

static void junit_case(FILE *out, const struct outcome *outcome)
{
	fprintf(out,
		"  <testcase classname=\"xenblk-conform\" name=\"%s\" "
		"time=\"%.3f\">",
		outcome->one->id, outcome->seconds);
	if (outcome->verdict != VERDICT_PASS) {
		const char *word =
			outcome->verdict == VERDICT_SKIP    ? "skipped"
			: outcome->verdict == VERDICT_ERROR ? "error"
			: verdict_is_bad(outcome->verdict) &&
					outcome->expectation != EXPECTATION_MET
				? "failure"
				: "system-out";

		if (strcmp(word, "system-out") == 0)
			fprintf(out, "<%s>%s: ", word,
				verdict_name(outcome->verdict));
		else
			fprintf(out, "<%s message=\"%s\">", word,
				verdict_name(outcome->verdict));
		put_escaped(out, outcome->reason);
		fprintf(out, "</%s>", word);
	}
	fprintf(out, "</testcase>\n");
}

int report_junit(const struct report *report, const char *path)
{
	FILE *out = fopen(path, "w");
	/* one that is expected no longer is a passing test all the same */
	unsigned int failures = report_bad(report) - report->stale;

	if (out == NULL)
		return -errno;
	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<testsuite name=\"%s on %s\" tests=\"%u\" failures=\"%u\" "
		"errors=\"%u\" skipped=\"%u\">\n",
		report->target->backend, report->target->name, report->done,
		failures, report->counts[VERDICT_ERROR],
		report->counts[VERDICT_SKIP]);
	for (unsigned int i = 0; i < report->done; i++)
		junit_case(out, &report->outcomes[i]);
	fprintf(out, "</testsuite>\n");
	return fclose(out) == 0 ? 0 : -errno;
}

static unsigned int place_of(const struct conform_case *one)
{
	unsigned int i = 0;

	while (case_at(i) != one)
		i++;
	return i;
}

int report_html(const struct report *report, const char *path, bool public)
{
	struct results results = {0};
	struct column *column =
		results_column(&results, report->target->backend,
			       report->target->name, report->target->ours);
	int result;

	if (column == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < report->done; i++) {
		struct outcome *outcome = &report->outcomes[i];
		char command[256];
		struct result one = {.verdict = outcome->verdict,
				     .reason = outcome->reason,
				     .repro = command,
				     .attempts = outcome->attempts};

		report_repro(outcome, report->target, command, sizeof(command));
		results_put(column, place_of(outcome->one), &one);
	}
	result = page_write(path, &results, public);
	results_free(&results);
	return result;
}
