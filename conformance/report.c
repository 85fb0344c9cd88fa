/* Text and TAP reports, and the keeping of results: see report.h. */
#include "conformance/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/check.h"
#include "conformance/catalogue/clause.h"

int report_start(struct report *report)
{
	report->text = report->format == REPORT_TEXT ? stdout : stderr;
	report->outcomes =
		calloc(report->planned + 1u, sizeof(*report->outcomes));
	if (report->outcomes == NULL)
		return -ENOMEM;
	if (report->format == REPORT_TAP)
		printf("TAP version 13\n1..%u\n", report->planned);
	return 0;
}

void report_repro(const struct outcome *outcome, const struct target *target,
		  char *command, size_t bytes)
{
	snprintf(command, bytes, "xenblk-conform run %s --target %s",
		 outcome->one->id, target->name);
}

static void print_clauses(FILE *out, const char *ids)
{
	while (ids != NULL && *ids != '\0') {
		unsigned int length = (unsigned int)strcspn(ids, " ");
		const struct clause *clause = clause_find(ids, length);

		if (clause != NULL)
			fprintf(out, "      clause   %s: %s%s%s\n", clause->id,
				clause->statement,
				clause->decision[0] == '\0' ? ""
							    : " Decision: ",
				clause->decision);
		ids += length;
		ids += strspn(ids, " ");
	}
}

/* What is to be said of a verdict beside itself. */
static void print_remarks(const struct report *report,
			  const struct outcome *outcome)
{
	if (outcome->attempts > 1)
		fprintf(report->text,
			"      retried  %u attempts; the first one was %s\n",
			outcome->attempts, verdict_name(outcome->first));
	if (outcome->expectation == EXPECTATION_MET)
		fprintf(report->text, "      expected: %s\n", outcome->why);
	if (outcome->expectation == EXPECTATION_OTHER)
		fprintf(report->text, "      something else was expected: %s\n",
			outcome->why);
	if (outcome->expectation == EXPECTATION_STALE)
		fprintf(report->text,
			"      a bad verdict was expected (%s): the baseline "
			"is out of date, see xenblk-conform bless\n",
			outcome->why);
}

static void print_failure(const struct report *report,
			  const struct outcome *outcome)
{
	char command[256];

	report_repro(outcome, report->target, command, sizeof(command));
	fprintf(report->text, "      case     %s\n", outcome->one->sentence);
	print_clauses(report->text, outcome->one->clause);
	if (outcome->result.expected[0] != '\0') {
		fprintf(report->text, "      expected %s\n",
			outcome->result.expected);
		fprintf(report->text, "      got      %s\n",
			outcome->result.got);
	}
	fprintf(report->text, "      reason   %s\n", outcome->reason);
	fprintf(report->text, "      repro    %s\n", command);
}

static void print_text(const struct report *report,
		       const struct outcome *outcome)
{
	fprintf(report->text, "%-9s %s (%s)%s%s\n",
		verdict_name(outcome->verdict), outcome->one->id,
		case_level_name(outcome->one->level),
		outcome->verdict == VERDICT_SKIP ? ": " : "",
		outcome->verdict == VERDICT_SKIP ? outcome->reason : "");
	if (outcome->verdict != VERDICT_PASS &&
	    outcome->verdict != VERDICT_SKIP)
		print_failure(report, outcome);
	print_remarks(report, outcome);
	fflush(report->text);
}

/* TAP knows two words and two directives; the verdict itself goes into the
 * comment. */
static void print_tap(const struct report *report,
		      const struct outcome *outcome)
{
	bool bad = verdict_is_bad(outcome->verdict) ||
		   outcome->verdict == VERDICT_ERROR;
	/* TAP's word for a failure that is expected */
	bool todo = outcome->expectation == EXPECTATION_MET;

	printf("%sok %u - %s%s%s\n", bad ? "not " : "", report->done,
	       outcome->one->id,
	       outcome->verdict == VERDICT_SKIP ? " # SKIP "
	       : todo				? " # TODO "
						: "",
	       outcome->verdict == VERDICT_SKIP ? outcome->reason
	       : todo				? outcome->why
						: "");
	if (outcome->attempts > 1)
		printf("# %u attempts, the first one was %s\n",
		       outcome->attempts, verdict_name(outcome->first));
	if (outcome->verdict != VERDICT_PASS &&
	    outcome->verdict != VERDICT_SKIP)
		printf("# %s: %s\n", verdict_name(outcome->verdict),
		       outcome->reason);
	fflush(stdout);
}

void report_add(struct report *report, const struct outcome *outcome)
{
	CHECK(report->done < report->planned);
	report->outcomes[report->done++] = *outcome;
	report->counts[outcome->verdict]++;
	report->expected += outcome->expectation == EXPECTATION_MET;
	report->stale += outcome->expectation == EXPECTATION_STALE;
	report->retried += outcome->attempts > 1;
	if (report->trace_hashes)
		printf("%s %016" PRIx64 " %s\n", outcome->one->id,
		       outcome->result.trace_hash,
		       verdict_name(outcome->verdict));
	else
		print_text(report, outcome);
	if (report->format == REPORT_TAP)
		print_tap(report, outcome);
}

void report_exclude(struct report *report, const struct conform_case *one,
		    const char *why)
{
	report->excluded++;
	fprintf(report->text, "excluded  %s: %s\n", one->id, why);
}

unsigned int report_bad(const struct report *report)
{
	unsigned int bad = 0;

	for (unsigned int v = 0; v < VERDICT_COUNT; v++) {
		if (verdict_is_bad((enum verdict)v))
			bad += report->counts[v];
	}
	CHECK(bad >= report->expected);
	return bad - report->expected + report->stale;
}

static void print_extras(const struct report *report)
{
	static const char *const words[] = {"expected", "expected no longer",
					    "excluded", "tried more than once"};
	const unsigned int counts[] = {report->expected, report->stale,
				       report->excluded, report->retried};

	for (unsigned int i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		if (counts[i] != 0)
			fprintf(report->text, "; %u %s", counts[i], words[i]);
	}
}

int report_finish(struct report *report)
{
	int result = 0;

	if (report->format == REPORT_JSON)
		result = report_json(report, stdout);
	if (!report->trace_hashes) {
		fprintf(report->text, "%u cases on %s (%s):", report->done,
			report->target->name, report->target->backend);
		for (unsigned int v = 0; v < VERDICT_COUNT; v++) {
			if (report->counts[v] != 0)
				fprintf(report->text, " %u %s",
					report->counts[v],
					verdict_name((enum verdict)v));
		}
		print_extras(report);
		fprintf(report->text, "\n");
	}
	free(report->outcomes);
	report->outcomes = NULL;
	if (fflush(stdout) != 0)
		return -errno;
	return result;
}
