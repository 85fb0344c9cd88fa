/*
 * The store daemon of a world (run.h): Debian's own xenstored, the C one,
 * which believes that it runs on Xen because libxensim.so is preloaded.
 */
#include "sim/toolstack/run.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xenstore.h>

#define READY_MS 10000u
#define STEP_MS	 2u

int store_find(const char *wanted, char *path, size_t bytes)
{
	glob_t found;
	int error = -ENOENT;

	if (wanted) {
		snprintf(path, bytes, "%s", wanted);
		if (access(path, X_OK) == 0)
			return 0;
		fprintf(stderr, "xenblk-sim: cannot run %s: %s\n", wanted,
			strerror(errno));
		return -ENOENT;
	}
	/* /usr/sbin/xenstored is a script that insists on a real Xen. */
	if (glob("/usr/lib/xen-*/bin/xenstored", 0, NULL, &found) == 0) {
		for (size_t i = found.gl_pathc; i-- > 0 && error != 0;) {
			if (access(found.gl_pathv[i], X_OK) != 0)
				continue;
			snprintf(path, bytes, "%s", found.gl_pathv[i]);
			error = 0;
		}
		globfree(&found);
	}
	if (error)
		fprintf(stderr,
			"xenblk-sim: no xenstored is installed (looked for "
			"/usr/lib/xen-*/bin/xenstored): install the package "
			"xen-utils-4.17, or name one with --xenstored\n");
	return error;
}

static void become_store(const struct place *place, const char *path,
			 const char *library)
{
	char file[PLACE_FILE_BYTES];
	sigset_t none;
	int log;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Not in the terminal's group: Ctrl-C is for the command. */
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	place_file(place, "xenstored.log", file);
	log = open(file, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (log >= 0) {
		dup2(log, STDOUT_FILENO);
		dup2(log, STDERR_FILENO);
	}
	setenv("LD_PRELOAD", library, 1);
	setenv("XENSTORED_RUNDIR", place->directory, 1);
	setenv("XENSTORED_ROOTDIR", place->directory, 1);
	setenv("XENSIM_DOMID", "0", 1);
	setenv("XENSIM_ROLE", "store", 1);
	unsetenv("XENSIM_FAULTS");
	unsetenv("XENSTORED_PATH");
	execl(path, path, "-N", (char *)NULL);
	fprintf(stderr, "cannot run %s: %s\n", path, strerror(errno));
	_exit(127);
}

pid_t store_start(const struct place *place, const char *path,
		  const char *library)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		become_store(place, path, library);
	return pid;
}

static bool write_node(struct xs_handle *store, const char *path,
		       const char *value)
{
	return xs_write(store, XBT_NULL, path, value,
			(unsigned int)strlen(value));
}

/* What xen-init-dom0 does on a real host. */
static int describe_dom0(struct xs_handle *store)
{
	if (write_node(store, "/local/domain/0/domid", "0") &&
	    write_node(store, "/local/domain/0/name", "Domain-0"))
		return 0;
	fprintf(stderr,
		"xenblk-sim: xenstored does not take dom0's nodes: "
		"%s\n",
		strerror(errno));
	return -EIO;
}

static int complain(const struct place *place, const char *what)
{
	char log[PLACE_FILE_BYTES], line[256];
	FILE *file;

	place_file(place, "xenstored.log", log);
	fprintf(stderr, "xenblk-sim: xenstored %s\n", what);
	file = fopen(log, "r");
	while (file && fgets(line, sizeof(line), file))
		fprintf(stderr, "xenstored: %s", line);
	if (file)
		fclose(file);
	return -EIO;
}

int store_prepare(const struct place *place, pid_t store)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
	struct xs_handle *handle = NULL;
	char path[PLACE_FILE_BYTES];
	siginfo_t ended;
	int error;

	place_file(place, "socket", path);
	setenv("XENSTORED_PATH", path, 1);
	/* The daemon tells nobody when it listens: try until it does. */
	for (unsigned int ms = 0; !handle && ms < READY_MS; ms += STEP_MS) {
		ended.si_pid = 0;
		if (waitid(P_PID, (id_t)store, &ended,
			   WEXITED | WNOHANG | WNOWAIT) == 0 &&
		    ended.si_pid == store)
			return complain(place, "ended at its start");
		handle = xs_open(0);
		if (!handle)
			nanosleep(&step, NULL);
	}
	if (!handle)
		return complain(place, "does not answer");
	error = describe_dom0(handle);
	xs_close(handle);
	return error;
}
