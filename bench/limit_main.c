/*
 * xenblk-bench-ring: the command line of limit.h.  Started by xenblk-bench;
 * prints one JSON object.
 */
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/limit.h"
#include "version.h"

#define MAX_PAGES 16u
#define MAX_DEPTH 512u

static const char *const mode_names[] = {"event", "spin", "single"};
_Static_assert(sizeof(mode_names) / sizeof(mode_names[0]) == LIMIT_MODE_COUNT,
	       "every mode has a name");

static double percentile_us(const struct limit_figures *figures,
			    unsigned int per_mille)
{
	return (double)latency_percentile(&figures->latency, per_mille) / 1e3;
}

static void report(const struct limit_options *options,
		   const struct limit_figures *figures)
{
	double n = (double)figures->requests;

	printf("{\"mode\": \"%s\", \"depth\": %u, \"requests\": %" PRIu64
	       ", \"seconds\": %.4f, \"iops\": %.0f, "
	       "\"cpu_us_per_io\": %.5f, \"syscalls_per_io\": %.5f, "
	       "\"p50_us\": %.3f, \"p99_us\": %.3f, \"p999_us\": %.3f}\n",
	       mode_names[options->mode], options->depth, figures->requests,
	       (double)figures->elapsed_ns / 1e9,
	       n * 1e9 / (double)figures->elapsed_ns,
	       (double)figures->back_cpu_ns / 1e3 / n,
	       (double)figures->back_calls / n, percentile_us(figures, 500),
	       percentile_us(figures, 990), percentile_us(figures, 999));
}

static const char usage[] =
	"usage: xenblk-bench-ring [--mode event|spin|single] [--depth N]\n"
	"           [--pages N] [--seconds S] [--front-cpu N] [--back-cpu N]\n"
	"\n"
	"What a blkif ring does in memory when nobody does any work, as one\n"
	"JSON object.  xenblk-bench runs it; see xenblk-bench(1).\n";

static _Noreturn void refuse(const char *option, const char *value,
			     const char *allowed)
{
	fprintf(stderr, "xenblk-bench-ring: --%s %s: must be %s; see --help\n",
		option, value, allowed);
	exit(2);
}

static unsigned int parse_number(const char *option, const char *text,
				 unsigned int most)
{
	char allowed[64];
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value > most) {
		snprintf(allowed, sizeof(allowed), "a number up to %u", most);
		refuse(option, text, allowed);
	}
	return (unsigned int)value;
}

static enum limit_mode parse_mode(const char *text)
{
	for (unsigned int i = 0; i < LIMIT_MODE_COUNT; i++)
		if (!strcmp(text, mode_names[i]))
			return (enum limit_mode)i;
	refuse("mode", text, "event, spin or single");
}

static double parse_seconds(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value > 0) || value > 3600)
		refuse("seconds", text, "more than 0 and up to 3600");
	return value;
}

static void parse_option(struct limit_options *options, int option)
{
	switch (option) {
	case 'm':
		options->mode = parse_mode(optarg);
		break;
	case 'd':
		options->depth = parse_number("depth", optarg, MAX_DEPTH);
		break;
	case 'p':
		options->pages = parse_number("pages", optarg, MAX_PAGES);
		break;
	case 's':
		options->seconds = parse_seconds(optarg);
		break;
	case 'f':
		options->front_cpu =
			(int)parse_number("front-cpu", optarg, CPU_SETSIZE - 1);
		break;
	case 'b':
		options->back_cpu =
			(int)parse_number("back-cpu", optarg, CPU_SETSIZE - 1);
		break;
	case 'V':
		puts("xenblk-bench-ring " XENBLK_VERSION);
		exit(0);
	case 'h':
		fputs(usage, stdout);
		exit(0);
	default:
		fputs(usage, stderr);
		exit(2);
	}
}

static void parse(struct limit_options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{"mode", required_argument, NULL, 'm'},
		{"depth", required_argument, NULL, 'd'},
		{"pages", required_argument, NULL, 'p'},
		{"seconds", required_argument, NULL, 's'},
		{"front-cpu", required_argument, NULL, 'f'},
		{"back-cpu", required_argument, NULL, 'b'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1)
		parse_option(options, option);
	if (optind < argc)
		parse_option(options, '?');
	if (options->pages == 0 || (options->pages & (options->pages - 1)))
		refuse("pages", "(as given)", "a power of two up to 16");
	if (options->depth == 0 || options->depth > limit_slots(options->pages))
		refuse("depth", "(as given)",
		       "1 up to the slots of the ring (32 per page)");
}

int main(int argc, char **argv)
{
	static struct limit_figures figures;
	struct limit_options options = {
		.mode = LIMIT_MODE_EVENT,
		.depth = 32,
		.pages = 1,
		.seconds = 1,
		.front_cpu = -1,
		.back_cpu = -1,
	};

	parse(&options, argc, argv);
	limit_run(&options, &figures);
	report(&options, &figures);
	return 0;
}
