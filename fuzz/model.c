/* The model's bookkeeping: what is in flight and what it touches. See model.h.
 */
#include "fuzz/model.h"

#include <string.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"
#include "fuzz/bytes.h"
#include "fuzz/oracle/checks.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/oracle/refetch.h"
#include "fuzz/taping.h"
#include "sim/sim.h"

void model_reset(struct model *model)
{
	for (unsigned int w = 0; w < ARRAY_SIZE(model->disk->touched); w++)
		for (uint64_t bits = model->disk->touched[w]; bits != 0;
		     bits &= bits - 1) {
			uint64_t sector =
				64 * w + (unsigned int)__builtin_ctzll(bits);

			disk_pattern(sector,
				     model->bytes + sector * SECTOR_BYTES);
		}
	for (unsigned int p = 0; p < GUEST_DATA_PAGES; p++)
		if ((model->page_touched >> p & 1) != 0)
			memset(model->page[p], 0, XEN_PAGE_BYTES);
	model->page_touched = 0;
	memset(model->page_readers, 0, sizeof(model->page_readers));
	memset(model->page_writers, 0, sizeof(model->page_writers));
	memset(model->disk_readers, 0, sizeof(model->disk_readers));
	memset(model->disk_writers, 0, sizeof(model->disk_writers));
	for (unsigned int i = 0; i < GUEST_QUEUES; i++)
		model->queue[i].count = model->queue[i].waiting = 0;
	model->order = (struct order){0};
	model->blind = false;
	model->grants_may_fail = model->notify_may_fail = false;
	model->answered = model->answered_okay = 0;
	model->answers = 0;
	model->served = 0;
	model->response_hash = UINT64_C(0xcbf29ce484222325);
}

void model_connect(struct model *model)
{
	model->order = (struct order){0};
	for (unsigned int i = 0; i < model->guest->shape.queues; i++) {
		struct model_queue *q = &model->queue[i];

		CHECK(model->blind || q->count == 0);
		q->count = q->waiting = 0;
		q->consumed = guest_index(model->guest, i, GUEST_RSP_PROD);
		q->halted = q->twins = false;
		q->tampered = false;
	}
}

/* --- who touches what --- */

struct range {
	unsigned int first, count; /* sectors */
};

/* Sectors of guest memory of one segment, if it means page @page. */
static struct range segment_range(const struct expected *e, unsigned int i,
				  unsigned int page)
{
	return (struct range){
		page * PAGE_SECTORS + e->request.segment[i].first,
		e->request.segment[i].last - e->request.segment[i].first + 1u,
	};
}

static bool any(const uint16_t *counts, struct range range)
{
	for (unsigned int i = 0; i < range.count; i++)
		if (counts[range.first + i] != 0)
			return true;
	return false;
}

static void add(uint16_t *counts, struct range range, int by)
{
	for (unsigned int i = 0; i < range.count; i++)
		counts[range.first + i] =
			(uint16_t)(counts[range.first + i] + by);
}

static struct range disk_range(const struct expected *e)
{
	if (e->request.kind == REFERENCE_DISCARD)
		return (struct range){(unsigned int)e->request.sector,
				      (unsigned int)e->request.extent};
	if (e->request.segments == 0)
		return (struct range){0, 0};
	return (struct range){(unsigned int)e->request.sector,
			      e->request.sectors};
}

/* Whether it meets others, or itself: the same page twice in one read. */
static bool meets_others(const struct model *model, const struct expected *e)
{
	bool read = e->request.kind == REFERENCE_READ;
	uint8_t own[GUEST_DATA_PAGES] = {0};

	if (any(model->disk_writers, disk_range(e)) ||
	    (!read && any(model->disk_readers, disk_range(e))))
		return true;
	for (unsigned int i = 0; i < e->request.segments; i++)
		for (unsigned int p = 0; p < GUEST_DATA_PAGES; p++) {
			struct range r = segment_range(e, i, p);
			uint8_t mask = (uint8_t)(((1u << r.count) - 1)
						 << r.first % PAGE_SECTORS);

			if ((e->pages[i] >> p & 1) == 0)
				continue;
			if (any(model->page_writers, r) ||
			    (read && any(model->page_readers, r)) ||
			    (read && (own[p] & mask) != 0))
				return true;
			own[p] |= mask;
		}
	return false;
}

static void count_in(struct model *model, const struct expected *e, int by)
{
	bool read = e->request.kind == REFERENCE_READ;

	add(read ? model->disk_readers : model->disk_writers, disk_range(e),
	    by);
	for (unsigned int i = 0; i < e->request.segments; i++)
		for (unsigned int p = 0; p < GUEST_DATA_PAGES; p++)
			if ((e->pages[i] >> p & 1) != 0)
				add(read ? model->page_writers
					 : model->page_readers,
				    segment_range(e, i, p), by);
}

