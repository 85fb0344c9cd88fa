/*
 * How much a disk may do per second.  See inside.h and device.h.
 *
 * The limits are the disk's, not its worker's: each worker is told when it
 * starts, and again when they change.  They stand in the disk's directory, where
 * the next daemon finds them: a tenant must not be free of its limits because a
 * daemon was replaced, nor because xenstore once did not answer.
 */
#include "backend/supervisor/inside.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"
#include "backend/supervisor/facts.h"

/* A toolstack may write them, too, before the disk starts. */
#define NODE_IOPS      "limit-iops"
#define NODE_BANDWIDTH "limit-bandwidth"
#define NODE_BURST_MS  "limit-burst-ms"

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

/* False: xenstore did not answer. */
static bool read_node(const struct device *device, const char *key,
		      uint64_t max, uint64_t *value)
{
	const int error = facts_number(device->options.store, device->directory,
				       key, max, value);

	if (error == -ERANGE)
		log_line(LOG_WARNING,
			 "%s: its node %s is not a number from 0 to %" PRIu64
			 " and counts for nothing: write one, or use xenblkctl "
			 "limit",
			 device->relative, key, max);
	else if (error < 0)
		log_line(LOG_WARNING,
			 "%s: its node %s cannot be read: %s; it is read "
			 "again later",
			 device->relative, key, strerror(-error));
	return error >= 0 || error == -ERANGE;
}

void device_read_limits(struct device *device)
{
	struct conf_limits limits = device->limits;
	uint64_t iops = limits.iops, burst_ms = limits.burst_ms;
	const char *wrong;

	device->limits_unread =
		!read_node(device, NODE_IOPS, LIMIT_RATE, &iops) ||
		!read_node(device, NODE_BANDWIDTH,
			   (uint64_t)LIMIT_RATE * SECTOR_BYTES,
			   &limits.bandwidth) ||
		!read_node(device, NODE_BURST_MS, LIMIT_BURST_MS, &burst_ms);
	if (device->limits_unread) {
		device->unsure = true;
		return;
	}
	limits.iops = (uint32_t)iops;
	limits.burst_ms = (uint32_t)burst_ms;
	wrong = conf_limits_wrong(&limits);
	if (wrong == NULL)
		device->limits = limits;
	else
		log_line(LOG_WARNING,
			 "%s: the limits in its directory count for nothing: "
			 "%s",
			 device->relative, wrong);
}

void device_read_limits_again(struct device *device)
{
	if (!device->limits_unread)
		return;
	device_read_limits(device);
	if (!device->limits_unread)
		device_send_limits(device);
}

static void keep(struct device *device)
{
	const struct conf_limits *limits = &device->limits;
	const struct publish_node nodes[] = {
		publish_number(NODE_IOPS, limits->iops),
		publish_number(NODE_BANDWIDTH, limits->bandwidth),
		publish_number(NODE_BURST_MS, limits->burst_ms),
	};

	(void)device_publish(device, nodes, ARRAY_SIZE(nodes));
}

void device_limit(struct device *device, const struct conf_limits *limits)
{
	CHECK(conf_limits_wrong(limits) == NULL);
	device->limits = *limits;
	device->limits_unread = false;
	log_line(LOG_INFO,
		 "%s: limited to %u requests and %llu bytes per second (0: any "
		 "number), with a burst of %u ms",
		 device->relative, limits->iops,
		 (unsigned long long)limits->bandwidth, limits->burst_ms);
	keep(device);
	send(device);
}
