/*
 * xenblk-lab-disk: verified I/O on a block device, in a guest of the laboratory.
 *
 * Reads the command line, opens the device past the page cache, prints what
 * load.c found.  Needs no Xen library: it is an ordinary program on an ordinary
 * disk, whatever serves it.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conformance/lab/guest/load.h"
#include "version.h"

enum {
	ENDED_WELL = 0,
	ENDED_WRONG = 1,
	ENDED_USAGE = 2,
	ENDED_NO_DISK = 4
};

static const char usage[] =
	"usage: xenblk-lab-disk load DEVICE [options]\n"
	"       xenblk-lab-disk stamp|check DEVICE [--region-mib M] [--seed "
	"S]\n"
	"\n"
	"load   random reads and writes of random sizes; every sector that "
	"was\n"
	"       written is known and judged whenever it is read, and all are "
	"read\n"
	"       again at the end\n"
	"stamp  writes a pattern over the region; check compares it later\n"
	"\n"
	"  --seconds N       how long (default 5, without --requests)\n"
	"  --requests N      so many instead\n"
	"  --threads N       requests at the same time (default 4)\n"
	"  --sizes MIN..MAX  of requests, k and M allowed (default 512..1M)\n"
	"  --write PERCENT   share of writes (default 50)\n"
	"  --flush-every N   a thread flushes after so many writes (default "
	"never)\n"
	"  --region-mib M    use the first M MiB (default: all of it, at most "
	"64)\n"
	"  --seed S          of places, sizes and contents (default 1; load: "
	"a\n"
	"                    new one each time, which the result names)\n"
	"  --json            one JSON object\n"
	"\n"
	"Exit status: 0 all right, 1 an error or a wrong byte, 2 usage, 4 no "
	"such\n"
	"device.\n";

struct command {
	const char *verb;
	const char *device;
	bool json;
	uint64_t region_mib;
	struct load_options load;
};

static _Noreturn void refuse(const char *what, const char *value)
{
	fprintf(stderr, "xenblk-lab-disk: %s '%s'; see --help.\n", what, value);
	exit(ENDED_USAGE);
}

static uint64_t number(const char *text, const char *what, uint64_t most)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (*end == 'k')
		value <<= 10, end++;
	else if (*end == 'M')
		value <<= 20, end++;
	if (errno != 0 || end == text || *end != '\0' || *text == '-' ||
	    value > most)
		refuse(what, text);
	return value;
}

static void read_sizes(struct load_options *load, const char *text)
{
	char first[32];
	const char *dots = strstr(text, "..");
	size_t length = dots ? (size_t)(dots - text) : 0;

	if (length == 0 || length >= sizeof(first))
		refuse("--sizes takes MIN..MAX, not", text);
	memcpy(first, text, length);
	first[length] = '\0';
	load->bytes_min =
		(uint32_t)number(first, "not a size:", LOAD_BYTES_MAX);
	load->bytes_max =
		(uint32_t)number(dots + 2, "not a size:", LOAD_BYTES_MAX);
	if (load->bytes_min < SECTOR_BYTES ||
	    load->bytes_min % SECTOR_BYTES != 0 ||
	    load->bytes_max % SECTOR_BYTES != 0 ||
	    load->bytes_max < load->bytes_min)
		refuse("--sizes takes multiples of 512 in order, not", text);
}

static void read_option(struct command *c, int option)
{
	struct load_options *load = &c->load;

	switch (option) {
	case 's':
		load->seconds = (double)number(optarg, "not seconds:", 86400);
		break;
	case 'r':
		load->requests =
			number(optarg, "not a number of requests:", INT64_MAX);
		break;
	case 't':
		load->threads = (unsigned int)number(
			optarg,
			"not a number of threads (1 to 64):", LOAD_THREADS_MAX);
		if (load->threads == 0)
			refuse("not a number of threads (1 to 64):", optarg);
		break;
	case 'z':
		read_sizes(load, optarg);
		break;
	case 'w':
		load->write_percent =
			(unsigned int)number(optarg, "not a percentage:", 100);
		break;
	case 'f':
		load->flush_every = (unsigned int)number(
			optarg, "not a number of writes:", INT32_MAX);
		break;
	case 'm':
		c->region_mib = number(optarg, "not a size in MiB:", 1u << 20);
		break;
	case 'e':
		load->seed = number(optarg, "not a seed:", INT64_MAX);
		break;
	default:
		c->json = true;
	}
}

static void read_command(struct command *c, int argc, char **argv)
{
	static const struct option options[] = {
		{"seconds", required_argument, NULL, 's'},
		{"requests", required_argument, NULL, 'r'},
		{"threads", required_argument, NULL, 't'},
		{"sizes", required_argument, NULL, 'z'},
		{"write", required_argument, NULL, 'w'},
		{"flush-every", required_argument, NULL, 'f'},
		{"region-mib", required_argument, NULL, 'm'},
		{"seed", required_argument, NULL, 'e'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			exit(ENDED_WELL);
		}
		if (option == 'V') {
			puts("xenblk-lab-disk " XENBLK_VERSION);
			exit(ENDED_WELL);
		}
		if (option == '?')
			exit(ENDED_USAGE);
		read_option(c, option);
	}
	if (argc - optind != 2) {
		fputs(usage, stderr);
		exit(ENDED_USAGE);
	}
	c->verb = argv[optind];
	c->device = argv[optind + 1];
	if (strcmp(c->verb, "load") != 0 && strcmp(c->verb, "stamp") != 0 &&
	    strcmp(c->verb, "check") != 0)
		refuse("there is load, stamp and check, not", c->verb);
}

/* What an earlier run left must not pass for this one's. */
static void choose_seed(struct command *c)
{
	uint32_t seed = 1;

	if (c->load.seed != 0)
		return;
	if (strcmp(c->verb, "load") == 0 &&
	    getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = (uint32_t)getpid();
	c->load.seed = seed == 0 ? 2 : seed;
}

static _Noreturn void no_disk(const struct command *c, const char *why)
{
	fprintf(stderr, "xenblk-lab-disk: %s: %s\n", c->device, why);
	exit(ENDED_NO_DISK);
}

/* Some file systems of tests know no O_DIRECT; a device always does. */
static void open_disk(struct command *c)
{
	struct stat status;
	uint64_t bytes;
	int unit = SECTOR_BYTES;

	c->load.fd = open(c->device, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (c->load.fd < 0 && errno == EINVAL)
		c->load.fd = open(c->device, O_RDWR | O_CLOEXEC);
	if (c->load.fd < 0 || fstat(c->load.fd, &status) != 0)
		no_disk(c, strerror(errno));
	bytes = (uint64_t)status.st_size;
	if (S_ISBLK(status.st_mode) &&
	    (ioctl(c->load.fd, BLKGETSIZE64, &bytes) != 0 ||
	     ioctl(c->load.fd, BLKSSZGET, &unit) != 0))
		no_disk(c, strerror(errno));
	c->load.unit_bytes = (uint32_t)unit;
	c->load.region_bytes = c->region_mib << 20;
	if (c->load.region_bytes == 0)
		c->load.region_bytes = bytes < 64u << 20 ? bytes : 64u << 20;
	if (c->load.region_bytes > bytes)
		no_disk(c, "it is smaller than --region-mib");
}

static void fit_sizes(const struct command *c, struct load_options *load)
{
	uint64_t part = load->region_bytes / load->threads;

	load->bytes_min += load->unit_bytes - 1;
	load->bytes_min -= load->bytes_min % load->unit_bytes;
	load->bytes_max -= load->bytes_max % load->unit_bytes;
	if (load->bytes_max < load->bytes_min)
		no_disk(c, "its blocks are larger than the largest of --sizes");
	if (part < load->bytes_max)
		no_disk(c, "its region is too small for so many threads");
}

static void print_json(const struct load_result *r, uint64_t seed)
{
	printf("{\"seed\": %" PRIu64 ", \"reads\": %" PRIu64
	       ", \"writes\": %" PRIu64 ", \"flushes\": %" PRIu64
	       ", \"read_bytes\": %" PRIu64 ", \"written_bytes\": %" PRIu64
	       ", \"verified_sectors\": %" PRIu64 ", \"errors\": %" PRIu64
	       ", \"io_errors\": %" PRIu64,
	       seed, r->reads, r->writes, r->flushes, r->read_bytes,
	       r->written_bytes, r->verified_sectors, load_errors(r),
	       r->io_errors);
	for (unsigned int i = SECTOR_RIGHT + 1; i < SECTOR_VERDICTS; i++)
		printf(", \"%s\": %" PRIu64, sector_verdict_name(i),
		       r->wrong[i]);
	printf(", \"first_error\": \"%s\", \"longest_ms\": %.1f, "
	       "\"seconds\": %.3f}\n",
	       r->first_error, r->longest_ms, r->seconds);
}

static void print_words(const struct load_result *r, uint64_t seed)
{
	printf("%" PRIu64 " reads, %" PRIu64 " writes, %" PRIu64
	       " flushes in %.1f s; %" PRIu64
	       " sectors verified; the longest request took %.1f ms (seed "
	       "%" PRIu64 ")\n",
	       r->reads, r->writes, r->flushes, r->seconds, r->verified_sectors,
	       r->longest_ms, seed);
	if (load_errors(r) > 0)
		printf("%" PRIu64 " errors; the first: %s\n", load_errors(r),
		       r->first_error);
}

static int carry_out(const struct command *c, struct load_result *result)
{
	if (strcmp(c->verb, "stamp") == 0)
		return load_stamp(&c->load, result);
	if (strcmp(c->verb, "check") == 0)
		return load_check(&c->load, result);
	return load_run(&c->load, result);
}

int main(int argc, char **argv)
{
	struct command c = {
		.load = {.bytes_min = SECTOR_BYTES,
			 .bytes_max = 1u << 20,
			 .threads = 4,
			 .write_percent = 50,
			 .seconds = 5,
			 .seed = 0},
	};
	struct load_result result;
	int error;

	read_command(&c, argc, argv);
	choose_seed(&c);
	open_disk(&c);
	fit_sizes(&c, &c.load);
	error = carry_out(&c, &result);
	if (error != 0)
		no_disk(&c, strerror(-error));
	if (c.json)
		print_json(&result, c.load.seed);
	else
		print_words(&result, c.load.seed);
	return load_errors(&result) == 0 ? ENDED_WELL : ENDED_WRONG;
}