static void for_each_expected(struct model *model,
			      void (*visit)(struct model *model,
					    struct expected *e,
					    const void *with),
			      const void *with)
{
	for (unsigned int q = 0; q < GUEST_QUEUES; q++)
		for (unsigned int i = 0; i < model->queue[q].count; i++)
			visit(model, &model->queue[q].expected[i], with);
}

/* Two requests met: whoever shares a sector with @with is loose from now on. */
static void loosen_if_met(struct model *model, struct expected *e,
			  const void *with)
{
	if (e == with || e->loose)
		return;
	count_in(model, e, -1);
	if (meets_others(model, e))
		e->loose = true;
	count_in(model, e, 1);
}

bool model_page_busy(const struct model *model, unsigned int page)
{
	const struct range r = {page * PAGE_SECTORS, PAGE_SECTORS};

	return any(model->page_readers, r) || any(model->page_writers, r);
}

bool model_disk_busy(const struct model *model, uint64_t sector, uint32_t count)
{
	const struct range r = {(unsigned int)sector, count};

	return any(model->disk_readers, r) || any(model->disk_writers, r);
}

unsigned int model_inflight(const struct model *model)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < GUEST_QUEUES; i++)
		n += model->queue[i].waiting;
	return n;
}

static void loosen_page(struct model *model, struct expected *e,
			const void *with)
{
	unsigned int page = *(const unsigned int *)with;

	(void)model;
	for (unsigned int i = 0; i < e->request.segments; i++)
		if ((e->pages[i] >> page & 1) != 0)
			e->loose = true;
}

void model_guest_writes(struct model *model, unsigned int page, unsigned int at,
			const uint8_t *bytes, unsigned int count)
{
	CHECK(page < GUEST_DATA_PAGES && at + count <= XEN_PAGE_BYTES);
	if (model_page_busy(model, page))
		for_each_expected(model, loosen_page, &page);
	bytes_copy(model->guest->memory + page * XEN_PAGE_BYTES + at, bytes,
		   count);
	bytes_copy(model->page[page] + at, bytes, count);
	model->page_touched |= 1u << page;
	taping_memory(model->guest, page, at, bytes, count);
}

static void loosen_gref(struct model *model, struct expected *e,
			const void *with)
{
	uint32_t gref = *(const uint32_t *)with;
	const struct guest_grant *g = &model->guest->grant[gref];

	for (unsigned int i = 0; i < e->request.segments; i++) {
		if (e->request.segment[i].gref != gref)
			continue;
		count_in(model, e, -1);
		/* A request that waits before it is mapped, as barriers do,
		 * reads the page that the grant has by then. */
		if (g->page < GUEST_DATA_PAGES &&
		    (e->pages[i] >> g->page & 1) == 0) {
			e->pages[i] |= 1u << g->page;
			refetch_named(1u << g->page);
		}
		count_in(model, e, 1);
		e->loose = true;
		e->bad_grant = false;
		e->legal |= LEGAL_OKAY | LEGAL_ERROR;
		for_each_expected(model, loosen_if_met, e);
	}
}

void model_grant_changes(struct model *model, uint32_t gref)
{
	for_each_expected(model, loosen_gref, &gref);
}

static void may_fail(struct model *model, struct expected *e, const void *with)
{
	(void)model;
	(void)with;
	if ((e->legal & LEGAL_OKAY) != 0 && e->request.segments > 0)
		e->legal |= LEGAL_ERROR;
}

void model_faults(struct model *model)
{
	model->grants_may_fail = true;
	for_each_expected(model, may_fail, NULL);
}

/* --- a request is taken --- */

static void expect_segment(struct model *model, struct expected *e,
			   unsigned int i)
{
	uint32_t gref = e->request.segment[i].gref;
	struct guest_grant *g;

	e->pages[i] = 0;
	if (gref >= GREF_RING && gref < GREF_COUNT) {
		/* Its own ring as data: reading into it wrecks it. */
		e->loose = true;
		e->legal |= LEGAL_ERROR;
		if (e->request.kind == REFERENCE_READ)
			model->blind = true;
		return;
	}
	if (gref >= GREF_COUNT || !model->guest->grant[gref].valid) {
		e->bad_grant = true;
		return;
	}
	g = &model->guest->grant[gref];
	if (g->torn && sim_grant_mapped(GUEST_DOMID, gref) == 0) {
		g->torn = false;
		g->torn_pages = 0;
	}
	e->pages[i] = 1u << g->page | g->torn_pages;
	if (g->torn) {
		e->loose = true;
		e->legal |= LEGAL_ERROR;
	} else if (g->readonly && e->request.kind == REFERENCE_READ) {
		e->bad_grant = true;
	} else if (g->readonly && model->guest->shape.persistent) {
		/* F7: it may be mapped writable, which fails. */
		e->legal |= LEGAL_ERROR;
	}
}

