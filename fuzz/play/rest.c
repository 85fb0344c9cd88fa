/*
 * At rest: what the backend did against what the tape has.
 *
 * Waits until every queue has its responses, then looks at rings and pages.
 * The answers to one push may come in any order; afterwards they are laid into
 * the ring in the tape's order, so that later operations on old slots mean the
 * same.  Called by perform.c.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fuzz/play/perform.h"

#define REQ_EVENT 4u
#define RSP_PROD  8u
#define SLICE_MS  20

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint32_t wanted_of(const uint8_t *rsp_prod, unsigned int queue)
{
	uint32_t value;

	memcpy(&value, rsp_prod + 4 * queue, 4);
	return value;
}

/* --- waiting --- */

/* As the backend left it: a guest that wrote rsp_prod itself, and then gets no
 * response, finds what it wrote. */
static uint32_t rsp_prod_now(const struct ground *g, unsigned int queue)
{
	const struct ground_queue *q = &g->queue[queue];
	const uint32_t now = ground_rsp_prod(g, queue);
	uint32_t ours;

	memcpy(&ours, q->wire + RSP_PROD, 4);
	return now == ours ? q->rsp_seen : now;
}

static bool all_there(const struct ground *g, const uint8_t *rsp_prod)
{
	for (unsigned int i = 0; i < g->queues; i++)
		if (rsp_prod_now(g, i) != wanted_of(rsp_prod, i))
			return false;
	return true;
}

static int wait_responses(struct perform *p, const uint8_t *rsp_prod)
{
	const int64_t end = now_ms() + p->door.patience_ms;

	while (!all_there(&p->ground, rsp_prod)) {
		if (now_ms() > end)
			break;
		ground_listen(&p->ground, SLICE_MS);
		if (all_there(&p->ground, rsp_prod) || !door_ended(&p->door))
			continue;
		char *error = front_backend_error(p->door.front);

		perform_find(p, "connection",
			     "the backend ended a connection that nothing was "
			     "wrong with: %s",
			     error != NULL ? error : "no error node");
		free(error);
		return -1;
	}
	for (unsigned int i = 0; i < p->ground.queues; i++) {
		const uint32_t now = rsp_prod_now(&p->ground, i);
		const uint32_t seen = p->ground.queue[i].rsp_seen;
		const uint32_t wanted = wanted_of(rsp_prod, i);

		if (now - seen > wanted - seen)
			return perform_find(p, "responses",
					    "queue %u: rsp_prod is %u, and "
					    "only %u responses can be there",
					    i, now, wanted);
		if (now != wanted)
			return perform_find(
				p, "progress",
				"queue %u: %u of %u responses came within %d "
				"ms",
				i, now - seen, wanted - seen,
				p->door.patience_ms);
	}
	return 0;
}

/* A2: an event for responses that pass rsp_event. */
static int wait_event(struct perform *p, unsigned int queue, uint32_t now)
{
	struct ground_queue *q = &p->ground.queue[queue];
	const int64_t end = now_ms() + p->door.patience_ms;
	uint32_t asked;

	memcpy(&asked, q->wire + 12, 4);
	if (now - asked >= now - q->rsp_seen)
		return 0;
	while (!q->rang && now_ms() < end)
		ground_listen(&p->ground, SLICE_MS);
	if (!q->rang)
		return perform_find(p, "events",
				    "queue %u: responses %u to %u passed "
				    "rsp_event %u, and no event came within %d "
				    "ms",
				    queue, q->rsp_seen, now, asked,
				    p->door.patience_ms);
	return 0;
}

/* --- rings --- */

/* Everything but the backend's two indices and the new responses. */
static int compare_ring(struct perform *p, unsigned int queue, uint32_t now)
{
	struct ground *g = &p->ground;
	struct ground_queue *q = &g->queue[queue];
	const size_t bytes = (size_t)XEN_PAGE_BYTES << g->order;
	const size_t length = g->packed ? 12 : 16;

	memcpy(q->wire + REQ_EVENT, q->ring + REQ_EVENT, 8);
	memcpy(q->taped + REQ_EVENT, q->wire + REQ_EVENT, 8);
	for (uint32_t i = q->rsp_seen; i != now; i++)
		memcpy(q->wire + ground_slot(g, i), q->ring + ground_slot(g, i),
		       length);
	/* Its indices may move again while we look: it asks for the next event
	 * after its last response. */
	for (size_t i = 0; i < bytes; i++)
		if ((i < REQ_EVENT || i >= REQ_EVENT + 8) &&
		    q->wire[i] != q->ring[i])
			return perform_find(
				p, "ring",
				"queue %u: byte %zu of the ring was written, "
				"which is neither an index of the backend nor "
				"a response",
				queue, i);
	return 0;
}

struct answers {
	unsigned int count;
	struct tape_head head[LIMIT_RING_SLOTS];
	uint64_t id[LIMIT_RING_SLOTS];
	bool taken[LIMIT_RING_SLOTS];
};

struct seen {
	uint64_t id;
	uint8_t operation;
	int status;
	bool padded;
};

static struct seen read_response(const struct ground *g, unsigned int queue,
				 uint32_t index)
{
	const uint8_t *slot = g->queue[queue].ring + ground_slot(g, index);
	int16_t status;
	struct seen seen = {.operation = slot[8], .padded = slot[9] == 0};

	memcpy(&seen.id, slot, 8);
	memcpy(&status, slot + 10, 2);
	seen.status = status;
	for (unsigned int i = 12; i < (g->packed ? 12u : 16u); i++)
		seen.padded = seen.padded && slot[i] == 0;
	return seen;
}

