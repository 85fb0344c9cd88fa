/* Disks, states and what was offered.  See judge.h. */
#include "conformance/recording/judge.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/xenbus.h>

#include "backend/base/check.h"
#include "conformance/recording/describe.h"
#include "conformance/recording/inside.h"

/* How long a backend may take to learn that a guest is gone. */
#define NOTICED_NS UINT64_C(30000000000)

struct judge *judge_create(judge_report report, void *context)
{
	struct judge *judge = calloc(1, sizeof(*judge));

	if (judge == NULL)
		return NULL;
	judge->report = report;
	judge->context = context;
	return judge;
}

void judge_destroy(struct judge *judge)
{
	if (judge == NULL)
		return;
	for (unsigned int i = 0; i < judge->disks; i++) {
		struct judged_disk *disk = judge->disk[i];

		for (unsigned int q = 0; q < LIMIT_QUEUES; q++) {
			if (disk->queue[q] != NULL)
				free(disk->queue[q]->grefs);
			free(disk->queue[q]);
		}
		free(disk->key);
		free(disk->finding);
		free(disk);
	}
	free(judge);
}

void judge_find(const struct judge *judge, const struct item *item,
		const char *clause, const char *format, ...)
{
	struct finding finding = {.clause = clause,
				  .at = item->at,
				  .time_ns = item->header.time_ns,
				  .domid = item->header.domid,
				  .devid = item->header.devid,
				  .queue = item->header.queue};
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(finding.sentence, sizeof(finding.sentence), format,
		  arguments);
	va_end(arguments);
	judge->report(judge->context, &finding);
}

static void release_held(const struct judge *judge, struct judged_disk *disk)
{
	for (unsigned int i = 0; i < disk->held; i++)
		judge->report(judge->context, &disk->finding[i]);
	disk->held = 0;
}

void judge_hold(const struct judge *judge, struct judged_disk *disk,
		const struct item *item, const char *clause,
		const char *sentence)
{
	struct finding *finding;

	/* Its queues may serve on for a moment. */
	if (disk->gone)
		return;
	if (disk->finding == NULL)
		disk->finding = calloc(HELD_MAX, sizeof(disk->finding[0]));
	if (disk->held == HELD_MAX)
		release_held(judge, disk);
	if (disk->finding == NULL) {
		judge_find(judge, item, clause, "%s", sentence);
		return;
	}
	finding = &disk->finding[disk->held++];
	*finding = (struct finding){.clause = clause,
				    .at = item->at,
				    .time_ns = item->header.time_ns,
				    .domid = item->header.domid,
				    .devid = item->header.devid,
				    .queue = item->header.queue};
	snprintf(finding->sentence, sizeof(finding->sentence), "%s", sentence);
}

/* The guest is gone: what failed just before is its end, not its fault. */
static void forgive_held(const struct judge *judge, struct judged_disk *disk,
			 uint64_t now_ns)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < disk->held; i++)
		if (now_ns - disk->finding[i].time_ns > NOTICED_NS)
			disk->finding[kept++] = disk->finding[i];
	disk->held = kept;
	release_held(judge, disk);
}

bool judge_number(const char *text, unsigned int bytes, uint64_t *number)
{
	uint64_t n = 0;

	if (bytes == 0)
		return false;
	for (unsigned int i = 0; i < bytes; i++) {
		if (text[i] < '0' || text[i] > '9' ||
		    __builtin_mul_overflow(n, 10u, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(text[i] - '0'), &n))
			return false;
	}
	*number = n;
	return true;
}

static struct judged_disk *find_disk(struct judge *judge,
				     const struct record_header *header)
{
	struct judged_disk *disk = judge->last;

	if (disk != NULL && disk->domid == header->domid &&
	    disk->devid == header->devid)
		return disk;
	for (unsigned int i = 0; i < judge->disks; i++) {
		disk = judge->disk[i];
		if (disk->domid == header->domid &&
		    disk->devid == header->devid)
			return judge->last = disk;
	}
	if (judge->disks == JUDGE_DISKS)
		return NULL;
	disk = calloc(1, sizeof(*disk));
	if (disk == NULL)
		return NULL;
	disk->domid = header->domid;
	disk->devid = header->devid;
	disk->offer.max_queues = 1;
	judge->disk[judge->disks++] = disk;
	return judge->last = disk;
}

/* --- the supervisor's records --- */

static void back_state(struct judged_disk *disk, const struct item *item)
{
	disk->back = item->number;
}

