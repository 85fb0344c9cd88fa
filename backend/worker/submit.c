/*
 * Requests on their way through pages, grants and the image.  See submit.h; what
 * one of them holds is in io.c.
 */
#include "backend/worker/submit.h"

#include <errno.h>
#include <stdlib.h>
#include <xen/io/blkif.h>

#include "backend/base/check.h"
#include "backend/worker/inside.h"
#include "backend/worker/pages.h"
#include "backend/worker/persistent.h"

/* Grants unused for so long are given back to the guest (Q17). */
#define PERSISTENT_IDLE_NS 60000000000u

static void list_init(struct io_list *list)
{
	list->first = NULL;
	list->last = &list->first;
}

static void list_append(struct io_list *list, struct io *io)
{
	CHECK(io->next == NULL);
	*list->last = io;
	list->last = &io->next;
}

static struct io *list_take(struct io_list *list)
{
	struct io *io = list->first;

	if (!io)
		return NULL;
	list->first = io->next;
	if (!list->first)
		list->last = &list->first;
	io->next = NULL;
	return io;
}

/* Enough for all slots, within the bound, but always for one request. */
static unsigned int pool_cap(const struct submit *s)
{
	const unsigned int indirect = s->rules.indirect;
	unsigned int cap =
		s->table->slots *
		(indirect > LIMIT_SEGMENTS ? indirect : LIMIT_SEGMENTS);

	if (cap > LIMIT_POOL_PAGES)
		cap = LIMIT_POOL_PAGES;
	return cap > indirect ? cap : indirect;
}

static int submit_open(struct submit *s, const struct submit_options *options)
{
	int error = pages_create(pool_cap(s), &s->pages);

	if (!error && options->persistent_cap > 0)
		error = persistent_create(options->persistent_cap, s->grants,
					  s->stats, &s->persistent);
	if (!error && s->rules.indirect > 0)
		error = indirect_create(s->rules.indirect, s->table->slots,
					&s->indirect);
	if (!error)
		error = options->image->operations->open_channel(
			options->image, options->queue, s->table->slots,
			&s->channel);
	return error;
}

int submit_create(const struct submit_options *options, struct submit **submit)
{
	unsigned int slots = options->table->slots;
	struct submit *s;
	int error;

	CHECK(slots >= 1 && slots <= LIMIT_RING_SLOTS);
	s = calloc(1, sizeof(*s) + slots * sizeof(s->io[0]));
	if (!s)
		return -ENOMEM;
	s->table = options->table;
	s->stats = &options->table->stats;
	s->grants = options->grants;
	s->staged = options->staged;
	s->rules = options->rules;
	s->recorder = options->recorder;
	s->failures = options->failures;
	for (unsigned int i = 0; i < slots; i++)
		io_use_own(&s->io[i]);
	list_init(&s->unread);
	list_init(&s->reading);
	list_init(&s->waiting);
	list_init(&s->arriving);
	list_init(&s->leaving);
	list_init(&s->finished);
	error = submit_open(s, options);
	if (error) {
		submit_destroy(s);
		return error;
	}
	*submit = s;
	return 0;
}

void submit_destroy(struct submit *submit)
{
	if (!submit)
		return;
	CHECK(submit->busy == 0);
	CHECK(submit->finished.first == NULL);
	if (submit->channel)
		submit->channel->operations->close_channel(submit->channel);
	indirect_destroy(submit->indirect);
	persistent_destroy(submit->persistent);
	pages_destroy(submit->pages);
	free(submit);
}

bool submit_takes(const struct submit *submit)
{
	return !submit->indirect ||
	       submit->indirects < indirect_units(submit->indirect);
}

