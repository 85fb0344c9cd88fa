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
#include <sys/sysmacros.h>
#include <unistd.h>

#include "conformance/targets/loop.h"

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

/* A kernel is told which device, not which file. */
static int make_device(struct host *host, enum case_disk disk,
		       char why[TARGET_TEXT_BYTES])
{
	struct toolstack_disk *one = &host->disk[disk];
	int result = loop_attach(host, disk, why);

	if (result == 0 && host_offers(host, disk))
		snprintf(one->physical_device, sizeof(one->physical_device),
			 "%x:%x", major(host->loop[disk].number),
			 minor(host->loop[disk].number));
	return result;
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
		result = make_device(host, i, why);
	return result != 0 ? result : open_kernel_log(host, why);
}

static void close_blkback(struct host *host)
{
	loop_detach_all(host);
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
