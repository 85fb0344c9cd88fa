/*
 * xenblk-conform-dom0: what a guest that runs the conformance suite needs from
 * dom0: test disks, a backend that serves them, and word of how that is.
 *
 * Does the guest's errands (errand.h) one by one until it is told to end, its
 * command has ended, or the guest is gone.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "conformance/targets/errand.h"
#include "conformance/targets/host.h"
#include "version.h"

enum {
	STATUS_OK = 0,
	STATUS_USAGE = 2,
	STATUS_FAILED = 4
};

struct service {
	struct host host;
	struct store store;
	char **command; /* NULL: until a signal comes */
	pid_t pid;	/* of the command */
	int signals;
	int status;
	bool over;
};

static const struct hosted *const backends[] = {&hosted_xenblkd, &hosted_qemu,
						&hosted_blkback};
#define BACKENDS (sizeof(backends) / sizeof(*backends))

static const char usage[] =
	"usage: xenblk-conform-dom0 --guest DOMID --backend "
	"xenblkd|qemu|blkback\n"
	"                           [--directory NAME] [--devid N] [--disk-dir "
	"DIR]\n"
	"                           [--patience S] [-- COMMAND ARG...]\n"
	"Plays the toolstack, and runs the backend, for xenblk-conform run "
	"--target xen\nin that guest.\n"
	"  --directory NAME  of the backend in xenstore (vbd; qdisk for qemu)\n"
	"  --devid N         of the first test disk (51712, xvda)\n"
	"  --disk-dir DIR    where the images are made ($TMPDIR, /tmp)\n"
	"  --patience S      how long a case waits for what must come (30)\n"
	"With a COMMAND it ends with that and its status, else at SIGTERM.\n";

static int complain(const char *what, const char *value)
{
	fprintf(stderr, "xenblk-conform-dom0: %s \"%s\"; see --help\n", what,
		value);
	return STATUS_USAGE;
}

/* --- the command line --- */

enum {
	OPTION_GUEST = 256,
	OPTION_BACKEND,
	OPTION_DIRECTORY,
	OPTION_DEVID,
	OPTION_DISK_DIR,
	OPTION_PATIENCE,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option options[] = {
	{"guest", required_argument, NULL, OPTION_GUEST},
	{"backend", required_argument, NULL, OPTION_BACKEND},
	{"directory", required_argument, NULL, OPTION_DIRECTORY},
	{"devid", required_argument, NULL, OPTION_DEVID},
	{"disk-dir", required_argument, NULL, OPTION_DISK_DIR},
	{"patience", required_argument, NULL, OPTION_PATIENCE},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{0},
};

static bool take_number(const char *text, unsigned long max, uint32_t *number)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	*number = (uint32_t)value;
	return *text >= '0' && *text <= '9' && *end == '\0' && value > 0 &&
	       value <= max;
}

static const struct hosted *find_backend(const char *name)
{
	for (unsigned int i = 0; i < BACKENDS; i++) {
		if (strcmp(backends[i]->name, name) == 0)
			return backends[i];
	}
	return NULL;
}

static int take_option(int option, struct host *host)
{
	uint32_t seconds;

	switch (option) {
	case OPTION_GUEST:
		if (!take_number(optarg, 0x7fef, &host->domid))
			return complain("a guest is a number, not", optarg);
		return STATUS_OK;
	case OPTION_BACKEND:
		host->hosted = find_backend(optarg);
		if (host->hosted == NULL)
			return complain("there is no backend", optarg);
		return STATUS_OK;
	case OPTION_DIRECTORY:
		host->kind = optarg;
		return STATUS_OK;
	case OPTION_DEVID:
		if (!take_number(optarg, UINT32_MAX, &host->devid))
			return complain("--devid takes a number, not", optarg);
		return STATUS_OK;
	case OPTION_DISK_DIR:
		host->disk_dir = optarg;
		return STATUS_OK;
	case OPTION_PATIENCE:
		if (!take_number(optarg, 600, &seconds))
			return complain("--patience takes 1 to 600 seconds, "
					"not",
					optarg);
		host->patience_ms = seconds * 1000;
		return STATUS_OK;
	default:
		return STATUS_USAGE;
	}
}

