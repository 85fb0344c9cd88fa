/*
 * xenblk-lab-probe: command line, findings, output.  See probe.h.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conformance/lab/probe/probe.h"
#include "conformance/targets/program.h"
#include "sim/contract/peer.h"
#include "version.h"

#define ROUNDS_MIN 5u

enum {
	STATUS_OK = 0,
	STATUS_USAGE = 2,
	STATUS_FAILED = 4
};

static const char usage[] =
	"usage: xenblk-lab-probe [--guest DOMID] [--json] [--only KIND] [--dir "
	"DIR]\n"
	"                        [--budget MS] [--most N]\n"
	"Finds out what grants and event channels cost and allow on this Xen, "
	"in dom0\nwith a peer (sim-contract) in a guest.\n"
	"  --guest DOMID  reached by xenblk-lab-exec; without it the "
	"simulator's guest 1,\n                 or what sim-contract's "
	"variables say\n"
	"  --only KIND    costs, threads, limits, events or io\n"
	"  --dir DIR      for a file that is read into granted pages "
	"(/var/tmp)\n"
	"  --budget MS    how long one measurement goes on (300)\n"
	"  --most N       where the search for limits ends (16384)\n"
	"Exit status: 0, also for what does not work here; 2 usage; 4 no "
	"peer.\n";

static const struct {
	const char *name;
	void (*run)(struct probe *probe);
} kinds[] = {
	{"costs", probe_costs},	  {"threads", probe_threads},
	{"limits", probe_limits}, {"events", probe_events},
	{"io", probe_io},
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

/* --- findings --- */

void probe_number(struct probe *probe, const char *id, double value,
		  const char *unit)
{
	if (probe->text)
		printf("%-40s %14.1f %s\n", id, value, unit);
	fflush(stdout);
	json_array_append_new(probe->findings,
			      json_pack("{s:s, s:f, s:s}", "id", id, "value",
					value, "unit", unit));
}

void probe_word(struct probe *probe, const char *id, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (probe->text)
		printf("%-40s %s\n", id, text);
	fflush(stdout);
	json_array_append_new(probe->findings, json_pack("{s:s, s:s}", "id", id,
							 "finding", text));
}

/* --- what the kinds share --- */

double probe_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double probe_middle(double *values, unsigned int count)
{
	qsort(values, count, sizeof(*values), by_value);
	return values[count / 2];
}

double probe_median(struct probe *probe, int (*step)(void *context),
		    void *context)
{
	double took[PROBE_ROUNDS], begin = probe_now(), start;
	double end = begin + (double)probe->budget_ms * 1e6;
	unsigned int rounds = 0;

	while (rounds < PROBE_ROUNDS &&
	       (rounds < ROUNDS_MIN || probe_now() < end)) {
		start = probe_now();
		if (step(context) != 0)
			return -1;
		took[rounds++] = probe_now() - start;
	}
	return probe_middle(took, rounds);
}

int probe_share(struct probe *probe, unsigned int count)
{
	while (probe->refs < count) {
		int share = peer_share(&probe->contract, CONTRACT_REFS, false,
				       &probe->ref[probe->refs]);

		if (share < 0)
			return share;
		probe->refs += CONTRACT_REFS;
	}
	return 0;
}

/* --- the command line --- */

enum {
	OPTION_GUEST = 256,
	OPTION_JSON,
	OPTION_ONLY,
	OPTION_DIR,
	OPTION_BUDGET,
	OPTION_MOST,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option options[] = {
	{"guest", required_argument, NULL, OPTION_GUEST},
	{"json", no_argument, NULL, OPTION_JSON},
	{"only", required_argument, NULL, OPTION_ONLY},
	{"dir", required_argument, NULL, OPTION_DIR},
	{"budget", required_argument, NULL, OPTION_BUDGET},
	{"most", required_argument, NULL, OPTION_MOST},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{0},
};

struct command_line {
	const char *guest, *only;
};

static int complain(const char *what, const char *value)
{
	fprintf(stderr, "xenblk-lab-probe: %s \"%s\"; see --help\n", what,
		value);
	return STATUS_USAGE;
}

static bool take_number(const char *text, unsigned int max,
			unsigned int *number)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	*number = (unsigned int)value;
	return *text >= '0' && *text <= '9' && *end == '\0' && value > 0 &&
	       value <= max;
}

static bool kind_exists(const char *name)
{
	for (unsigned int i = 0; i < KINDS; i++) {
		if (strcmp(kinds[i].name, name) == 0)
			return true;
	}
	return false;
}

