/* A worker process and the link to it.  See child.h. */
#include "backend/supervisor/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/cleanup.h"
#include "backend/base/log.h"
#include "backend/supervisor/launch.h"

void child_init(struct child *child)
{
	memset(child, 0, sizeof(*child));
	child->link = -1;
	child->pidfd = -1;
}

static int start_process(struct child *child, const char *program)
{
	int worker_end, error;

	error = link_pair(&child->link, &worker_end);
	if (error < 0)
		return error;
	error = launch_worker(program, worker_end, &child->pid);
	if (error < 0) {
		close(worker_end);
		return error;
	}
	child->alive = true;
	if (child->pid == 0)
		return 0;
	child->pidfd = pidfd_open(child->pid, 0);
	return child->pidfd < 0 ? -errno : 0;
}

/* How many descriptors go with DEVICE. */
static unsigned int descriptors_of(const struct link_device *device)
{
	return 1 + device->record +
	       (device->image == LINK_IMAGE_FILE ? device->max_queues : 0);
}

int child_start(struct child *child, const char *program,
		const struct link_device *device, const int *fds)
{
	struct link_message message;
	int error;

	CHECK(!child->alive);
	child_fini(child);
	error = start_process(child, program);
	if (error == 0) {
		memset(&message, 0, sizeof(message));
		message.kind = LINK_DEVICE;
		message.device = *device;
		error = link_send(child->link, &message, fds,
				  descriptors_of(device));
	}
	if (error < 0) {
		child_kill(child);
		child_fini(child);
	}
	return error;
}

void child_send(struct child *child, const struct link_message *message)
{
	int error = child->link < 0 ? -EPIPE
				    : link_send(child->link, message, NULL, 0);

	/* A worker that takes nothing more is as good as dead; a dead one's end
	 * of the link is seen by child_receive(). */
	if (error < 0 && error != -EPIPE)
		child_kill(child);
}

/* Whether the process has ended, so that its status can be had. */
static bool has_ended(const struct child *child)
{
	siginfo_t info;

	if (child->pid == 0)
		return true;
	memset(&info, 0, sizeof(info));
	return waitid(P_PID, (id_t)child->pid, &info,
		      WEXITED | WNOHANG | WNOWAIT) < 0 ||
	       info.si_pid != 0;
}

int child_receive(struct child *child, struct link_message *message)
{
	int fds[LINK_MAX_FDS];
	unsigned int count;
	int n;

	if (!child->alive)
		return 0;
	if (child->link >= 0) {
		n = link_receive(child->link, message, fds, &count);
		if (n == 1 && message->kind != LINK_DEVICE)
			return 1;
		/* Dead with its link open: somebody it started holds it. */
		if (n == -EAGAIN)
			return child->pid > 0 && has_ended(child) ? -EPIPE : 0;
		if (n == 1) {
			/* DEVICE, with descriptors: it goes the other way. */
			for (unsigned int i = 0; i < count; i++)
				close(fds[i]);
			n = -EPROTO;
		}
		if (n < 0) {
			log_line(LOG_WARNING,
				 "worker %d sent what no worker sends: %s",
				 (int)child->pid, strerror(-n));
			child_kill(child);
		}
		close(child->link);
		child->link = -1;
	}
	/* The end of the link comes a moment before the end of the process. */
	return has_ended(child) ? -EPIPE : 0;
}

bool child_obituary(struct child *child, char *sentence, size_t room)
{
	int status = 0;

	CHECK(child->alive);
	child->alive = false;
	close_fd(&child->link);
	close_fd(&child->pidfd);
	child->link = -1;
	child->pidfd = -1;
	if (child->pid == 0) {
		snprintf(sentence, room, "hung up");
		return true;
	}
	if (waitpid(child->pid, &status, 0) != child->pid) {
		snprintf(sentence, room, "ended in an unknown way");
		status = -1;
	} else if (WIFSIGNALED(status))
		snprintf(sentence, room, "was killed by signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == 127)
		snprintf(sentence, room, "could not be run");
	else
		snprintf(sentence, room, "ended with exit status %d",
			 WEXITSTATUS(status));
	child->pid = 0;
	return status == 0;
}

void child_stop(struct child *child)
{
	struct link_message message = {.kind = LINK_STOP};

	if (!child->alive || child->link < 0)
		return;
	child_send(child, &message);
	close_fd(&child->link);
	child->link = -1;
}

void child_kill(struct child *child)
{
	if (child->alive && child->pid > 0 && kill(child->pid, SIGKILL) < 0)
		log_line(LOG_DEBUG, "kill %d: %s", (int)child->pid,
			 strerror(errno));
	/* A worker without a process of its own sees the end of its link. */
	close_fd(&child->link);
	child->link = -1;
}

void child_fini(struct child *child)
{
	if (child->alive && child->pid > 0) {
		child_kill(child);
		if (waitpid(child->pid, NULL, 0) < 0)
			log_line(LOG_DEBUG, "waitpid: %s", strerror(errno));
	}
	close_fd(&child->link);
	close_fd(&child->pidfd);
	child_init(child);
}