/* Return: -1 to go on, else an exit status. */
static int parse(int argc, char **argv, struct service *service)
{
	int option, status = STATUS_OK;

	while (status == STATUS_OK &&
	       (option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (option == OPTION_HELP)
			return fputs(usage, stdout) < 0;
		if (option == OPTION_VERSION)
			return puts("xenblk-conform-dom0 " XENBLK_VERSION) < 0;
		status = take_option(option, &service->host);
	}
	if (status != STATUS_OK)
		return status;
	if (service->host.domid == 0 || service->host.hosted == NULL)
		return complain("which guest, which backend? Missing",
				service->host.domid == 0 ? "--guest"
							 : "--backend");
	if (optind < argc)
		service->command = argv + optind;
	return -1;
}

/* --- errands --- */

static void do_errand(struct host *host, const struct errand *errand,
		      struct errand_answer *answer)
{
	enum case_disk disk =
		errand->disk < CASE_DISK_COUNT ? errand->disk : DISK_WRITABLE;
	char why[TARGET_TEXT_BYTES] = "";

	answer->text[0] = '\0';
	switch (errand->kind) {
	case ERRAND_BEFORE:
		answer->result = host_before(host, disk, why);
		break;
	case ERRAND_AFTER:
		answer->result = (int)host_after(host, disk, why);
		break;
	case ERRAND_REPLUG:
		answer->result = host_replug(host, disk);
		break;
	case ERRAND_ASK_UNPLUG:
		answer->result = host_ask_unplug(host, disk);
		break;
	case ERRAND_ERROR: {
		CLEANUP(free_string) char *text = host_error(host, disk);

		answer->result = text != NULL ? 0 : -ENOENT;
		snprintf(answer->text, sizeof(answer->text), "%s",
			 text != NULL ? text : "");
		return;
	}
	case ERRAND_DEED:
		answer->result =
			errand->value < GUEST_DEED_COUNT
				? host_do(host, disk,
					  (enum guest_deed)errand->value)
				: -ENOSYS;
		break;
	case ERRAND_RESIZE:
		answer->result =
			host->hosted->resize != NULL
				? host_resize(host, disk, errand->value)
				: -ENOSYS;
		break;
	case ERRAND_MEDIUM:
		answer->result = host_medium(host, disk, errand->value != 0);
		break;
	case ERRAND_KINDS:
		answer->result = -ENOSYS;
		break;
	}
	snprintf(answer->text, sizeof(answer->text), "%s", why);
}

static int do_errands(struct service *service)
{
	struct errand errand;
	struct errand_answer answer;
	int result;

	while ((result = errand_take(&service->store, &errand)) == 1) {
		do_errand(&service->host, &errand, &answer);
		result = errand_answer(&service->store, &errand, &answer);
		if (result != 0)
			break;
	}
	return result;
}

/* --- its life --- */

static int watch_signals(struct service *service)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	service->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return service->signals < 0 ? -errno : 0;
}

static int start_command(struct service *service)
{
	sigset_t none;

	if (service->command == NULL)
		return 0;
	fflush(NULL);
	service->pid = fork();
	if (service->pid != 0)
		return service->pid < 0 ? -errno : 0;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(service->command[0], service->command);
	fprintf(stderr, "xenblk-conform-dom0: cannot run %s: %s\n",
		service->command[0], strerror(errno));
	_exit(127);
}

static void take_signals(struct service *service)
{
	struct signalfd_siginfo info;
	int status;

	while (read(service->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		service->over = true;
		if (service->pid > 0)
			kill(service->pid, (int)info.ssi_signo);
	}
	if (service->pid > 0 &&
	    waitpid(service->pid, &status, WNOHANG) == service->pid) {
		service->pid = 0;
		service->over = true;
		service->status = WIFEXITED(status) ? WEXITSTATUS(status)
						    : 128 + WTERMSIG(status);
	}
}

static int serve(struct service *service)
{
	int result = 0;

	while (result == 0 && !service->over) {
		struct pollfd fds[] = {
			{.fd = store_fd(&service->store), .events = POLLIN},
			{.fd = service->signals, .events = POLLIN}};

		poll(fds, 2, -1);
		store_drain(&service->store);
		take_signals(service);
		if (store_guest_gone(&service->store))
			return -EPIPE;
		if (!service->over)
			result = do_errands(service);
	}
	return result;
}

static int offer(struct service *service)
{
	const struct hosted *hosted = service->host.hosted;
	struct errand_service said = {.domid = service->host.domid,
				      .devid = service->host.devid,
				      .patience_ms = service->host.patience_ms,
				      .ours = hosted->ours,
				      .per_case = hosted->per_case,
				      .resizes = hosted->resize != NULL,
				      .changes_media = hosted->follows_params};
	int result;

	for (unsigned int i = 0; i < CASE_DISK_COUNT; i++)
		said.disks |= (unsigned int)host_offers(&service->host, i) << i;
	snprintf(said.backend, sizeof(said.backend), "%s", hosted->title);
	result = errand_offer(&service->store, &said);
	if (result == 0)
		result = store_watch_ends(&service->store);
	return result;
}

static void explain(const struct service *service, int result, const char *why)
{
	unsigned int domid = service->host.domid;

	if (why[0] != '\0')
		fprintf(stderr, "xenblk-conform-dom0: %s\n", why);
	else if (result == -EPIPE || result == -ENOENT)
		fprintf(stderr, "xenblk-conform-dom0: guest %u is gone\n",
			domid);
	else
		fprintf(stderr, "xenblk-conform-dom0: guest %u: %s\n", domid,
			strerror(-result));
}

static int run(struct service *service)
{
	char why[TARGET_TEXT_BYTES] = "";
	int result = store_open(&service->store, (int)service->host.domid);

	if (result == 0) {
		/* before anything is started that would inherit the mask */
		result = watch_signals(service);
		if (result == 0)
			result = host_open(&service->host, why);
		if (result == 0)
			result = offer(service);
		if (result == 0)
			result = start_command(service);
		if (result == 0)
			result = serve(service);
		errand_withdraw(&service->store);
		if (service->host.store != NULL)
			host_close(&service->host);
		store_close(&service->store);
	}
	if (result != 0)
		explain(service, result, why);
	if (service->pid > 0) {
		kill(service->pid, SIGTERM);
		waitpid(service->pid, NULL, 0);
	}
	return result != 0 ? STATUS_FAILED : service->status;
}

int main(int argc, char **argv)
{
	struct service service = {
		.host = {.devid = 51712, .patience_ms = 30000}};
	int status = parse(argc, argv, &service);

	return status >= 0 ? status : run(&service);
}
