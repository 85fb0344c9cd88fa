/*
 * Files and block devices that need not exist: what the supervisor finds behind
 * a path.
 *
 * Stands between backing.c and the kernel, linked in by --wrap; every path
 * outside STORE_ROOT passes.  files_check() is the oracle of what it made of
 * them.  Called by the harness backing only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/supervisor/backing.h"

#define STORE_ROOT "/stored"

/* What stands behind every path of a play. */
struct stored {
	uint8_t kind;	   /* a file, a block device, something else, nothing */
	uint64_t bytes;	   /* its size */
	uint32_t block;	   /* its preferred block */
	bool no_direct;	   /* O_DIRECT is refused, or works for no sector */
	bool opens_direct; /* ... only the second of these */
	bool read_only;	   /* cannot be opened for writing */
	unsigned int replaced; /* from the k-th opening on it is another one */
	unsigned int fails;    /* the k-th call fails */
	int error;
	uint8_t leads; /* where its link leads */
	uint8_t queue; /* what its device can give back: device.c */
};

/** files_begin() - this is there from now on. */
void files_begin(const struct stored *stored);

/** files_check() - right for these settings, and nothing else is open. */
void files_check(const struct conf *conf, const struct backing *backing,
		 int result, const char *sentence);

void files_end(void);

/** device_open() - whether a path is of /sys; a descriptor, or -1. */
bool device_open(const char *path, uint8_t how, int *fd);