static bool legal(uint16_t statuses, int status)
{
	return status <= 0 && status >= -2 && (statuses >> -status & 1) != 0;
}

/* 0: not at all; 1: name; 2: a legal status as well; 3: the same one. */
static unsigned int fit(const struct tape_head *head, uint64_t id,
			const struct seen *s)
{
	if (s->id != id || s->operation != (head->b & 0xff))
		return 0;
	if (!legal(head->flags, s->status))
		return 1;
	return s->status == (int16_t)(head->b >> 16) ? 3 : 2;
}

static int match(struct perform *p, struct answers *a, unsigned int queue,
		 const struct seen *s)
{
	unsigned int best = 0;
	unsigned int most = 0;

	for (unsigned int i = 0; i < a->count; i++) {
		unsigned int now =
			a->taken[i] ? 0 : fit(&a->head[i], a->id[i], s);

		if (now > most) {
			best = i;
			most = now;
		}
	}
	if (most == 0)
		return perform_find(p, "responses",
				    "queue %u: a response with id %#llx and "
				    "operation %u, which no request in flight "
				    "has",
				    queue, (unsigned long long)s->id,
				    s->operation);
	if (most == 1)
		return perform_find(p, "responses",
				    "queue %u: request %#llx (operation %u) "
				    "was answered %d; in process it was %d",
				    queue, (unsigned long long)s->id,
				    s->operation, s->status,
				    (int16_t)(a->head[best].b >> 16));
	if (!s->padded)
		return perform_find(p, "responses",
				    "queue %u: the response to %#llx carries "
				    "something in its padding",
				    queue, (unsigned long long)s->id);
	a->taken[best] = true;
	p->answered++;
	p->okay += s->status == 0;
	return 0;
}

/* The answer as the tape has it, at its place. */
static void lay(struct ground *g, const struct tape_head *head, uint64_t id)
{
	struct ground_queue *q = &g->queue[head->queue];
	const size_t at = ground_slot(g, head->a);
	const size_t length = g->packed ? 12 : 16;
	uint8_t slot[16] = {0};

	memcpy(slot, &id, 8);
	slot[8] = (uint8_t)head->b;
	slot[10] = (uint8_t)(head->b >> 16);
	slot[11] = (uint8_t)(head->b >> 24);
	memcpy(q->taped + at, slot, length);
	memcpy(q->wire + at, slot, length);
	memcpy(q->ring + at, slot, length);
}

static int compare_queue(struct perform *p, struct answers *a,
			 unsigned int queue)
{
	struct ground_queue *q = &p->ground.queue[queue];
	const uint32_t now = rsp_prod_now(&p->ground, queue);
	int err = wait_event(p, queue, now);

	for (uint32_t i = q->rsp_seen; err == 0 && i != now; i++) {
		const struct seen s = read_response(&p->ground, queue, i);

		err = match(p, a, queue, &s);
	}
	if (err == 0)
		err = compare_ring(p, queue, now);
	for (unsigned int i = 0; err == 0 && i < a->count; i++)
		lay(&p->ground, &a->head[i], a->id[i]);
	q->rsp_seen = now;
	q->rang = false;
	return err;
}

/* --- pages --- */

static int compare_page(struct perform *p, const struct tape_head *head,
			const uint8_t *hashes)
{
	struct ground_page *page = &p->ground.page[head->a];

	for (unsigned int s = 0; s < PAGE_SECTORS; s++) {
		uint64_t hash;

		memcpy(&hash, hashes + 8 * s, 8);
		if ((head->flags >> s & 1) != 0 &&
		    tape_hash(page->data + s * SECTOR_BYTES, SECTOR_BYTES) !=
			    hash)
			return perform_find(p, "memory",
					    "sector %u of guest page %u does "
					    "not hold what it does in process",
					    s, head->a);
	}
	memcpy(page->known, page->data, XEN_PAGE_BYTES);
	p->ground.stale = true;
	return 0;
}

static int compare_others(struct perform *p)
{
	for (unsigned int i = 0; i < GUEST_DATA_PAGES; i++)
		if (memcmp(p->ground.page[i].data, p->ground.page[i].known,
			   XEN_PAGE_BYTES) != 0)
			return perform_find(p, "memory",
					    "guest page %u has changed, and no "
					    "request asked for it",
					    i);
	return 0;
}

static void collect(struct perform *p, struct answers *answers,
		    unsigned int count)
{
	struct tape_head head;
	const uint8_t *payload;

	while (count-- > 0 && reel_next(p->reel, &head, &payload)) {
		struct answers *a = &answers[head.queue];

		if (a->count == LIMIT_RING_SLOTS)
			continue; /* more than a ring has: cannot match */
		a->head[a->count] = head;
		memcpy(&a->id[a->count++], payload, 8);
	}
}

int rest_compare(struct perform *p, const struct tape_head *rest,
		 const uint8_t *rsp_prod)
{
	static struct answers answers[GUEST_QUEUES];
	struct tape_head head;
	const uint8_t *payload;
	int err;

	p->rests++;
	memset(answers, 0, sizeof(answers));
	collect(p, answers, rest->a);
	err = wait_responses(p, rsp_prod);
	for (unsigned int i = 0; err == 0 && i < p->ground.queues; i++)
		err = compare_queue(p, &answers[i], i);
	for (uint32_t i = 0; i < rest->b; i++)
		if (reel_next(p->reel, &head, &payload) && err == 0)
			err = compare_page(p, &head, payload);
	return err != 0 ? err : compare_others(p);
}
