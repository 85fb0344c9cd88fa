/*
 * The dom0 of a target: plays the toolstack for one guest's test disks, runs
 * the backend that serves them, and tells how it is.
 *
 * Used by the targets on the drop-in simulator (dropin.c) and, on real Xen, by
 * the service in dom0 (service.c).  Speaks with xenstore only, through a
 * connection of its own; knows nothing of cases but the disk that they need.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conformance/case.h"
#include "conformance/targets/program.h"
#include "conformance/targets/target.h"
#include "conformance/targets/toolstack.h"

#define HOST_PATH_BYTES 256u

struct host;

/* What differs among backends. */
struct hosted {
	const char *name;   /* for command lines */
	const char *title;  /* for reports */
	const char *kind;   /* directory below backend/ */
	const char *before; /* what stands before the image's path in params */
	bool ours;	    /* xenblk: our decisions bind it as well */
	bool per_case;	    /* a new process for every case */
	bool writable_only; /* cannot be given a read-only disk */
	bool long_blocks;   /* can be given one of blocks longer than 512 */
	/* find or make what it needs beside an image; NULL: nothing */
	int (*open)(struct host *host, char why[TARGET_TEXT_BYTES]);
	void (*close)(struct host *host);
	/* start its program; NULL: it has none */
	int (*spawn)(struct host *host);
	/* the image gets so many sectors; NULL: nobody can tell it */
	int (*resize)(struct host *host, enum case_disk disk, uint64_t sectors);
	bool follows_params; /* a medium may be changed there */
	/* whether it failed meanwhile though its program lives; NULL: no */
	bool (*failed)(struct host *host, char why[TARGET_TEXT_BYTES]);
};

extern const struct hosted hosted_xenblkd, hosted_qemu, hosted_blkback;

struct loop {
	bool open;
	dev_t number;
	int fd;
};

struct host {
	/* set by the caller */
	const struct hosted *hosted;
	uint32_t domid;
	uint32_t devid;	      /* of the first disk; the others: 16 more each */
	const char *kind;     /* instead of the hosted one's; NULL */
	const char *disk_dir; /* for the images; NULL: a usual place */
	unsigned int patience_ms;
	/* its own */
	struct xs_handle *store;
	struct program program;
	bool plugged; /* the disks' numbers are ours */
	char directory[HOST_PATH_BYTES / 2];
	char image[CASE_DISK_COUNT][HOST_PATH_BYTES];
	char params[CASE_DISK_COUNT][HOST_PATH_BYTES];
	struct toolstack_disk disk[CASE_DISK_COUNT];
	struct loop loop[CASE_DISK_COUNT]; /* loop.c */
	int kernel_log;			   /* blkback.c */
};

/** host_open() - images, and the backend unless each case gets its own. */
int host_open(struct host *host, char why[TARGET_TEXT_BYTES]);
void host_close(struct host *host);

/** host_store() - a new connection to xenstore, as a forked process needs. */
int host_store(struct host *host);

/** host_forgo() - this host has no such disk. */
void host_forgo(struct host *host, enum case_disk disk);

/** host_offers() - whether the backend can be given such a disk. */
bool host_offers(const struct host *host, enum case_disk disk);

/** host_before() - a disk as new, and a backend that waits for its guest. */
int host_before(struct host *host, enum case_disk disk,
		char why[TARGET_TEXT_BYTES]);

/** host_after() - takes the disk away and tells how the backend is. */
enum target_health host_after(struct host *host, enum case_disk disk,
			      char why[TARGET_TEXT_BYTES]);

/* What a case may ask for, perhaps from another process than host_open()'s. */
int host_replug(struct host *host, enum case_disk disk);
int host_do(struct host *host, enum case_disk disk, enum guest_deed deed);
int host_resize(struct host *host, enum case_disk disk, uint64_t sectors);
int host_medium(struct host *host, enum case_disk disk, bool in);

/** host_truncate() - an image of another size; 0 or -errno. */
int host_truncate(struct host *host, enum case_disk disk, uint64_t sectors);
int host_ask_unplug(struct host *host, enum case_disk disk);
char *host_error(struct host *host, enum case_disk disk);
