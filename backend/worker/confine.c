/* Privileges, root directory and system-call filter of a worker.  See
 * confine.h. */
#include "backend/worker/confine.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "backend/base/checked.h"
#include "backend/base/log.h"

#define NOBODY 65534

/* Each call with who needs it; what is not here ends the process. */
static const int allowed[] = {
	/* ring, image, link, log: the data path and its waiting */
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(futex),
	SCMP_SYS(sched_yield),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(restart_syscall),
	/* grants.c, channel.c: gntdev and evtchn; on the simulator mappings and
	 * the broker's socket take the place of ioctl */
	SCMP_SYS(ioctl),
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(recvfrom),
	/* a store behind a socket: what a queue waits for, and the end */
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(shutdown),
	/* attach and detach: image channels, descriptors, memory, threads */
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_register),
	SCMP_SYS(eventfd2),
	SCMP_SYS(close),
	SCMP_SYS(fcntl),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat), /* fstat() of glibc 2.33 and later */
	SCMP_SYS(lseek),
	SCMP_SYS(brk),
	SCMP_SYS(madvise),
	SCMP_SYS(mprotect),
	SCMP_SYS(clone),
	SCMP_SYS(clone3),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(prctl),
	SCMP_SYS(getrandom),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	/* the end, orderly or by abort() */
	SCMP_SYS(alarm),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(tgkill),
};

/* Libraries look for files now and then; they are told that there are none. */
static const int denied[] = {
	SCMP_SYS(open),	  SCMP_SYS(openat),	 SCMP_SYS(access),
	SCMP_SYS(stat),	  SCMP_SYS(readlink),	 SCMP_SYS(sysinfo),
	SCMP_SYS(socket), SCMP_SYS(setpriority),
};

static int failed(const char *what, int error)
{
	log_line(LOG_ERROR,
		 "the worker could not be confined: %s failed: %s; "
		 "start xenblkd with --no-sandbox to do without",
		 what, strerror(-error));
	return error;
}

/* Stage 1: a root directory without files, another user, no capability.
 * io_uring can open files past a system-call filter: this is what stops it. */
static int drop_privileges(void)
{
	if (geteuid() == 0) {
		/* First what only root may do: nothing can come back later. */
		capng_clear(CAPNG_SELECT_BOUNDS);
		if (capng_apply(CAPNG_SELECT_BOUNDS) != 0)
			return failed("clearing the bounding set", -EPERM);
		if (chroot("/proc/self/fdinfo") != 0 || chdir("/") != 0)
			return failed("chroot", -errno);
		if (setgroups(0, NULL) != 0 ||
		    setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
		    setresuid(NOBODY, NOBODY, NOBODY) != 0)
			return failed("changing to the user nobody", -errno);
	}
	capng_clear(CAPNG_SELECT_CAPS);
	if (capng_apply(CAPNG_SELECT_CAPS) != 0)
		return failed("dropping capabilities", -EPERM);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return failed("PR_SET_NO_NEW_PRIVS", -errno);
	return 0;
}

/* Stage 2: the short list. */
static int filter_system_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int error = filter ? 0 : -ENOMEM;

	for (size_t i = 0; i < ARRAY_SIZE(allowed) && !error; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(denied) && !error; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM),
					 denied[i], 0);
	if (!error)
		error = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return error ? failed("seccomp", error) : 0;
}

int confine(void)
{
	int error = drop_privileges();

	return error ? error : filter_system_calls();
}
