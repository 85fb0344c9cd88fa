/*
 * The runner: see runner.h.
 *
 * A case's process reports through a pipe; its standard error goes to a memory
 * file, whose last line explains a crash.  The runner itself never opens a Xen
 * handle, so that forking is safe.
 */
#include "conformance/runner.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/cleanup.h"
#include "conformance/probe.h"

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- in the case's process --- */

static void run_steps(struct guest *g)
{
	if (setjmp(g->end) == 0) {
		g->one->steps(g);
		g->result.outcome = GUEST_PASSED;
	}
}

static void run_in_child(const struct target *target,
			 const struct conform_case *one, int report_fd)
{
	static struct guest g;
	struct guest_world world = {.timeout_ms = 5000};
	int result = target->enter(one, &world);

	guest_init(&g, &world, one);
	if (result != 0) {
		g.result.outcome = GUEST_BROKEN;
		snprintf(g.result.got, sizeof(g.result.got),
			 "the target %s could not be entered: %s", target->name,
			 strerror(-result));
	} else {
		run_steps(&g);
		probe_backend(&g);
		guest_fini(&g);
		g.result.trace_hash = target->leave();
	}
	if (write(report_fd, &g.result, sizeof(g.result)) !=
	    (ssize_t)sizeof(g.result))
		_exit(4);
}

/* --- in the runner --- */

struct child {
	pid_t pid;
	int report_fd;
	int error_fd;
};

static int start_child(const struct runner_options *options,
		       const struct conform_case *one, struct child *child)
{
	int report[2];

	if (pipe(report) != 0)
		return -errno;
	child->error_fd = memfd_create("conform-stderr", MFD_CLOEXEC);
	fflush(NULL);
	child->pid = fork();
	if (child->pid < 0)
		return -errno;
	if (child->pid == 0) {
		close(report[0]);
		/* its own group, so that helpers that it starts end with it */
		setpgid(0, 0);
		/* and never outlives us: a case may spin for ever */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!options->verbose && child->error_fd >= 0)
			dup2(child->error_fd, STDERR_FILENO);
		run_in_child(options->target, one, report[1]);
		fflush(NULL);
		_exit(0);
	}
	close(report[1]);
	child->report_fd = report[0];
	return 0;
}

/* Wait for the report, or its end, or the deadline. */
static enum case_end await_report(const struct child *child,
				  unsigned int timeout_s,
				  struct guest_result *result)
{
	struct pollfd wait = {.fd = child->report_fd, .events = POLLIN};
	double end = now_s() + timeout_s;
	double left;
	ssize_t got;

	while ((left = end - now_s()) > 0) {
		int ready = poll(&wait, 1, (int)(left * 1000) + 1);

		if (ready > 0)
			break;
		if (ready < 0 && errno != EINTR)
			break;
	}
	if (left <= 0)
		return CASE_KILLED;
	got = read(child->report_fd, result, sizeof(*result));
	return got == (ssize_t)sizeof(*result) ? CASE_REPORTED : CASE_DIED;
}

/* After its report a process has a second to leave by itself. */
static int end_child(const struct child *child, bool at_once)
{
	struct timespec step = {.tv_nsec = 2000000};
	int status = 0;

	for (unsigned int i = 0; i < 500 && !at_once; i++) {
		if (waitpid(child->pid, &status, WNOHANG) == child->pid)
			return status;
		nanosleep(&step, NULL);
	}
	kill(-child->pid, SIGKILL);
	kill(child->pid, SIGKILL);
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return status;
}

/* The last line that the process wrote: a CHECK says there what was wrong. */
static void last_line(int fd, char *line, size_t bytes)
{
	char tail[250];
	off_t end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	off_t from = end > (off_t)sizeof(tail) - 1
			     ? end - ((off_t)sizeof(tail) - 1)
			     : 0;
	ssize_t got = end > 0 ? pread(fd, tail, sizeof(tail) - 1, from) : 0;
	char *start;

	line[0] = '\0';
	if (got <= 0)
		return;
	while (got > 0 && tail[got - 1] == '\n')
		got--;
	tail[got] = '\0';
	start = strrchr(tail, '\n');
	snprintf(line, bytes, "%s", start == NULL ? tail : start + 1);
}

