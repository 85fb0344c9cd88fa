/*
 * The words of xenblk-front's command line.
 *
 * Called once by main.c, before anything is opened.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/command.h"
#include "frontend/values.h"
#include "version.h"

static const char help[] =
	"Usage: xenblk-front [OPTION]... COMMAND [FILE]\n"
	"\n"
	"Connects to a Xen virtual disk as a guest does, over the Xen "
	"libraries: in a\n"
	"guest, or in a simulated one (xenblk-sim guest N -- xenblk-front "
	"...).\n"
	"\n"
	"Commands\n"
	"  info             connect, print what was offered and agreed\n"
	"  read             the disk, or a part of it, to --output or standard "
	"output\n"
	"  copy-out FILE    the whole disk to a file with holes where it is "
	"zero\n"
	"  write            --input FILE to the disk\n"
	"  verify FILE      compare the disk with a file\n"
	"  discard          give up the disk, or a part of it\n"
	"  load             keep requests in flight, measure, check the data\n"
	"  personalities    list the kinds of guest\n"
	"\n"
	"Connection\n"
	"  --devid NAME     the disk: xvda ... or its number (default xvda)\n"
	"  --domid N        our own domain (default: what xenstore says)\n"
	"  --personality NAME   kind of guest (default linux)\n"
	"  --queues N       rings to ask for\n"
	"  --ring-order N   log2 of a ring's pages, 0 to 4\n"
	"  --persistent yes|no  offer to keep grants mapped\n"
	"  --protocol NAME  x86_64-abi, x86_32-abi, or none for no such node\n"
	"  --timeout S      for each step of the connection (default 10)\n"
	"  --hold           stay connected until a signal\n"
	"  --json           one JSON document on standard output\n"
	"\n"
	"read, write, verify, discard\n"
	"  --offset BYTES --length BYTES   a part (multiples of 512; k, M, G "
	"allowed)\n"
	"  --input FILE --output FILE\n"
	"\n"
	"load\n"
	"  --depth N        requests in flight per queue (default 32)\n"
	"  --block-size B   bytes per request, or a mix: 4k:70,16k:20,44k:10\n"
	"  --write PERCENT  share of writes (default 0)\n"
	"  --flush PERCENT --barrier PERCENT --discard PERCENT\n"
	"                   shares of these, before reads and writes have "
	"theirs\n"
	"  --sequential     in order; else at random\n"
	"  --region-start BYTES --region BYTES   use this part only\n"
	"  --seconds S      duration (default 5 when --operations is not "
	"given)\n"
	"  --operations N   so many requests\n"
	"  --load-queues N  use only so many of the queues\n"
	"  --verify         writes carry patterns, reads are compared\n"
	"  --expect N       every sector holds generation N of --seed already\n"
	"  --seed N         of positions and patterns\n"
	"  --spin US|always look at the ring so long before sleeping (default "
	"0)\n"
	"  --event-after N  ask for an event after N responses (default 1)\n"
	"  --cpus LIST      pin the queues' threads, e.g. 0,1\n"
	"\n"
	"Exit codes: 0 well; 1 a check failed; 2 usage; 4 no connection or no "
	"file.\n";

enum {
	OPT_HELP = 256,
	OPT_VERSION,
	OPT_DEVID,
	OPT_DOMID,
	OPT_PERSONALITY,
	OPT_QUEUES,
	OPT_RING_ORDER,
	OPT_PERSISTENT,
	OPT_PROTOCOL,
	OPT_TIMEOUT,
	OPT_HOLD,
	OPT_JSON,
	OPT_OFFSET,
	OPT_LENGTH,
	OPT_INPUT,
	OPT_OUTPUT,
	OPT_DEPTH,
	OPT_BLOCK_SIZE,
	OPT_WRITE,
	OPT_SEQUENTIAL,
	OPT_REGION_START,
	OPT_REGION,
	OPT_SECONDS,
	OPT_OPERATIONS,
	OPT_LOAD_QUEUES,
	OPT_FLUSH,
	OPT_BARRIER,
	OPT_DISCARD,
	OPT_VERIFY,
	OPT_EXPECT,
	OPT_SEED,
	OPT_SPIN,
	OPT_EVENT_AFTER,
	OPT_CPUS,
};

static const struct option words[] = {
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{"devid", required_argument, NULL, OPT_DEVID},
	{"domid", required_argument, NULL, OPT_DOMID},
	{"personality", required_argument, NULL, OPT_PERSONALITY},
	{"queues", required_argument, NULL, OPT_QUEUES},
	{"ring-order", required_argument, NULL, OPT_RING_ORDER},
	{"persistent", required_argument, NULL, OPT_PERSISTENT},
	{"protocol", required_argument, NULL, OPT_PROTOCOL},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"hold", no_argument, NULL, OPT_HOLD},
	{"json", no_argument, NULL, OPT_JSON},
	{"offset", required_argument, NULL, OPT_OFFSET},
	{"length", required_argument, NULL, OPT_LENGTH},
	{"input", required_argument, NULL, OPT_INPUT},
	{"output", required_argument, NULL, OPT_OUTPUT},
	{"depth", required_argument, NULL, OPT_DEPTH},
	{"block-size", required_argument, NULL, OPT_BLOCK_SIZE},
	{"write", required_argument, NULL, OPT_WRITE},
	{"flush", required_argument, NULL, OPT_FLUSH},
	{"barrier", required_argument, NULL, OPT_BARRIER},
	{"discard", required_argument, NULL, OPT_DISCARD},
	{"sequential", no_argument, NULL, OPT_SEQUENTIAL},
	{"region-start", required_argument, NULL, OPT_REGION_START},
	{"region", required_argument, NULL, OPT_REGION},
	{"seconds", required_argument, NULL, OPT_SECONDS},
	{"operations", required_argument, NULL, OPT_OPERATIONS},
	{"load-queues", required_argument, NULL, OPT_LOAD_QUEUES},
	{"verify", no_argument, NULL, OPT_VERIFY},
	{"expect", required_argument, NULL, OPT_EXPECT},
	{"seed", required_argument, NULL, OPT_SEED},
	{"spin", required_argument, NULL, OPT_SPIN},
	{"event-after", required_argument, NULL, OPT_EVENT_AFTER},
	{"cpus", required_argument, NULL, OPT_CPUS},
	{NULL, 0, NULL, 0},
};

static int devid_option(struct command_options *o)
{
	if (front_devid(optarg, &o->devid))
		return values_refuse("devid", optarg,
				     "neither xvdX nor a number");
	return 0;
}

static int mix_option(struct load_options *load)
{
	char *at = optarg;

	load->sizes = 0;
	while (load->sizes < LOAD_MAX_SIZES) {
		struct load_size *size = &load->size[load->sizes];
		uint64_t bytes = 0, weight = 1;

		if (values_parse_size(at, &at, &bytes) ||
		    bytes > LOAD_MAX_BLOCK_BYTES)
			break;
		if (*at == ':' && values_parse_size(at + 1, &at, &weight))
			break;
		size->bytes = (uint32_t)bytes;
		size->weight = (uint32_t)(weight & 0xffff);
		load->sizes++;
		if (!*at)
			return 0;
		if (*at++ != ',')
			break;
	}
	return values_refuse(
		"block-size", optarg,
		"not a size up to 44k, nor a mix such as 4k:70,16k:30");
}

static int cpus_option(struct command_options *o)
{
	char *at = optarg;

	for (o->load.cpu_count = 0; o->load.cpu_count < COMMAND_MAX_CPUS;) {
		long cpu = strtol(at, &at, 10);

		if (cpu < 0 || cpu > 1023)
			break;
		o->cpus[o->load.cpu_count++] = (int)cpu;
		if (!*at) {
			o->load.cpus = o->cpus;
			return 0;
		}
		if (*at++ != ',')
			break;
	}
	return values_refuse("cpus", optarg,
			     "not a list of processors such as 0,1");
}

static int persistent_option(struct command_options *o)
{
	o->personality.persistent = !strcmp(optarg, "yes");
	if (!o->personality.persistent && strcmp(optarg, "no"))
		return values_refuse("persistent", optarg,
				     "neither yes nor no");
	return 0;
}

static int spin_option(struct command_options *o)
{
	int err;

	if (!strcmp(optarg, "always")) {
		o->load.spin_ns = UINT64_MAX;
		return 0;
	}
	err = values_number("spin", 1000000, &o->load.spin_ns);
	o->load.spin_ns *= 1000;
	return err;
}

static int seconds_option(struct command_options *o)
{
	char *end;

	o->load.seconds = strtod(optarg, &end);
	if (*end || end == optarg || !(o->load.seconds > 0) ||
	    o->load.seconds > 1e6)
		return values_refuse("seconds", optarg,
				     "not a time in seconds");
	return 0;
}

/* Personalities are chosen first: the other words change a part of them. */
static int personality_option(struct command_options *o, const char *name)
{
	const struct front_personality *found = front_personality(name);

	if (!found)
		return values_refuse(
			"personality", name,
			"unknown; xenblk-front personalities lists them");
	o->personality = *found;
	return 0;
}

