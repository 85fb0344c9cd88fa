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
	fflush(report->text);
}

/* TAP knows two words and two directives; the verdict itself goes into the
 * comment. */
static void print_tap(const struct report *report,
		      const struct outcome *outcome)
{
	bool bad = verdict_is_bad(outcome->verdict) ||
		   outcome->verdict == VERDICT_ERROR;

	printf("%sok %u - %s%s%s\n", bad ? "not " : "", report->done,
	       outcome->one->id,
	       outcome->verdict == VERDICT_SKIP ? " # SKIP " : "",
	       outcome->verdict == VERDICT_SKIP ? outcome->reason : "");
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
	if (report->trace_hashes)
		printf("%s %016" PRIx64 " %s\n", outcome->one->id,
		       outcome->result.trace_hash,
		       verdict_name(outcome->verdict));
	else
		print_text(report, outcome);
	if (report->format == REPORT_TAP)
		print_tap(report, outcome);
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
		fprintf(report->text, "\n");
	}
	free(report->outcomes);
	report->outcomes = NULL;
	if (fflush(stdout) != 0)
		return -errno;
	return result;
}
