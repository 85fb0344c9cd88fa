/*
 * The backends that are programs: ours, and QEMU's xen-disk as Debian ships it.
 *
 * How each is started, and how its failure shows, for host.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/targets/loop.h"

#define WORKER_OBITUARY "the worker that served this disk"

/* --- xenblkd --- */

/* A file takes any bytes, a loop device whole blocks: where there is none, there
 * is no such disk. */
static int open_xenblkd(struct host *host, char why[TARGET_TEXT_BYTES])
{
	if (loop_attach(host, DISK_BLOCKS, why) != 0)
		host_forgo(host, DISK_BLOCKS);
	return 0;
}

static int spawn_xenblkd(struct host *host)
{
	const char *record = getenv(TARGET_RECORD_VARIABLE);
	char daemon[HOST_PATH_BYTES], worker[HOST_PATH_BYTES];
	char control[HOST_PATH_BYTES], path[HOST_PATH_BYTES];
	char kind[32], option[] = "--record", unconfined[] = "--no-sandbox";
	char *command[] = {daemon,	   "--foreground",
			   "--worker",	   worker,
			   "--control",	   control,
			   "--directory",  kind,
			   "--max-queues", "8",
			   NULL,	   NULL,
			   NULL,	   NULL};
	unsigned int n = 10;

	program_beside("xenblkd", daemon, sizeof(daemon));
	program_beside("xenblk-worker", worker, sizeof(worker));
	snprintf(control, sizeof(control), "%s/control", host->directory);
	snprintf(kind, sizeof(kind), "%s", host->disk[0].kind);
	if (record != NULL) {
		snprintf(path, sizeof(path), "%s", record);
		command[n++] = option;
		command[n++] = path;
	}
	if (getenv(TARGET_UNCONFINED_VARIABLE) != NULL)
		command[n++] = unconfined;
	return program_start(&host->program, command);
}

/* As its manual says: a file grows before the disk, and shrinks after it. */
static int resize_xenblkd(struct host *host, enum case_disk disk,
			  uint64_t sectors)
{
	char tool[HOST_PATH_BYTES], control[HOST_PATH_BYTES], line[200];
	char name[32], bytes[32];
	char *const command[] = {tool, "--socket", control, "resize",
				 name, bytes,	   NULL};
	int result = 0;

	program_beside("xenblkctl", tool, sizeof(tool));
	snprintf(control, sizeof(control), "%s/control", host->directory);
	snprintf(name, sizeof(name), "%u/%u", host->domid,
		 host->disk[disk].devid);
	snprintf(bytes, sizeof(bytes), "%llu",
		 (unsigned long long)sectors * 512);
	if (sectors > case_disk_shape(disk)->sectors)
		result = host_truncate(host, disk, sectors);
	if (result == 0)
		result = program_output(command, line, sizeof(line));
	return result != 0 ? result : host_truncate(host, disk, sectors);
}

/* A worker's death costs one disk; the supervisor tells of it. */
static bool worker_died(struct host *host, char why[TARGET_TEXT_BYTES])
{
	char line[256];
	bool died = false;

	while (program_log_line(&host->program, line, sizeof(line))) {
		if (strstr(line, WORKER_OBITUARY) != NULL) {
			snprintf(why, TARGET_TEXT_BYTES, "%.250s", line);
			died = true;
		}
	}
	return died;
}

const struct hosted hosted_xenblkd = {
	.name = "xenblkd",
	.title = "xenblkd",
	.kind = "vbd",
	.before = "file:",
	.ours = true,
	.long_blocks = true,
	.follows_params = true,
	.open = open_xenblkd,
	.close = loop_detach_all,
	.spawn = spawn_xenblkd,
	.resize = resize_xenblkd,
	.failed = worker_died,
};

/* --- QEMU's xen-disk --- */

static int spawn_qemu(struct host *host)
{
	char domid[16], name[16];
	char *const command[] = {"/usr/libexec/xen-qemu-system-i386",
				 "-xen-domid",
				 domid,
				 "-xen-attach",
				 "-name",
				 name,
				 "-machine",
				 "xenpv",
				 "-nographic",
				 "-vga",
				 "none",
				 "-nodefaults",
				 "-monitor",
				 "none",
				 "-serial",
				 "none",
				 "-m",
				 "64",
				 NULL};

	snprintf(domid, sizeof(domid), "%u", host->domid);
	snprintf(name, sizeof(name), "dom%u", host->domid);
	return program_start(&host->program, command);
}

const struct hosted hosted_qemu = {
	.name = "qemu",
	.title = "QEMU xen-disk",
	.kind = "qdisk",
	.before = "aio:",
	/* 7.2 opens the image read-only and then wants to write to it: "Block
	 * node is read-only" */
	.writable_only = true,
	.per_case = true,
	.spawn = spawn_qemu,
};
