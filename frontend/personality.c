/*
 * How known guests behave when they connect.
 *
 * A table and two look-ups; the handshake reads it.  What each guest does was
 * learnt from its driver: the number of queues and the ring order are what
 * it asks for, the backend's maxima may lower them.
 */
#include <string.h>

#include "frontend/front.h"

#if defined(__aarch64__)
#define NATIVE "arm-abi"
#else
#define NATIVE "x86_64-abi"
#endif

static const struct front_personality personalities[] = {
	{.name = "linux",
	 .protocol = NATIVE,
	 .queues = 4,
	 .indirect = 32,
	 .persistent = true,
	 .waits_for_initwait = true},
	{.name = "linux-big",
	 .protocol = NATIVE,
	 .queues = 16,
	 .ring_order = 4,
	 .indirect = 256,
	 .persistent = true,
	 .waits_for_initwait = true},
	/* Linux since it can be told not to trust its backend: nothing is kept.
	 */
	{.name = "linux-bounce",
	 .protocol = NATIVE,
	 .queues = 4,
	 .indirect = 32,
	 .waits_for_initwait = true,
	 .ends_grants = true},
	/* The kernel that runs after a crash: one processor, stale state. */
	{.name = "kdump",
	 .protocol = NATIVE,
	 .queues = 1,
	 .persistent = true,
	 .waits_for_initwait = true},
	{.name = "windows",
	 .protocol = NATIVE,
	 .queues = 4,
	 .ring_order = 4,
	 .waits_for_initwait = true,
	 .queue_node_at_one = true,
	 .large_sector_node = true,
	 .ends_grants = true},
	{.name = "windows-up",
	 .protocol = NATIVE,
	 .queues = 1,
	 .ring_order = 4,
	 .waits_for_initwait = true,
	 .queue_node_at_one = true,
	 .large_sector_node = true,
	 .ends_grants = true},
	{.name = "freebsd",
	 .protocol = NATIVE,
	 .queues = 1,
	 .ring_order = 3,
	 .indirect = 33,
	 .waits_for_initwait = true,
	 .ends_grants = true},
	{.name = "netbsd",
	 .protocol = NATIVE,
	 .queues = 1,
	 .waits_for_initwait = true,
	 .ends_grants = true},
	/* Boot loaders and small systems do not look at the backend first. */
	{.name = "grub", .protocol = NATIVE, .queues = 1},
	{.name = "mini-os",
	 .protocol = NATIVE,
	 .queues = 1,
	 .ends_grants = true},
	{.name = "legacy32", .queues = 1, .waits_for_initwait = true},
	{.name = "x86_32",
	 .protocol = "x86_32-abi",
	 .queues = 1,
	 .waits_for_initwait = true},
	{.name = "x86_32-linux",
	 .protocol = "x86_32-abi",
	 .queues = 4,
	 .indirect = 32,
	 .persistent = true,
	 .waits_for_initwait = true},
	{.name = "plain",
	 .protocol = NATIVE,
	 .queues = 1,
	 .waits_for_initwait = true},
	/* ring-page-order = 0 with ring-ref0: legal, and read differently
	   (Q11). */
	{.name = "order-node",
	 .protocol = NATIVE,
	 .queues = 1,
	 .waits_for_initwait = true,
	 .ring_order_node_at_zero = true},
};

const struct front_personality *front_personality_at(unsigned int i)
{
	if (i >= sizeof(personalities) / sizeof(personalities[0]))
		return NULL;
	return &personalities[i];
}

const struct front_personality *front_personality(const char *name)
{
	const struct front_personality *p;

	for (unsigned int i = 0; (p = front_personality_at(i)); i++)
		if (!strcmp(p->name, name))
			return p;
	return NULL;
}
