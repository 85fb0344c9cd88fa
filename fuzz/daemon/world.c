/*
 * The simulated host of the harness daemon: one for all plays of a process, made
 * by xenblk-sim run and ended by the end of this process, however that comes.
 * See stage.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/daemon/stage.h"

#define VARIABLES 256u
#define TEXT	  65536u

/* Where the programs are: beside this one in NAME.d, or in the build. */
#ifndef XENBLK_BIN
#error XENBLK_BIN names the folder of the programs
#endif

static struct {
	bool made;
	char scratch[STAGE_PATH_BYTES];
	int holder; /* the host stands as long as this end is open */
	struct xs_handle *store;
	char text[TEXT]; /* variables of the host, one after the other */
	char *environment[VARIABLES];
} world;

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "fuzz-daemon: %s: %s\n", what, strerror(errno));
	exit(4);
}

uint64_t world_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void world_pause(void)
{
	const struct timespec moment = {.tv_nsec = 2000000};

	nanosleep(&moment, NULL);
}

const char *world_scratch(void)
{
	return world.scratch;
}

struct xs_handle *world_store(void)
{
	return world.store;
}

void world_file(const char *name, char *path)
{
	snprintf(path, STAGE_PATH_BYTES, "%.100s/%.50s", world.scratch, name);
}

int world_log(void)
{
	char path[STAGE_PATH_BYTES];
	int fd;

	world_file("log", path);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		give_up(path);
	return fd;
}

/* --- programs --- */

static void find_program(const char *name, char *path, size_t room)
{
	char self[1024] = "";

	if (name[0] == '/') {
		snprintf(path, room, "%s", name);
		return;
	}
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		give_up("/proc/self/exe cannot be read");
	snprintf(path, room, "%s.d/%s", self, name);
	if (access(path, X_OK) != 0)
		snprintf(path, room, "%s/%s", XENBLK_BIN, name);
	if (access(path, X_OK) != 0)
		give_up(path);
}

/* In a process that has this list for itself. */
static void replace(char **variables, const char *instead)
{
	const size_t name = strcspn(instead, "=");

	for (; *variables != NULL; variables++)
		if (strncmp(*variables, instead, name) == 0 &&
		    (*variables)[name] == '=')
			*variables = (char *)(uintptr_t)instead;
}

/* Between fork and exec. */
static _Noreturn void become(const struct world_program *program,
			     const char *path, char **variables)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (program->in_out >= 0 &&
	    (dup2(program->in_out, 0) < 0 || dup2(program->in_out, 1) < 0))
		_exit(127);
	if (program->errors >= 0 && dup2(program->errors, 2) < 0)
		_exit(127);
	close_range(3, ~0u, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (program->instead != NULL)
		replace(variables, program->instead);
	execve(path, (char *const *)(uintptr_t)program->argv, variables);
	_exit(127);
}

pid_t world_start(const struct world_program *program)
{
	char **variables = world.made ? world.environment : environ;
	char path[1200];
	pid_t pid;

	find_program(program->argv[0], path, sizeof(path));
	pid = fork();
	if (pid < 0)
		give_up("no process can be started");
	if (pid == 0)
		become(program, path, variables);
	return pid;
}