void submit_add(struct submit *submit, struct inflight_slot *slot)
{
	struct io *io = &submit->io[inflight_index(submit->table, slot)];

	CHECK(inflight_state(slot) == INFLIGHT_TAKEN);
	CHECK(io->next == NULL && io->held == 0);
	io->slot = slot;
	io->refusal = REFUSAL_NONE;
	submit->busy++;
	if (slot->request.indirect) {
		submit->indirects++;
		list_append(&submit->unread, io);
		return;
	}
	io->segment = slot->request.segment;
	if (slot->request.kind == REQUEST_BARRIER) {
		CHECK(submit->barrier == NULL);
		submit->barrier = io;
		return;
	}
	list_append(&submit->waiting, io);
}

void submit_begin_barrier(struct submit *submit)
{
	CHECK(submit->barrier != NULL);
	CHECK(submit->busy == 1);
	submit->barrier->written = false;
	list_append(&submit->waiting, submit->barrier);
	submit->barrier = NULL;
}

static void io_finish(struct submit *s, struct io *io, int16_t status)
{
	CHECK(s->busy > 0);
	io_release_pages(s, io);
	if (io->unit)
		indirect_give(s, io);
	s->indirects -= io->slot->request.indirect;
	inflight_finish(io->slot, status);
	s->busy--;
	list_append(&s->finished, io);
}

static void io_refuse(struct submit *s, struct io *io, enum refusal refusal)
{
	CHECK(refusal != REFUSAL_NONE);
	io->refusal = (uint8_t)refusal;
	io_finish(s, io, refusal_status(refusal));
}

static void run_copies(struct submit *s)
{
	if (grants_copy_count(s->grants) > 0)
		stats_add(&s->stats->copy_calls, 1);
	grants_copy_run(s->grants);
}

static void issue(struct submit *s, struct io *io,
		  enum image_operation operation)
{
	const struct request *r = &io->slot->request;
	const struct image_io command = {
		.operation = operation,
		.sector = r->sector,
		.sectors = operation == IMAGE_DISCARD ? r->extent : 0,
		.tag = inflight_index(s->table, io->slot),
		.iov_count = operation == IMAGE_READ || operation == IMAGE_WRITE
				     ? r->segments
				     : 0,
		.iov = io->iov,
	};
	int error;

	inflight_set_state(io->slot, operation == IMAGE_FLUSH
					     ? INFLIGHT_FLUSHING
					     : INFLIGHT_ISSUED);
	error = s->channel->operations->submit(s->channel, &command);
	if (!error)
		return;
	stats_add(&s->stats->errors, 1);
	failure_tell(s->failures, r, error, s->now_ns);
	io_finish(s, io, BLKIF_RSP_ERROR);
}

/* Before anything else: the segments of indirect requests, read once and judged
 * as those of a slot were. */
static bool read_descriptors(struct submit *s)
{
	struct io *io;
	bool moved = false;

	grants_copy_reset(s->grants);
	while ((io = s->unread.first) != NULL &&
	       grants_copy_room(s->grants) >= LIMIT_DESCRIPTOR_PAGES &&
	       indirect_take(s, io)) {
		list_append(&s->reading, list_take(&s->unread));
		indirect_read(s, io);
		moved = true;
	}
	run_copies(s);
	while ((io = list_take(&s->reading)) != NULL) {
		const enum refusal refusal = indirect_judge(s, io);

		if (refusal != REFUSAL_NONE) {
			io_refuse(s, io, refusal);
			continue;
		}
		stats_add(io->slot->request.kind == REQUEST_READ
				  ? &s->stats->sectors_read
				  : &s->stats->sectors_written,
			  io->slot->request.sectors);
		list_append(&s->waiting, io);
	}
	return moved;
}

static void start_discard(struct submit *s, struct io *io)
{
	CHECK(io->held == 0);
	if (io->slot->request.extent == 0)
		io_finish(s, io, BLKIF_RSP_OKAY);
	else
		issue(s, io, IMAGE_DISCARD);
}