/* The segments of an indirect request, from its page as it was when the worker
 * read it: in the turn that took the request, before anything else moved. */
static void expect_list(struct model *model, struct expected *e,
			const struct reference_rules *rules)
{
	const uint32_t gref = e->request.list;
	const struct guest_grant *g = &model->guest->grant[gref % GREF_COUNT];

	if (gref >= GREF_COUNT || (gref < GREF_RING && !g->valid)) {
		e->request.status = -1;
		return;
	}
	/* A ring, another frame than the table says, or a page that is being
	 * written: what was read nobody knows. */
	if (gref >= GREF_RING ||
	    (g->torn && sim_grant_mapped(GUEST_DOMID, gref) > 0) ||
	    any(model->page_writers,
		(struct range){g->page * PAGE_SECTORS, PAGE_SECTORS})) {
		model->blind = true;
		e->request.status = -1;
		return;
	}
	refetch_named(1u << g->page);
	reference_describe(model->page[g->page], rules, &e->request);
}

/* A response cannot tell two requests with one id apart, so neither do we. */
static void expect_twins(struct model_queue *q, struct expected *e)
{
	for (unsigned int i = 0; i < q->count; i++) {
		struct expected *other = &q->expected[i];

		if (!expected_same_name(other, e))
			continue;
		e->legal |= other->legal;
		other->legal = e->legal;
		e->loose = other->loose = true;
		e->twin = other->twin = true;
		q->twins = true;
	}
}

static void expect(struct model *model, struct model_queue *q,
		   const uint8_t *slot)
{
	const struct reference_rules rules = {
		.packed = model->guest->shape.packed,
		.sectors = model->disk->sectors,
		.readonly = model->readonly,
		.indirect = model->guest->shape.indirect,
		.barrier = model->guest->shape.barrier,
		.discard = model->guest->shape.discard,
	};
	struct expected *e = &q->expected[q->count];

	CHECK(q->waiting < LIMIT_RING_SLOTS);
	if (q->count == MODEL_EXPECTED) {
		model->blind = true;
		return;
	}
	reference_decode(slot, &rules, &e->request);
	if (e->request.described > 0)
		expect_list(model, e, &rules);
	/* The bytes of an indirect request's slot alone decide nothing. */
	model->served += e->request.status == 0 || e->request.described > 0;
	e->legal = e->request.status == 0    ? LEGAL_OKAY
		   : e->request.status == -1 ? LEGAL_ERROR
					     : LEGAL_UNSUPPORTED;
	e->loose = e->twin = e->answered = e->bad_grant = false;
	e->written = false;
	if (e->request.kind == REFERENCE_BARRIER)
		order_taken(model, e);
	e->delivered = e->request.status != 0 ||
		       (e->request.kind == REFERENCE_DISCARD &&
			e->request.extent == 0);
	e->flush_mark = model->writes_before;
	for (unsigned int i = 0; i < e->request.segments; i++) {
		expect_segment(model, e, i);
		refetch_named(e->pages[i]);
	}
	if (e->bad_grant)
		e->legal = LEGAL_ERROR;
	if (model->grants_may_fail)
		may_fail(model, e, NULL);
	expect_twins(q, e);
	q->count++;
	q->waiting++;
	if (meets_others(model, e)) {
		count_in(model, e, 1);
		e->loose = true;
		for_each_expected(model, loosen_if_met, e);
	} else {
		count_in(model, e, 1);
	}
}

bool model_halts(struct model *model, unsigned int queue)
{
	struct model_queue *q = &model->queue[queue];
	uint32_t answered = model->guest->queue[queue].rsp_seen;
	uint32_t room = model->guest->slots - (q->consumed - answered);
	uint32_t prod = guest_index(model->guest, queue, GUEST_REQ_PROD);

	return prod - q->consumed > room;
}

static void take_requests(struct model *model, unsigned int queue, bool takes)
{
	struct model_queue *q = &model->queue[queue];
	uint32_t now = model->region->queue[queue].req_cons;
	uint32_t taken = now - q->consumed;
	uint32_t ready = 0;
	uint32_t prod;

	memcpy(&prod, model->guest->shadow[queue], 4);
	if (takes && !q->halted)
		ready = prod - q->consumed;
	if (taken > ready) {
		oracle_fail(ORACLE_RING,
			    "queue %u: %u requests were taken, %u were there",
			    queue, taken, ready);
		model->blind = true;
		return;
	}
	if (taken > LIMIT_TURN_REQUESTS)
		oracle_fail(ORACLE_WORK, "queue %u: %u requests in one turn",
			    queue, taken);
	for (; q->consumed != now; q->consumed++) {
		uint8_t slot[128];

		refetch_slot(model, queue, q->consumed, slot);
		expect(model, q, slot);
	}
	refetch_check(model);
}

