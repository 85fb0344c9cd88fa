/*
 * Storage: one of the three seams.
 *
 * An image is the backing store of one virtual disk; a channel is one queue's
 * own way into it, used by that queue's thread alone.  I/O is asynchronous: a
 * submitted operation completes exactly once, through poll().  Engines: file
 * (io_uring), null, ram; the simulator's tests bring a faulty disk of their
 * own.
 *
 * Ranges were checked before they get here; an engine CHECKs them again, since
 * only our own bug could have let a wrong one through.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "backend/base/limits.h"

enum image_operation {
	IMAGE_READ,
	IMAGE_WRITE,
	IMAGE_FLUSH, /* all writes that completed before, on any channel, become
			durable */
	IMAGE_DISCARD, /* the range need not be kept; what of it can be given
			  back reads as zeroes, the rest as before */
	IMAGE_OPERATION_COUNT,
};

struct image_info {
	uint64_t sectors;	       /* capacity, 512-byte sectors */
	uint32_t physical_block_bytes; /* power of two, 512 or more */
	bool readonly;
};

/* One operation; iov and its memory stay valid until it completes. */
struct image_io {
	enum image_operation operation;
	uint64_t sector;
	uint64_t sectors; /* of a discard, which has no vector; else 0 */
	uint32_t tag; /* comes back in image_done; unique among those in flight
		       */
	uint32_t iov_count;
	struct iovec *iov; /* an engine may advance it after a short transfer */
};

struct image_done {
	uint32_t tag;
	int32_t result; /* 0, or -errno; never a short count; a discard that
			   the store cannot do: -EOPNOTSUPP */
};

struct image;
struct image_channel;

struct image_operations {
	void (*info)(const struct image *image, struct image_info *info);
	/* depth: operations in flight at most; queue: which one, 0 .. */
	int (*open_channel)(struct image *image, unsigned int queue,
			    unsigned int depth, struct image_channel **channel);
	/* nothing may be in flight */
	void (*close_channel)(struct image_channel *channel);
	/* takes the operation; 0, or -errno when it could not be taken at all
	 */
	int (*submit)(struct image_channel *channel, const struct image_io *io);
	/* hands on what was submitted and collects completions; never blocks */
	unsigned int (*poll)(struct image_channel *channel,
			     struct image_done *done, unsigned int room);
	/* a descriptor that becomes readable when poll() has something to hand
	 * over, or to do for itself with nothing under way; -1: never needed
	 */
	int (*descriptor)(const struct image_channel *channel);
	/* all channels are closed */
	void (*close)(struct image *image);
};

struct image {
	const struct image_operations *operations;
};

struct image_channel {
	const struct image_operations *operations;
};

/**
 * image_file_open() - a file or block device behind open descriptors.
 * @fds: one open file description per queue; owned by the image from here on
 * @direct: they were opened with O_DIRECT
 *
 * Return: 0 or -errno.
 */
int image_file_open(const int *fds, unsigned int count, uint64_t sectors,
		    bool readonly, bool direct, struct image **image);

/**
 * image_file_hold() - an open file that shall not be closed before the last
 * operation of this image is over, not even by the death of the process.
 * @fd: owned by the image from here on; before the first channel
 *
 * The kernel carries on with what it has begun when a process dies; it lets go
 * of what is registered with a ring only when all of that is done.
 */
void image_file_hold(struct image *image, int fd);

/** image_null_open() - reads zeroes, forgets writes; for measuring, and, of no
 * sectors, where there is nothing. */
int image_null_open(uint64_t sectors, bool readonly, struct image **image);

/** image_ram_open() - a disk in anonymous memory, zeroes at first. */
int image_ram_open(uint64_t sectors, bool readonly, struct image **image);