static int connection_option(int word, struct command_options *o)
{
	uint64_t number = 0;
	int err;

	switch (word) {
	case OPT_DEVID:
		return devid_option(o);
	case OPT_DOMID:
		err = values_number("domid", 32751, &number);
		o->domid = (int64_t)number;
		return err;
	case OPT_QUEUES:
		return values_small("queues", FRONT_MAX_QUEUES,
				    &o->personality.queues);
	case OPT_RING_ORDER:
		return values_small("ring-order", 4,
				    &o->personality.ring_order);
	case OPT_PERSISTENT:
		return persistent_option(o);
	case OPT_PROTOCOL:
		o->personality.protocol =
			strcmp(optarg, "none") ? optarg : NULL;
		return 0;
	case OPT_TIMEOUT:
		return values_small("timeout", 3600, &o->timeout_s);
	default:
		return 1;
	}
}

static int data_option(int word, struct command_options *o)
{
	switch (word) {
	case OPT_HOLD:
		o->hold = true;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_OFFSET:
		return values_sectors("offset", &o->offset);
	case OPT_LENGTH:
		return values_sectors("length", &o->length);
	case OPT_INPUT:
		o->input = optarg;
		return 0;
	case OPT_OUTPUT:
		o->output = optarg;
		return 0;
	default:
		return 1;
	}
}

