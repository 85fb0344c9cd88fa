/*
 * The kernel's side of io_uring, in process: what stands behind
 * backend/image/file.c in the io harness.
 *
 * A harness that is linked with --wrap for the four library functions that make
 * system calls (uring.c) gets its operations carried out on the scripted disk:
 * completed when the script says so, in pieces, with a request to try again,
 * with an error, or with the end of a file that has become shorter; and
 * io_uring_enter() may refuse for a moment or take a part.  Data moves as the
 * entries of the submission queue say, so that a wrong rest of a short transfer
 * is seen in memory and on the disk, too.
 */
#pragma once

#include "fuzz/disk.h"

/**
 * uring_open() - the file engine on this disk; struct bend's open_image.
 *
 * Return: 0 or -errno.
 */
int uring_open(struct disk *disk, struct image **image);

/** uring_old_kernel() - it knows no flags, and completes without being asked.
 */
void uring_old_kernel(bool old);
