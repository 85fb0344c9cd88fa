/* An array in order.  See disks.h. */
#include "backend/supervisor/disks.h"

#include <stddef.h>
#include <string.h>

#include "backend/base/check.h"

static uint64_t key_at(const struct disks *disks, unsigned int i)
{
	return device_key_pack(device_key(disks->device[i]));
}

/* Where a key is, or where it belongs. */
static unsigned int position(const struct disks *disks, uint64_t wanted)
{
	unsigned int low = 0, high = disks->count;

	while (low < high) {
		const unsigned int middle = low + (high - low) / 2;

		if (key_at(disks, middle) < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool disks_are_full(const struct disks *disks)
{
	return disks->count == LIMIT_DEVICES;
}

void disks_add(struct disks *disks, struct device *device)
{
	const uint64_t key = device_key_pack(device_key(device));
	const unsigned int i = position(disks, key);

	CHECK(!disks_are_full(disks));
	CHECK(i == disks->count || key_at(disks, i) != key);
	memmove(&disks->device[i + 1], &disks->device[i],
		(disks->count - i) * sizeof(disks->device[0]));
	disks->device[i] = device;
	disks->count++;
}

struct device *disks_take(struct disks *disks, unsigned int i)
{
	struct device *device;

	CHECK(i < disks->count);
	device = disks->device[i];
	disks->count--;
	memmove(&disks->device[i], &disks->device[i + 1],
		(disks->count - i) * sizeof(disks->device[0]));
	return device;
}

struct device *disks_find(const struct disks *disks, struct device_key key)
{
	const uint64_t wanted = device_key_pack(key);
	const unsigned int i = position(disks, wanted);

	if (i == disks->count || key_at(disks, i) != wanted)
		return NULL;
	return disks->device[i];
}
