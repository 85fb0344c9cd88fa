/*
 * The backends that are hosted on the drop-in simulator: ours, and QEMU's
 * xen-disk as Debian ships it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "conformance/targets/dropin.h"

#define PATH_BYTES 256u

/* --- xenblkd --- */

static int spawn_xenblkd(struct program *program, const char *directory)
{
	char daemon[PATH_BYTES], worker[PATH_BYTES], control[PATH_BYTES];
	char path[PATH_BYTES], option[] = "--record";
	char *command[] = {
		daemon,	 "--foreground", "--worker", worker, "--control",
		control, "--max-queues", "8",	     NULL,   NULL,
		NULL};
	const char *record = getenv(TARGET_RECORD_VARIABLE);

	program_beside("xenblkd", daemon, sizeof(daemon));
	program_beside("xenblk-worker", worker, sizeof(worker));
	snprintf(control, sizeof(control), "%.90s/control", directory);
	if (record != NULL) {
		snprintf(path, sizeof(path), "%s", record);
		command[8] = option;
		command[9] = path;
	}
	return program_start(program, command);
}

static const struct hosted xenblkd = {
	.kind = "vbd",
	.params_start = "file:",
	.spawn = spawn_xenblkd,
};

static int start_xenblkd(char **argv, char why[TARGET_TEXT_BYTES])
{
	return dropin_start(&xenblkd, argv, why);
}

static const struct target sim = {
	.name = "sim",
	.backend = "xenblkd",
	.ours = true,
	.start = start_xenblkd,
	.stop = dropin_stop,
	.before = dropin_before,
	.enter = dropin_enter,
	.leave = dropin_leave,
	.after = dropin_after,
};

/* --- QEMU's xen-disk --- */

static int spawn_qemu(struct program *program, const char *directory)
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

	(void)directory;
	snprintf(domid, sizeof(domid), "%u", DROPIN_GUEST);
	snprintf(name, sizeof(name), "dom%u", DROPIN_GUEST);
	return program_start(program, command);
}

static const struct hosted qemu_disk = {
	.kind = "qdisk",
	.params_start = "aio:",
	/* 7.2 opens the image read-only and then wants to write to it: "Block
	 * node is read-only" */
	.writable_only = true,
	.per_case = true,
	.spawn = spawn_qemu,
};

static int start_qemu(char **argv, char why[TARGET_TEXT_BYTES])
{
	return dropin_start(&qemu_disk, argv, why);
}

static const struct target qemu = {
	.name = "qemu",
	.backend = "QEMU xen-disk",
	.start = start_qemu,
	.stop = dropin_stop,
	.before = dropin_before,
	.enter = dropin_enter,
	.leave = dropin_leave,
	.after = dropin_after,
};

const struct target *const targets[] = {&sim, &qemu, NULL};
