/*
 * xenblk-conform: holds a block backend to the protocol.
 *
 * Finds the command and hands on; each command is a module of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/audit.h"
#include "conformance/case.h"
#include "conformance/compare.h"
#include "conformance/coverage.h"
#include "conformance/crash/command.h"
#include "conformance/explain.h"
#include "conformance/options.h"
#include "conformance/run.h"

static int command_list(const struct command_line *line)
{
	const char *unmatched = select_unmatched(&line->selection);

	if (unmatched != NULL)
		return options_complain("no case is called", unmatched);
	return explain_list(&line->selection, line->json) == 0 ? EXIT_NOTHING
							       : EXIT_OK;
}

static int command_explain(const struct command_line *line)
{
	if (line->selection.wanted_count == 0)
		return options_complain(
			"which case or clause? Give an id after", "explain");
	for (unsigned int i = 0; i < line->selection.wanted_count; i++) {
		if (!explain_entry(line->selection.wanted[i]))
			return options_complain("there is no case or clause",
						line->selection.wanted[i]);
	}
	return EXIT_OK;
}

static int command_repro(const struct command_line *line)
{
	const struct conform_case *one;

	if (line->selection.wanted_count != 1)
		return options_complain("give one id after", "repro");
	one = case_find(line->selection.wanted[0]);
	if (one == NULL)
		return options_complain("there is no case",
					line->selection.wanted[0]);
	printf("xenblk-conform run %s --target %s --verbose\n", one->id,
	       line->target);
	return EXIT_OK;
}

static int command_coverage(const struct command_line *line)
{
	if (line->refusals)
		return coverage_refusals() == 0 ? EXIT_OK : EXIT_CHECK;
	return coverage_clauses(line->json) == 0 ? EXIT_OK : EXIT_CHECK;
}

static int command_audit(const struct command_line *line)
{
	const struct audit_options options = {.path = line->selection.wanted[0],
					      .json = line->json,
					      .quiet = line->quiet};

	if (line->selection.wanted_count != 1)
		return options_complain("give one recording after", "audit");
	switch (audit_file(&options)) {
	case AUDIT_CLEAN:
		return EXIT_OK;
	case AUDIT_VIOLATIONS:
		return EXIT_CHECK;
	case AUDIT_UNREADABLE:
	default:
		return EXIT_TOOL;
	}
}

static int command_diff(const struct command_line *line)
{
	if (line->selection.wanted_count != 2)
		return options_complain("give old and new results after",
					"diff");
	return compare_diff(line->selection.wanted[0],
			    line->selection.wanted[1], line->json);
}

static int command_bless(const struct command_line *line)
{
	if (line->selection.wanted_count != 1 || line->baseline == NULL)
		return options_complain("give results and --baseline FILE "
					"after",
					"bless");
	return compare_bless(line->selection.wanted[0], line->baseline,
			     line->private);
}

static int command_matrix(const struct command_line *line)
{
	const struct compare_matrix matrix = {
		.paths = line->selection.wanted,
		.count = line->selection.wanted_count,
		.html = line->html,
		.json = line->json,
		.public = line->public};

	return compare_matrix(&matrix);
}

static const struct {
	const char *name;
	int (*run)(const struct command_line *line);
} commands[] = {
	{"list", command_list},		{"run", run_command},
	{"explain", command_explain},	{"repro", command_repro},
	{"coverage", command_coverage}, {"audit", command_audit},
	{"diff", command_diff},		{"bless", command_bless},
	{"matrix", command_matrix},	{"crash", crash_command},
};

static int dispatch(const struct command_line *line)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(commands[i].name, line->command) == 0)
			return commands[i].run(line);
	}
	return options_complain("there is no command", line->command);
}

int main(int argc, char **argv)
{
	struct command_line line = {
		.target = "sim", .histories = 1000, .seed = 1};
	/* getopt_long() moves words about; whoever runs the program anew needs
	 * the first order */
	char **original = calloc((size_t)argc + 1, sizeof(*original));
	int status;

	if (original == NULL)
		return EXIT_TOOL;
	memcpy(original, argv, (size_t)argc * sizeof(*original));
	line.argv = original;
	status = options_parse(argc, argv, &line);
	if (status < 0)
		status = dispatch(&line);
	free(original);
	return status;
}
