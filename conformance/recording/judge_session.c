/*
 * What a queue's records say about its frontend.  See judge.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/blkif.h>

#include "backend/base/checked.h"
#include "backend/base/refusals.h"
#include "conformance/recording/describe.h"
#include "conformance/recording/inside.h"

/* Grants that are counted for one queue; a power of two, more than a full ring
 * of full requests names. */
#define GREFS_HASH 8192u

static struct judged_queue *find_queue(struct judged_disk *disk,
				       unsigned int index)
{
	if (disk->queue[index] == NULL)
		disk->queue[index] = calloc(1, sizeof(*disk->queue[index]));
	return disk->queue[index];
}

static void forget_inflight(struct judged_queue *queue)
{
	memset(queue->entry, 0, sizeof(queue->entry));
	queue->inflight = 0;
}

static void attach(const struct judge *judge, struct judged_queue *queue,
		   const struct item *item)
{
	const struct record_attach *a = &item->attach;

	/* After another worker, too: it may have died between an answer and its
	 * record. */
	forget_inflight(queue);
	queue->attached = a->refusal == 0;
	queue->blind = false;
	queue->persistent = a->persistent != 0;
	queue->told_reuse = false;
	queue->slots = a->slots <= LIMIT_RING_SLOTS && is_power_of_two(a->slots)
			       ? a->slots
			       : 0;
	queue->distinct = 0;
	free(queue->grefs);
	queue->grefs = NULL;
	queue->counts.attaches++;
	if (a->refusal == REFUSE_RING_GRANT)
		judge_find(judge, item, "F2",
			   "the grants of the ring's pages could not be "
			   "mapped");
	else if (a->refusal == REFUSE_EVENT_CHANNEL)
		judge_find(judge, item, "F1",
			   "the event channel %u could not be bound",
			   a->event_channel);
	else if (a->refusal == REFUSE_RING_ATTACH && a->resume == 0)
		judge_find(judge, item, "R11",
			   "the ring held more requests than slots when it "
			   "was attached");
}

/* --- requests --- */

static void check_inflight(const struct judge *judge,
			   struct judged_queue *queue, const struct item *item,
			   uint64_t id)
{
	struct inflight_entry *free_entry = NULL;

	if (queue->blind || queue->slots == 0)
		return;
	if (queue->inflight >= queue->slots) {
		judge_find(judge, item, "R11",
			   "%u requests were in flight on a ring of %u slots",
			   queue->inflight + 1, queue->slots);
		return;
	}
	for (uint32_t i = 0; i < queue->slots; i++) {
		struct inflight_entry *e = &queue->entry[i];

		if (!e->used)
			free_entry = e;
		else if (e->id == id)
			judge_find(judge, item, "J13",
				   "id %" PRIu64
				   " was given to a request while another "
				   "with this id was in flight",
				   id);
	}
	if (free_entry == NULL)
		return;
	free_entry->used = true;
	free_entry->id = id;
	queue->inflight++;
}

/* Whether it carries segments that make sense to look at. */
static bool check_operation(const struct judge *judge,
			    const struct judged_disk *disk,
			    const struct item *item)
{
	const uint8_t operation = item->request.fixed.operation;
	const struct offer *offer = &disk->offer;
	const char *clause = NULL;

	switch (operation) {
	case BLKIF_OP_READ:
	case BLKIF_OP_WRITE:
		break;
	case BLKIF_OP_WRITE_BARRIER:
		clause = offer->barrier ? NULL : "C1";
		break;
	case BLKIF_OP_FLUSH_DISKCACHE:
		clause = offer->flush ? NULL : "C3";
		break;
	case BLKIF_OP_DISCARD:
		clause = offer->discard ? NULL : "C4";
		break;
	case BLKIF_OP_INDIRECT:
		clause = offer->indirect ? NULL : "I7";
		break;
	case BLKIF_OP_RESERVED_1:
		clause = "I4";
		break;
	default:
		clause = "I1";
		break;
	}
	if (clause != NULL)
		judge_find(judge, item, clause,
			   "the operation %u (%s) was not offered", operation,
			   describe_operation(operation));
	return clause == NULL && operation <= BLKIF_OP_FLUSH_DISKCACHE;
}

/* Sectors that the segments hold; 0 when they cannot be told. */
static uint64_t check_segments(const struct judge *judge,
			       const struct item *item,
			       const struct record_segment *seg,
			       unsigned int count)
{
	uint64_t sectors = 0;
	bool good = true;

	for (unsigned int i = 0; i < count; i++) {
		const struct record_segment *s = &seg[i];

		if (s->first_sect > s->last_sect ||
		    s->last_sect >= PAGE_SECTORS) {
			judge_find(judge, item, "J1",
				   "segment %u reaches from sector %u to %u of "
				   "its page",
				   i, s->first_sect, s->last_sect);
			good = false;
			continue;
		}
		sectors += s->last_sect - s->first_sect + 1u;
	}
	return good ? sectors : 0;
}