static int region_option(int word, struct load_options *load)
{
	uint64_t bytes = 0;
	int err;

	switch (word) {
	case OPT_REGION_START:
		err = values_sectors("region-start", &bytes);
		load->region_start = bytes / 512;
		return err;
	case OPT_REGION:
		err = values_sectors("region", &bytes);
		load->region_sectors = bytes / 512;
		return err;
	case OPT_BLOCK_SIZE:
		return mix_option(load);
	case OPT_EXPECT:
		return values_small("expect", LOAD_MAX_GENERATION,
				    &load->expect);
	case OPT_SEED:
		return values_number("seed", UINT64_MAX, &load->seed);
	default:
		return 1;
	}
}

static int load_option(int word, struct command_options *o)
{
	struct load_options *load = &o->load;

	switch (word) {
	case OPT_DEPTH:
		return values_small("depth", LOAD_MAX_DEPTH, &load->depth);
	case OPT_WRITE:
		return values_small("write", 100, &load->write_percent);
	case OPT_FLUSH:
		return values_small("flush", 100, &load->flush_percent);
	case OPT_BARRIER:
		return values_small("barrier", 100, &load->barrier_percent);
	case OPT_DISCARD:
		return values_small("discard", 100, &load->discard_percent);
	case OPT_SEQUENTIAL:
		load->sequential = true;
		return 0;
	case OPT_SECONDS:
		return seconds_option(o);
	case OPT_OPERATIONS:
		return values_number("operations", UINT64_MAX,
				     &load->operations);
	case OPT_LOAD_QUEUES:
		return values_small("load-queues", FRONT_MAX_QUEUES,
				    &load->queues);
	case OPT_VERIFY:
		load->verify = true;
		return 0;
	case OPT_SPIN:
		return spin_option(o);
	case OPT_EVENT_AFTER:
		return values_small("event-after", LOAD_MAX_DEPTH,
				    &load->event_after);
	case OPT_CPUS:
		return cpus_option(o);
	default:
		return region_option(word, load);
	}
}

static int parse_words(int argc, char **argv, struct command_options *o)
{
	int word, err = 0;

	optind = 1;
	while (err <= 0 &&
	       (word = getopt_long(argc, argv, "", words, NULL)) != -1) {
		if (word == '?')
			return -EINVAL;
		err = connection_option(word, o);
		if (err > 0)
			err = data_option(word, o);
		if (err > 0)
			err = load_option(word, o);
		/* The first pass dealt with what is left. */
		if (err < 0)
			return err;
		err = 0;
	}
	return 0;
}

/* --help, --version and --personality, wherever they stand. */
static int parse_first(int argc, char **argv, struct command_options *o)
{
	int word;

	opterr = 0;
	while ((word = getopt_long(argc, argv, "", words, NULL)) != -1) {
		if (word == OPT_HELP) {
			fputs(help, stdout);
			return EXIT_OKAY;
		}
		if (word == OPT_VERSION) {
			puts("xenblk-front " XENBLK_VERSION);
			return EXIT_OKAY;
		}
		if (word == OPT_PERSONALITY && personality_option(o, optarg))
			return EXIT_USAGE;
	}
	opterr = 1;
	return -1;
}

int command_parse(int argc, char **argv, struct command_options *o)
{
	int end;

	*o = (struct command_options){
		.domid = -1,
		.devid = 51712,
		.personality = *front_personality("linux"),
		.timeout_s = 10,
	};
	end = parse_first(argc, argv, o);
	if (end >= 0)
		return end;
	if (parse_words(argc, argv, o))
		return EXIT_USAGE;
	if (optind == argc || argc - optind > 2) {
		fprintf(stderr, "xenblk-front: one command and at most one "
				"file; see xenblk-front --help\n");
		return EXIT_USAGE;
	}
	o->command = argv[optind];
	o->operand = argv[optind + 1];
	if (!o->load.operations && o->load.seconds <= 0)
		o->load.seconds = 5;
	return -1;
}
