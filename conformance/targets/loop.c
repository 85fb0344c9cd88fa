/* Test disks as loop devices.  See loop.h. */
#include "conformance/targets/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOP_BYTES 32u /* of a name as losetup prints it */

static int make_device(const struct host *host, enum case_disk disk,
		       char device[LOOP_BYTES])
{
	const struct case_disk_shape *shape = case_disk_shape(disk);
	char bytes[16], image[HOST_PATH_BYTES];
	char *const command[] = {
		"losetup", "--find",
		"--show",  "--sector-size",
		bytes,	   shape->readonly ? "--read-only" : "--nooverlap",
		image,	   NULL};

	snprintf(bytes, sizeof(bytes), "%u",
		 shape->block > 0 ? shape->block : 512);
	snprintf(image, sizeof(image), "%s", host->image[disk]);
	return program_output(command, device, LOOP_BYTES);
}

/* From now on it goes by itself, when nobody has it open any more. */
static void let_go_at_the_end(char device[LOOP_BYTES])
{
	char *const command[] = {"losetup", "--detach", device, NULL};
	struct program losetup;

	if (program_start(&losetup, command) == 0)
		program_wait(&losetup);
	program_stop(&losetup);
}

int loop_attach(struct host *host, enum case_disk disk,
		char why[TARGET_TEXT_BYTES])
{
	struct loop *loop = &host->loop[disk];
	char device[LOOP_BYTES];
	struct stat found;
	int result;

	if (!host_offers(host, disk))
		return 0;
	result = make_device(host, disk, device);
	if (result == 0) {
		loop->fd = open(device, O_RDONLY | O_CLOEXEC);
		if (loop->fd < 0 || fstat(loop->fd, &found) != 0)
			result = -errno;
		let_go_at_the_end(device);
	}
	if (result != 0) {
		snprintf(why, TARGET_TEXT_BYTES,
			 "losetup makes no loop device of %.120s: %s",
			 host->image[disk], strerror(-result));
		return result;
	}
	loop->open = true;
	loop->number = found.st_rdev;
	snprintf(host->params[disk], sizeof(host->params[disk]), "%s%s",
		 host->hosted->before, device);
	return 0;
}

void loop_detach_all(struct host *host)
{
	for (unsigned int i = 0; i < CASE_DISK_COUNT; i++) {
		if (host->loop[i].open)
			close(host->loop[i].fd);
		host->loop[i].open = false;
	}
}
