/*
 * Records to script operations.  See piece.h.
 *
 * Requests that a queue took in one turn are placed one by one and published
 * with the last of them; then the queue runs.  The disk holds its completions
 * back, and each response completes the operation that it answers, so that
 * they come in the recorded order.  Pages and sectors are left to the player,
 * who keeps requests in flight apart; what is sequential stays so.
 */
#include "fuzz/recorded/piece.h"

#include <string.h>

#include "backend/base/checked.h"
#include "backend/base/link.h"

/* A queue that was quiet for so long has slept. */
#define SLEPT_NS 1000000u

/* What is kept free for the rest of a turn: publish, run, complete, run. */
#define RESERVE 8u

static void show(struct piece *piece, struct novelty *novelty, uint64_t feature)
{
	if (novelty_add(novelty, novelty_mix(piece->shape_feature, feature)))
		piece->novel = true;
}

/* A new operation, or a scratch one when there is no more room. */
static uint8_t *operation(struct piece *piece, enum script_kind kind,
			  unsigned int queue)
{
	uint8_t *at;

	if (piece->operations == PIECE_OPERATIONS)
		piece->operations--;
	at = piece->byte + (++piece->operations) * SCRIPT_RECORD;
	memset(at, 0, SCRIPT_RECORD);
	at[0] = (uint8_t)kind;
	at[ANY_QUEUE] = (uint8_t)queue;
	return at;
}

void piece_begin(struct piece *piece, const struct piece_shape *shape)
{
	/* Of player.c's choice of orders, by index. */
	static const uint8_t orders[] = {0, 2, 5, 5, 7};
	uint8_t *device = piece->byte;
	uint64_t f = 1;

	memset(piece, 0, sizeof(*piece));
	piece->shape = *shape;
	device[DEVICE_QUEUES] =
		(uint8_t)((shape->queues < PIECE_QUEUES ? shape->queues
							: PIECE_QUEUES) -
			  1);
	device[DEVICE_ORDER] = orders[shape->ring_order < ARRAY_SIZE(orders)
					      ? shape->ring_order
					      : 0];
	device[DEVICE_ABI] = shape->abi == LINK_ABI_X86_32;
	device[DEVICE_PERSISTENT] = shape->persistent != 0;
	device[DEVICE_READONLY] = shape->readonly ? 0xc0 : 0;
	device[DEVICE_HOLD] = 1;
	for (unsigned int i = 0; i <= DEVICE_READONLY; i++)
		f = novelty_mix(f, device[i]);
	piece->shape_feature = f;
}

/* --- requests --- */

static uint8_t operation_field(uint8_t wire)
{
	if (wire <= 1)
		return wire;
	if (wire == 3)
		return 2;
	return wire < 0x1f ? (uint8_t)(SCRIPT_ODD + wire) : 0xff;
}

static uint8_t segments_field(uint8_t wire, bool flush)
{
	if (wire == 0)
		return flush ? 0 : SCRIPT_ODD;
	if (wire <= LIMIT_SEGMENTS)
		return wire;
	return wire < 0x1f ? (uint8_t)(SCRIPT_ODD + wire) : 0xff;
}

/* What is wrong with it, if anything, and where. */
static uint8_t twist_field(const struct piece *piece, const struct item *item,
			   uint64_t sectors, uint8_t *victim)
{
	const uint64_t capacity = piece->shape.sectors;
	const uint64_t sector = item->request.fixed.sector_number;

	for (unsigned int i = 0; i < item->request.segments; i++) {
		const struct record_segment *s = &item->request.seg[i];

		*victim = (uint8_t)i;
		if (s->last_sect >= PAGE_SECTORS)
			return s->last_sect == PAGE_SECTORS ? 0xe1 : 0xe2;
		if (s->first_sect > s->last_sect)
			return 0xe0;
	}
	*victim = 0;
	if (capacity == 0 || sectors == 0 ||
	    range_fits(sector, sectors, capacity))
		return capacity > 0 && sectors > 0 &&
				       sector + sectors == capacity
			       ? 0xe4
			       : 0;
	return sector < capacity ? 0xe3 : sector >> 63 ? 0xe7 : 0xe6;
}

static uint64_t sectors_of(const struct item *item)
{
	uint64_t sectors = 0;

	for (unsigned int i = 0; i < item->request.segments; i++) {
		const struct record_segment *s = &item->request.seg[i];

		if (s->last_sect >= s->first_sect)
			sectors += s->last_sect - s->first_sect + 1u;
	}
	return sectors;
}

static void fill_edges(uint8_t *at, const struct item *item)
{
	const unsigned int n = item->request.segments;

	if (n == 0)
		return;
	at[REQUEST_SKIP] = item->request.seg[0].first_sect % PAGE_SECTORS;
	at[REQUEST_TRIM] =
		(uint8_t)(PAGE_SECTORS - 1 -
			  item->request.seg[n - 1].last_sect % PAGE_SECTORS);
}