static void check_range(const struct judge *judge,
			const struct judged_disk *disk, const struct item *item,
			uint64_t sectors)
{
	const struct record_request *r = &item->request.fixed;

	if (disk->offer.readonly && r->operation == BLKIF_OP_WRITE)
		judge_find(judge, item, "J16",
			   "a write to a disk that was published as read-only");
	if (disk->offer.sectors == 0 ||
	    range_fits(r->sector_number, sectors, disk->offer.sectors))
		return;
	judge_find(judge, item, "J15",
		   "%" PRIu64 " sectors from %" PRIu64
		   " on reach beyond the disk's %" PRIu64,
		   sectors, r->sector_number, disk->offer.sectors);
}

/* F7, F8: it said that it keeps its grants; it may use new ones all the same. */
static void count_grefs(const struct judge *judge, struct judged_queue *queue,
			const struct item *item)
{
	const uint32_t usual = queue->slots * LIMIT_SEGMENTS;

	if (!queue->persistent || queue->told_reuse || queue->slots == 0)
		return;
	if (queue->grefs == NULL)
		queue->grefs = calloc(GREFS_HASH, sizeof(queue->grefs[0]));
	if (queue->grefs == NULL)
		return;
	for (unsigned int i = 0; i < item->request.segments; i++) {
		const uint32_t gref = item->request.seg[i].gref;
		uint32_t at = gref * 2654435761u;

		/* 0 stands for a free place; a gref of 0 is not counted. */
		while (queue->grefs[at % GREFS_HASH] != gref &&
		       queue->grefs[at % GREFS_HASH] != 0)
			at++;
		if (gref == 0 || queue->grefs[at % GREFS_HASH] == gref)
			continue;
		queue->grefs[at % GREFS_HASH] = gref;
		queue->distinct++;
	}
	if (queue->distinct <= usual)
		return;
	queue->told_reuse = true;
	judge_find(judge, item, "F7",
		   "with feature-persistent more than %u different grants were "
		   "used, as many as a full ring names: they are not reused",
		   usual);
}

static void count_request(struct judge_counts *counts, const struct item *item)
{
	counts->requests++;
	counts->segments += item->request.segments;
	switch (item->request.fixed.operation) {
	case BLKIF_OP_READ:
		counts->reads++;
		break;
	case BLKIF_OP_WRITE:
		counts->writes++;
		break;
	case BLKIF_OP_FLUSH_DISKCACHE:
		counts->flushes++;
		break;
	default:
		counts->others++;
		break;
	}
}

static void request(const struct judge *judge, const struct judged_disk *disk,
		    struct judged_queue *queue, const struct item *item)
{
	const struct record_request *r = &item->request.fixed;
	uint64_t sectors;

	count_request(&queue->counts, item);
	check_inflight(judge, queue, item, r->id);
	if (!check_operation(judge, disk, item))
		return;
	if (r->nr_segments > LIMIT_SEGMENTS) {
		judge_find(judge, item, "I12",
			   "%u segments in a direct request", r->nr_segments);
		return;
	}
	if (r->nr_segments == 0) {
		/* Linux flushes by an empty barrier where it has no flush. */
		if (r->operation != BLKIF_OP_FLUSH_DISKCACHE &&
		    r->operation != BLKIF_OP_WRITE_BARRIER)
			judge_find(judge, item, "I13", "a %s without segments",
				   describe_operation(r->operation));
		return;
	}
	sectors = check_segments(judge, item, item->request.seg,
				 item->request.segments);
	if (sectors > 0)
		check_range(judge, disk, item, sectors);
	count_grefs(judge, queue, item);
}

static void count_indirect(struct judge_counts *counts,
			   const struct record_indirect *n)
{
	counts->requests++;
	counts->segments += n->nr_segments;
	if (n->operation == BLKIF_OP_READ)
		counts->reads++;
	else if (n->operation == BLKIF_OP_WRITE)
		counts->writes++;
	else
		counts->others++;
}

static void discard(const struct judge *judge, const struct judged_disk *disk,
		    struct judged_queue *queue, const struct item *item)
{
	const struct record_discard *d = &item->discard;

	queue->counts.requests++;
	queue->counts.discards++;
	check_inflight(judge, queue, item, d->id);
	if (!disk->offer.discard) {
		judge_find(judge, item, "C4", "a discard was not offered");
		return;
	}
	if (disk->offer.readonly)
		judge_find(
			judge, item, "J16",
			"a discard of a disk that was published as read-only");
	if (disk->offer.sectors != 0 &&
	    !range_fits(d->sector_number, d->sectors, disk->offer.sectors))
		judge_find(judge, item, "J15",
			   "%" PRIu64 " sectors from %" PRIu64
			   " on reach beyond the disk's %" PRIu64,
			   d->sectors, d->sector_number, disk->offer.sectors);
}

