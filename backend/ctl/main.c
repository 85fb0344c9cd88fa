/*
 * xenblkctl: asks a running xenblkd what it serves.
 *
 * One request over the control socket, one answer, printed as a table for
 * people or as the JSON document itself.  It keeps nothing and changes only
 * what the daemon lets it change.
 */
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/ctl/change.h"
#include "backend/ctl/limit.h"
#include "backend/ctl/socket.h"
#include "backend/ctl/tables.h"
#include "backend/ctl/top.h"
#include "version.h"

enum exit_code {
	EXIT_OK = 0,
	EXIT_REFUSED = 1,
	EXIT_USAGE = 2,
	EXIT_ENVIRONMENT = 4,
};

static const char help[] =
	"Usage: xenblkctl [OPTION]... COMMAND\n"
	"Ask a running xenblkd about the disks it serves.\n"
	"\n"
	"  list                  the disks, one line each\n"
	"  show DOMID/DEVID      everything about one disk\n"
	"  stats [DOMID/DEVID]   counters of all disks, or of one, by queue\n"
	"  top                   rates of disks and queues, once a second; q "
	"quits\n"
	"  limit DOMID/DEVID     what a disk may do per second, and change it "
	"with\n"
	"                        --iops N, --bandwidth N[k|M|G|T], --burst MS\n"
	"  resize DOMID/DEVID [SIZE]  as large as its image is now, or as "
	"SIZE\n"
	"  eject DOMID/DEVID     take the medium out of a CD-ROM drive\n"
	"  insert DOMID/DEVID IMAGE  put one in\n"
	"  log-level LEVEL       error, warning, info, debug or trace\n"
	"\n"
	"  --socket PATH         control socket (/run/xenblk/control)\n"
	"  --json                print the answer as one JSON document\n"
	"  --once                top: one table after one interval, then the "
	"end\n"
	"  --interval SECONDS    top: from 0.1 to 3600 (1)\n"
	"  --help                print this text\n"
	"  --version             print the version\n"
	"\n"
	"Exit status: 0 done, 1 the daemon refused, 2 usage, 4 no daemon.\n"
	"See xenblkctl(1).\n";

static const struct option options[] = {
	{"socket", required_argument, NULL, 's'},
	{"json", no_argument, NULL, 'j'},
	{"iops", required_argument, NULL, 'r'},
	{"bandwidth", required_argument, NULL, 'b'},
	{"burst", required_argument, NULL, 'u'},
	{"once", no_argument, NULL, 'o'},
	{"interval", required_argument, NULL, 'i'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'v'},
	{NULL, 0, NULL, 0},
};

struct settings {
	const char *socket;
	bool json;
	struct top_options top;
	struct limit_options limit;
};

static _Noreturn void usage_error(const char *sentence, const char *what)
{
	fprintf(stderr, "xenblkctl: %s%s\nTry xenblkctl --help.\n", sentence,
		what);
	exit(EXIT_USAGE);
}

static unsigned int parse_interval(const char *text)
{
	char *end;
	const double seconds = strtod(text, &end);

	if (*end != '\0' || !(seconds >= 0.1 && seconds <= 3600))
		usage_error("--interval is a number of seconds from 0.1 to "
			    "3600, not ",
			    text);
	return (unsigned int)(seconds * 1000);
}

static void parse_options(int argc, char **argv, struct settings *settings)
{
	int option;

	/* Options may stand behind the command, too. */
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			settings->socket = optarg;
			break;
		case 'j':
			settings->json = true;
			break;
		case 'r':
			settings->limit.iops = optarg;
			break;
		case 'b':
			settings->limit.bandwidth = optarg;
			break;
		case 'u':
			settings->limit.burst = optarg;
			break;
		case 'o':
			settings->top.once = true;
			break;
		case 'i':
			settings->top.interval_ms = parse_interval(optarg);
			break;
		case 'h':
			fputs(help, stdout);
			exit(EXIT_OK);
		case 'v':
			puts("xenblkctl " XENBLK_VERSION);
			exit(EXIT_OK);
		default:
			usage_error("that option is not known", "");
		}
	}
}

/* "5/51712" as numbers. */
static void put_disk(json_t *request, const char *text)
{
	unsigned int domid, devid;
	char more;

	if (strspn(text, "0123456789/") != strlen(text) ||
	    sscanf(text, "%9u/%9u%c", &domid, &devid, &more) != 2)
		usage_error("a disk is named DOMID/DEVID, as in 5/51712, not ",
			    text);
	json_object_set_new(request, "domid", json_integer(domid));
	json_object_set_new(request, "devid", json_integer(devid));
}