static void explain_death(int status, int error_fd, char *reason, size_t bytes)
{
	char line[256];

	last_line(error_fd, line, sizeof(line));
	if (WIFSIGNALED(status))
		snprintf(reason, bytes,
			 "the case's process died of signal %d (%s)%s%s",
			 WTERMSIG(status), strsignal(WTERMSIG(status)),
			 line[0] == '\0' ? "" : ": ", line);
	else
		snprintf(reason, bytes,
			 "the case's process ended with %d and no result%s%s",
			 WEXITSTATUS(status), line[0] == '\0' ? "" : ": ",
			 line);
}

static void explain_result(const struct evidence *evidence, char *reason,
			   size_t bytes)
{
	const struct guest_result *result = &evidence->result;

	if (result->outcome == GUEST_SKIPPED ||
	    (result->outcome == GUEST_BROKEN && result->expected[0] == '\0'))
		snprintf(reason, bytes, "%s", result->got);
	else if (result->outcome != GUEST_PASSED)
		snprintf(reason, bytes, "%s:%d: expected: %s; got: %s%s",
			 result->file, result->line, result->expected,
			 result->got,
			 result->timed_out ? " (waited in vain)" : "");
	if (result->probe_failed) {
		size_t used = strlen(reason);

		snprintf(reason + used, bytes - used,
			 "%safterwards the backend does not serve: %s",
			 used == 0 ? "" : "; ", result->probe);
	}
}

static void judge(const struct evidence *evidence, struct outcome *outcome)
{
	outcome->verdict = verdict_of(evidence);
	outcome->result = evidence->result;
	if (outcome->reason[0] == '\0' && evidence->end == CASE_REPORTED)
		explain_result(evidence, outcome->reason,
			       sizeof(outcome->reason));
}

static void run_child(const struct runner_options *options,
		      struct outcome *outcome)
{
	struct evidence evidence = {.level = outcome->one->level,
				    .ours = options->target->ours};
	struct child child = {.pid = -1, .report_fd = -1, .error_fd = -1};
	char why[TARGET_TEXT_BYTES] = "";
	int status, result = start_child(options, outcome->one, &child);

	if (result != 0) {
		outcome->verdict = VERDICT_ERROR;
		snprintf(outcome->reason, sizeof(outcome->reason),
			 "no process for the case: %s", strerror(-result));
		return;
	}
	evidence.end =
		await_report(&child, options->timeout_s, &evidence.result);
	status = end_child(&child, evidence.end == CASE_KILLED);
	if (evidence.end == CASE_DIED)
		explain_death(status, child.error_fd, outcome->reason,
			      sizeof(outcome->reason));
	if (evidence.end == CASE_KILLED)
		snprintf(outcome->reason, sizeof(outcome->reason),
			 "not finished after %u seconds", options->timeout_s);
	close(child.report_fd);
	close_fd(&child.error_fd);
	evidence.health = options->target->after(outcome->one, why);
	if (evidence.health != TARGET_ALIVE)
		snprintf(outcome->reason, sizeof(outcome->reason), "%s", why);
	judge(&evidence, outcome);
}

void runner_run(const struct runner_options *options,
		const struct conform_case *one, struct outcome *outcome)
{
	char why[TARGET_TEXT_BYTES] = "";
	double start = now_s();

	memset(outcome, 0, sizeof(*outcome));
	outcome->one = one;
	if (options->target->before(one, why) == 0) {
		run_child(options, outcome);
	} else {
		outcome->verdict = VERDICT_ERROR;
		snprintf(outcome->reason, sizeof(outcome->reason), "%s", why);
	}
	outcome->seconds = now_s() - start;
}
