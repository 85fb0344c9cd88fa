/*
 * Other daemons beside the one that serves: xenblkd started with words of which
 * nothing can come, and in the background.  Each ends as the manual says, in time,
 * and the one that serves does not notice.  See stage.h.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/base/checked.h"
#include "fuzz/daemon/stage.h"

#define WORDS 8u

/* Words that are other ones in each play. */
#define OURS	 "@ours"     /* the control socket of the one that serves */
#define ANOTHER	 "@another"  /* a control socket that nobody has */
#define SETTINGS "@settings" /* a file with settings */
#define PORT	 "@port"     /* of loopback, that nobody has */

#define ELSEWHERE "--foreground", "--directory", "vbd9"
#define NOWHERE	  "/nowhere/at/all/x"
#define WORKER	  "xenblk-worker"

struct other {
	int status;
	const char *
		variable; /* "NAME=VALUE" in place of the host's, or a name: none */
	const char *word[WORDS];
	const char *program; /* NULL: xenblkd */
};

static const struct other others[] = {
	{0, NULL, {"--help"}, NULL},
	{0, NULL, {"--version"}, NULL},
	{2, NULL, {"--no-such-word"}, NULL},
	{2, NULL, {"--foreground", "a-word"}, NULL},
	{2, NULL, {"--max-queues", "17"}, NULL},
	{2, NULL, {"--config", NOWHERE}, NULL},
	{2, NULL, {"--metrics", "10.0.0.1:80"}, NULL},
	{4, NULL, {"--foreground", "--worker", NOWHERE}, NULL},
	/* The directory is served already. */
	{4, NULL, {"--foreground", "--control", ANOTHER}, NULL},
	{4, NULL, {"--control", ANOTHER}, NULL},
	{4, "XENSTORED_PATH", {"--foreground", "--control", ANOTHER}, NULL},
	/* Who serves another one may not have the same socket, or none at all. */
	{4, NULL, {ELSEWHERE, "--control", OURS}, NULL},
	{4, NULL, {ELSEWHERE, "--control", NOWHERE}, NULL},
	{4, NULL, {ELSEWHERE, "--control", "/proc"}, NULL},
	{4,
	 NULL,
	 {"--foreground", "--directory", "vbd3", "--control", NOWHERE},
	 NULL},
	{4,
	 NULL,
	 {ELSEWHERE, "--control", ANOTHER, "--metrics", "unix:" NOWHERE},
	 NULL},
	{4, NULL, {ELSEWHERE, "--control", ANOTHER, "--record", NOWHERE}, NULL},
	{4,
	 NULL,
	 {"--config", SETTINGS, "--metrics", PORT, "--record", NOWHERE},
	 NULL},
	{4,
	 "XENSTORED_PATH=" NOWHERE,
	 {"--foreground", "--control", ANOTHER},
	 NULL},
	/* Nobody but a daemon can start a worker. */
	{0, NULL, {"--help"}, WORKER},
	{0, NULL, {"--version"}, WORKER},
	{2, NULL, {"a-word"}, WORKER},
	{2, NULL, {NULL}, WORKER},
};

static void settings(char *path)
{
	char control[STAGE_PATH_BYTES];
	FILE *file;

	world_file("settings", path);
	world_file("run/another", control);
	file = fopen(path, "w");
	if (file == NULL ||
	    fprintf(file, "directory = vbd9\ncontrol = %s\nmax-queues = 2\n",
		    control) < 0 ||
	    fclose(file) != 0)
		exit(4);
}

/* One that was free a moment ago; if it is not any more, no harm is done. */
static void free_port(char *text)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		exit(4);
	close(fd);
	snprintf(text, STAGE_PATH_BYTES, "127.0.0.1:%u",
		 (unsigned int)ntohs(address.sin_port));
}

static const char *meant(const char *word, char *text)
{
	if (strcmp(word, OURS) == 0)
		world_file("run/control", text);
	else if (strcmp(word, ANOTHER) == 0)
		world_file("run/another", text);
	else if (strcmp(word, SETTINGS) == 0)
		settings(text);
	else if (strcmp(word, PORT) == 0)
		free_port(text);
	else
		return word;
	return text;
}

static pid_t start(const struct other *other)
{
	char text[WORDS][STAGE_PATH_BYTES];
	const char *argv[WORDS + 2] = {other->program == NULL ? "xenblkd"
							      : other->program};
	struct world_program program = {
		.argv = argv,
		.in_out = open("/dev/null", O_RDWR | O_CLOEXEC),
		.errors = world_log(),
		.instead = other->variable};
	pid_t pid;

	for (unsigned int i = 0; i < WORDS && other->word[i] != NULL; i++)
		argv[i + 1] = meant(other->word[i], text[i]);
	pid = world_start(&program);
	close(program.in_out);
	close(program.errors);
	return pid;
}

void others_try(uint8_t which)
{
	const struct other *other = &others[which % ARRAY_SIZE(others)];
	const int status = world_wait(start(other), STAGE_END_MS);

	if (status != other->status)
		stage_fail(ORACLE_DAEMON,
			   "%s with the words of row %u ends with %d instead "
			   "of %d",
			   other->program == NULL ? "xenblkd" : other->program,
			   (unsigned int)(other - others), status,
			   other->status);
}

/* Who listens at a control socket. */
static pid_t listener_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ucred peer = {.pid = -1};
	socklen_t length = sizeof(peer);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", path);
	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		peer.pid = -1;
	if (fd >= 0)
		close(fd);
	return peer.pid;
}

void others_background(void)
{
	static const struct other other = {
		.word = {"--directory", "vbd9", "--control", ANOTHER}};
	char path[STAGE_PATH_BYTES];
	int status = world_wait(start(&other), STAGE_START_MS), fd;
	pid_t pid;

	world_file("run/another", path);
	pid = listener_at(path);
	if (status != 0 || pid <= 0) {
		stage_fail(ORACLE_DAEMON,
			   "xenblkd in the background: status %d, process %d",
			   status, (int)pid);
		return;
	}
	/* It is nobody's child any more: its end is all that can be seen. */
	fd = pidfd_open(pid, 0);
	if (fd < 0 || pidfd_send_signal(fd, SIGTERM, NULL, 0) < 0 ||
	    !world_ready(fd, world_now_ms() + STAGE_END_MS))
		stage_fail(ORACLE_DAEMON, "a xenblkd in the background does "
					  "not end");
	if (fd >= 0)
		close(fd);
}