/* --- before and after --- */

void model_before(struct model *model, unsigned int queue)
{
	struct model_queue *q = &model->queue[queue];

	if (model->blind)
		return;
	if (model_halts(model, queue))
		q->halted = true;
	if (!q->halted)
		refetch_epochs(
			model, queue, q->consumed,
			guest_index(model->guest, queue, GUEST_REQ_PROD));
	order_look(model);
	model->writes_before = model->disk->writes_delivered;
}

static void forget(struct model *model, struct model_queue *q,
		   struct expected *e)
{
	count_in(model, e, -1);
	*e = q->expected[--q->count];
	if (q->count == 0)
		q->twins = false;
}

/* Of requests with one name, any may be the one that was answered: they are
 * taken over again, and forgotten, when the last of them is. */
static void settle_twin(struct model *model, struct model_queue *q,
			struct expected *e, int status)
{
	const struct expected name = *e;

	e->answered = true;
	for (unsigned int i = 0; i < q->count; i++)
		if (!q->expected[i].answered &&
		    expected_same_name(&q->expected[i], &name))
			return;
	for (unsigned int i = q->count; i-- > 0;) {
		struct expected *twin = &q->expected[i];

		if (!expected_same_name(twin, &name))
			continue;
		memory_check(model, twin, status);
		storage_check(model, twin, status);
		forget(model, q, twin);
	}
}

static void keep_answer(struct model *model, unsigned int queue,
			const struct response *response)
{
	if (model->answers == MODEL_ANSWERS)
		return;
	model->answer[model->answers++] = (struct model_answer){
		.id = response->id,
		.queue = (uint8_t)queue,
		.operation = response->operation,
		.status = response->status,
	};
}

static void settle(struct model *model, unsigned int queue, uint32_t index)
{
	struct model_queue *q = &model->queue[queue];
	struct response response;
	struct expected *e;

	response_read(model, queue, index, &response);
	keep_answer(model, queue, &response);
	e = response_match(model, queue, &response);
	if (e == NULL)
		return;
	taping_answer(model->guest,
		      &(struct taping_answer){queue, index, &response, e});
	memory_check(model, e, response.status);
	storage_check(model, e, response.status);
	model->answered++;
	model->answered_okay += response.status == 0;
	q->waiting--;
	if (e->request.kind == REFERENCE_BARRIER)
		model->order.running = 0;
	if (e->twin)
		settle_twin(model, q, e, response.status);
	else
		forget(model, q, e);
}

static void take_responses(struct model *model, const struct model_call *call,
			   uint32_t taken)
{
	const unsigned int queue = call->queue;
	struct model_queue *q = &model->queue[queue];
	struct guest_queue *g = &model->guest->queue[queue];
	uint32_t now = guest_index(model->guest, queue, GUEST_RSP_PROD);
	uint32_t old = g->rsp_seen;

	if (q->tampered && now == q->tampered_value) {
		guest_set_index(model->guest, queue, GUEST_RSP_PROD, old);
		now = old;
	}
	q->tampered = false;
	if (now - old > q->consumed - old) {
		oracle_fail(ORACLE_RESPONSES,
			    "queue %u: %u responses to %u requests", queue,
			    now - old, q->consumed - old);
		model->blind = true;
		return;
	}
	for (uint32_t i = old; i != now; i++)
		settle(model, queue, i);
	/* A ring is long, and most calls do nothing: what should not be there
	 * stays until the next look. */
	if (call->takes && now == old && taken == 0 && ++q->quiet % 8 != 0)
		return;
	ring_page_check(model, queue, old, now);
	events_check(model, queue, old, now);
	g->rsp_seen = now;
	if (!g->bent_event)
		guest_set_index(model->guest, queue, GUEST_RSP_EVENT, now + 1);
}

void model_after(struct model *model, const struct model_call *call)
{
	const uint32_t consumed = model->queue[call->queue].consumed;

	if (model->blind) {
		model->disk->events = 0;
		return;
	}
	model->order.draining = !call->takes;
	take_requests(model, call->queue, call->takes);
	if (!model->blind)
		storage_events(model);
	if (!model->blind)
		take_responses(model, call,
			       model->queue[call->queue].consumed - consumed);
	refetch_settle(model);
}