static json_t *make_change(json_t *request, int count, char **arguments)
{
	const char *wrong;

	put_disk(request, arguments[1]);
	wrong = change_request(arguments[0], count > 2 ? arguments[2] : NULL,
			       request);
	if (wrong != NULL)
		usage_error(wrong, "");
	return request;
}

/* The command line behind the options as a request. */
static json_t *make_request(int count, char **arguments)
{
	const char *command = count > 0 ? arguments[0] : "";
	json_t *request = json_pack("{s:s}", "command", command);

	if (count == 0)
		usage_error("a command is missing", "");
	if (strcmp(command, "list") == 0 && count == 1)
		return request;
	if (strcmp(command, "stats") == 0 && count == 1)
		return request;
	if ((strcmp(command, "stats") == 0 || strcmp(command, "show") == 0 ||
	     strcmp(command, "limit") == 0) &&
	    count == 2) {
		put_disk(request, arguments[1]);
		return request;
	}
	if (change_command(command, count))
		return make_change(request, count, arguments);
	if (strcmp(command, "log-level") == 0 && count == 2) {
		json_object_set_new(request, "level",
				    json_string(arguments[1]));
		return request;
	}
	usage_error("no such command, or wrong arguments for it: ", command);
}

static void put_limits(const struct settings *settings, json_t *request)
{
	const json_t *command = json_object_get(request, "command");
	const char *wrong;

	if (!limit_given(&settings->limit))
		return;
	if (command == NULL || strcmp(json_string_value(command), "limit") != 0)
		usage_error("--iops, --bandwidth and --burst are options of ",
			    "limit");
	wrong = limit_request(&settings->limit, request);
	if (wrong != NULL)
		usage_error(wrong, "");
}

static int print_answer(const json_t *answer, const char *command, bool json)
{
	const bool ok = json_is_true(json_object_get(answer, "ok"));

	if (json) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	if (!ok) {
		fprintf(stderr, "xenblkctl: %s\n", socket_refusal(answer));
		return EXIT_REFUSED;
	}
	if (!json)
		tables_print(command, answer);
	return fflush(stdout) == 0 ? EXIT_OK : EXIT_ENVIRONMENT;
}

static int hung_up(const struct settings *settings)
{
	fprintf(stderr,
		"xenblkctl: xenblkd at %s hung up or did not answer within "
		"%d s\n",
		settings->socket, SOCKET_ANSWER_SECONDS);
	return EXIT_ENVIRONMENT;
}

static int ask_once(int fd, const struct settings *settings,
		    const json_t *request)
{
	json_t *answer = socket_ask(fd, request), *last;
	const char *command =
		json_string_value(json_object_get(request, "command"));
	int status;

	if (answer == NULL)
		return hung_up(settings);
	last = change_wait(fd, request, answer);
	json_decref(answer);
	if (last == NULL)
		return hung_up(settings);
	answer = last;
	status = print_answer(answer, command, settings->json);
	json_decref(answer);
	return status;
}

static int watch(int fd, const struct settings *settings)
{
	switch (top_run(fd, &settings->top)) {
	case TOP_DONE:
		return EXIT_OK;
	case TOP_REFUSED:
		return EXIT_REFUSED;
	case TOP_NO_SCREEN:
		fputs("xenblkctl: top needs a terminal: use --once without\n",
		      stderr);
		return EXIT_USAGE;
	case TOP_HUNG_UP:
	default:
		return hung_up(settings);
	}
}

int main(int argc, char **argv)
{
	struct settings settings = {.socket = "/run/xenblk/control",
				    .top = {.interval_ms = 1000}};
	json_t *request = NULL;
	bool top;
	int fd, status;

	parse_options(argc, argv, &settings);
	top = argc - optind == 1 && strcmp(argv[optind], "top") == 0;
	if (top && settings.json)
		usage_error("top has no JSON: use stats --json", "");
	if (!top)
		request = make_request(argc - optind, argv + optind);
	put_limits(&settings, request);
	fd = socket_open(settings.socket);
	if (fd < 0) {
		fprintf(stderr,
			"xenblkctl: no xenblkd answers at %s (%s): start it, "
			"or name its socket with --socket\n",
			settings.socket, strerror(-fd));
		json_decref(request);
		return EXIT_ENVIRONMENT;
	}
	status = top ? watch(fd, &settings) : ask_once(fd, &settings, request);
	close(fd);
	json_decref(request);
	return status;
}