static void add_request(struct piece *piece, struct novelty *novelty,
			unsigned int queue, const struct item *item)
{
	const struct record_request *r = &item->request.fixed;
	const uint64_t sectors = sectors_of(item);
	struct piece_queue *q = &piece->queue[queue];
	uint8_t *at = operation(piece, SCRIPT_REQUEST, queue);
	uint8_t victim;

	at[REQUEST_OPERATION] = operation_field(r->operation);
	at[REQUEST_SEGMENTS] =
		segments_field(r->nr_segments, r->operation == 3);
	fill_edges(at, item);
	/* The player goes on from where the last request ended. */
	if (r->sector_number != piece->next_sector)
		piece->wanted = (uint16_t)(r->sector_number % 2048);
	at[REQUEST_SECTOR] = (uint8_t)piece->wanted;
	at[REQUEST_SECTOR + 1] = (uint8_t)(piece->wanted >> 8);
	piece->next_sector = r->sector_number + sectors;
	at[REQUEST_TWIST] = twist_field(piece, item, sectors, &victim);
	at[REQUEST_VICTIM] = victim;
	at[REQUEST_DATA] = (uint8_t)(piece->requests % 16);
	at[REQUEST_THEN] = 1; /* placed; published by the batch's end */
	q->batch++;
	q->last = piece->operations;
	piece->requests++;
	if (piece->waiting < PIECE_WAITING)
		piece->waiting_request[piece->waiting++] =
			(struct piece_request){item->header.queue, r->id};
	show(piece, novelty,
	     novelty_mix(novelty_mix(2, r->operation),
			 (uint64_t)r->nr_segments << 16 |
				 (uint64_t)(at[REQUEST_SKIP] != 0) << 8 |
				 (uint64_t)(at[REQUEST_TRIM] != 0)));
	show(piece, novelty, novelty_mix(3, novelty_bucket(piece->waiting)));
	show(piece, novelty, novelty_mix(4, at[REQUEST_TWIST]));
}

/* --- turns --- */

static void run_queue(struct piece *piece, unsigned int queue,
		      unsigned int turns)
{
	uint8_t *last = piece->byte + piece->operations * SCRIPT_RECORD;

	if (piece->operations > 0 && last[0] == SCRIPT_RUN &&
	    last[ANY_QUEUE] == queue)
		return;
	operation(piece, SCRIPT_RUN, queue)[RUN_TURNS] = (uint8_t)(turns - 1);
}

/* What was placed is published, and the queue takes it. */
static void end_batch(struct piece *piece, struct novelty *novelty,
		      unsigned int queue)
{
	struct piece_queue *q = &piece->queue[queue];

	if (q->batch == 0)
		return;
	piece->byte[q->last * SCRIPT_RECORD + REQUEST_THEN] = 0;
	show(piece, novelty,
	     novelty_mix(5, novelty_bucket(q->batch) * 2u + q->event));
	q->batch = 0;
	q->event = false;
	run_queue(piece, queue, 1);
}

static void add_response(struct piece *piece, struct novelty *novelty,
			 const struct item *item)
{
	const struct record_response *r = &item->response;
	uint8_t *last = piece->byte + piece->operations * SCRIPT_RECORD;
	const uint8_t error = r->status != 0 ? SCRIPT_ODD : 0;
	unsigned int which = 0;

	while (which < piece->waiting &&
	       (piece->waiting_request[which].id != r->id ||
		piece->waiting_request[which].queue != item->header.queue))
		which++;
	if (which == piece->waiting)
		return; /* taken before this piece began */
	piece->waiting--;
	memmove(&piece->waiting_request[which],
		&piece->waiting_request[which + 1],
		(piece->waiting - which) * sizeof(piece->waiting_request[0]));
	if (r->refusal != 0)
		return; /* the disk never saw it */
	show(piece, novelty,
	     novelty_mix(6, novelty_bucket(which) * 2u + (error != 0)));
	if (piece->operations > 0 && last[0] == SCRIPT_COMPLETE &&
	    last[COMPLETE_WHICH] == which && last[COMPLETE_ERROR] == error &&
	    last[COMPLETE_COUNT] < 63) {
		last[COMPLETE_COUNT]++;
		return;
	}
	last = operation(piece, SCRIPT_COMPLETE, 0);
	last[COMPLETE_WHICH] = (uint8_t)which;
	last[COMPLETE_ERROR] = error;
}

static void add_overflow(struct piece *piece, struct novelty *novelty,
			 unsigned int queue, const struct item *item)
{
	const uint32_t ahead =
		item->overflow.req_prod - item->overflow.req_cons;
	uint8_t *at = operation(piece, SCRIPT_INDEX, queue);

	for (unsigned int i = 0; i < 4; i++)
		at[INDEX_VALUE + i] = (uint8_t)(ahead >> (8 * i));
	piece->requests++;
	show(piece, novelty, novelty_mix(7, novelty_bucket(ahead)));
	run_queue(piece, queue, 1);
}

void piece_add(struct piece *piece, struct novelty *novelty,
	       const struct item *item)
{
	const unsigned int queue = item->header.queue % PIECE_QUEUES;
	struct piece_queue *q = &piece->queue[queue];
	const uint64_t now_ns = item->header.time_ns;

	if (item->header.kind != RECORD_REQUEST)
		end_batch(piece, novelty, queue);
	else if (q->batch == 0 && piece->requests > 0 &&
		 now_ns - q->touched_ns > SLEPT_NS)
		run_queue(piece, queue, 8);
	q->touched_ns = now_ns;
	switch (item->header.kind) {
	case RECORD_REQUEST:
		add_request(piece, novelty, queue, item);
		break;
	case RECORD_RESPONSE:
		add_response(piece, novelty, item);
		break;
	case RECORD_PUSH:
		run_queue(piece, queue, 1);
		break;
	case RECORD_EVENT:
		q->event = true;
		break;
	case RECORD_OVERFLOW:
		add_overflow(piece, novelty, queue, item);
		break;
	default:
		break;
	}
}

bool piece_full(const struct piece *piece)
{
	return piece->operations + RESERVE >= PIECE_OPERATIONS;
}

size_t piece_end(struct piece *piece)
{
	if (piece->requests == 0)
		return 0;
	for (unsigned int i = 0; i < PIECE_QUEUES; i++)
		if (piece->queue[i].batch > 0)
			piece->byte[piece->queue[i].last * SCRIPT_RECORD +
				    REQUEST_THEN] = 0;
	operation(piece, SCRIPT_RUN_ALL, 0);
	return (piece->operations + 1) * SCRIPT_RECORD;
}