static void front_state(const struct judge *judge, struct judged_disk *disk,
			const struct item *item)
{
	const uint64_t state = item->number;

	switch (state) {
	case XenbusStateInitialising:
		disk->hasty = false;
		break;
	case XenbusStateInitialised:
		/* H6: it may, but then it knows of no option (handshake.c). */
		disk->hasty = disk->back < XenbusStateInitWait;
		break;
	case XenbusStateConnected:
		if (disk->back > XenbusStateUnknown &&
		    disk->back < XenbusStateConnected)
			judge_find(judge, item, "H5",
				   "the frontend went to Connected while the "
				   "backend was in %s",
				   describe_state(disk->back));
		break;
	case XenbusStateUnknown:
	case XenbusStateClosing:
	case XenbusStateClosed:
		break;
	default:
		judge_find(judge, item, "H3",
			   "the frontend went to %s (%" PRIu64
			   "), where no frontend goes",
			   describe_state(state), state);
		break;
	}
	disk->front = state;
}

static bool node_is(const struct item *item, const char *key)
{
	return strcmp(item->node.key, key) == 0;
}

/* Nobody can see when a frontend has read a size that it is told while it is
 * connected: until the next connection it may have asked by the largest one. */
static void back_sectors(struct judged_disk *disk, uint64_t sectors)
{
	struct offer *offer = &disk->offer;

	if (disk->back != XenbusStateConnected || sectors > offer->sectors)
		offer->sectors = sectors;
}

static void back_node(struct judged_disk *disk, const struct item *item)
{
	struct offer *offer = &disk->offer;
	uint64_t n;

	if (!judge_number(item->node.value, item->node.value_bytes, &n))
		return;
	if (node_is(item, "feature-flush-cache"))
		offer->flush = n != 0;
	else if (node_is(item, "feature-barrier"))
		offer->barrier = n != 0;
	else if (node_is(item, "feature-discard"))
		offer->discard = n != 0;
	else if (node_is(item, "feature-max-indirect-segments"))
		offer->indirect = n;
	else if (node_is(item, "multi-queue-max-queues"))
		offer->max_queues = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
	else if (node_is(item, "max-ring-page-order"))
		offer->max_order = n > 16 ? 16 : (uint32_t)n;
	else if (node_is(item, "sectors"))
		back_sectors(disk, n);
	else if (node_is(item, "info"))
		offer->readonly = (n & 4) != 0;
}

static void disk_item(const struct judge *judge, struct judged_disk *disk,
		      const struct item *item)
{
	switch (item->header.kind) {
	case RECORD_FRONT_STATE:
		front_state(judge, disk, item);
		break;
	case RECORD_BACK_STATE:
		back_state(disk, item);
		break;
	case RECORD_BACK_NODE:
		back_node(disk, item);
		break;
	case RECORD_FRONT_KEY:
		handshake_key(disk, item);
		break;
	case RECORD_GUEST_GONE:
		disk->gone = true;
		forgive_held(judge, disk, item->header.time_ns);
		break;
	default:
		break;
	}
}

void judge_item(struct judge *judge, const struct item *item)
{
	struct judged_disk *disk;

	if (!item->known || item->header.kind == RECORD_FULL)
		return;
	disk = find_disk(judge, &item->header);
	if (disk == NULL) {
		judge->ignored++;
		return;
	}
	/* The keys are read at once: what comes next is after the handshake. */
	if (item->header.kind != RECORD_FRONT_KEY && disk->keys > 0)
		handshake_judge(judge, disk);
	if (item->header.kind == RECORD_ATTACH) {
		disk->gone = false;
		release_held(judge, disk);
	}
	if (item->header.kind < RECORD_SUPERVISOR_END)
		disk_item(judge, disk, item);
	else if (item->header.queue < LIMIT_QUEUES)
		session_item(judge, disk, item);
}

void judge_end(struct judge *judge)
{
	for (unsigned int i = 0; i < judge->disks; i++) {
		if (judge->disk[i]->keys > 0)
			handshake_judge(judge, judge->disk[i]);
		release_held(judge, judge->disk[i]);
	}
}

unsigned int judge_disks(const struct judge *judge)
{
	return judge->disks;
}

void judge_disk(const struct judge *judge, unsigned int i,
		struct judge_disk *disk)
{
	const struct judged_disk *from;

	CHECK(i < judge->disks);
	from = judge->disk[i];
	memset(disk, 0, sizeof(*disk));
	disk->domid = from->domid;
	disk->devid = from->devid;
	for (unsigned int q = 0; q < LIMIT_QUEUES; q++) {
		if (from->queue[q] == NULL)
			continue;
		disk->queues = q + 1;
		disk->queue[q] = from->queue[q]->counts;
	}
}

uint64_t judge_ignored(const struct judge *judge)
{
	return judge->ignored;
}
