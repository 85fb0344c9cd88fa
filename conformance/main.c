/*
 * xenblk-conform: holds a block backend to the protocol.
 *
 * Reads the command line and hands on.  A target that needs other libraries
 * (the in-process device has the simulator linked in place of Xen's) lives in a
 * program of its own beside this one, which is run instead with the same words.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conformance/audit.h"
#include "conformance/case.h"
#include "conformance/coverage.h"
#include "conformance/explain.h"
#include "conformance/report.h"
#include "version.h"

#define CASE_S 30u /* a case may take so long */

enum {
	EXIT_OK = 0,
	EXIT_CHECK = 1,
	EXIT_USAGE = 2,
	EXIT_NOTHING = 3,
	EXIT_TOOL = 4,
};

struct command_line {
	const char *command;
	struct selection selection;
	const char *target;
	const char *junit;
	enum report_format format;
	bool list, json, verbose, trace_hash, refusals, quiet;
	unsigned int timeout_s;
	char **argv;
};

static const char usage[] =
	"usage: xenblk-conform list [ID|GLOB]... [-x GLOB]... [--json]\n"
	"       xenblk-conform run [ID|GLOB]... [-x GLOB]... [--target NAME]\n"
	"                      [--json | --tap] [--junit FILE] [--timeout "
	"SECONDS]\n"
	"                      [--list] [--verbose] [--trace-hash] [--record "
	"FILE]\n"
	"       xenblk-conform explain ID\n"
	"       xenblk-conform repro ID [--target NAME]\n"
	"       xenblk-conform coverage [--json] [--refusals]\n"
	"       xenblk-conform audit FILE [--json] [--quiet]\n"
	"\n"
	"Holds a Xen block backend to the protocol, clause by clause.\n"
	"Targets: inprocess (xenblk in this process, simulated), sim (xenblkd "
	"on the\ndrop-in simulator), qemu (QEMU's xen-disk on the drop-in "
	"simulator), "
	"xen (in\na guest of a real Xen: any backend that xenblk-conform-dom0 "
	"serves it with).\n"
	"audit reads a recording of xenblkd --record and judges its "
	"frontends.\n"
	"Exit codes: 0 all well, 1 a case failed or a frontend broke a "
	"clause,\n"
	"2 usage, 3 nothing was run, 4 the tool or its environment failed.\n";

static int complain(const char *what, const char *value)
{
	fprintf(stderr, "xenblk-conform: %s \"%s\"; see --help\n", what, value);
	return EXIT_USAGE;
}

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
		return complain("there is no target", line->target);
	fflush(NULL);
	execv(path, line->argv);
	fprintf(stderr, "xenblk-conform: cannot run %s: %s\n", path,
		strerror(errno));
	return EXIT_TOOL;
}

static unsigned int count_selected(const struct selection *selection)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < case_count(); i++)
		count += select_matches(selection, case_at(i));
	return count;
}

static int finish_run(struct report *report, const struct command_line *line)
{
	unsigned int bad = 0, errors = report->counts[VERDICT_ERROR];
	int result = 0;

	for (unsigned int v = 0; v < VERDICT_COUNT; v++) {
		if (verdict_is_bad((enum verdict)v))
			bad += report->counts[v];
	}
	if (line->junit != NULL)
		result = report_junit(report, line->junit);
	if (result != 0)
		fprintf(stderr, "xenblk-conform: cannot write %s: %s\n",
			line->junit, strerror(-result));
	if (report_finish(report) != 0 || result != 0)
		return EXIT_TOOL;
	if (errors != 0)
		return EXIT_TOOL;
	return bad != 0 ? EXIT_CHECK : EXIT_OK;
}

static int run_cases(const struct command_line *line,
		     const struct target *target)
{
	unsigned int usual_s =
		target->timeout_s != 0 ? target->timeout_s : CASE_S;
	struct runner_options options = {
		.target = target,
		.timeout_s = line->timeout_s != 0 ? line->timeout_s : usual_s,
		.verbose = line->verbose};
	struct report report = {.format = line->format,
				.target = target,
				.trace_hashes = line->trace_hash,
				.planned = count_selected(&line->selection)};
	struct outcome outcome;

	if (report_start(&report) != 0)
		return EXIT_TOOL;
	for (unsigned int i = 0; i < case_count(); i++) {
		if (!select_matches(&line->selection, case_at(i)))
			continue;
		runner_run(&options, case_at(i), &outcome);
		report_add(&report, &outcome);
	}
	return finish_run(&report, line);
}

static int command_run(const struct command_line *line)
{
	const struct target *target = target_find(line->target);
	char why[TARGET_TEXT_BYTES] = "";
	int status;

	if (select_unmatched(&line->selection) != NULL)
		return complain("no case is called",
				select_unmatched(&line->selection));
	if (line->list)
		return explain_list(&line->selection, line->json) == 0
			       ? EXIT_NOTHING
			       : EXIT_OK;
	if (target == NULL)
		return run_other_program(line);
	if (count_selected(&line->selection) == 0) {
		fprintf(stderr, "xenblk-conform: every case is excluded\n");
		return EXIT_NOTHING;
	}
	if (target->start(line->argv, why) != 0) {
		fprintf(stderr, "xenblk-conform: target %s: %s\n", target->name,
			why);
		return EXIT_TOOL;
	}
	status = run_cases(line, target);
	target->stop();
	return status;
}

static int command_list(const struct command_line *line)
{
	const char *unmatched = select_unmatched(&line->selection);

	if (unmatched != NULL)
		return complain("no case is called", unmatched);
	return explain_list(&line->selection, line->json) == 0 ? EXIT_NOTHING
							       : EXIT_OK;
}

