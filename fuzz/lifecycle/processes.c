/*
 * The processes of the workers that a script plays, as the supervisor sees them:
 * it starts them, polls them, waits for their end, kills them.  None exists; a
 * dead one may leave the lock of its region behind, as the kernel does while it
 * still works for it.  See life.h; what they say and do is in workers.c.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/supervisor/launch.h"
#include "fuzz/lifecycle/life.h"

/* No process has such a number: pid_max ends at 2^22. */
#define PID_FIRST (1 << 24)

int __wrap_pidfd_open(pid_t pid, unsigned int flags);
int __wrap_waitid(idtype_t type, id_t id, siginfo_t *info, int options);
pid_t __real_waitpid(pid_t pid, int *status, int options);
pid_t __wrap_waitpid(pid_t pid, int *status, int options);
int __real_kill(pid_t pid, int signal);
int __wrap_kill(pid_t pid, int signal);

void life_let_go(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void clear(struct life_worker *worker)
{
	memset(worker, 0, sizeof(*worker));
	worker->link = worker->pidfd = worker->lock = -1;
	worker->theirs = -1;
}

void workers_reset(void)
{
	for (unsigned int i = 0; i < LIFE_WORKERS; i++)
		clear(&life.worker[i]);
}

static struct life_worker *of_pid(pid_t pid)
{
	if (pid < PID_FIRST || pid >= PID_FIRST + (pid_t)LIFE_WORKERS)
		return NULL;
	return &life.worker[pid - PID_FIRST];
}

/*
 * The runtime of AFL++ is linked into the harness, and its fork server waits for
 * the processes that it made by the same calls.  The backend knows no such
 * process: launch_worker() gives it numbers from PID_FIRST on.
 */
static bool of_the_engine(pid_t pid)
{
	return pid > 0 && pid < PID_FIRST;
}

void workers_closed(int fd)
{
	for (unsigned int i = 0; i < LIFE_WORKERS; i++)
		if (life.worker[i].pidfd == fd)
			life.worker[i].pidfd = -1;
		else if (life.worker[i].theirs == fd)
			life.worker[i].theirs = -1;
}

void worker_end(struct life_worker *worker, bool holds)
{
	const uint64_t one = 1;

	worker->ended = true;
	life_let_go(&worker->link);
	if (!holds)
		life_let_go(&worker->lock);
	if (worker->pidfd >= 0 &&
	    write(worker->pidfd, &one, sizeof(one)) != sizeof(one))
		abort();
}

void worker_ends_in_order(struct life_worker *worker)
{
	worker->in_order = true;
	worker_end(worker, false);
}

int launch_worker(const char *path, int link_fd, pid_t *pid)
{
	(void)path;
	if (life.refuse_launch > 0) {
		life.refuse_launch--;
		return -EAGAIN;
	}
	for (unsigned int i = 0; i < LIFE_WORKERS; i++) {
		struct life_worker *worker = &life.worker[i];

		if (worker->used)
			continue;
		life_let_go(&worker->lock);
		clear(worker);
		worker->used = true;
		worker->link = link_fd;
		*pid = PID_FIRST + (pid_t)i;
		life.launches++;
		return 0;
	}
	oracle_fail(ORACLE_RESOURCES,
		    "a worker is started while %u are there "
		    "for %u disks",
		    LIFE_WORKERS, LIFE_DISKS);
	return -EAGAIN;
}

int __wrap_pidfd_open(pid_t pid, unsigned int flags)
{
	struct life_worker *worker = of_pid(pid);

	(void)flags;
	if (worker == NULL)
		abort();
	if (life.refuse_pidfd > 0) {
		life.refuse_pidfd--;
		errno = EMFILE;
		return -1;
	}
	worker->pidfd = eventfd(worker->ended, EFD_CLOEXEC | EFD_NONBLOCK);
	return worker->pidfd;
}

int __wrap_waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
	const struct life_worker *worker = of_pid((pid_t)id);

	(void)type;
	(void)options;
	if (worker == NULL)
		abort();
	info->si_pid = worker->ended ? (pid_t)id : 0;
	return 0;
}

pid_t __wrap_waitpid(pid_t pid, int *status, int options)
{
	struct life_worker *worker = of_pid(pid);

	if (of_the_engine(pid))
		return __real_waitpid(pid, status, options);
	if (worker == NULL || !worker->used)
		abort();
	/* Whoever waits for one that runs waits for ever. */
	if (!worker->ended)
		oracle_fail(ORACLE_PROGRESS,
			    "the end of a worker that lives is waited for");
	if (status != NULL)
		*status = worker->in_order	? 0
			  : worker->status != 0 ? worker->status << 8
						: SIGSEGV;
	worker->used = false;
	if (worker->disk != NULL && worker->disk->worker == worker)
		worker->disk->worker = NULL;
	return pid;
}

int __wrap_kill(pid_t pid, int signal)
{
	struct life_worker *worker = of_pid(pid);

	if (of_the_engine(pid))
		return __real_kill(pid, signal);
	if (worker == NULL || signal != SIGKILL)
		abort();
	if (!worker->ended)
		worker_end(worker, false);
	return 0;
}
