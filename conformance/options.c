/* The command line: see options.h. */
#include "conformance/options.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "conformance/targets/target.h"
#include "version.h"

static const char usage[] =
	"usage: xenblk-conform list [ID|GLOB]... [-x GLOB]... [--json]\n"
	"       xenblk-conform run [ID|GLOB]... [-x GLOB]... [--target NAME]\n"
	"                      [--json | --tap] [--junit FILE] [--html FILE]\n"
	"                      [--baseline FILE] [--retries N] [--timeout "
	"SECONDS]\n"
	"                      [--list] [--verbose] [--trace-hash] [--record "
	"FILE]\n"
	"       xenblk-conform explain ID\n"
	"       xenblk-conform repro ID [--target NAME]\n"
	"       xenblk-conform coverage [--json] [--refusals]\n"
	"       xenblk-conform diff OLD NEW [--json]\n"
	"       xenblk-conform bless RESULTS --baseline FILE [--private FILE]\n"
	"       xenblk-conform matrix [RESULTS]... [--html FILE] [--json] "
	"[--public]\n"
	"       xenblk-conform audit FILE [--json] [--quiet]\n"
	"       xenblk-conform crash [--histories N] [--seed S] [--deaths] "
	"[--json]\n"
	"\n"
	"Holds a Xen block backend to the protocol, clause by clause.\n"
	"Targets: inprocess (xenblk in this process, simulated), sim (xenblkd "
	"on the\ndrop-in simulator), qemu (QEMU's xen-disk on the drop-in "
	"simulator), "
	"xen (in\na guest of a real Xen: any backend that xenblk-conform-dom0 "
	"serves it with).\n"
	"RESULTS is what run --json prints, or a document of xenblk-lab.\n"
	"audit reads a recording of xenblkd --record and judges its "
	"frontends.\n"
	"crash tries what a power failure leaves, at every moment of random "
	"histories.\n"
	"Exit codes: 0 all well, 1 a case failed or a frontend broke a "
	"clause,\n"
	"2 usage, 3 nothing was run, 4 the tool or its environment failed.\n";

int options_complain(const char *what, const char *value)
{
	fprintf(stderr, "xenblk-conform: %s \"%s\"; see --help\n", what, value);
	return EXIT_USAGE;
}

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
	OPTION_HTML,
	OPTION_BASELINE,
	OPTION_PRIVATE,
	OPTION_PUBLIC,
	OPTION_RETRIES,
	OPTION_HISTORIES,
	OPTION_SEED,
	OPTION_DEATHS,
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
	{"html", required_argument, NULL, OPTION_HTML},
	{"baseline", required_argument, NULL, OPTION_BASELINE},
	{"private", required_argument, NULL, OPTION_PRIVATE},
	{"public", no_argument, NULL, OPTION_PUBLIC},
	{"retries", required_argument, NULL, OPTION_RETRIES},
	{"histories", required_argument, NULL, OPTION_HISTORIES},
	{"seed", required_argument, NULL, OPTION_SEED},
	{"deaths", no_argument, NULL, OPTION_DEATHS},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

static int parse_number(const char *option, const char *text,
			unsigned long least, unsigned long most,
			unsigned int *number)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || value < least ||
	    value > most) {
		fprintf(stderr,
			"xenblk-conform: %s takes a number from %lu to %lu, "
			"not \"%s\"; see --help\n",
			option, least, most, text);
		return EXIT_USAGE;
	}
	*number = (unsigned int)value;
	return EXIT_OK;
}

/* Through the environment: whoever starts the backend is this program, run anew
 * in a world. */
static int take_record(const char *path)
{
	char directory[2048] = "", absolute[4096];

	if (path[0] != '/' && getcwd(directory, sizeof(directory)) == NULL)
		return options_complain("no absolute path can be made of",
					path);
	snprintf(absolute, sizeof(absolute), "%s%s%.2000s", directory,
		 path[0] == '/' ? "" : "/", path);
	return setenv(TARGET_RECORD_VARIABLE, absolute, 1) == 0 ? EXIT_OK
								: EXIT_TOOL;
}

/* The file that an option names; NULL for an option that names none. */
static const char **file_of(int option, struct command_line *line)
{
	switch (option) {
	case OPTION_JUNIT:
		return &line->junit;
	case OPTION_HTML:
		return &line->html;
	case OPTION_BASELINE:
		return &line->baseline;
	case OPTION_PRIVATE:
		return &line->private;
	default:
		return NULL;
	}
}

/* One option; EXIT_OK to go on. */
static int take_option(int option, struct command_line *line)
{
	const char **file = file_of(option, line);

	if (file != NULL) {
		*file = optarg;
		return EXIT_OK;
	}
	switch (option) {
	case 'x':
		return select_exclude(&line->selection, optarg)
			       ? EXIT_OK
			       : options_complain("too many exclusions at",
						  optarg);
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
	case OPTION_LIST:
		line->list = true;
		return EXIT_OK;
	case OPTION_TIMEOUT:
		return parse_number("--timeout", optarg, 1, 3600,
				    &line->timeout_s);
	case OPTION_TRACE_HASH:
		line->trace_hash = true;
		return EXIT_OK;
	case OPTION_RECORD:
		return take_record(optarg);
	case OPTION_QUIET:
		line->quiet = true;
		return EXIT_OK;
	case OPTION_PUBLIC:
		line->public = true;
		return EXIT_OK;
	case OPTION_RETRIES:
		return parse_number("--retries", optarg, 0, 10, &line->retries);
	case OPTION_HISTORIES:
		return parse_number("--histories", optarg, 1, 100000000,
				    &line->histories);
	case OPTION_SEED:
		return parse_number("--seed", optarg, 0, UINT_MAX, &line->seed);
	case OPTION_DEATHS:
		line->deaths = true;
		return EXIT_OK;
	case OPTION_REFUSALS:
		line->refusals = true;
		return EXIT_OK;
	default:
		return EXIT_USAGE;
	}
}

/* Return: -1 to go on, else an exit status. */
int options_parse(int argc, char **argv, struct command_line *line)
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
			return options_complain("too many ids at",
						argv[optind]);
	}
	return -1;
}
