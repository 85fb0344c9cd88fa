/*
 * The disks of the guest: which there are, what they held at first, and whether
 * they still serve.
 *
 * Each is read whole before the first tape.  After a tape a new, well-behaved
 * connection reads it again: that it serves at all is the sign of life, and its
 * bytes are compared with what the tape says.  Then they are put back, for the
 * next tape.  Called by main.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fuzz/play/perform.h"

#define DISKS_MAX    16u
#define DISK_SECTORS 2048u

struct disk_found {
	uint32_t devid;
	uint32_t sectors;
	bool readonly;
	uint8_t bytes[DISK_SECTORS * 512u]; /* as at first */
};

struct disks {
	uint32_t domid;
	int patience_ms;
	unsigned int count;
	struct disk_found disk[DISKS_MAX];
};

/** disks_find() - all that our domain has; 0, or -errno with a sentence. */
int disks_find(struct disks *disks, char *why, size_t room);

/** disks_fit() - the one that a tape wants, or NULL. */
const struct disk_found *disks_fit(const struct disks *disks, uint32_t sectors,
				   bool readonly);

/** disks_open() - a frontend for it; 0 or -errno with a sentence. */
int disks_open(const struct disks *disks, uint32_t devid, struct front **front,
	       char *why, size_t room);

/**
 * disks_judge() - the sign of life, the comparison, and everything put back.
 * @perform: with its tape done, well or badly
 *
 * Return: 0, or -1 with oracle and reason.
 */
int disks_judge(const struct disk_found *disk, struct perform *perform);
