/*
 * The bench's bad neighbour: a guest that wants its backend busy, not its data.
 *
 * xenblk-bench neighbours starts it inside a guest of the simulator, beside a
 * polite one, and talks to it as it talks to xenblk-bench-load.  It keeps all of
 * its queues full of what must be refused, or tells the backend of nothing, or
 * comes and goes, for as long as it is told to, and never longer: what it does
 * ends by its own clock.
 *
 *   in   run SECONDS        misbehave for so long
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
#include <time.h>

#include <xen/io/blkif.h>

#include "frontend/front.h"
#include "version.h"

#define LINE_BYTES	 128
#define RUN_S		 60.0 /* no run is longer, whatever is asked for */
#define REAP_ROOM	 64u
#define NO_GRANT	 0x00fffff0u /* nobody grants as much */
#define NAP_MS		 5
#define XENBUS_CONNECTED 4u
#define KICK_ROUNDS	 64u /* between two looks at the clock */

struct hostile {
	struct front_options options;
	struct front_personality personality;
	struct front *front;
	uint64_t requests, answers, granted, events, connections;
};

static _Noreturn void fail(const char *what, const char *why)
{
	printf("{\"error\": \"%s\"}\n", what);
	fflush(stdout);
	fprintf(stderr, "xenblk-bench-hostile: %s: %s\n", what, why);
	exit(1);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void connect_all(struct hostile *h)
{
	if (front_connect(h->front))
		fail("the backend did not connect", front_error(h->front));
	h->connections++;
}

/* --- what it asks for --- */

/* Each is wrong in another way, and refused before a grant is looked at. */
static void malformed(struct front_request *request, uint64_t i)
{
	switch (i % 5) {
	case 0:
		request->segments = 0;
		break;
	case 1:
		request->segments = FRONT_MAX_SEGMENTS + 1;
		break;
	case 2:
		request->sector = UINT64_MAX - 7;
		break;
	case 3:
		request->segment[0].first_sector = 7;
		request->segment[0].last_sector = 0;
		break;
	default:
		request->operation = 0x7f;
		break;
	}
}

/* A sound request, but for grants that nobody gave. */
static void ungranted(struct front_request *request, uint64_t i)
{
	request->segments = FRONT_MAX_SEGMENTS;
	for (unsigned int s = 0; s < FRONT_MAX_SEGMENTS; s++)
		request->segment[s] = (struct front_segment){
			.gref = NO_GRANT + (uint32_t)(i % 8),
			.last_sector = 7,
		};
}

typedef void spoil_function(struct front_request *request, uint64_t i);

static void fill(struct hostile *h, struct front_queue *queue,
		 spoil_function *spoil)
{
	while (front_room(queue) > 0) {
		struct front_request request = {
			.operation = BLKIF_OP_READ,
			.segments = 1,
			.id = h->requests,
			.segment = {{.gref = NO_GRANT, .last_sector = 7}},
		};

		spoil(&request, h->requests++);
		if (front_submit(queue, &request))
			fail("a request did not fit", "the ring had room");
	}
	front_push(queue);
}

static unsigned int reap(struct hostile *h, struct front_queue *queue)
{
	struct front_response response[REAP_ROOM];
	unsigned int count = front_reap(queue, response, REAP_ROOM);

	h->answers += count;
	for (unsigned int i = 0; i < count; i++)
		h->granted += response[i].status == BLKIF_RSP_OKAY;
	return count;
}

/* Every queue full, an event wanted for every answer. */
static void flood(struct hostile *h, double end_s, spoil_function *spoil)
{
	while (now_s() < end_s) {
		bool ready = false;

		for (unsigned int i = 0; i < front_queues(h->front); i++) {
			struct front_queue *queue = front_queue(h->front, i);

			reap(h, queue);
			fill(h, queue, spoil);
			ready = front_arm(queue) || ready;
		}
		if (!ready && front_wait(h->front, NAP_MS) < 0)
			fail("waiting failed", "the port or xenstore");
	}
	/* The next run, or the end, begins with empty rings. */
	for (unsigned int i = 0; i < front_queues(h->front); i++) {
		struct front_queue *queue = front_queue(h->front, i);

		while (reap(h, queue) > 0 || front_wait(h->front, NAP_MS) == 1)
			if (now_s() > end_s + 1)
				break;
	}
}

/* --- the ways to be hostile --- */

static void refused(struct hostile *h, double end_s)
{
	flood(h, end_s, malformed);
}

static void grants(struct hostile *h, double end_s)
{
	flood(h, end_s, ungranted);
}

/* Events, and nothing on any ring. */
static void events(struct hostile *h, double end_s)
{
	while (now_s() < end_s)
		for (unsigned int k = 0; k < KICK_ROUNDS; k++)
			for (unsigned int i = 0; i < front_queues(h->front);
			     i++) {
				front_kick(front_queue(h->front, i));
				h->events++;
			}
}

static void reconnect(struct hostile *h, double end_s)
{
	while (now_s() < end_s) {
		if (front_disconnect(h->front))
			fail("the backend did not let go",
			     front_error(h->front));
		connect_all(h);
	}
}

/* What the backend watches changes, and does not, without end. */
static void store(struct hostile *h, double end_s)
{
	while (now_s() < end_s) {
		if (front_set_state(h->front, XENBUS_CONNECTED))
			fail("its state could not be written",
			     front_error(h->front));
		h->events++;
	}
}

/* A guest that has work of its own and never looks at its disk: what sharing a
 * CPU with any guest costs. */
static void compute(struct hostile *h, double end_s)
{
	while (now_s() < end_s)
		h->connections += 0;
}

static const struct {
	const char *name;
	void (*run)(struct hostile *h, double end_s);
} modes[] = {
	{"compute", compute}, {"refused", refused}, {"grants", grants},
	{"events", events},   {"store", store},	    {"reconnect", reconnect},
};

#define MODES (sizeof(modes) / sizeof(modes[0]))

static void run(struct hostile *h, unsigned int mode, double seconds)
{
	double start_s = now_s();

	h->requests = h->answers = h->granted = h->events = h->connections = 0;
	modes[mode].run(h, start_s + (seconds < RUN_S ? seconds : RUN_S));
	if (h->granted)
		fail("a request that is wrong was carried out", "OKAY");
	printf("{\"requests\": %" PRIu64 ", \"answers\": %" PRIu64
	       ", \"events\": %" PRIu64 ", \"connections\": %" PRIu64
	       ", \"seconds\": %.6f}\n",
	       h->requests, h->answers, h->events, h->connections,
	       now_s() - start_s);
	fflush(stdout);
}

static void obey(struct hostile *h, unsigned int mode)
{
	char line[LINE_BYTES];
	double seconds;

	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "run %lf", &seconds) != 1 || seconds <= 0)
			fail("a line of standard input is no command", line);
		run(h, mode, seconds);
	}
}

