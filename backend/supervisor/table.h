/*
 * The in-flight region of one disk, as its supervisor holds it.
 *
 * Owns the file that the region lives in: one with a name in the directory of
 * the control socket, so that it outlives daemon and worker both, or a memfd.
 * It is never mapped here: a worker that a guest took over could cut the file
 * off, and a read that comes short is an answer where a mapping is a signal.
 * Called by the files of device.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/inflight.h"

#define TABLE_PATH_BYTES 192u

struct table {
	int fd; /* -1: none */
	unsigned int queues;
	char path[TABLE_PATH_BYTES]; /* "" for one without a name */
};

/** table_path() - where the table of a disk lies; TABLE_PATH_BYTES. */
void table_path(char *path, const char *tables, const char *kind,
		uint32_t domid, uint32_t devid);

/** table_init() - a handle with no region; @path: "" for one without a name. */
void table_init(struct table *table, const char *path);

/**
 * table_open() - the region that an earlier worker or daemon left.
 *
 * Return: 0; -ENOENT when there is none; -EINVAL when the file is no region of
 * so many queues; or -errno.
 */
int table_open(struct table *table, unsigned int queues);

/** table_create() - the same without regard to what is there; it is emptied. */
int table_create(struct table *table, unsigned int queues);

/**
 * table_lend() - a descriptor for a worker, which holds a lock with it.
 *
 * The lock ends with the worker and with the last operation that the kernel
 * carries out for it: not even a write that outlives the process that asked for
 * it can meet the next worker's.
 *
 * Return: a descriptor, -EWOULDBLOCK while an earlier worker's lock stands, or
 * -errno.
 */
int table_lend(const struct table *table);

/** table_write() - which connection the region belongs to; 0 or -errno. */
int table_write(const struct table *table,
		const struct inflight_connection *connection);

/** table_read() - the same, as found; 0 or -errno. */
int table_read(const struct table *table,
	       struct inflight_connection *connection);

/** table_stats() - a queue's counters; false when they cannot be had. */
bool table_stats(const struct table *table, unsigned int queue,
		 struct stats *stats);

/** table_close() - let go; a file with a name stays for the next daemon. */
void table_close(struct table *table);

/** table_remove() - the disk is no more: no trace of it stays. */
void table_remove(struct table *table);

/**
 * table_sweep() - remove the tables of disks that are no more.
 * @tables: the directory they lie in
 * @kind: of the disks, as "vbd": those of another daemon are left
 * @gone: says whether a disk is known not to be there
 */
void table_sweep(const char *tables, const char *kind,
		 bool (*gone)(const void *context, uint32_t domid,
			      uint32_t devid),
		 const void *context);

/**
 * table_boot() - what tells one run of this host from another.
 * @boot: INFLIGHT_BOOT_BYTES
 */
void table_boot(char *boot);
