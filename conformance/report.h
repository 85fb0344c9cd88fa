/*
 * Reports of a run: text as it goes, TAP, JSON and JUnit.
 *
 * One report has one format on standard output; JUnit goes to a file beside it.
 * With JSON or TAP on standard output, the text goes to standard error.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "conformance/runner.h"

enum report_format {
	REPORT_TEXT,
	REPORT_TAP,
	REPORT_JSON,
	REPORT_FORMAT_COUNT,
};

struct report {
	enum report_format format;
	const struct target *target;
	FILE *text; /* where people read */
	bool trace_hashes;
	unsigned int planned;
	unsigned int done;
	unsigned int counts[VERDICT_COUNT];
	unsigned int excluded, expected, stale, retried;
	struct outcome *outcomes; /* room for the planned ones */
};

/** report_start() - 0 or -errno; report_finish() frees. */
int report_start(struct report *report);
void report_add(struct report *report, const struct outcome *outcome);

/** report_exclude() - a case that must not be run, and why. */
void report_exclude(struct report *report, const struct conform_case *one,
		    const char *why);

/** report_bad() - bad verdicts that nobody expects, and expected ones that do
 * not come any more. */
unsigned int report_bad(const struct report *report);

/** report_finish() - the summary or the document; 0 or -errno when it cannot be
 * written. */
int report_finish(struct report *report);

/** report_junit() - write the file; before report_finish(). */
int report_junit(const struct report *report, const char *path);

/** report_html() - the page of clauses with this backend's column; before
 * report_finish(). */
int report_html(const struct report *report, const char *path, bool public);

/** report_json() - the document of design: backend, frontend, results. */
int report_json(const struct report *report, FILE *out);

/** report_repro() - one command that runs the case again. */
void report_repro(const struct outcome *outcome, const struct target *target,
		  char *command, size_t bytes);
