/*
 * xenblk-lab-agent: runs in a guest for good and serves xenblk-lab-exec.
 *
 * Waits for requests in the guest's own part of xenstore; each becomes a process
 * (session.c), so that sessions cannot harm one another.  What an earlier agent
 * left behind is removed at the start.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "conformance/lab/exec/channel.h"
#include "conformance/lab/exec/session.h"
#include "version.h"

#define SESSIONS_MAX 16u
#define LOOK_MS	     10000 /* whether xenstore and our mark are still there */
#define RETRY_MS     1000  /* while we may not write there yet */

struct agent {
	struct store store;
	int children;  /* signalfd */
	char mark[64]; /* new each time, for whoever waits for an agent */
	bool announced;
	struct {
		pid_t pid;
		char id[CHANNEL_ID_BYTES];
	} session[SESSIONS_MAX];
};

static const char usage[] =
	"usage: xenblk-lab-agent\n"
	"Runs in a guest of the laboratory, and there the commands that\n"
	"xenblk-lab-exec in dom0 asks for.  Started by the guest's init.\n";

static int watch_children(struct agent *agent)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	agent->children = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return agent->children < 0 ? -errno : 0;
}

static void choose_mark(struct agent *agent)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	snprintf(agent->mark, sizeof(agent->mark), "%d %lld.%09ld",
		 (int)getpid(), (long long)now.tv_sec, now.tv_nsec);
}

/* Nothing may be there from an agent before us. */
static int announce(struct agent *agent)
{
	int result = store_remove(&agent->store, "requests");

	if (result == 0)
		result = store_remove(&agent->store, "sessions");
	if (result == 0)
		result = store_put(&agent->store, "agent", agent->mark,
				   strlen(agent->mark));
	agent->announced = result == 0;
	/* dom0 has not made the directory yet: it will */
	return result == -EACCES || result == -ENOENT ? 0 : result;
}

/* A guest that was destroyed takes xenstore away from under us. */
static int look_after_mark(struct agent *agent)
{
	char mark[sizeof(agent->mark)];
	ssize_t got;

	if (!agent->announced)
		return announce(agent);
	got = store_get(&agent->store, "agent", mark, sizeof(mark));
	if (got == -ENOENT)
		return store_put(&agent->store, "agent", agent->mark,
				 strlen(agent->mark));
	return got < 0 ? (int)got : 0;
}

static _Noreturn void become_session(char *id)
{
	char *const words[] = {"xenblk-lab-agent", "--session", id, NULL};

	execv("/proc/self/exe", words);
	_exit(127);
}

static void start_session(struct agent *agent, unsigned int slot,
			  const char *id)
{
	char node[STORE_PATH_BYTES];
	pid_t pid;

	snprintf(agent->session[slot].id, CHANNEL_ID_BYTES, "%s", id);
	snprintf(node, sizeof(node), "requests/%s", id);
	store_remove(&agent->store, node);
	pid = fork();
	if (pid == 0)
		become_session(agent->session[slot].id);
	agent->session[slot].pid = pid < 0 ? 0 : pid;
}

/* Those that find no place stay where they are until a session ends. */
static void serve_requests(struct agent *agent)
{
	char id[CHANNEL_ID_BYTES];

	for (unsigned int i = 0; i < SESSIONS_MAX; i++) {
		if (agent->session[i].pid != 0)
			continue;
		if (store_first(&agent->store, "requests", id, sizeof(id)) != 0)
			return;
		start_session(agent, i, id);
	}
}

static void end_session(struct agent *agent, pid_t pid)
{
	char node[STORE_PATH_BYTES];

	for (unsigned int i = 0; i < SESSIONS_MAX; i++) {
		if (agent->session[i].pid != pid)
			continue;
		snprintf(node, sizeof(node), "sessions/%s",
			 agent->session[i].id);
		store_remove(&agent->store, node);
		agent->session[i].pid = 0;
	}
}

static void reap(struct agent *agent)
{
	struct signalfd_siginfo info;
	pid_t pid;

	while (read(agent->children, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		end_session(agent, pid);
}

static int serve(struct agent *agent)
{
	int result = store_open(&agent->store, STORE_INSIDE);

	choose_mark(agent);
	if (result == 0)
		result = watch_children(agent);
	if (result == 0)
		result = announce(agent);
	if (result == 0)
		result = store_watch(&agent->store, "requests");
	while (result == 0) {
		struct pollfd fds[] = {
			{.fd = store_fd(&agent->store), .events = POLLIN},
			{.fd = agent->children, .events = POLLIN}};

		if (poll(fds, 2, agent->announced ? LOOK_MS : RETRY_MS) == 0)
			result = look_after_mark(agent);
		store_drain(&agent->store);
		reap(agent);
		serve_requests(agent);
	}
	return result;
}

int main(int argc, char **argv)
{
	struct agent agent = {0};
	int result;

	if (argc == 3 && strcmp(argv[1], "--session") == 0)
		return session_run(argv[2]);
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("xenblk-lab-agent " XENBLK_VERSION) < 0;
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(usage, stdout) < 0;
	if (argc != 1) {
		fputs(usage, stderr);
		return 2;
	}
	result = serve(&agent);
	store_close(&agent.store);
	fprintf(stderr,
		"xenblk-lab-agent: xenstore cannot be used (%s): is this a "
		"running Xen guest, with /dev/xen/xenbus?\n",
		strerror(-result));
	return 4;
}