/* What its segments say comes in records of their own. */
static void indirect(const struct judge *judge, const struct judged_disk *disk,
		     struct judged_queue *queue, const struct item *item)
{
	const struct record_indirect *n = &item->indirect.fixed;

	count_indirect(&queue->counts, n);
	check_inflight(judge, queue, item, n->id);
	if (disk->offer.indirect == 0) {
		judge_find(judge, item, "I7",
			   "indirect segments were not offered");
		return;
	}
	if (n->operation != BLKIF_OP_READ && n->operation != BLKIF_OP_WRITE)
		judge_find(judge, item, "J9", "an indirect request to %s (%u)",
			   describe_operation(n->operation), n->operation);
	if (n->nr_segments > disk->offer.indirect)
		judge_find(judge, item, "I8",
			   "%u segments in an indirect request; %" PRIu64
			   " were offered",
			   n->nr_segments, disk->offer.indirect);
	if (n->nr_segments == 0)
		judge_find(judge, item, "I13",
			   "an indirect request without segments");
	if (disk->offer.readonly && n->operation == BLKIF_OP_WRITE)
		judge_find(judge, item, "J16",
			   "a write to a disk that was published as read-only");
}

/* --- the rest --- */

static void response(struct judged_queue *queue, const struct item *item)
{
	queue->counts.responses++;
	queue->counts.errors += item->response.status != BLKIF_RSP_OKAY;
	for (uint32_t i = 0; i < queue->slots; i++) {
		struct inflight_entry *e = &queue->entry[i];

		if (!e->used || e->id != item->response.id)
			continue;
		e->used = false;
		queue->inflight--;
		return;
	}
}

/* A2: an index that no response can reach before more are asked for. */
static void push(const struct judge *judge, struct judged_queue *queue,
		 const struct item *item)
{
	const struct record_push *p = &item->push;
	const uint32_t ahead = p->rsp_event - p->rsp_prod;

	queue->counts.pushes++;
	queue->counts.notified += p->notified != 0;
	if (queue->slots > 0 && ahead > queue->slots + 1 && ahead < 1u << 31)
		judge_find(judge, item, "A2",
			   "rsp_event lies %u responses ahead on a ring of %u "
			   "slots: the frontend would never be notified",
			   ahead, queue->slots);
}

static void copies(const struct judge *judge, struct judged_disk *disk,
		   struct judged_queue *queue, const struct item *item)
{
	char sentence[JUDGE_SENTENCE_BYTES];
	unsigned int bad = 0, first = 0;

	queue->counts.copies += item->copies.count;
	/* When the call failed as a whole, statuses say nothing about grants. */
	if (item->copies.result != 0)
		return;
	for (unsigned int i = item->copies.count; i-- > 0;)
		if (item->copies.copy[i].status != 0) {
			first = i;
			bad++;
		}
	if (bad == 0)
		return;
	snprintf(sentence, sizeof(sentence),
		 "%u grants of requests in flight could not be used: %u with "
		 "status %d%s",
		 bad, item->copies.copy[first].gref,
		 item->copies.copy[first].status, bad > 1 ? ", others" : "");
	judge_hold(judge, disk, item, "J14", sentence);
}

void session_item(const struct judge *judge, struct judged_disk *disk,
		  const struct item *item)
{
	struct judged_queue *queue = find_queue(disk, item->header.queue);

	if (queue == NULL)
		return;
	switch (item->header.kind) {
	case RECORD_ATTACH:
		attach(judge, queue, item);
		break;
	case RECORD_DETACH:
		queue->attached = false;
		forget_inflight(queue);
		break;
	case RECORD_REQUEST:
		request(judge, disk, queue, item);
		break;
	case RECORD_INDIRECT:
		indirect(judge, disk, queue, item);
		break;
	case RECORD_DISCARD:
		discard(judge, disk, queue, item);
		break;
	case RECORD_SEGMENTS:
		(void)check_segments(judge, item, item->segments.seg,
				     item->segments.fixed.count);
		break;
	case RECORD_RESPONSE:
		response(queue, item);
		break;
	case RECORD_PUSH:
		push(judge, queue, item);
		break;
	case RECORD_EVENT:
		queue->counts.events++;
		break;
	case RECORD_OVERFLOW:
		judge_find(
			judge, item, "R11",
			"req_prod is %u, but responses stand at %u on a ring "
			"of %u slots",
			item->overflow.req_prod, item->overflow.rsp_prod,
			item->overflow.slots);
		break;
	case RECORD_MAP:
		queue->counts.maps += item->grants.count;
		break;
	case RECORD_UNMAP:
		queue->counts.unmaps += item->grants.count;
		break;
	case RECORD_COPY_IN:
	case RECORD_COPY_OUT:
		copies(judge, disk, queue, item);
		break;
	case RECORD_LOST:
		queue->counts.lost += item->number;
		queue->blind = true;
		forget_inflight(queue);
		break;
	default:
		break;
	}
}
