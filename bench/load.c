/*
 * The bench's guest: one connection, as many measured runs over it as asked
 * for.
 *
 * xenblk-bench starts it inside a guest of the simulator and talks to it over
 * standard input and output, so that it can look at the backend's CPU clock
 * exactly before and after a run, and count system calls in a run of their
 * own, without connecting again.
 *
 *   in   run SECONDS        drive the device for so long
 *        fill               write the whole disk once, so that it holds memory
 *        end of file        disconnect and end
 *   out  one JSON object per line: the connection, then one per run; an object
 *        with "error" and exit status 1 when something went wrong
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/front.h"
#include "frontend/load.h"
#include "version.h"

#define LINE_BYTES    128
#define PIECE_SECTORS 2048u

static unsigned char piece[PIECE_SECTORS * 512]; /* what fill() writes */

struct guest {
	struct front_options front;
	struct front_personality personality;
	struct load_options load;
};

/* Sentences of ours hold neither quotes nor backslashes; others' may. */
static void print_quoted(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar((unsigned char)*text < ' ' ? ' ' : *text);
	}
	putchar('"');
}

static _Noreturn void fail(const char *what, const char *why)
{
	fputs("{\"error\": ", stdout);
	if (*why)
		print_quoted(why);
	else
		print_quoted(what);
	puts("}");
	fflush(stdout);
	fprintf(stderr, "xenblk-bench-load: %s%s%s\n", what, *why ? ": " : "",
		why);
	exit(1);
}

static void print_connection(const struct front *front)
{
	const struct front_properties *is = front_properties(front);

	printf("{\"queues\": %u, \"ring_order\": %u, \"ring_slots\": %u, "
	       "\"persistent\": %s, \"sectors\": %" PRIu64 "}\n",
	       is->queues, is->ring_order, is->ring_slots,
	       is->feature_persistent ? "true" : "false", is->sectors);
	fflush(stdout);
}

static void print_result(const struct load_result *result)
{
	printf("{\"requests\": %" PRIu64 ", \"errors\": %" PRIu64
	       ", \"seconds\": %.6f, \"front_cpu_seconds\": %.6f, "
	       "\"p50_us\": %.3f, \"p99_us\": %.3f, \"p999_us\": %.3f, "
	       "\"pushes\": %" PRIu64 ", \"notifies\": %" PRIu64
	       ", \"wakeups\": %" PRIu64 "}\n",
	       result->operations,
	       result->errors + result->mismatches + result->protocol,
	       result->seconds, result->cpu_seconds,
	       (double)result->p50_ns / 1e3, (double)result->p99_ns / 1e3,
	       (double)result->p999_ns / 1e3, result->pushes, result->notifies,
	       result->wakeups);
	fflush(stdout);
}

static void run(struct guest *guest, struct front *front, double seconds)
{
	struct load_result result = {0};
	int err;

	guest->load.seconds = seconds;
	err = load_run(front, &guest->load, &result);
	if (err)
		fail("the load did not run",
		     result.complaint[0] ? result.complaint : strerror(-err));
	if (result.errors + result.mismatches + result.protocol)
		fail("the backend answered wrongly", result.complaint);
	print_result(&result);
}

/* A page that was never written may be one page of zeroes for all. */
static void fill(struct front *front)
{
	uint64_t sectors = front_properties(front)->sectors;
	struct front_queue *queue = front_queue(front, 0);
	uint64_t sector = 0;

	memset(piece, 0x5a, sizeof(piece));
	while (sector < sectors) {
		uint64_t left = sectors - sector;
		uint64_t now = left < PIECE_SECTORS ? left : PIECE_SECTORS;
		int err = front_transfer(queue, true, sector, piece,
					 (size_t)now * 512);

		if (err)
			fail("the disk could not be filled", strerror(-err));
		sector += now;
	}
	puts("{}");
	fflush(stdout);
}

static void obey(struct guest *guest, struct front *front)
{
	char line[LINE_BYTES];
	double seconds;

	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "run %lf", &seconds) == 1 && seconds > 0)
			run(guest, front, seconds);
		else if (!strcmp(line, "fill\n"))
			fill(front);
		else
			fail("a line of standard input is no command", line);
	}
}

/* --- the command line --- */

static const char usage[] =
	"usage: xenblk-bench-load --domid N [--devid N] [--personality NAME]\n"
	"           [--queues N] [--ring-order N] [--persistent yes|no]\n"
	"           [--depth N] [--block BYTES] [--write PERCENT]\n"
	"           [--spin-ns N] [--event-after N] [--timeout-ms N]\n"
	"\n"
	"The guest of xenblk-bench; see xenblk-bench(1).  To drive a device "
	"by\n"
	"hand use xenblk-front load.\n";