/* An engine's alarms interrupt whatever waits. */
bool world_ready(int fd, uint64_t end)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	uint64_t now = world_now_ms();
	int n;

	do {
		n = poll(&ready, 1, now < end ? (int)(end - now) : 0);
		now = world_now_ms();
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

int world_wait(pid_t pid, unsigned int ms)
{
	int fd = pidfd_open(pid, 0), status = 0;
	bool ended;

	if (fd < 0)
		give_up("a process cannot be watched");
	ended = world_ready(fd, world_now_ms() + ms);
	close(fd);
	if (!ended)
		return -1;
	if (TEMP_FAILURE_RETRY(waitpid(pid, &status, 0)) != pid)
		give_up("a process cannot be waited for");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Everything until the other end is closed, cut to fit. */
static void read_all(int fd, char *said, size_t room)
{
	char rest[256];
	size_t used = 0;
	ssize_t n;

	do {
		n = TEMP_FAILURE_RETRY(read(fd, rest, sizeof(rest)));
		for (ssize_t i = 0; i < n && used + 1 < room; i++)
			said[used++] = rest[i];
	} while (n > 0);
	if (room > 0)
		said[used] = '\0';
}

int world_run(const char *const *argv, char *said, size_t room)
{
	struct world_program program = {.argv = argv};
	int ends[2], log = world_log(), status;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		give_up("no pipe can be made");
	program.in_out = ends[1];
	program.errors = log;
	pid = world_start(&program);
	close(ends[1]);
	shutdown(ends[0], SHUT_WR);
	read_all(ends[0], said, room);
	status = world_wait(pid, STAGE_TOOL_MS);
	close(ends[0]);
	close(log);
	return status;
}

/* --- the host --- */

/* Stands until its standard input ends, then clears up behind us. */
static void start_host(void)
{
	static const char script[] =
		"trap '' INT TERM HUP; env -0 >\"$0/variables.new\" && "
		"mv \"$0/variables.new\" \"$0/variables\"; cat; rm -rf \"$0\"";
	const char *const argv[] = {"xenblk-sim", "run",  "--", "sh",
				    "-c",	  script, NULL, NULL};
	const char *words[8];
	int ends[2];

	memcpy(words, argv, sizeof(argv));
	words[6] = world.scratch;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		give_up("no pipe can be made");
	/* Not killed with us: it ends when our end is closed, and clears up. */
	if (fork() == 0) {
		char path[1200];

		find_program(words[0], path, sizeof(path));
		setpgid(0, 0);
		if (dup2(ends[1], 0) < 0 || dup2(ends[1], 1) < 0)
			_exit(127);
		close_range(3, ~0u, 0);
		execv(path, (char *const *)(uintptr_t)words);
		_exit(127);
	}
	close(ends[1]);
	world.holder = ends[0];
}

/* The variables of a process in the host are those of all that we start. */
static void take_variables(void)
{
	const uint64_t end = world_now_ms() + STAGE_START_MS;
	char path[STAGE_PATH_BYTES];
	size_t used = 0, count = 0;
	ssize_t n;
	int fd;

	world_file("variables", path);
	while ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0) {
		if (world_now_ms() > end)
			give_up("the simulated host (xenblk-sim run) does not "
				"start");
		world_pause();
	}
	while ((n = TEMP_FAILURE_RETRY(
			read(fd, world.text + used, TEXT - 1 - used))) > 0)
		used += (size_t)n;
	close(fd);
	for (char *at = world.text; at < world.text + used;
	     at += strlen(at) + 1) {
		if (count + 1 < VARIABLES)
			world.environment[count++] = at;
		/* We only talk to its xenstore: nothing is loaded into us. */
		if (strncmp(at, "XENSTORED_RUNDIR=", 17) == 0)
			setenv("XENSTORED_RUNDIR", at + 17, 1);
	}
}

void world_need(void)
{
	if (world.made)
		return;
	snprintf(world.scratch, sizeof(world.scratch), "%s",
		 "/tmp/xenblk-daemon-XXXXXX");
	if (mkdtemp(world.scratch) == NULL)
		give_up(world.scratch);
	start_host();
	take_variables();
	world.store = xs_open(0);
	if (world.store == NULL)
		give_up("the simulated host's xenstore cannot be reached");
	world.made = true;
}

unsigned int world_held(void)
{
	static const char *const kinds[] = {"mapped_pages", "mappings", "ports",
					    "handles", "shared_pages"};
	static const char *const argv[] = {"xenblk-sim", "status", "--json",
					   NULL};
	char said[8192];
	json_t *status, *row;
	size_t i;
	unsigned int held = 0;

	if (world_run(argv, said, sizeof(said)) != 0)
		give_up("xenblk-sim status fails");
	status = json_loads(said, 0, NULL);
	json_array_foreach(json_object_get(status, "domains"), i, row)
	{
		if (json_integer_value(json_object_get(row, "domid")) != 0)
			continue;
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
			held += (unsigned int)json_integer_value(
				json_object_get(row, kinds[k]));
	}
	if (status == NULL)
		give_up("xenblk-sim status says nothing that can be read");
	json_decref(status);
	return held;
}