static int command_explain(const struct command_line *line)
{
	if (line->selection.wanted_count == 0)
		return complain("which case or clause? Give an id after",
				"explain");
	for (unsigned int i = 0; i < line->selection.wanted_count; i++) {
		if (!explain_entry(line->selection.wanted[i]))
			return complain("there is no case or clause",
					line->selection.wanted[i]);
	}
	return EXIT_OK;
}

static int command_repro(const struct command_line *line)
{
	const struct conform_case *one;

	if (line->selection.wanted_count != 1)
		return complain("give one id after", "repro");
	one = case_find(line->selection.wanted[0]);
	if (one == NULL)
		return complain("there is no case", line->selection.wanted[0]);
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
		return complain("give one recording after", "audit");
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

static const struct {
	const char *name;
	int (*run)(const struct command_line *line);
} commands[] = {
	{"list", command_list},		{"run", command_run},
	{"explain", command_explain},	{"repro", command_repro},
	{"coverage", command_coverage}, {"audit", command_audit},
};

enum {
	OPTION_TARGET = 256,
	OPTION_JSON,
	OPTION_TAP,
	OPTION_JUNIT,
	OPTION_LIST,
	OPTION_TIMEOUT,
	OPTION_TRACE_HASH,
	OPTION_REFUSALS,
	OPTION_QUIET,
	OPTION_RECORD,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{"exclude", required_argument, NULL, 'x'},
	{"target", required_argument, NULL, OPTION_TARGET},
	{"json", no_argument, NULL, OPTION_JSON},
	{"tap", no_argument, NULL, OPTION_TAP},
	{"junit", required_argument, NULL, OPTION_JUNIT},
	{"list", no_argument, NULL, OPTION_LIST},
	{"timeout", required_argument, NULL, OPTION_TIMEOUT},
	{"trace-hash", no_argument, NULL, OPTION_TRACE_HASH},
	{"refusals", no_argument, NULL, OPTION_REFUSALS},
	{"quiet", no_argument, NULL, OPTION_QUIET},
	{"record", required_argument, NULL, OPTION_RECORD},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

static int parse_timeout(const char *text, unsigned int *seconds)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || value == 0 ||
	    value > 3600)
		return complain("--timeout takes 1 to 3600 seconds, not", text);
	*seconds = (unsigned int)value;
	return EXIT_OK;
}

/* Through the environment: whoever starts the backend is this program, run anew
 * in a world. */
static int take_record(const char *path)
{
	char directory[2048] = "", absolute[4096];

	if (path[0] != '/' && getcwd(directory, sizeof(directory)) == NULL)
		return complain("no absolute path can be made of", path);
	snprintf(absolute, sizeof(absolute), "%s%s%.2000s", directory,
		 path[0] == '/' ? "" : "/", path);
	return setenv(TARGET_RECORD_VARIABLE, absolute, 1) == 0 ? EXIT_OK
								: EXIT_TOOL;
}

/* One option; EXIT_OK to go on. */
static int take_option(int option, struct command_line *line)
{
	switch (option) {
	case 'x':
		return select_exclude(&line->selection, optarg)
			       ? EXIT_OK
			       : complain("too many exclusions at", optarg);
	case 'v':
		line->verbose = true;
		return EXIT_OK;
	case OPTION_TARGET:
		line->target = optarg;
		return EXIT_OK;
	case OPTION_JSON:
		line->json = true;
		line->format = REPORT_JSON;
		return EXIT_OK;
	case OPTION_TAP:
		line->format = REPORT_TAP;
		return EXIT_OK;
	case OPTION_JUNIT:
		line->junit = optarg;
		return EXIT_OK;
	case OPTION_LIST:
		line->list = true;
		return EXIT_OK;
	case OPTION_TIMEOUT:
		return parse_timeout(optarg, &line->timeout_s);
	case OPTION_TRACE_HASH:
		line->trace_hash = true;
		return EXIT_OK;
	case OPTION_RECORD:
		return take_record(optarg);
	case OPTION_QUIET:
		line->quiet = true;
		return EXIT_OK;
	case OPTION_REFUSALS:
		line->refusals = true;
		return EXIT_OK;
	default:
		return EXIT_USAGE;
	}
}

/* Return: -1 to go on, else an exit status. */
static int parse(int argc, char **argv, struct command_line *line)
{
	int option;

	while ((option = getopt_long(argc, argv, "x:vh", long_options, NULL)) !=
	       -1) {
		int status;

		if (option == 'h') {
			fputs(usage, stdout);
			return EXIT_OK;
		}
		if (option == OPTION_VERSION) {
			printf("xenblk-conform %s\n", XENBLK_VERSION);
			return EXIT_OK;
		}
		status = take_option(option, line);
		if (status != EXIT_OK)
			return status;
	}
	if (optind == argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	line->command = argv[optind++];
	for (; optind < argc; optind++) {
		if (!select_want(&line->selection, argv[optind]))
			return complain("too many ids at", argv[optind]);
	}
	return -1;
}

static int dispatch(const struct command_line *line)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(commands[i].name, line->command) == 0)
			return commands[i].run(line);
	}
	return complain("there is no command", line->command);
}

int main(int argc, char **argv)
{
	struct command_line line = {.target = "sim"};
	/* getopt_long() moves words about; whoever runs the program anew needs
	 * the first order */
	char **original = calloc((size_t)argc + 1, sizeof(*original));
	int status;

	if (original == NULL)
		return EXIT_TOOL;
	memcpy(original, argv, (size_t)argc * sizeof(*original));
	line.argv = original;
	status = parse(argc, argv, &line);
	if (status < 0)
		status = dispatch(&line);
	free(original);
	return status;
}
