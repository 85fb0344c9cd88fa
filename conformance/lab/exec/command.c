/* Starting a command with its pipes: see command.h. */
#include "conformance/lab/exec/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINK_FD 3

struct ends {
	int pipe[COMMAND_PIPES];
	int link;
};

/* Descriptors 0 to 3 as the command expects them; all others close on exec. */
static _Noreturn void become(const struct ends *ends, char **words)
{
	sigset_t none;
	int input = open("/dev/null", O_RDONLY);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	dup2(input, STDIN_FILENO);
	dup2(ends->pipe[COMMAND_OUTPUT], STDOUT_FILENO);
	dup2(ends->pipe[COMMAND_ERRORS], STDERR_FILENO);
	/* dup2() of a descriptor onto itself would leave its flag */
	if (ends->link == LINK_FD)
		fcntl(LINK_FD, F_SETFD, 0);
	else if (ends->link >= 0)
		dup2(ends->link, LINK_FD);
	execvp(words[0], words);
	dprintf(STDERR_FILENO, "xenblk-lab-agent: cannot run %s: %s\n",
		words[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static int open_link(enum channel_link kind, struct command *command,
		     struct ends *ends)
{
	int type = kind == CHANNEL_STREAM ? SOCK_STREAM : SOCK_SEQPACKET;
	int pair[2];

	if (kind == CHANNEL_NO_LINK)
		return 0;
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	command->link = pair[0];
	ends->link = pair[1];
	return 0;
}

static int open_pipes(struct command *command, struct ends *ends)
{
	for (unsigned int i = 0; i < COMMAND_PIPES; i++) {
		int pair[2];

		if (pipe2(pair, O_CLOEXEC) != 0)
			return -errno;
		command->pipe[i] = pair[0];
		ends->pipe[i] = pair[1];
	}
	return 0;
}

int command_start(struct command *command, char **words, enum channel_link link)
{
	struct ends ends = {{-1, -1}, -1};
	int result;

	*command = (struct command){
		.pid = -1, .pid_fd = -1, .pipe = {-1, -1}, .link = -1};
	result = open_pipes(command, &ends);
	if (result == 0)
		result = open_link(link, command, &ends);
	if (result == 0) {
		command->pid = fork();
		if (command->pid == 0)
			become(&ends, words);
		result = command->pid < 0 ? -errno : 0;
	}
	if (result == 0) {
		/* twice, here and there: whoever is first */
		setpgid(command->pid, command->pid);
		command->pid_fd = pidfd_open(command->pid, 0);
		result = command->pid_fd < 0 ? -errno : 0;
	}
	for (unsigned int i = 0; i < COMMAND_PIPES; i++)
		command_close(&ends.pipe[i]);
	command_close(&ends.link);
	return result;
}

void command_signal(const struct command *command, int signal)
{
	if (!command->ended && command->pid > 0)
		kill(-command->pid, signal);
}

void command_reap(struct command *command)
{
	if (command->ended ||
	    waitpid(command->pid, &command->status, WNOHANG) != command->pid)
		return;
	command->ended = true;
	command_close(&command->pid_fd);
}

void command_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}
