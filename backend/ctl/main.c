/*
 * xenblkctl: asks a running xenblkd what it serves.
 *
 * One request over the control socket, one answer, printed as a table for
 * people or as the JSON document itself.  It keeps nothing and changes only
 * what the daemon lets it change.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/base/checked.h"
#include "backend/base/cleanup.h"
#include "backend/ctl/tables.h"
#include "version.h"

enum exit_code {
	EXIT_OK = 0,
	EXIT_REFUSED = 1,
	EXIT_USAGE = 2,
	EXIT_ENVIRONMENT = 4,
};

/* A daemon that does not answer within this time is stuck. */
#define ANSWER_SECONDS 10

static const char help[] =
	"Usage: xenblkctl [OPTION]... COMMAND\n"
	"Ask a running xenblkd about the disks it serves.\n"
	"\n"
	"  list                  the disks, one line each\n"
	"  show DOMID/DEVID      everything about one disk\n"
	"  stats [DOMID/DEVID]   counters of all disks, or of one by queue\n"
	"  log-level LEVEL       error, warning, info, debug or trace\n"
	"\n"
	"  --socket PATH         control socket (/run/xenblk/control)\n"
	"  --json                print the answer as one JSON document\n"
	"  --help                print this text\n"
	"  --version             print the version\n"
	"\n"
	"Exit status: 0 done, 1 the daemon refused, 2 usage, 4 no daemon.\n"
	"See xenblkctl(1).\n";

static const struct option options[] = {
	{"socket", required_argument, NULL, 's'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'v'},
	{NULL, 0, NULL, 0},
};

struct settings {
	const char *socket;
	bool json;
};

static _Noreturn void usage_error(const char *sentence, const char *what)
{
	fprintf(stderr, "xenblkctl: %s%s\nTry xenblkctl --help.\n", sentence,
		what);
	exit(EXIT_USAGE);
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
	if ((strcmp(command, "stats") == 0 || strcmp(command, "show") == 0) &&
	    count == 2) {
		put_disk(request, arguments[1]);
		return request;
	}
	if (strcmp(command, "log-level") == 0 && count == 2) {
		json_object_set_new(request, "level",
				    json_string(arguments[1]));
		return request;
	}
	usage_error("no such command, or wrong arguments for it: ", command);
}

static int connect_to(const char *path)
{
	const struct timeval patience = {.tv_sec = ANSWER_SECONDS};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		usage_error("the socket's path is too long: ", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

/* Sends the request as one line and reads the line that answers it. */
static json_t *ask(int fd, const json_t *request)
{
	CLEANUP(free_string) char *text = json_dumps(request, JSON_COMPACT);
	json_error_t error;

	if (text == NULL ||
	    send(fd, text, strlen(text), MSG_NOSIGNAL) !=
		    (ssize_t)strlen(text) ||
	    send(fd, "\n", 1, MSG_NOSIGNAL) != 1)
		return NULL;
	return json_loadfd(fd, JSON_DISABLE_EOF_CHECK, &error);
}

static int print_answer(const json_t *answer, const char *command, bool json)
{
	const bool ok = json_is_true(json_object_get(answer, "ok"));

	if (json) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	if (!ok) {
		fprintf(stderr, "xenblkctl: %s\n",
			json_string_value(json_object_get(answer, "error")));
		return EXIT_REFUSED;
	}
	if (!json)
		tables_print(command, answer);
	return fflush(stdout) == 0 ? EXIT_OK : EXIT_ENVIRONMENT;
}

int main(int argc, char **argv)
{
	struct settings settings = {.socket = "/run/xenblk/control"};
	json_t *request, *answer;
	int fd, status;

	parse_options(argc, argv, &settings);
	request = make_request(argc - optind, argv + optind);
	fd = connect_to(settings.socket);
	if (fd < 0) {
		fprintf(stderr,
			"xenblkctl: no xenblkd answers at %s (%s): start it, "
			"or name its socket with --socket\n",
			settings.socket, strerror(-fd));
		json_decref(request);
		return EXIT_ENVIRONMENT;
	}
	answer = ask(fd, request);
	close(fd);
	if (answer == NULL) {
		fprintf(stderr,
			"xenblkctl: xenblkd at %s hung up or did not answer "
			"within %d s\n",
			settings.socket, ANSWER_SECONDS);
		status = EXIT_ENVIRONMENT;
	} else {
		status = print_answer(answer, argv[optind], settings.json);
	}
	json_decref(request);
	json_decref(answer);
	return status;
}