/* First half of a turn: pages, grants, copies in, and off to the image. */
static bool start_waiting(struct submit *s)
{
	struct io *io;
	bool moved = false;

	grants_copy_reset(s->grants);
	while ((io = s->waiting.first) != NULL &&
	       grants_copy_room(s->grants) >= io->slot->request.segments) {
		if (!io_hold_pages(s, io)) {
			/* Completions give pages back: the pool holds at least
			 * one request, so the first in line always gets on. */
			CHECK(s->busy > 1);
			stats_add(&s->stats->pool_waits, 1);
			break;
		}
		list_append(&s->arriving, list_take(&s->waiting));
		moved = true;
		if (io->slot->request.kind == REQUEST_READ)
			continue;
		io_stage(s, io, true);
		io_collect_copies(s, io, true);
	}
	run_copies(s);
	while ((io = list_take(&s->arriving)) != NULL) {
		const struct request *r = &io->slot->request;

		if (r->kind == REQUEST_READ)
			issue(s, io, IMAGE_READ);
		else if (r->kind == REQUEST_DISCARD)
			start_discard(s, io);
		else if (!grants_copied(s->grants, io->copy_first, io->bounced))
			io_refuse(s, io, REFUSE_GRANT_BAD);
		else if (r->segments > 0 && r->kind != REQUEST_BARRIER)
			issue(s, io, IMAGE_WRITE);
		else
			issue(s, io, IMAGE_FLUSH);
	}
	return moved;
}

/*
 * The image has done one thing for a request that wants more than one; true if
 * it was given the next.
 *
 * A flush covers what was written by any queue: an engine promises that for all
 * its channels (image.h), and what was answered was completed by the engine
 * before.  So a flush needs no order among queues (K9).
 */
static bool continued(struct submit *s, struct io *io)
{
	const struct request *r = &io->slot->request;

	if (r->kind != REQUEST_FLUSH && r->kind != REQUEST_BARRIER)
		return false;
	if (inflight_state(io->slot) == INFLIGHT_ISSUED) {
		/* Q7, Q8: its data is written, now it is made durable. */
		issue(s, io, IMAGE_FLUSH);
		return true;
	}
	if (r->kind == REQUEST_FLUSH || r->segments == 0 || io->written)
		return false;
	/* I2: all that came before is durable; its own data now. */
	io->written = true;
	issue(s, io, IMAGE_WRITE);
	return true;
}

static void complete(struct submit *s, const struct image_done *done)
{
	struct io *io;
	const struct request *r;

	CHECK(done->tag < s->table->slots);
	io = &s->io[done->tag];
	CHECK(io->slot != NULL);
	r = &io->slot->request;
	CHECK(inflight_state(io->slot) == INFLIGHT_ISSUED ||
	      inflight_state(io->slot) == INFLIGHT_FLUSHING);
	if (done->result == 0 && r->kind == REQUEST_READ)
		io_stage(s, io, false);
	if (r->kind == REQUEST_DISCARD && done->result == -EOPNOTSUPP) {
		/* C4, Q6: nothing failed, and the frontend asks no more. */
		io_finish(s, io, BLKIF_RSP_EOPNOTSUPP);
	} else if (done->result != 0) {
		CHECK(done->result < 0);
		stats_add(&s->stats->errors, 1);
		failure_tell(s->failures, r, done->result, s->now_ns);
		io_finish(s, io, BLKIF_RSP_ERROR);
	} else if (r->kind == REQUEST_READ && io->bounced > 0) {
		list_append(&s->leaving, io);
	} else if (!continued(s, io)) {
		io_finish(s, io, BLKIF_RSP_OKAY);
	}
}

/* One batch of what leaves: as many as it holds, and all of them as a rule. */
static void copy_out(struct submit *s)
{
	unsigned int batch = 0;
	struct io *io;

	grants_copy_reset(s->grants);
	for (io = s->leaving.first;
	     io && grants_copy_room(s->grants) >= io->bounced; io = io->next) {
		io_collect_copies(s, io, false);
		batch++;
	}
	CHECK(batch > 0);
	run_copies(s);
	while (batch-- > 0) {
		io = list_take(&s->leaving);
		if (grants_copied(s->grants, io->copy_first, io->bounced))
			io_finish(s, io, BLKIF_RSP_OKAY);
		else
			io_refuse(s, io, REFUSE_GRANT_BAD);
	}
}

