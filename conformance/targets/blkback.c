/*
 * The kernel's own backend, xen-blkback: disks are loop devices, and what goes
 * wrong inside shows in the kernel's log.
 *
 * For host.c, on real Xen only: the simulator has no kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "conformance/targets/host.h"

#define DRIVER "/sys/bus/xen-backend/drivers/vbd"

static int load_module(char why[TARGET_TEXT_BYTES])
{
	struct program modprobe;
	char *const command[] = {"modprobe", "xen-blkback", NULL};
	char line[160] = "";
	int result;

	if (access(DRIVER, F_OK) == 0)
		return 0;
	result = program_start(&modprobe, command);
	if (result == 0)
		program_wait(&modprobe);
	program_log_line(&modprobe, line, sizeof(line));
	program_stop(&modprobe);
	if (access(DRIVER, F_OK) == 0)
		return 0;
	snprintf(why, TARGET_TEXT_BYTES,
		 "this dom0 has no xen-blkback and modprobe loads none: %s",
		 line);
	return -ENODEV;
}

static int make_loop(struct host *host, enum case_disk disk,
		     char why[TARGET_TEXT_BYTES])
{
	char *const command[] = {
		"losetup",
		"--find",
		"--show",
		case_disk_shape(disk)->readonly ? "--read-only" : "--nooverlap",
		host->image[disk],
		NULL};
	struct toolstack_disk *one = &host->disk[disk];
	struct stat device;
	int result;

	if (!host_offers(host, disk))
		return 0;
	result = program_output(command, host->loop[disk],
				sizeof(host->loop[disk]));
	if (result == 0 && stat(host->loop[disk], &device) != 0)
		result = -errno;
	if (result != 0) {
		snprintf(why, TARGET_TEXT_BYTES,
			 "losetup makes no loop device of %.120s: %s",
			 host->image[disk], strerror(-result));
		return result;
	}
	one->params = host->loop[disk];
	snprintf(one->physical_device, sizeof(one->physical_device), "%x:%x",
		 major(device.st_rdev), minor(device.st_rdev));
	return 0;
}

static int open_kernel_log(struct host *host, char why[TARGET_TEXT_BYTES])
{
	host->kernel_log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (host->kernel_log < 0 ||
	    lseek(host->kernel_log, 0, SEEK_END) == (off_t)-1) {
		snprintf(why, TARGET_TEXT_BYTES,
			 "the kernel's log /dev/kmsg cannot be read: %s",
			 strerror(errno));
		return -errno;
	}
	return 0;
}

static int open_blkback(struct host *host, char why[TARGET_TEXT_BYTES])
{
	int result;

	host->kernel_log = -1;
	result = load_module(why);
	for (unsigned int i = 0; i < CASE_DISK_COUNT && result == 0; i++)
		result = make_loop(host, i, why);
	return result != 0 ? result : open_kernel_log(host, why);
}

static void close_blkback(struct host *host)
{
	for (unsigned int i = 0; i < CASE_DISK_COUNT; i++) {
		char *const command[] = {"losetup", "--detach", host->loop[i],
					 NULL};
		struct program losetup;

		if (host->loop[i][0] == '\0')
			continue;
		if (program_start(&losetup, command) == 0)
			program_wait(&losetup);
		program_stop(&losetup);
	}
	if (host->kernel_log >= 0)
		close(host->kernel_log);
}

/* A kernel that stumbled says so; all of its new lines are read. */
static bool kernel_stumbled(struct host *host, char why[TARGET_TEXT_BYTES])
{
	static const char *const words[] = {"BUG: ", "Oops", "kernel BUG at",
					    "general protection fault"};
	char record[1024];
	bool stumbled = false;

	for (;;) {
		ssize_t got =
			read(host->kernel_log, record, sizeof(record) - 1);
		const char *text;

		if (got < 0 && errno == EPIPE)
			continue; /* lines were overwritten before we came */
		if (got <= 0)
			return stumbled;
		record[got] = '\0';
		text = strchr(record, ';');
		text = text == NULL ? record : text + 1;
		for (unsigned int i = 0; i < 4 && !stumbled; i++) {
			if (strstr(text, words[i]) == NULL)
				continue;
			stumbled = true;
			snprintf(why, TARGET_TEXT_BYTES,
				 "dom0's kernel says: %.*s",
				 (int)strcspn(text, "\n"), text);
		}
	}
}

const struct hosted hosted_blkback = {
	.name = "blkback",
	.title = "Linux xen-blkback",
	.kind = "vbd",
	.before = "",
	.open = open_blkback,
	.close = close_blkback,
	.failed = kernel_stumbled,
};