static int take_option(int option, struct probe *probe,
		       struct command_line *line)
{
	unsigned int domid;

	switch (option) {
	case OPTION_GUEST:
		line->guest = optarg;
		return take_number(optarg, 0x7fef, &domid)
			       ? STATUS_OK
			       : complain("a guest is a number, not", optarg);
	case OPTION_JSON:
		probe->text = false;
		return STATUS_OK;
	case OPTION_ONLY:
		line->only = optarg;
		return kind_exists(optarg)
			       ? STATUS_OK
			       : complain("there is no kind", optarg);
	case OPTION_DIR:
		probe->directory = optarg;
		return STATUS_OK;
	case OPTION_BUDGET:
		return take_number(optarg, 60000, &probe->budget_ms)
			       ? STATUS_OK
			       : complain("--budget takes 1 to 60000, not",
					  optarg);
	case OPTION_MOST:
		return take_number(optarg, 1u << 20, &probe->most)
			       ? STATUS_OK
			       : complain("--most takes 1 to 1048576, not",
					  optarg);
	default:
		return STATUS_USAGE;
	}
}

/* Return: -1 to go on, else an exit status. */
static int parse(int argc, char **argv, struct probe *probe,
		 struct command_line *line)
{
	int option, status = STATUS_OK;

	while (status == STATUS_OK &&
	       (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == OPTION_HELP)
			return fputs(usage, stdout) < 0;
		if (option == OPTION_VERSION)
			return puts("xenblk-lab-probe " XENBLK_VERSION) < 0;
		status = take_option(option, probe, line);
	}
	if (status == STATUS_OK && optind < argc)
		status = complain("what is", argv[optind]);
	return status == STATUS_OK ? -1 : status;
}

/* The peer is sim-contract's: what it is called where it runs, and how to get
 * there. */
static void name_peer(const struct command_line *line)
{
	char path[4096], command[64];

	program_beside("sim-contract", path, sizeof(path));
	if (line->guest != NULL) {
		snprintf(command, sizeof(command),
			 "xenblk-lab-exec %s --fd3 --", line->guest);
		setenv("CONTRACT_PEER", line->guest, 1);
		setenv("CONTRACT_GUEST", command, 0);
		snprintf(path, sizeof(path), "sim-contract");
	}
	setenv("CONTRACT_PEER_PROGRAM", path, 0);
}

static int begin(struct probe *probe)
{
	struct contract *c = &probe->contract;
	int result = transport_begin(c);

	if (result == 0)
		result = peer_restart(c);
	if (result != 0) {
		fprintf(stderr,
			"xenblk-lab-probe: no peer answers in guest %u: %s\n",
			c->peer, strerror(-result));
		return result;
	}
	c->gnttab = xengnttab_open(NULL, 0);
	c->evtchn = xenevtchn_open(NULL, 0);
	if (c->gnttab != NULL && c->evtchn != NULL)
		return 0;
	fprintf(stderr,
		"xenblk-lab-probe: /dev/xen/gntdev or evtchn cannot be opened: "
		"%s\n",
		strerror(errno));
	return -errno;
}

static int print_json(const struct probe *probe)
{
	json_t *document =
		json_pack("{s:i, s:O}", "guest", (int)probe->contract.peer,
			  "findings", probe->findings);
	int result = json_dumpf(document, stdout, JSON_INDENT(1));

	json_decref(document);
	return result != 0 || putchar('\n') == EOF ? STATUS_FAILED : STATUS_OK;
}

int main(int argc, char **argv)
{
	struct probe probe = {.text = true,
			      .directory = "/var/tmp",
			      .budget_ms = 300,
			      .most = 16384};
	struct command_line line = {0};
	int status = parse(argc, argv, &probe, &line);

	if (status >= 0)
		return status;
	name_peer(&line);
	probe.findings = json_array();
	if (begin(&probe) != 0) {
		json_decref(probe.findings);
		return STATUS_FAILED;
	}
	for (unsigned int i = 0; i < KINDS; i++) {
		if (line.only == NULL || strcmp(line.only, kinds[i].name) == 0)
			kinds[i].run(&probe);
	}
	status = probe.text ? STATUS_OK : print_json(&probe);
	xengnttab_close(probe.contract.gnttab);
	xenevtchn_close(probe.contract.evtchn);
	transport_end();
	json_decref(probe.findings);
	return status;
}
