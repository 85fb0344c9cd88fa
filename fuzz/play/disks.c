/* The disks before and after a tape.  See disks.h. */
#include "fuzz/play/disks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/blkif.h>
#include <xenstore.h>

int disks_open(const struct disks *disks, uint32_t devid, struct front **front,
	       char *why, size_t room)
{
	const struct front_options options = {
		.domid = disks->domid,
		.devid = devid,
		.personality = front_personality("linux-bounce"),
		.timeout_ms = disks->patience_ms,
		.error = why,
		.error_bytes = room,
	};

	return front_create(&options, front);
}

/* Connects, as any guest does, and reads all of it. */
static int read_whole(struct front *front, uint8_t *bytes, uint64_t sectors)
{
	return front_transfer(front_queue(front, 0), false, 0, bytes,
			      (size_t)sectors * 512);
}

static int take(struct disks *disks, uint32_t devid, char *why, size_t room)
{
	struct disk_found *disk = &disks->disk[disks->count];
	const struct front_properties *p;
	struct front *front = NULL;
	int err = disks_open(disks, devid, &front, why, room);

	if (err != 0)
		return err;
	err = front_connect(front);
	p = front_properties(front);
	if (err == 0 && p->sectors <= DISK_SECTORS) {
		disk->devid = devid;
		disk->sectors = (uint32_t)p->sectors;
		disk->readonly = (p->info & VDISK_READONLY) != 0;
		err = read_whole(front, disk->bytes, p->sectors);
		disks->count += err == 0;
	}
	if (err != 0)
		snprintf(why, room, "disk %u cannot be read: %s (%s)", devid,
			 strerror(-err), front_error(front));
	front_destroy(front);
	return err;
}

int disks_find(struct disks *disks, char *why, size_t room)
{
	struct xs_handle *xs = xs_open(0);
	unsigned int count = 0;
	char path[64];
	char **names;
	int err = 0;

	if (xs == NULL) {
		snprintf(why, room, "xenstore cannot be reached: %s",
			 strerror(errno));
		return -errno;
	}
	snprintf(path, sizeof(path), "/local/domain/%u/device/vbd",
		 disks->domid);
	names = xs_directory(xs, XBT_NULL, path, &count);
	for (unsigned int i = 0; err == 0 && i < count; i++)
		if (disks->count < DISKS_MAX)
			err = take(disks, (uint32_t)strtoul(names[i], NULL, 10),
				   why, room);
	free(names);
	xs_close(xs);
	if (err == 0 && disks->count == 0) {
		snprintf(why, room,
			 "domain %u has no disk of at most %u sectors; attach "
			 "one first",
			 disks->domid, DISK_SECTORS);
		err = -ENODEV;
	}
	return err;
}

const struct disk_found *disks_fit(const struct disks *disks, uint32_t sectors,
				   bool readonly)
{
	for (unsigned int i = 0; i < disks->count; i++)
		if (disks->disk[i].sectors == sectors &&
		    disks->disk[i].readonly == readonly)
			return &disks->disk[i];
	return NULL;
}

static int compare(const struct disk_found *disk, struct perform *p,
		   const uint8_t *now)
{
	for (uint32_t s = 0; s < disk->sectors; s++) {
		const uint8_t *old = disk->bytes + (size_t)s * 512;
		const uint8_t *new = now + (size_t)s * 512;

		if (p->disk.what[s] == SECTOR_UNTOUCHED &&
		    memcmp(old, new, 512) != 0)
			return perform_find(p, "storage",
					    "disk sector %u has changed, and "
					    "no request asked for it",
					    s);
		if (p->disk.what[s] == SECTOR_CERTAIN &&
		    tape_hash(new, 512) != p->disk.hash[s])
			return perform_find(p, "storage",
					    "disk sector %u does not hold what "
					    "it does in process",
					    s);
	}
	return 0;
}

static int put_back(const struct disk_found *disk, struct front *front,
		    uint8_t *now)
{
	int err = 0;

	for (uint32_t s = 0; err == 0 && s < disk->sectors; s++) {
		const size_t at = (size_t)s * 512;
		uint32_t end = s;

		while (end < disk->sectors &&
		       memcmp(disk->bytes + (size_t)end * 512,
			      now + (size_t)end * 512, 512) != 0)
			end++;
		if (end == s)
			continue;
		memcpy(now + at, disk->bytes + at, (size_t)(end - s) * 512);
		err = front_transfer(front_queue(front, 0), true, s, now + at,
				     (size_t)(end - s) * 512);
		s = end;
	}
	return err;
}

int disks_judge(const struct disk_found *disk, struct perform *p)
{
	static uint8_t now[DISK_SECTORS * 512u];
	struct front *front = p->door.front;
	const bool whole = !p->blind && p->oracle == NULL;
	int err = front_connect(front);

	if (err == 0)
		err = read_whole(front, now, disk->sectors);
	if (err == 0 && whole)
		(void)compare(disk, p, now);
	if (err == 0 && !disk->readonly)
		err = put_back(disk, front, now);
	if (err == 0)
		err = front_disconnect(front);
	if (err != 0)
		perform_find(p, "life",
			     "after the script the disk does not serve: %s "
			     "(%s)",
			     strerror(-err), front_error(front));
	return p->oracle != NULL ? -1 : 0;
}
