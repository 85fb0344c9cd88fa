/*
 * xenblkd: start order, the loop, the end.
 *
 * Start: settings, signals, xenstore, the lock, the control socket, then the
 * loop.  End: SIGTERM or SIGINT let every worker drain; the loss of xenstore
 * ends the daemon at once, since nothing can be said to anybody any more.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/checked.h"
#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/supervisor/control.h"
#include "backend/supervisor/lock.h"
#include "backend/supervisor/metrics.h"
#include "backend/supervisor/options.h"
#include "backend/supervisor/rival.h"
#include "backend/supervisor/recording.h"
#include "version.h"

/* Workers that have not drained by then are killed. */
#define STOP_NS 10000000000u

static void raise_limits(void)
{
	struct rlimit limit;

	/* A disk with 16 queues has 17 descriptors for a moment, then three. */
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_line(LOG_WARNING, "setrlimit: %s", strerror(errno));
}

/* SIGTERM, SIGINT and SIGHUP as a descriptor; blocked in every thread to come. */
static int take_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/*
 * Goes to the background: the parent leaves when the child is ready, or with
 * the child's exit status.  Return: in the child, what to write a byte to when
 * ready.
 */
static int go_to_background(void)
{
	int ends[2], status;
	char byte;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		log_line(LOG_ERROR, "fork: %s", strerror(errno));
		exit(EXIT_ENVIRONMENT);
	}
	if (pid == 0) {
		close(ends[0]);
		setsid();
		return ends[1];
	}
	close(ends[1]);
	if (read(ends[0], &byte, 1) == 1)
		exit(EXIT_OK);
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status))
		exit(WEXITSTATUS(status));
	exit(EXIT_ENVIRONMENT);
}

static void say_ready(int fd)
{
	if (fd < 0)
		return;
	if (write(fd, "", 1) != 1)
		log_line(LOG_WARNING, "nobody waits for our start");
	close(fd);
}

struct daemon {
	const struct conf *conf;
	struct host *host;
	struct control *control;
	struct metrics *metrics; /* NULL: not served */
	struct recording *recording;
	int lock;
	int signals;
};

/* The directory that the control socket lies in; made if it is not there. */
static void control_directory(struct conf *conf)
{
	char *path = conf->tables;
	char *slash;

	snprintf(path, sizeof(conf->tables), "%s", conf->control);
	slash = strrchr(path, '/');
	if (slash == path || slash == NULL) {
		snprintf(path, sizeof(conf->tables), "/");
		return;
	}
	*slash = '\0';
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		log_line(LOG_WARNING, "%s cannot be made: %s", path,
			 strerror(errno));
}

/* After the lock: the file of a daemon that serves is not touched. */
static int start_recording(struct daemon *daemon)
{
	const struct conf *conf = daemon->conf;
	char error[RECORDING_ERROR_BYTES] = "not enough memory";
	int result;

	if (conf->record[0] == '\0')
		return 0;
	result = recording_open(conf->record, conf->record_bytes,
				&daemon->recording, error);
	if (result < 0)
		log_line(LOG_ERROR, "%s", error);
	host_set_recording(daemon->host, daemon->recording);
	return result;
}

static int start_metrics(struct daemon *daemon)
{
	const char *where = daemon->conf->metrics;
	char error[ENDPOINT_ERROR_BYTES] = "not enough memory";
	int result;

	if (where[0] == '\0')
		return 0;
	result = metrics_create(where, daemon->host, &daemon->metrics, error);
	if (result < 0)
		log_line(LOG_ERROR, "%s", error);
	return result;
}

static int daemon_start(struct daemon *daemon)
{
	char error[LOCK_ERROR_BYTES] = "";
	const struct conf *conf = daemon->conf;
	int result;

	static_assert(LOCK_ERROR_BYTES >= RIVAL_SENTENCE_BYTES, "room");
	if (rival_of_directory(conf, error)) {
		log_line(LOG_ERROR, "%s", error);
		return -EBUSY;
	}
	result = host_create(conf, &daemon->host);
	if (result < 0) {
		log_line(LOG_ERROR,
			 "xenstore cannot be reached (%s): is xenstored "
			 "running, and is this a domain with disks to serve?",
			 strerror(-result));
		return result;
	}
	daemon->lock = lock_take(conf->directory, conf->tables, error);
	if (daemon->lock < 0) {
		log_line(LOG_ERROR, "%s", error);
		return daemon->lock;
	}
	result = control_create(conf->control, &daemon->control, error);
	if (result < 0) {
		log_line(LOG_ERROR, "%s", error);
		return result;
	}
	result = start_metrics(daemon);
	if (result == 0)
		result = start_recording(daemon);
	if (result < 0)
		return result;
	log_line(LOG_INFO,
		 "xenblkd " XENBLK_VERSION
		 " serves backend/%s; control socket %s",
		 conf->directory, conf->control);
	return 0;
}

