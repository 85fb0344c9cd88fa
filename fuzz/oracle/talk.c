/*
 * What a worker is told: to serve the disk that the toolstack named, within the
 * limits that it wrote, to attach rings once and not while some are attached, to
 * go on with rings only if they are the very ones that were served, to let go of
 * them only when somebody wants that, and nothing after STOP.
 */
#include <stddef.h>
#include <string.h>

#include "fuzz/oracle/oracle.h"
#include "fuzz/oracle/supervisor.h"

void talk_limited(const struct talk *talk, uint32_t iops)
{
	if (iops != 0 && talk->iops != iops)
		oracle_fail(ORACLE_TALK,
			    "rings are served under a limit of %u requests "
			    "per second, the disk's is %u",
			    talk->iops, iops);
}

static void said_device(struct talk *talk, const struct talk_world *world,
			const struct link_device *device)
{
	if (talk->device)
		oracle_fail(ORACLE_TALK, "a worker gets two disks");
	talk->device = true;
	if (device->domid != world->domid || device->devid != world->devid)
		oracle_fail(ORACLE_TALK, "a worker gets another one's disk");
	if (world->known && (device->readonly != 0) != world->readonly)
		oracle_fail(ORACLE_TALK, "a disk that is %s is served %s",
			    world->readonly ? "read-only" : "writable",
			    device->readonly != 0 ? "read-only" : "writable");
}

/* What the table of requests under way says means other requests on others. */
static void said_attach(struct talk *talk, const struct talk_world *world,
			const struct link_attach *attach)
{
	struct link_attach first = *attach;

	if (talk->attached && !talk->lied)
		oracle_fail(ORACLE_TALK, "rings are attached while some are");
	talk->attached = true;
	/* Whoever serves them, and however it came to that. */
	talk_limited(talk, world->iops);
	first.resume = 0;
	if (attach->resume != 0 &&
	    (world->served == NULL ||
	     memcmp(&first, world->served, sizeof(first)) != 0))
		oracle_fail(ORACLE_TALK,
			    "a worker is to go on with %u queues that are not "
			    "those which were served",
			    attach->queues);
}

static void said_detach(struct talk *talk, const struct talk_world *world)
{
	if (!talk->attached && !talk->lied)
		oracle_fail(ORACLE_TALK, "rings are let go, and none are "
					 "attached");
	/* Closing: it may use its disk until it says Closed. */
	if (world->front == 5 && world->alone && !talk->broken)
		oracle_fail(ORACLE_TALK, "rings are let go of a frontend that "
					 "is Closing");
	talk->attached = false;
}

void talk_said(struct talk *talk, const struct talk_world *world,
	       const struct link_message *message)
{
	if (talk->stopped)
		oracle_fail(ORACLE_TALK, "message %u is sent after STOP",
			    message->kind);
	switch (message->kind) {
	case LINK_DEVICE:
		said_device(talk, world, &message->device);
		break;
	case LINK_ATTACH:
		said_attach(talk, world, &message->attach);
		break;
	case LINK_DETACH:
		said_detach(talk, world);
		break;
	case LINK_LIMITS:
		if (!talk->device)
			oracle_fail(ORACLE_TALK, "limits come before the disk");
		talk->iops = message->limits.iops;
		break;
	case LINK_STOP:
		talk->stopped = true;
		break;
	default:
		oracle_fail(ORACLE_TALK, "a worker is sent message %u",
			    message->kind);
	}
}

void talk_connected(const struct talk *talk)
{
	if (talk == NULL || (!talk->attached && !talk->lied))
		oracle_fail(ORACLE_TALK, "Connected is published, and no rings "
					 "are attached");
}
