/*
 * The keeper of a world (run.h): starts the broker, the store daemon and the
 * command, waits for the command's end, and ends everything else.  It is told
 * by the kernel when the process that the user called dies, and it adopts
 * whatever the command leaves behind.
 */
#include "sim/toolstack/run.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/broker/broker.h"

struct keeper {
	const struct place *place;
	const struct run_options *options;
	pid_t parent, broker, store, command;
	char library[PATH_MAX];
	char xenstored[PATH_MAX];
};

static int listen_for_clients(const struct place *place, char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	place_file(place, "broker", path);
	snprintf(address.sun_path, sizeof(address.sun_path), "%.107s", path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    listen(fd, 64) == 0)
		return fd;
	fprintf(stderr, "xenblk-sim: cannot listen on %s: %s\n", path,
		strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int start_broker(struct keeper *keeper)
{
	char path[PLACE_FILE_BYTES];
	int fd = listen_for_clients(keeper->place, path);

	if (fd < 0)
		return -EIO;
	setenv("XENSIM_SOCKET", path, 1);
	keeper->broker = fork();
	if (keeper->broker == 0) {
		sigset_t none;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setpgid(0, 0);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		_exit(broker_run(fd, keeper->place->directory) ? 1 : 0);
	}
	close(fd);
	return keeper->broker < 0 ? -errno : 0;
}

/* The same library twice in LD_PRELOAD is harmless, but ugly. */
static void preload(const char *library)
{
	const char *before = getenv("LD_PRELOAD");
	char *both;

	if (!before || !before[0] || strstr(before, library)) {
		if (!before || !before[0])
			setenv("LD_PRELOAD", library, 1);
		return;
	}
	if (asprintf(&both, "%s:%s", library, before) < 0)
		return;
	setenv("LD_PRELOAD", both, 1);
	free(both);
}

static void become_command(const struct keeper *keeper)
{
	char **command = keeper->options->command;
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	preload(keeper->library);
	setenv("XENSIM_DOMID", "0", 1);
	setenv("XENSTORED_RUNDIR", keeper->place->directory, 1);
	execvp(command[0], command);
	fprintf(stderr, "xenblk-sim: cannot run %s: %s\n", command[0],
		strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static int start_all(struct keeper *keeper)
{
	if (place_library(keeper->library, sizeof(keeper->library)) != 0 ||
	    store_find(keeper->options->xenstored, keeper->xenstored,
		       sizeof(keeper->xenstored)) != 0 ||
	    start_broker(keeper) != 0)
		return -EIO;
	keeper->store =
		store_start(keeper->place, keeper->xenstored, keeper->library);
	if (keeper->store < 0 ||
	    store_prepare(keeper->place, keeper->store) != 0)
		return -EIO;
	keeper->command = fork();
	if (keeper->command == 0)
		become_command(keeper);
	return keeper->command < 0 ? -errno : 0;
}

static int status_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Reaps what has ended; true when the world is over, with its exit status. */
static bool reap_is_over(const struct keeper *keeper, int *exit_status)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		*exit_status = RUN_TOOL;
		if (pid == keeper->command) {
			*exit_status = status_of(status);
			return true;
		}
		if (pid != keeper->store && pid != keeper->broker)
			continue;
		fprintf(stderr,
			"xenblk-sim: the %s of the world ended (%s %d); "
			"ending the command\n",
			pid == keeper->store ? "xenstored" : "broker",
			WIFEXITED(status) ? "exit status" : "signal",
			WIFEXITED(status) ? WEXITSTATUS(status)
					  : WTERMSIG(status));
		return true;
	}
	return false;
}

/* Until the command ends; its exit status. */
static int wait_for_command(const struct keeper *keeper)
{
	int exit_status = RUN_TOOL;
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	while (!reap_is_over(keeper, &exit_status)) {
		if (sigwaitinfo(&set, &info) < 0 || info.si_signo == SIGCHLD)
			continue;
		if (getppid() != keeper->parent)
			return RUN_TOOL;
		if (info.si_code != SI_KERNEL)
			kill(keeper->command, info.si_signo);
	}
	return exit_status;
}

int keeper_run(const struct place *place, const struct run_options *options,
	       pid_t parent)
{
	struct keeper keeper = {
		.place = place,
		.options = options,
		.parent = parent,
	};
	int exit_status = RUN_TOOL;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (getppid() == parent && start_all(&keeper) == 0)
		exit_status = wait_for_command(&keeper);
	/* A daemon that says goodbye needs the store, and all need the broker.
	 */
	ends_descendants((struct ends_spared){keeper.broker, keeper.store});
	ends_descendants((struct ends_spared){keeper.broker, 0});
	ends_descendants((struct ends_spared){0, 0});
	if (!options->keep)
		place_remove(place);
	return exit_status;
}