static _Noreturn void refuse(const char *option, const char *value,
			     const char *allowed)
{
	fprintf(stderr, "xenblk-bench-load: --%s %s: must be %s; see --help\n",
		option, value, allowed);
	exit(2);
}

static unsigned int parse_number(const char *option, const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value > 1000000000)
		refuse(option, text, "a number");
	return (unsigned int)value;
}

static bool parse_answer(const char *option, const char *text)
{
	if (!strcmp(text, "yes"))
		return true;
	if (strcmp(text, "no"))
		refuse(option, text, "yes or no");
	return false;
}

static struct front_personality parse_personality(const char *text)
{
	const struct front_personality *known = front_personality(text);

	if (!known)
		refuse("personality", text,
		       "one that xenblk-front personalities lists");
	return *known;
}

enum option_id {
	OPTION_DOMID = 256,
	OPTION_DEVID,
	OPTION_PERSONALITY,
	OPTION_QUEUES,
	OPTION_RING_ORDER,
	OPTION_PERSISTENT,
	OPTION_DEPTH,
	OPTION_BLOCK,
	OPTION_WRITE,
	OPTION_SPIN,
	OPTION_EVENT_AFTER,
	OPTION_TIMEOUT,
	OPTION_VERSION,
	OPTION_HELP,
};

static const struct option options[] = {
	{"domid", required_argument, NULL, OPTION_DOMID},
	{"devid", required_argument, NULL, OPTION_DEVID},
	{"personality", required_argument, NULL, OPTION_PERSONALITY},
	{"queues", required_argument, NULL, OPTION_QUEUES},
	{"ring-order", required_argument, NULL, OPTION_RING_ORDER},
	{"persistent", required_argument, NULL, OPTION_PERSISTENT},
	{"depth", required_argument, NULL, OPTION_DEPTH},
	{"block", required_argument, NULL, OPTION_BLOCK},
	{"write", required_argument, NULL, OPTION_WRITE},
	{"spin-ns", required_argument, NULL, OPTION_SPIN},
	{"event-after", required_argument, NULL, OPTION_EVENT_AFTER},
	{"timeout-ms", required_argument, NULL, OPTION_TIMEOUT},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"help", no_argument, NULL, OPTION_HELP},
	{NULL, 0, NULL, 0},
};

static void set_number(struct guest *guest, int option, unsigned int value)
{
	switch (option) {
	case OPTION_DOMID:
		guest->front.domid = value;
		break;
	case OPTION_DEVID:
		guest->front.devid = value;
		break;
	case OPTION_QUEUES:
		guest->personality.queues = value;
		break;
	case OPTION_RING_ORDER:
		guest->personality.ring_order = value;
		break;
	case OPTION_DEPTH:
		guest->load.depth = value;
		break;
	case OPTION_BLOCK:
		guest->load.block_bytes = value;
		break;
	case OPTION_WRITE:
		guest->load.write_percent = value;
		break;
	case OPTION_SPIN:
		guest->load.spin_ns = value;
		break;
	case OPTION_EVENT_AFTER:
		guest->load.event_after = value;
		break;
	case OPTION_TIMEOUT:
		guest->front.timeout_ms = (int)value;
		break;
	default:
		fputs(usage, stderr);
		exit(2);
	}
}

static void parse(struct guest *guest, int argc, char **argv)
{
	int option, index = 0;

	while ((option = getopt_long(argc, argv, "", options, &index)) != -1) {
		if (option == OPTION_VERSION) {
			puts("xenblk-bench-load " XENBLK_VERSION);
			exit(0);
		} else if (option == OPTION_HELP) {
			fputs(usage, stdout);
			exit(0);
		} else if (option == OPTION_PERSONALITY) {
			guest->personality = parse_personality(optarg);
		} else if (option == OPTION_PERSISTENT) {
			guest->personality.persistent =
				parse_answer("persistent", optarg);
		} else {
			set_number(guest, option,
				   option == '?'
					   ? 0
					   : parse_number(options[index].name,
							  optarg));
		}
	}
	if (optind < argc || !guest->front.domid)
		set_number(guest, '?', 0);
}

int main(int argc, char **argv)
{
	struct guest guest = {
		.front = {.devid = 51712, .timeout_ms = 10000},
		.load = {.depth = 32, .block_bytes = 4096, .seed = 1},
	};
	struct front *front;
	int err;

	guest.personality = parse_personality("linux");
	parse(&guest, argc, argv);
	guest.front.personality = &guest.personality;
	err = front_create(&guest.front, &front);
	if (err)
		fail("cannot open the frontend's handles", strerror(-err));
	if (front_connect(front))
		fail("the backend did not connect", front_error(front));
	print_connection(front);
	obey(&guest, front);
	err = front_disconnect(front);
	front_destroy(front);
	return err ? 1 : 0;
}
