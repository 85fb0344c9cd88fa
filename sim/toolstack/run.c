/*
 * xenblk-sim run: the process that was called (run.h).  It makes the
 * directory, starts the keeper, passes signals on, removes the directory.
 */
#include "sim/toolstack/run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Signals that mean "stop" and go to the command. */
static void block_signals(sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, before);
}

/* Passes signals on until the keeper has ended; its exit status. */
static int wait_for_keeper(pid_t keeper)
{
	sigset_t set;
	siginfo_t info;
	int status;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	for (;;) {
		if (sigwaitinfo(&set, &info) < 0)
			continue;
		if (info.si_signo != SIGCHLD) {
			/* The terminal tells the whole group by itself. */
			if (info.si_code != SI_KERNEL)
				kill(keeper, info.si_signo);
			continue;
		}
		if (waitpid(keeper, &status, WNOHANG) != keeper)
			continue;
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		fprintf(stderr,
			"xenblk-sim: the keeper of the world was killed by "
			"signal %d\n",
			WTERMSIG(status));
		return RUN_TOOL;
	}
}

int run_world(const struct run_options *options)
{
	struct place place;
	pid_t self = getpid();
	sigset_t before;
	pid_t keeper;
	int status;

	if (place_make(&place, options->directory) != 0)
		return RUN_TOOL;
	fflush(NULL);
	block_signals(&before);
	keeper = fork();
	if (keeper < 0) {
		fprintf(stderr, "xenblk-sim: cannot start a process: %s\n",
			strerror(errno));
		place_remove(&place);
		return RUN_TOOL;
	}
	if (keeper == 0)
		_exit(keeper_run(&place, options, self));
	status = wait_for_keeper(keeper);
	/* The keeper removed it, unless it was killed. */
	if (!options->keep && access(place.directory, F_OK) == 0)
		place_remove(&place);
	if (options->keep)
		fprintf(stderr, "xenblk-sim: the world's files are in %s\n",
			place.directory);
	return status;
}