/* Second half of a turn: completions, copies out. */
static bool collect_completions(struct submit *s)
{
	struct image_done done[LIMIT_TURN_REQUESTS];
	unsigned int count;

	count = s->channel->operations->poll(s->channel, done,
					     LIMIT_TURN_REQUESTS);
	CHECK(count <= LIMIT_TURN_REQUESTS);
	if (count == 0)
		return false;
	for (unsigned int i = 0; i < count; i++)
		complete(s, &done[i]);
	while (s->leaving.first)
		copy_out(s);
	return true;
}

bool submit_work(struct submit *submit, uint64_t now_ns)
{
	bool moved = false;

	submit->now_ns = now_ns;
	if (submit->busy == 0)
		return false;
	if (submit->persistent)
		persistent_tick(submit->persistent, now_ns);
	CHECK(submit->arriving.first == NULL);
	CHECK(submit->leaving.first == NULL);
	if (submit->unread.first)
		moved = read_descriptors(submit);
	if (submit->waiting.first)
		moved = start_waiting(submit) || moved;
	return collect_completions(submit) || moved;
}

struct inflight_slot *submit_finished(struct submit *submit,
				      enum refusal *refusal)
{
	struct io *io = list_take(&submit->finished);

	if (!io)
		return NULL;
	CHECK(inflight_state(io->slot) == INFLIGHT_DONE);
	CHECK(io->held == 0);
	*refusal = io->refusal;
	return io->slot;
}

unsigned int submit_busy(const struct submit *submit)
{
	return submit->busy;
}

void submit_look(struct submit *submit)
{
	struct image_done done[1];

	if (submit->busy == 0)
		CHECK(submit->channel->operations->poll(submit->channel, done,
							1) == 0);
}

int submit_fd(const struct submit *submit)
{
	return submit->channel->operations->descriptor(submit->channel);
}

static uint64_t trim_persistent(struct submit *s, uint64_t now_ns)
{
	uint64_t oldest;

	if (!s->persistent || now_ns < PERSISTENT_IDLE_NS)
		return s->persistent && persistent_count(s->persistent) > 0
			       ? PERSISTENT_IDLE_NS
			       : UINT64_MAX;
	oldest = persistent_expire(s->persistent, now_ns - PERSISTENT_IDLE_NS);
	if (oldest == UINT64_MAX)
		return UINT64_MAX;
	return oldest + PERSISTENT_IDLE_NS - now_ns + 1;
}

uint64_t submit_trim(struct submit *submit, uint64_t now_ns, uint64_t idle_ns)
{
	const uint64_t pool_idle_ns = LIMIT_POOL_IDLE_MS * 1000000u;
	uint64_t next = trim_persistent(submit, now_ns);
	unsigned int used = pool_cap(submit) - pages_available(submit->pages);

	if (pages_resident(submit->pages) == used)
		return next; /* no free page holds memory */
	if (idle_ns < pool_idle_ns)
		return pool_idle_ns - idle_ns < next ? pool_idle_ns - idle_ns
						     : next;
	/* One batch, then again soon: a long list never delays a request. */
	if (pages_shrink(submit->pages) > 0)
		return next < 1000000u ? next : 1000000u;
	return next;
}

void submit_check(const struct submit *submit)
{
	CHECK(submit->busy <= submit->table->slots);
	CHECK(submit->table->used >= submit->busy);
	CHECK(submit->indirects <= submit->busy);
	CHECK(submit->barrier == NULL || submit->busy > 0);
	if (submit->persistent)
		persistent_check(submit->persistent);
	if (submit->busy == 0)
		CHECK(pages_available(submit->pages) == pool_cap(submit));
}
