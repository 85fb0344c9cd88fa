/*
 * A test disk as a loop device: for a backend that takes block devices only, and
 * for blocks that a file does not have.
 *
 * Used by blkback.c and backends.c.  The device goes with the last that has it
 * open, which is us: a runner that is killed leaves none behind.
 */
#pragma once

#include "conformance/targets/host.h"

/**
 * loop_attach() - the disk's image becomes a device, with blocks of the length
 * that the disk's shape names, and the disk's params name it.
 *
 * Return: 0, also for a disk that is not offered, or -errno and why.
 */
int loop_attach(struct host *host, enum case_disk disk,
		char why[TARGET_TEXT_BYTES]);

/** loop_detach_all() - of all disks of the host. */
void loop_detach_all(struct host *host);
