/* The targets that host a backend's program on the drop-in simulator. */
#include "conformance/targets/dropin.h"

static int start_xenblkd(char **argv, char why[TARGET_TEXT_BYTES])
{
	return dropin_start(&hosted_xenblkd, argv, why);
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

static int start_qemu(char **argv, char why[TARGET_TEXT_BYTES])
{
	return dropin_start(&hosted_qemu, argv, why);
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
