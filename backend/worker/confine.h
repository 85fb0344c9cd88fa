/*
 * Confinement: what a worker gives up before it reads the first guest byte.
 *
 * Everything it needs is open by then.  A guest that takes a worker over finds
 * no files to open, no network, no other user's processes, and a short list of
 * system calls.  What remains is the disk that it may use anyway, and the
 * kernel's own interfaces to grants, event channels and io_uring.
 */
#pragma once

/**
 * confine() - drop privileges, leave the file system, filter system calls.
 *
 * In stages, each of which needs less than the one before.  For ever.
 * Return: 0, or -errno with a sentence in the log.
 */
int confine(void);
