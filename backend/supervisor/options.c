/* The command line.  See options.h. */
#include "backend/supervisor/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "version.h"

static const char help[] =
	"Usage: xenblkd [OPTION]...\n"
	"Serve virtual disks to Xen guests from files, block devices or "
	"memory.\n"
	"\n"
	"  --config FILE              read settings from FILE (name = value "
	"lines)\n"
	"  --directory NAME           serve backend/NAME of xenstore (vbd)\n"
	"  --worker PATH              the worker program (beside this one)\n"
	"  --control PATH             control socket (/run/xenblk/control)\n"
	"  --metrics WHERE            serve metrics for Prometheus at "
	"unix:/PATH,\n"
	"                             127.0.0.1:PORT or [::1]:PORT (nowhere)\n"
	"  --allow-path PREFIX        images must lie below it; may be "
	"repeated\n"
	"                             (any absolute path)\n"
	"  --direct auto|on|off       O_DIRECT for files and devices (auto)\n"
	"  --staging auto|on|off      I/O through pages of our own, never into "
	"the\n"
	"                             guest's (auto: O_DIRECT in a PV dom0)\n"
	"  --max-queues N             queues that are offered, 1 to 16 (4)\n"
	"  --max-ring-page-order N    ring size that is offered, 0 to 4 (4)\n"
	"  --max-indirect-segments N  of one request that are offered, 0 to "
	"4096\n"
	"                             (256)\n"
	"  --barrier yes|no           write barriers are offered (yes)\n"
	"  --discard yes|no           offered where the image can (yes)\n"
	"  --persistent-grants N      kept mapped per queue, 0 to 1056 (1056)\n"
	"  --poll-us N                spin so long before sleeping, 0 to 50 "
	"(20)\n"
	"  --limit-iops N             requests per second of each disk (0: "
	"any)\n"
	"  --limit-bandwidth N        bytes per second, with K, M, G (0: any)\n"
	"  --limit-burst-ms N         so much of an unused rate is saved up, "
	"10 "
	"to\n"
	"                             8000 (100)\n"
	"  --max-rescues N            new workers for a disk whose worker "
	"died, "
	"per\n"
	"                             minute, 0 to 6000 (10)\n"
	"  --no-sandbox               workers keep privileges and system "
	"calls\n"
	"  --record FILE              record what disks and guests do\n"
	"  --record-bytes N           bound of the recording, with K, M, G "
	"(64M)\n"
	"  --log-level LEVEL          error, warning, info, debug or trace "
	"(info)\n"
	"  --foreground               stay in the foreground\n"
	"  --help                     print this text\n"
	"  --version                  print the version\n"
	"\n"
	"Exit status: 0 stopped by a signal, 2 usage, 4 no xenstore or "
	"another\n"
	"failure of the environment.  See xenblkd(8).\n";

enum {
	OPTION_SETTING = 1,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_CONFIG,
	OPTION_NO_SANDBOX,
	OPTION_FOREGROUND
};

static const struct option options[] = {
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"directory", required_argument, NULL, OPTION_SETTING},
	{"worker", required_argument, NULL, OPTION_SETTING},
	{"control", required_argument, NULL, OPTION_SETTING},
	{"metrics", required_argument, NULL, OPTION_SETTING},
	{"allow-path", required_argument, NULL, OPTION_SETTING},
	{"direct", required_argument, NULL, OPTION_SETTING},
	{"staging", required_argument, NULL, OPTION_SETTING},
	{"max-queues", required_argument, NULL, OPTION_SETTING},
	{"max-ring-page-order", required_argument, NULL, OPTION_SETTING},
	{"max-indirect-segments", required_argument, NULL, OPTION_SETTING},
	{"barrier", required_argument, NULL, OPTION_SETTING},
	{"discard", required_argument, NULL, OPTION_SETTING},
	{"persistent-grants", required_argument, NULL, OPTION_SETTING},
	{"poll-us", required_argument, NULL, OPTION_SETTING},
	{"record", required_argument, NULL, OPTION_SETTING},
	{"record-bytes", required_argument, NULL, OPTION_SETTING},
	{"limit-iops", required_argument, NULL, OPTION_SETTING},
	{"limit-bandwidth", required_argument, NULL, OPTION_SETTING},
	{"limit-burst-ms", required_argument, NULL, OPTION_SETTING},
	{"max-rescues", required_argument, NULL, OPTION_SETTING},
	{"log-level", required_argument, NULL, OPTION_SETTING},
	{"no-sandbox", no_argument, NULL, OPTION_NO_SANDBOX},
	{"foreground", no_argument, NULL, OPTION_FOREGROUND},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

static _Noreturn void usage_error(const char *sentence)
{
	if (sentence != NULL)
		fprintf(stderr, "xenblkd: %s\n", sentence);
	fprintf(stderr, "Try xenblkd --help.\n");
	exit(EXIT_USAGE);
}

/* The file in one pass, what overrides it in the other. */
static void parse(int argc, char **argv, struct conf *conf, bool file_pass)
{
	char error[CONF_ERROR_BYTES];
	int option, index = 0, result = 0;

	optind = 1;
	while ((option = getopt_long(argc, argv, "", options, &index)) != -1) {
		if (option == OPTION_HELP) {
			fputs(help, stdout);
			exit(EXIT_OK);
		} else if (option == OPTION_VERSION) {
			puts("xenblkd " XENBLK_VERSION);
			exit(EXIT_OK);
		} else if (option == '?') {
			usage_error(NULL);
		} else if (option == OPTION_CONFIG && file_pass) {
			result = conf_load(conf, optarg, error);
		} else if (option == OPTION_SETTING && !file_pass) {
			result = conf_set(conf, options[index].name, optarg,
					  error);
		} else if (option == OPTION_NO_SANDBOX && !file_pass) {
			conf->sandbox = false;
		} else if (option == OPTION_FOREGROUND && !file_pass) {
			conf->foreground = true;
		}
		if (result < 0)
			usage_error(error);
	}
	if (optind < argc)
		usage_error("there are no arguments but options");
}

void options_parse(int argc, char **argv, struct conf *conf)
{
	parse(argc, argv, conf, true);
	parse(argc, argv, conf, false);
}
