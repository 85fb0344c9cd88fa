/*
 * xenblkd as everybody else has it: a process, a socket, a log.  See stage.h.
 *
 * That it lives, answers and ends in order is judged here, at each step.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/daemon/stage.h"

#define ANSWER_BYTES 65536u
#define LOG_TAIL     4000

static struct {
	pid_t pid; /* 0: it does not run */
	unsigned int descriptors;
} xenblkd;

bool xenblkd_runs(void)
{
	return xenblkd.pid != 0;
}

static void print_log(void)
{
	char path[STAGE_PATH_BYTES], text[LOG_TAIL + 1];
	ssize_t n;
	int fd;

	world_file("log", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (lseek(fd, -LOG_TAIL, SEEK_END) < 0)
		lseek(fd, 0, SEEK_SET);
	n = read(fd, text, LOG_TAIL);
	fprintf(stderr, "--- the end of xenblkd's log:\n%.*s---\n",
		n > 0 ? (int)n : 0, text);
	close(fd);
}

void stage_fail(enum oracle oracle, const char *format, ...)
{
	char sentence[400];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	if (oracle_enabled(oracle))
		print_log();
	oracle_fail(oracle, "%s", sentence);
}

/* --- its socket --- */

static void socket_path(char *path)
{
	world_file("run/control", path);
}

static int reach(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char path[STAGE_PATH_BYTES];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	socket_path(path);
	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", path);
	if (fd >= 0 &&
	    TEMP_FAILURE_RETRY(connect(fd, (const struct sockaddr *)&address,
				       sizeof(address))) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* One line, until a moment; NULL: none came. */
static json_t *hear(int fd, uint64_t end)
{
	static char text[ANSWER_BYTES];
	size_t used = 0;

	while (used < sizeof(text) &&
	       (used == 0 || memchr(text, '\n', used) == NULL)) {
		ssize_t n;

		if (!world_ready(fd, end))
			return NULL;
		n = TEMP_FAILURE_RETRY(
			recv(fd, text + used, sizeof(text) - used, 0));
		if (n <= 0)
			return NULL;
		used += (size_t)n;
	}
	return json_loadb(text, used, 0, NULL);
}

static json_t *try_to_ask(const char *line, unsigned int ms)
{
	const uint64_t end = world_now_ms() + ms;
	json_t *answer = NULL;
	int fd = reach();

	if (fd < 0)
		return NULL;
	if (TEMP_FAILURE_RETRY(send(fd, line, strlen(line), MSG_NOSIGNAL)) ==
	    (ssize_t)strlen(line))
		answer = hear(fd, end);
	close(fd);
	return answer;
}

/* --- its process --- */

static void check_alive(void)
{
	int status;

	if (xenblkd.pid == 0 ||
	    waitpid(xenblkd.pid, &status, WNOHANG) != xenblkd.pid)
		return;
	xenblkd.pid = 0;
	stage_fail(ORACLE_DAEMON, "xenblkd ended by itself, with %s %d",
		   WIFEXITED(status) ? "status" : "signal",
		   WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	exit(4);
}

json_t *xenblkd_ask(const char *line)
{
	json_t *answer = try_to_ask(line, STAGE_ANSWER_MS);

	check_alive();
	if (answer == NULL)
		stage_fail(ORACLE_DAEMON,
			   "xenblkd does not answer within %u s: %s",
			   STAGE_ANSWER_MS / 1000, line);
	return answer;
}

void xenblkd_is_told(const void *bytes, size_t length)
{
	int fd = reach();

	if (fd < 0)
		return;
	/* It may hang up on what makes no sense. */
	(void)send(fd, bytes, length, MSG_NOSIGNAL);
	close(fd);
}

json_t *xenblkd_settles(void)
{
	return xenblkd_ask("{\"command\": \"list\"}\n");
}

static unsigned int count_descriptors(void)
{
	char path[64];
	DIR *folder;
	unsigned int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)xenblkd.pid);
	folder = opendir(path);
	while (folder != NULL && readdir(folder) != NULL)
		n++;
	if (folder != NULL)
		closedir(folder);
	return n;
}

/* Without the socket of a client who has just left. */
static unsigned int count_at_rest(void)
{
	unsigned int least = count_descriptors();

	for (unsigned int i = 0; i < 10; i++) {
		const unsigned int now = count_descriptors();

		least = now < least ? now : least;
		world_pause();
	}
	return least;
}

unsigned int xenblkd_leaks(void)
{
	const unsigned int now = count_descriptors();

	return now > xenblkd.descriptors ? now - xenblkd.descriptors : 0;
}

unsigned int xenblkd_workers(void)
{
	char path[64], word[32];
	unsigned int n = 0;
	FILE *children;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children",
		 (int)xenblkd.pid, (int)xenblkd.pid);
	children = fopen(path, "r");
	while (children != NULL && fscanf(children, "%31s", word) == 1)
		n++;
	if (children != NULL)
		fclose(children);
	return n;
}

void xenblkd_start(const struct xenblkd_options *options)
{
	char run[STAGE_PATH_BYTES], control[STAGE_PATH_BYTES],
		record[STAGE_PATH_BYTES];
	char queues[16], rescues[16];
	const char *const argv[] = {
		"xenblkd", "--foreground",
		/* A confined worker cannot write what it has
				     * counted: coverage/report. */
		getenv("XENBLK_FUZZ_UNCONFINED") != NULL ? "--no-sandbox"
							 : "--foreground",
		"--control", control, "--max-queues", queues, "--max-rescues",
		rescues, options->record ? "--record" : NULL, record,
		"--record-bytes", "1M", NULL};
	const uint64_t end = world_now_ms() + STAGE_START_MS;
	struct world_program program = {.argv = argv, .in_out = -1};
	json_t *answer;

	snprintf(queues, sizeof(queues), "%u", options->queues);
	snprintf(rescues, sizeof(rescues), "%u", options->rescues);
	world_file("run", run);
	mkdir(run, 0755);
	socket_path(control);
	world_file("record", record);
	program.errors = world_log();
	xenblkd.pid = world_start(&program);
	close(program.errors);
	while ((answer = try_to_ask("{\"command\": \"version\"}\n", 1000)) ==
	       NULL) {
		check_alive();
		if (world_now_ms() > end)
			stage_fail(ORACLE_DAEMON,
				   "xenblkd does not answer within %u s of its "
				   "start",
				   STAGE_START_MS / 1000);
		world_pause();
	}
	json_decref(answer);
	xenblkd.descriptors = count_at_rest();
}

void xenblkd_signal(int number)
{
	kill(xenblkd.pid, number);
}

void xenblkd_kill(void)
{
	check_alive();
	kill(xenblkd.pid, SIGKILL);
	if (world_wait(xenblkd.pid, STAGE_END_MS) < 0)
		stage_fail(ORACLE_DAEMON, "a xenblkd that was killed stays");
	xenblkd.pid = 0;
}

void xenblkd_stop(void)
{
	char path[STAGE_PATH_BYTES];
	int status;

	check_alive();
	kill(xenblkd.pid, SIGTERM);
	status = world_wait(xenblkd.pid, STAGE_END_MS);
	if (status < 0)
		stage_fail(ORACLE_DAEMON,
			   "xenblkd does not end within %u s of SIGTERM",
			   STAGE_END_MS / 1000);
	else if (status != 0)
		stage_fail(ORACLE_DAEMON, "after SIGTERM xenblkd ends with %d",
			   status);
	xenblkd.pid = 0;
	socket_path(path);
	if (access(path, F_OK) == 0)
		stage_fail(ORACLE_RESOURCES,
			   "xenblkd has ended, and its socket is there");
}

void xenblkd_judge_log(void)
{
	static const char *const words[] = {"Sanitizer", "runtime error",
					    "CHECK failed"};
	char path[STAGE_PATH_BYTES], line[1024];
	FILE *log;

	world_file("log", path);
	log = fopen(path, "r");
	while (log != NULL && fgets(line, sizeof(line), log) != NULL)
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (strstr(line, words[i]) != NULL)
				stage_fail(ORACLE_DAEMON, "it was logged: %s",
					   line);
	if (log != NULL)
		fclose(log);
	/* The next play has a log of its own. */
	if (truncate(path, 0) != 0 && errno != ENOENT)
		stage_fail(ORACLE_DAEMON, "%s cannot be emptied", path);
}