static void daemon_end(struct daemon *daemon)
{
	control_destroy(daemon->control);
	metrics_destroy(daemon->metrics);
	host_destroy(daemon->host);
	recording_close(daemon->recording);
	close_fd(&daemon->signals);
	/* Last: the next daemon may begin. */
	close_fd(&daemon->lock);
}

/* One that means the end. */
static bool signal_came(int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return false;
	/* Others read their settings again, or lose their terminal: neither is
	 * a reason to take all disks away. */
	if (info.ssi_signo == SIGHUP) {
		log_line(LOG_INFO,
			 "signal %u: the settings stay as they were "
			 "at the start",
			 info.ssi_signo);
		return false;
	}
	log_line(LOG_INFO, "signal %u: the workers drain, then we end",
		 info.ssi_signo);
	return true;
}

/* Sleeps until something happens, or at most until the deadline. */
static void sleep_until(const struct daemon *daemon, uint64_t deadline_ns)
{
	struct pollfd fds[] = {
		{.fd = host_fd(daemon->host), .events = POLLIN},
		{.fd = control_fd(daemon->control), .events = POLLIN},
		{.fd = daemon->signals, .events = POLLIN},
		{.fd = metrics_fd(daemon->metrics), .events = POLLIN},
	};
	uint64_t now = clock_now_ns();
	int timeout_ms = -1;

	if (deadline_ns != UINT64_MAX)
		timeout_ms = now >= deadline_ns
				     ? 0
				     : (int)((deadline_ns - now) / 1000000) + 1;
	if (poll(fds, ARRAY_SIZE(fds), timeout_ms) < 0 && errno != EINTR)
		log_line(LOG_ERROR, "poll: %s", strerror(errno));
}

static int daemon_run(struct daemon *daemon)
{
	uint64_t deadline_ns = UINT64_MAX;
	uint64_t wake_ns, next_ns;

	for (;;) {
		while (host_step(daemon->host))
			control_step(daemon->control, daemon->host);
		control_step(daemon->control, daemon->host);
		if (host_lost(daemon->host)) {
			log_line(LOG_ERROR, "the connection to xenstore is "
					    "lost: nothing can be served "
					    "without it, so this daemon ends");
			return EXIT_ENVIRONMENT;
		}
		if (signal_came(daemon->signals) && deadline_ns == UINT64_MAX) {
			deadline_ns = clock_now_ns() + STOP_NS;
			host_stop(daemon->host);
			continue;
		}
		if (deadline_ns != UINT64_MAX &&
		    (host_workers(daemon->host) == 0 ||
		     clock_now_ns() >= deadline_ns))
			return EXIT_OK;
		wake_ns = recording_step(daemon->recording, clock_now_ns());
		if (wake_ns > deadline_ns)
			wake_ns = deadline_ns;
		next_ns = metrics_step(daemon->metrics, clock_now_ns());
		sleep_until(daemon, next_ns < wake_ns ? next_ns : wake_ns);
	}
}

int main(int argc, char **argv)
{
	struct conf conf;
	struct daemon daemon = {.conf = &conf, .lock = -1, .signals = -1};
	int ready = -1, status = EXIT_ENVIRONMENT;

	conf_init(&conf);
	options_parse(argc, argv, &conf);
	log_set_level((enum log_level)conf.log_level);
	if (access(conf.worker, X_OK) < 0) {
		log_line(LOG_ERROR,
			 "the worker program %s cannot be run (%s): name it "
			 "with --worker",
			 conf.worker, strerror(errno));
		return EXIT_ENVIRONMENT;
	}
	if (!conf.foreground)
		ready = go_to_background();
	raise_limits();
	control_directory(&conf);
	daemon.signals = take_signals();
	if (daemon.signals < 0) {
		log_line(LOG_ERROR, "signalfd: %s", strerror(errno));
		return EXIT_ENVIRONMENT;
	}
	if (daemon_start(&daemon) == 0) {
		say_ready(ready);
		status = daemon_run(&daemon);
	}
	daemon_end(&daemon);
	return status;
}
