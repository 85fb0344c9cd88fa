/*
 * A set of disks, sorted by their key: few, looked up by watches and by the
 * control socket.
 *
 * Owns nothing but the order: devices are made and destroyed by host.c, who
 * alone changes the set.  Never more than LIMIT_DEVICES.
 */
#pragma once

#include <stdbool.h>

#include "backend/base/limits.h"
#include "backend/supervisor/device.h"

struct disks {
	unsigned int count;
	struct device *device[LIMIT_DEVICES];
};

/** disks_are_full() - whether there is no room for another one. */
bool disks_are_full(const struct disks *disks);

/** disks_add() - one whose key is not in the set, which has room. */
void disks_add(struct disks *disks, struct device *device);

/** disks_take() - the i-th, which is not in the set any more. */
struct device *disks_take(struct disks *disks, unsigned int i);

/** disks_find() - the one with this key; NULL when there is none. */
struct device *disks_find(const struct disks *disks, struct device_key key);
