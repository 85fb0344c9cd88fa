/*
 * xenblk-lab-exec: from dom0, runs a command in a guest that has no network.
 *
 * Reads the command line and ends with the command's status; caller.c speaks
 * with the guest's agent.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/lab/exec/caller.h"
#include "version.h"

static const char usage[] =
	"usage: xenblk-lab-exec DOMID [--timeout S] [--wait S] [--fd3] -- "
	"COMMAND ARG...\n"
	"Runs COMMAND in the guest, through its xenblk-lab-agent and "
	"xenstore.\n"
	"  --timeout S  kill it after so many seconds, and end with 124\n"
	"  --wait S     how long the agent may take to answer (30)\n"
	"  --fd3        descriptor 3 here is the command's descriptor 3, both "
	"ways\n"
	"Exit status: the command's own, 128 + N when signal N killed it; 124 "
	"time-out,\n125 the guest has no agent, or this command is not "
	"understood, 126 the guest is gone.\n";

static int complain(const char *what, const char *value)
{
	fprintf(stderr, "xenblk-lab-exec: %s \"%s\"; see --help\n", what,
		value);
	return CALLER_NO_AGENT;
}

static bool take_number(const char *text, unsigned int *number)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	*number = (unsigned int)value;
	return *text >= '0' && *text <= '9' && *end == '\0' && value <= 86400;
}

/* Return: -1 to go on, else an exit status. */
static int take_options(int argc, char **argv, struct call *call)
{
	static const struct option options[] = {
		{"timeout", required_argument, NULL, 't'},
		{"wait", required_argument, NULL, 'w'},
		{"fd3", no_argument, NULL, '3'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (option == 'h')
			return fputs(usage, stdout) < 0;
		if (option == 'v')
			return puts("xenblk-lab-exec " XENBLK_VERSION) < 0;
		if (option == '3')
			call->with_link = true;
		else if (option == 't' &&
			 !take_number(optarg, &call->timeout_s))
			return complain("--timeout takes seconds, not", optarg);
		else if (option == 'w' && !take_number(optarg, &call->wait_s))
			return complain("--wait takes seconds, not", optarg);
		else if (option == '?')
			return CALLER_NO_AGENT;
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct call call = {.wait_s = 30};
	int status = take_options(argc, argv, &call);

	if (status >= 0)
		return status;
	if (optind >= argc)
		return complain("no guest is named before", "--");
	if (!take_number(argv[optind], &call.domid) || call.domid > 0x7fef)
		return complain("a guest is a number, not", argv[optind]);
	argv += optind;
	argc -= optind;
	optind = 0; /* from the start: options may follow the guest's number */
	status = take_options(argc, argv, &call);
	if (status >= 0)
		return status;
	if (optind >= argc)
		return complain("no command follows", "--");
	call.words = argv + optind;
	return caller_run(&call);
}
