/*
 * What the store of a disk could not do, as a sentence for the administrator.
 *
 * A full file system fails thousands of requests in a second, and a guest may
 * bring that about: a disk has one such line a minute, all its queues together,
 * which says how many there were without one.  Every failure is counted beside
 * that (stats.h).
 *
 * struct failures is the disk's.  Called by the queues of the disk.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct request;

struct failures {
	uint32_t domid, devid;
	_Atomic uint64_t next_ns; /* no line before */
	_Atomic uint64_t untold;  /* since the last one */
};

/** failure_init() - of a disk that has had none. */
void failure_init(struct failures *failures, uint32_t domid, uint32_t devid);

/** failure_tell() - this request failed with -errno: a line, or a number. */
void failure_tell(struct failures *failures, const struct request *request,
		  int error, uint64_t now_ns);
