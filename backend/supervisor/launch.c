/*
 * Starting xenblk-worker as a process.  See launch.h.
 *
 * The child gets the link as descriptor 3, /dev/null as input and output, our
 * standard error for its log, and nothing else; it dies with the supervisor.
 */
#include "backend/supervisor/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "backend/base/check.h"

#define WORKER_LINK 3

/* What a shell answers for a program that cannot be run. */
#define EXIT_NOT_RUN 127

/* Between fork and exec: only what is safe in a child of a threaded process. */
static _Noreturn void become_worker(const char *path, int link_fd, pid_t parent)
{
	char name[] = "xenblk-worker";
	char *arguments[] = {name, NULL};
	sigset_t none;
	int null;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(EXIT_NOT_RUN);
	null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0)
		_exit(EXIT_NOT_RUN);
	if (link_fd == WORKER_LINK) {
		if (fcntl(link_fd, F_SETFD, 0) < 0)
			_exit(EXIT_NOT_RUN);
	} else if (dup2(link_fd, WORKER_LINK) < 0) {
		_exit(EXIT_NOT_RUN);
	}
	if (close_range(WORKER_LINK + 1, ~0u, 0) < 0)
		_exit(EXIT_NOT_RUN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* The environment stays: a preloaded simulator lives in it. */
	execve(path, arguments, environ);
	_exit(EXIT_NOT_RUN);
}

int launch_worker(const char *path, int link_fd, pid_t *pid)
{
	const pid_t parent = getpid();
	pid_t child;

	CHECK(link_fd > STDERR_FILENO);
	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0)
		become_worker(path, link_fd, parent);
	close(link_fd);
	*pid = child;
	return 0;
}
