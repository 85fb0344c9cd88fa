/*
 * How much a disk may do per second.  See inside.h and device.h.
 *
 * The limits are the disk's, not its worker's: each worker is told when it
 * starts, and again when they change.
 */
#include "backend/supervisor/inside.h"

#include "backend/base/check.h"

static bool is_limited(const struct conf_limits *limits)
{
	return limits->iops != 0 || limits->bandwidth != 0;
}

static void send(struct device *device)
{
	const struct conf_limits *limits = &device->limits;
	const struct link_message message = {
		.kind = LINK_LIMITS,
		.limits = {.burst_ns = limits->burst_ms * UINT64_C(1000000),
			   .iops = limits->iops,
			   .sectors = (uint32_t)(limits->bandwidth /
						 SECTOR_BYTES)},
	};

	if (device->child.alive && !device->stopping)
		child_send(&device->child, &message);
}

void device_send_limits(struct device *device)
{
	if (is_limited(&device->limits))
		send(device);
}

void device_limit(struct device *device, const struct conf_limits *limits)
{
	CHECK(conf_limits_wrong(limits) == NULL);
	device->limits = *limits;
	log_line(LOG_INFO,
		 "%s: limited to %u requests and %llu bytes per second (0: any "
		 "number), with a burst of %u ms",
		 device->relative, limits->iops,
		 (unsigned long long)limits->bandwidth, limits->burst_ms);
	send(device);
}
