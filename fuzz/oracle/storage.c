/*
 * The disk: every operation on it belongs to a request in flight on that queue
 * and stays inside its range; an answered write is there byte for byte; a
 * refused one is not there at all; a flush makes durable what was written
 * before; a discard leaves of each sector what it held, or zeroes.
 */
#include <errno.h>
#include <string.h>

#include "backend/base/checked.h"
#include "fuzz/bytes.h"
#include "fuzz/oracle/checks.h"
#include "fuzz/oracle/oracle.h"

static const char *const operation_names[] = {
	[IMAGE_READ] = "read",
	[IMAGE_WRITE] = "write",
	[IMAGE_FLUSH] = "flush",
	[IMAGE_DISCARD] = "discard",
};

/* Sectors of the disk that it asks for. */
static uint64_t asked(const struct reference *r)
{
	return r->kind == REFERENCE_DISCARD ? r->extent : r->sectors;
}

static bool covers(const struct expected *e, const struct disk_event *event)
{
	const struct reference *r = &e->request;

	if (r->status != 0)
		return false;
	if (event->operation == IMAGE_FLUSH)
		return r->kind == REFERENCE_FLUSH ||
		       r->kind == REFERENCE_BARRIER;
	if ((event->operation == IMAGE_DISCARD) !=
	    (r->kind == REFERENCE_DISCARD))
		return false;
	if ((event->operation == IMAGE_READ) != (r->kind == REFERENCE_READ))
		return false;
	return event->sector >= r->sector &&
	       range_fits(event->sector - r->sector, event->sectors, asked(r));
}

/* How many requests may have asked for it, and the last of them. */
static unsigned int owners(struct model_queue *q,
			   const struct disk_event *event,
			   struct expected **owner)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < q->count; i++)
		if (covers(&q->expected[i], event)) {
			*owner = &q->expected[i];
			count++;
		}
	return count;
}

/* C4: a store that cannot discard says so to the guest. */
static uint8_t failure(const struct disk_event *event)
{
	return event->result == -EOPNOTSUPP && event->operation == IMAGE_DISCARD
		       ? LEGAL_UNSUPPORTED
		       : LEGAL_ERROR;
}

/* Its twins with it: which of them is answered so, nobody can tell. */
static void allow_error(struct model_queue *q, const struct expected *e,
			uint8_t status)
{
	for (unsigned int i = 0; i < q->count; i++)
		if (expected_same_name(&q->expected[i], e))
			q->expected[i].legal |= status;
}

/* Every request that may own it may fail; if there is only one, it must. */
static void expect_error(struct model_queue *q, const struct disk_event *event,
			 bool certain)
{
	struct expected *owner = NULL;
	unsigned int count = owners(q, event, &owner);

	if (count == 1 && certain && !owner->twin) {
		owner->legal = failure(event);
		return;
	}
	for (unsigned int i = 0; i < q->count; i++)
		if (covers(&q->expected[i], event))
			allow_error(q, &q->expected[i], failure(event));
}

/* A flush with data is done with its second operation, a barrier with data with
 * its third. */
static bool wants_more(struct expected *e, const struct disk_event *event)
{
	const bool write = event->operation == IMAGE_WRITE;

	if (e->request.kind == REFERENCE_BARRIER && write)
		e->written = true;
	if (e->request.kind == REFERENCE_BARRIER)
		return write || (e->request.segments > 0 && !e->written);
	return write && e->request.kind == REFERENCE_FLUSH;
}

/* The first that fits exactly and was not done before. */
static void mark_delivered(struct model_queue *q,
			   const struct disk_event *event)
{
	for (unsigned int i = 0; i < q->count; i++) {
		struct expected *e = &q->expected[i];

		if (e->delivered || !covers(e, event))
			continue;
		if (event->operation != IMAGE_FLUSH &&
		    (event->sector != e->request.sector ||
		     event->sectors != asked(&e->request)))
			continue;
		if (event->result == 0 && wants_more(e, event))
			continue;
		e->delivered = true;
		return;
	}
}

static void check_event(struct model *model, const struct disk_event *event)
{
	struct model_queue *q = &model->queue[event->queue];
	struct expected *owner = NULL;
	unsigned int count = owners(q, event, &owner);

	order_event(model, event, count == 1 ? owner : NULL);
	if (count == 0 && q->twins)
		return;
	if (count == 0) {
		oracle_fail(ORACLE_STORAGE,
			    "queue %u: the disk was asked to %s %u sectors at "
			    "%llu, which no request in flight asks for",
			    event->queue, operation_names[event->operation],
			    event->sectors, (unsigned long long)event->sector);
		return;
	}
	if (count == 1 && owner->bad_grant && !owner->loose &&
	    event->operation == IMAGE_WRITE)
		oracle_fail(ORACLE_STORAGE,
			    "queue %u: a write at sector %llu reached the disk "
			    "though one of its grants is no good",
			    event->queue, (unsigned long long)event->sector);
	if (event->kind != DISK_SUBMITTED)
		mark_delivered(q, event);
	if (event->kind == DISK_REFUSED)
		expect_error(q, event, false);
	if (event->kind == DISK_DELIVERED && event->result != 0)
		expect_error(q, event, true);
	if (event->kind == DISK_DELIVERED && event->result == 0 &&
	    event->operation == IMAGE_WRITE && count == 1)
		owner->flush_mark = event->write_number;
}