/* --- the command line --- */

static const char usage[] =
	"usage: xenblk-bench-hostile --domid N --mode MODE [--devid N]\n"
	"           [--queues N] [--timeout-ms N]\n"
	"\n"
	"The bad neighbour of xenblk-bench neighbours; see xenblk-bench(1).\n"
	"MODE is compute, refused, grants, events, store or reconnect.\n";

static _Noreturn void misuse(void)
{
	fputs(usage, stderr);
	exit(2);
}

static unsigned int parse_number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value > 1000000000)
		misuse();
	return (unsigned int)value;
}

static unsigned int parse_mode(const char *text)
{
	for (unsigned int i = 0; i < MODES; i++)
		if (!strcmp(text, modes[i].name))
			return i;
	misuse();
}

static const struct option options[] = {
	{"domid", required_argument, NULL, 'd'},
	{"devid", required_argument, NULL, 'v'},
	{"mode", required_argument, NULL, 'm'},
	{"queues", required_argument, NULL, 'q'},
	{"timeout-ms", required_argument, NULL, 't'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* Returns the mode. */
static unsigned int parse(struct hostile *h, int argc, char **argv)
{
	unsigned int mode = MODES;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'V') {
			puts("xenblk-bench-hostile " XENBLK_VERSION);
			exit(0);
		} else if (option == 'h') {
			fputs(usage, stdout);
			exit(0);
		} else if (option == 'm') {
			mode = parse_mode(optarg);
		} else if (option == 'd') {
			h->options.domid = parse_number(optarg);
		} else if (option == 'v') {
			h->options.devid = parse_number(optarg);
		} else if (option == 'q') {
			h->personality.queues = parse_number(optarg);
		} else if (option == 't') {
			h->options.timeout_ms = (int)parse_number(optarg);
		} else {
			misuse();
		}
	}
	if (optind < argc || !h->options.domid || mode == MODES)
		misuse();
	return mode;
}

int main(int argc, char **argv)
{
	struct hostile hostile = {
		.options = {.devid = 51712, .timeout_ms = 10000},
		.personality = *front_personality("linux"),
	};
	unsigned int mode = parse(&hostile, argc, argv);
	int err;

	hostile.options.personality = &hostile.personality;
	err = front_create(&hostile.options, &hostile.front);
	if (err)
		fail("cannot open the frontend's handles", strerror(-err));
	connect_all(&hostile);
	printf("{\"queues\": %u}\n", front_queues(hostile.front));
	fflush(stdout);
	obey(&hostile, mode);
	err = front_disconnect(hostile.front);
	front_destroy(hostile.front);
	return err ? 1 : 0;
}
