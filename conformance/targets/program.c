/* Starting and ending programs: see program.h. */
#include "conformance/targets/program.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STEP_NS	   2000000l
#define POLITE_TRY 1500u /* steps: three seconds */

void program_beside(const char *name, char *path, size_t bytes)
{
	char self[3072];
	ssize_t got = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	snprintf(path, bytes, "%s", name);
	if (got <= 0)
		return;
	self[got] = '\0';
	slash = strrchr(self, '/');
	if (slash == NULL)
		return;
	*slash = '\0';
	snprintf(path, bytes, "%s/%s", self, name);
	if (access(path, X_OK) != 0)
		snprintf(path, bytes, "%s", name);
}

static _Noreturn void become(const struct program *program, char *const *argv)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* whoever starts it may wait for signals by other means */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(program->log_fd, STDERR_FILENO);
	dup2(program->log_fd, STDOUT_FILENO);
	execvp(argv[0], argv);
	dprintf(STDERR_FILENO, "%s cannot be run: %s\n", argv[0],
		strerror(errno));
	_exit(127);
}

int program_start(struct program *program, char *const *argv)
{
	memset(program, 0, sizeof(*program));
	program->log_fd = memfd_create("conform-program", MFD_CLOEXEC);
	if (program->log_fd < 0)
		return -errno;
	fflush(NULL);
	program->pid = fork();
	if (program->pid == 0)
		become(program, argv);
	return program->pid < 0 ? -errno : 0;
}

bool program_alive(struct program *program)
{
	if (program->pid <= 0)
		return false;
	if (waitpid(program->pid, &program->status, WNOHANG) == 0)
		return true;
	program->pid = 0;
	return false;
}

void program_wait(struct program *program)
{
	while (program->pid > 0 &&
	       waitpid(program->pid, &program->status, 0) < 0 && errno == EINTR)
		continue;
	program->pid = 0;
}

void program_stop(struct program *program)
{
	struct timespec step = {.tv_nsec = STEP_NS};

	if (program_alive(program))
		kill(program->pid, SIGTERM);
	for (unsigned int i = 0; i < POLITE_TRY && program_alive(program); i++)
		nanosleep(&step, NULL);
	if (program_alive(program)) {
		kill(program->pid, SIGKILL);
		waitpid(program->pid, &program->status, 0);
		program->pid = 0;
	}
	if (program->log_fd > 0)
		close(program->log_fd);
	program->log_fd = 0;
}

bool program_log_line(struct program *program, char *line, size_t bytes)
{
	ssize_t got;
	char *end;

	if (program->log_fd <= 0) /* it was never started */
		return false;
	got = pread(program->log_fd, line, bytes - 1, program->log_seen);
	if (got <= 0)
		return false;
	line[got] = '\0';
	end = strchr(line, '\n');
	if (end == NULL && (size_t)got < bytes - 1)
		return false;
	if (end != NULL)
		*end = '\0';
	program->log_seen += (off_t)strlen(line) + (end != NULL);
	return true;
}

int program_output(char *const *argv, char *line, size_t bytes)
{
	int ends[2], status;
	ssize_t got;
	pid_t pid;

	if (pipe(ends) != 0)
		return -errno;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(ends[1]);
	got = pid < 0 ? -1 : read(ends[0], line, bytes - 1);
	close(ends[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || got <= 0 ||
	    !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return -EIO;
	line[got] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return 0;
}