void storage_events(struct model *model)
{
	for (unsigned int i = 0; i < model->disk->events; i++)
		check_event(model, &model->disk->event[i]);
	model->disk->events = 0;
}

/* One sector of a write. */
static bool sector_legal(const struct model *model, const struct expected *e,
			 const uint8_t *source, uint64_t sector)
{
	const uint8_t *real = model->disk->bytes + sector * SECTOR_BYTES;
	const uint8_t *old = model->bytes + sector * SECTOR_BYTES;

	if (!e->bad_grant && bytes_equal(real, source, SECTOR_BYTES))
		return true;
	if (e->legal == LEGAL_OKAY)
		return false;
	return bytes_equal(real, old, SECTOR_BYTES);
}

static void check_segment(struct model *model, const struct expected *e,
			  unsigned int i, uint64_t at)
{
	const struct reference *r = &e->request;
	unsigned int page = (unsigned int)__builtin_ctz(e->pages[i] | 1u << 31);

	for (unsigned int s = r->segment[i].first; s <= r->segment[i].last;
	     s++, at++) {
		const uint8_t *source =
			model->page[page % GUEST_DATA_PAGES] + s * SECTOR_BYTES;

		if (!e->loose && !sector_legal(model, e, source, at))
			oracle_fail(ORACLE_STORAGE,
				    "a write of sector %u of guest page %u "
				    "left something else at disk sector %llu",
				    s, page, (unsigned long long)at);
		bytes_copy(model->bytes + at * SECTOR_BYTES,
			   model->disk->bytes + at * SECTOR_BYTES,
			   SECTOR_BYTES);
	}
}

static void check_discard(struct model *model, const struct expected *e)
{
	static const uint8_t zeroes[SECTOR_BYTES];
	const uint64_t end = e->request.sector + e->request.extent;

	for (uint64_t at = e->request.sector; at < end; at++) {
		const uint8_t *real = model->disk->bytes + at * SECTOR_BYTES;
		uint8_t *old = model->bytes + at * SECTOR_BYTES;

		if (!e->loose && !bytes_equal(real, old, SECTOR_BYTES) &&
		    !bytes_equal(real, zeroes, SECTOR_BYTES))
			oracle_fail(ORACLE_STORAGE,
				    "a discard left something new at disk "
				    "sector %llu",
				    (unsigned long long)at);
		bytes_copy(old, real, SECTOR_BYTES);
	}
}

void storage_check(struct model *model, const struct expected *e, int status)
{
	struct expected answered = *e;
	uint64_t at = e->request.sector;

	if (e->request.kind == REFERENCE_DISCARD)
		check_discard(model, e);
	if (e->request.kind != REFERENCE_WRITE &&
	    e->request.kind != REFERENCE_FLUSH &&
	    e->request.kind != REFERENCE_BARRIER)
		return;
	if (status == 0)
		answered.legal = LEGAL_OKAY;
	for (unsigned int i = 0; i < e->request.segments; i++) {
		check_segment(model, &answered, i, at);
		at += e->request.segment[i].last - e->request.segment[i].first +
		      1u;
	}
	if (e->request.kind != REFERENCE_WRITE && status == 0 && !e->twin &&
	    model->disk->writes_durable < e->flush_mark)
		oracle_fail(ORACLE_FLUSH,
			    "a flush was answered while only %llu of the %llu "
			    "writes before it are durable",
			    (unsigned long long)model->disk->writes_durable,
			    (unsigned long long)e->flush_mark);
}

void storage_check_all(const struct model *model)
{
	const struct disk *disk = model->disk;

	if (model->blind)
		return;
	for (unsigned int w = 0; w < ARRAY_SIZE(disk->touched); w++)
		for (uint64_t bits = disk->touched[w]; bits != 0;
		     bits &= bits - 1) {
			uint64_t sector =
				64 * w + (unsigned int)__builtin_ctzll(bits);
			const size_t at = sector * SECTOR_BYTES;

			if (!bytes_equal(disk->bytes + at, model->bytes + at,
					 SECTOR_BYTES))
				oracle_fail(ORACLE_STORAGE,
					    "disk sector %llu has changed, and "
					    "no request asked for it",
					    (unsigned long long)sector);
		}
}
