/*
 * The command "run": see run.h.
 *
 * A target that needs other libraries (the in-process device has the simulator
 * linked in place of Xen's) lives in a program of its own beside this one, which
 * is run instead with the same words.
 */
#include "conformance/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conformance/baseline.h"
#include "conformance/case.h"
#include "conformance/explain.h"
#include "conformance/report.h"

#define CASE_S 30u /* a case may take so long */

/* The program that holds a target which this one was not linked with. */
static int run_other_program(const struct command_line *line)
{
	char path[4096];
	char self[3072];
	ssize_t got = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (got <= 0)
		return EXIT_TOOL;
	self[got] = '\0';
	slash = strrchr(self, '/');
	if (slash != NULL)
		*slash = '\0';
	snprintf(path, sizeof(path), "%s/xenblk-conform-%s", self,
		 line->target);
	if (access(path, X_OK) != 0)
		return options_complain("there is no target", line->target);
	fflush(NULL);
	execv(path, line->argv);
	fprintf(stderr, "xenblk-conform: cannot run %s: %s\n", path,
		strerror(errno));
	return EXIT_TOOL;
}

/* What was asked for, and what the baseline forbids to try. */
static unsigned int count_selected(const struct selection *selection,
				   const struct baseline *baseline)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < case_count(); i++)
		count += select_matches(selection, case_at(i)) &&
			 baseline_excludes(baseline, case_at(i)) == NULL;
	return count;
}

static int write_files(struct report *report, const struct command_line *line)
{
	int result = 0;

	if (line->junit != NULL)
		result = report_junit(report, line->junit);
	if (result != 0)
		fprintf(stderr, "xenblk-conform: cannot write %s: %s\n",
			line->junit, strerror(-result));
	if (result == 0 && line->html != NULL) {
		result = report_html(report, line->html, line->public);
		if (result != 0)
			fprintf(stderr, "xenblk-conform: cannot write %s: %s\n",
				line->html, strerror(-result));
	}
	return result;
}

static int finish_run(struct report *report, const struct command_line *line)
{
	unsigned int bad = report_bad(report);
	unsigned int errors = report->counts[VERDICT_ERROR];
	int result = write_files(report, line);

	if (report_finish(report) != 0 || result != 0)
		return EXIT_TOOL;
	if (errors != 0)
		return EXIT_TOOL;
	return bad != 0 ? EXIT_CHECK : EXIT_OK;
}

/* A bad verdict may be tried again; what came first is told all the same. */
static void run_case(const struct runner_options *options, unsigned int retries,
		     const struct conform_case *one, struct outcome *outcome)
{
	enum verdict first;

	runner_run(options, one, outcome);
	first = outcome->verdict;
	outcome->attempts = 1;
	while (outcome->attempts <= retries &&
	       (verdict_is_bad(outcome->verdict) ||
		outcome->verdict == VERDICT_ERROR)) {
		unsigned int attempts = outcome->attempts;

		runner_run(options, one, outcome);
		outcome->attempts = attempts + 1;
	}
	outcome->first = first;
}

static int run_cases(const struct command_line *line,
		     const struct target *target,
		     const struct baseline *baseline)
{
	unsigned int usual_s =
		target->timeout_s != 0 ? target->timeout_s : CASE_S;
	struct runner_options options = {
		.target = target,
		.timeout_s = line->timeout_s != 0 ? line->timeout_s : usual_s,
		.verbose = line->verbose};
	struct report report = {
		.format = line->format,
		.target = target,
		.trace_hashes = line->trace_hash,
		.planned = count_selected(&line->selection, baseline)};
	struct outcome outcome;

	if (report_start(&report) != 0)
		return EXIT_TOOL;
	for (unsigned int i = 0; i < case_count(); i++) {
		const struct conform_case *one = case_at(i);

		if (!select_matches(&line->selection, one))
			continue;
		if (baseline_excludes(baseline, one) != NULL) {
			report_exclude(&report, one,
				       baseline_excludes(baseline, one));
			continue;
		}
		run_case(&options, line->retries, one, &outcome);
		outcome.expectation = baseline_judge(
			baseline, one, outcome.verdict, &outcome.why);
		report_add(&report, &outcome);
	}
	return finish_run(&report, line);
}

/* Only others are expected to be wrong. */
static int read_baseline(const struct command_line *line,
			 const struct target *target,
			 struct baseline **baseline)
{
	char why[512] = "";

	*baseline = NULL;
	if (line->baseline == NULL)
		return EXIT_OK;
	if (target->ours)
		return options_complain(
			"what xenblk does wrong is mended, not expected: no "
			"--baseline for the target",
			target->name);
	if (baseline_load(line->baseline, baseline, why, sizeof(why)) == 0)
		return EXIT_OK;
	fprintf(stderr, "xenblk-conform: %s\n", why);
	return EXIT_TOOL;
}

static int run_target(const struct command_line *line,
		      const struct target *target)
{
	char why[TARGET_TEXT_BYTES] = "";
	struct baseline *baseline;
	int status = read_baseline(line, target, &baseline);

	if (status != EXIT_OK)
		return status;
	if (count_selected(&line->selection, baseline) == 0) {
		fprintf(stderr, "xenblk-conform: every case is excluded\n");
		status = EXIT_NOTHING;
	} else if (target->start(line->argv, why) != 0) {
		fprintf(stderr, "xenblk-conform: target %s: %s\n", target->name,
			why);
		status = EXIT_TOOL;
	} else {
		status = run_cases(line, target, baseline);
		target->stop();
	}
	baseline_free(baseline);
	return status;
}

int run_command(const struct command_line *line)
{
	const struct target *target = target_find(line->target);
	const char *unmatched = select_unmatched(&line->selection);

	if (unmatched != NULL)
		return options_complain("no case is called", unmatched);
	if (line->list)
		return explain_list(&line->selection, line->json) == 0
			       ? EXIT_NOTHING
			       : EXIT_OK;
	return target == NULL ? run_other_program(line)
			      : run_target(line, target);
}
