/* What queues ask of a disk, and what it must come to.  See queues.h. */
#include "fuzz/blocks/queues.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"
#include "backend/image/blocks.h"
#include "fuzz/blocks/below.h"
#include "fuzz/blocks/meet.h"
#include "fuzz/blocks/model.h"
#include "fuzz/blocks/op.h"
#include "fuzz/oracle/oracle.h"

#define QUEUES	    DISK_MAX_QUEUES
#define DEPTH_MAX   96u /* more than is collected at once */
#define OPS_MAX	    MODEL_NUMBERS
#define SECTORS_MAX 4096u
#define ROUNDS	    10000u

struct queue {
	struct image_channel *channel;
	unsigned int depth, busy;
	bool inside; /* its thread is in the backend */
	bool looks;  /* as long as there is something, before it sleeps */
	struct below_sums sums;
	struct op op[DEPTH_MAX];
};

static struct {
	struct image *image;
	struct below_plan plan;
	unsigned int queues;
	unsigned int ops, sectors; /* asked for so far */
	struct queue queue[QUEUES];
	struct queues_sum sum;
} play;

static int error_of(uint8_t how)
{
	static const int errors[] = {EIO, ENOSPC, ENOMEM, EINVAL};

	return how < SCRIPT_ODD ? 0 : -errors[how % ARRAY_SIZE(errors)];
}

static uint32_t tag_of(unsigned int queue, unsigned int slot)
{
	return 0x5a000000u + queue * 0x10000u + slot;
}

static void check_done(unsigned int queue, const struct image_done *done)
{
	struct queue *q = &play.queue[queue];
	const uint32_t slot = done->tag - tag_of(queue, 0);

	if (slot >= q->depth || !q->op[slot].busy)
		oracle_fail(ORACLE_RESPONSES,
			    "tag %x of queue %u is over once more", done->tag,
			    queue);
	q->busy--;
	op_over(&q->op[slot], done->result, &q->sums);
	play.sum.okay += done->result == 0;
	play.sum.hash = play.sum.hash * 31 + (uint64_t)-done->result * 64 +
			slot * QUEUES + queue;
}

/* --- what queues do --- */

static unsigned int collect(unsigned int queue, unsigned int room)
{
	struct queue *q = &play.queue[queue];
	struct image_done done[LIMIT_TURN_REQUESTS];
	unsigned int n;

	/* As a worker does. */
	if (q->busy == 0)
		return 0;
	CHECK(room <= LIMIT_TURN_REQUESTS);
	meet_enter();
	q->inside = true;
	n = q->channel->operations->poll(q->channel, done, room);
	q->inside = false;
	meet_leave();
	q->looks = n > 0;
	for (unsigned int i = 0; i < n; i++)
		check_done(queue, &done[i]);
	return n;
}

static bool submit(unsigned int queue, const struct script_record *r,
		   unsigned int k)
{
	struct queue *q = &play.queue[queue];
	unsigned int slot = 0;
	struct image_io io;
	struct op *op;

	while (slot < q->depth && q->op[slot].busy)
		slot++;
	if (slot == q->depth || play.ops == OPS_MAX)
		return false;
	op = &q->op[slot];
	op->what = (enum image_operation)script_u8(r, 0);
	op->queue = queue;
	op_place(op, &play.plan, r, k);
	if (play.sectors + op->sectors > SECTORS_MAX ||
	    !op_lay(op, &play.plan, script_u8(r, 5), &io))
		return false;
	play.ops++;
	play.sectors += op->sectors;
	play.sum.asked++;
	op->busy = true;
	q->busy++;
	q->looks = true;
	io.tag = tag_of(queue, slot);
	meet_enter();
	q->inside = true;
	if (q->channel->operations->submit(q->channel, &io) != 0)
		oracle_fail(ORACLE_RESPONSES, "an operation is not taken");
	q->inside = false;
	meet_leave();
	return true;
}

static void ask(unsigned int queue, const struct script_record *r)
{
	static const uint8_t operations[] = {
		[BLOCKS_READ] = IMAGE_READ,
		[BLOCKS_WRITE] = IMAGE_WRITE,
		[BLOCKS_DISCARD] = IMAGE_DISCARD,
		[BLOCKS_FLUSH] = IMAGE_FLUSH,
	};
	const uint8_t often = script_u8(r, 6);
	struct script_record what = *r;
	unsigned int times = 1;

	what.byte[0] = operations[script_u8(r, 0)];
	if (play.plan.readonly &&
	    (what.byte[0] == IMAGE_WRITE || what.byte[0] == IMAGE_DISCARD))
		return;
	if (often >= BLOCKS_OFTEN)
		times += 1u + often - BLOCKS_OFTEN;
	for (unsigned int k = 0; k < times; k++)
		if (!submit(queue, &what, k))
			return;
}

static void complete(unsigned int queue, const struct script_record *r)
{
	const struct disk_choice choice = {
		.which = script_u8(r, 2),
		.error = error_of(script_u8(r, 3)),
		.one_queue = script_u8(r, 1) < SCRIPT_ODD,
		.queue = queue,
	};

	for (unsigned int i = 0; i <= script_u8(r, 4) % DEPTH_MAX; i++)
		if (!disk_complete(below_disk(), &choice))
			return;
}

void meet_act(const struct script_record *r)
{
	const unsigned int queue = script_u8(r, 1) % play.queues;
	const unsigned int kind = script_u8(r, 0) % BLOCKS_STORE;

	/* Its thread cannot do two things at once. */
	if (play.queue[queue].inside)
		return;
	if (kind <= BLOCKS_FLUSH) {
		struct script_record what = *r;

		what.byte[0] = (uint8_t)kind;
		ask(queue, &what);
	} else if (kind == BLOCKS_COMPLETE) {
		complete(queue, r);
	} else {
		(void)collect(queue, 1 + script_u8(r, 2) % LIMIT_TURN_REQUESTS);
	}
}

static void meet(const struct script_record *r)
{
	struct script_record then = {{script_u8(r, 3), script_u8(r, 1)}};

	memcpy(then.byte + 2, r->byte + 4, SCRIPT_RECORD - 4);
	meet_ask(script_u8(r, 2) % 32u, &then);
}

/* A queue that sleeps now would be woken, or it does not sleep yet. */
static bool is_woken(unsigned int queue)
{
	const struct image_channel *channel = play.queue[queue].channel;
	struct pollfd p = {.fd = channel->operations->descriptor(channel),
			   .events = POLLIN};

	return below_wakes(queue) || play.queue[queue].looks ||
	       poll(&p, 1, 0) == 1;
}

static void check_asleep(unsigned int queue)
{
	play.queue[queue].looks = false;
	if (play.queue[queue].busy == 0 && is_woken(queue))
		oracle_fail(ORACLE_WORK,
			    "queue %u is woken, and has nothing under way",
			    queue);
}

static int open_queue(unsigned int queue, uint8_t depth)
{
	static const unsigned int depths[] = {DEPTH_MAX, 40, 8, 2, 1};
	struct queue *q = &play.queue[queue];
	int result;

	q->depth = depths[depth % ARRAY_SIZE(depths)];
	meet_opening(true);
	result = play.image->operations->open_channel(play.image, queue,
						      q->depth, &q->channel);
	meet_opening(false);
	if ((result < 0) != meet_failed())
		oracle_fail(ORACLE_ATTACH, "queue %u is opened with %d", queue,
			    result);
	return result;
}

static void again(unsigned int queue, const struct script_record *r)
{
	struct queue *q = &play.queue[queue];

	if (q->busy > 0)
		return;
	check_asleep(queue);
	q->channel->operations->close_channel(q->channel);
	(void)open_queue(queue, script_u8(r, 2));
}

void queues_act(const struct script_record *r)
{
	const unsigned int queue = script_u8(r, 1) % play.queues;
	const unsigned int kind = script_u8(r, 0) % BLOCKS_KIND_COUNT;
	struct script_record what = *r;
	struct disk *disk = below_disk();

	what.byte[0] = (uint8_t)kind;
	if (kind < BLOCKS_STORE) {
		meet_act(&what);
	} else if (kind == BLOCKS_STORE) {
		disk->hold = script_u8(r, 2) % 2 != 0;
		disk->refuse_at = script_u8(r, 3);
		disk->error_at = script_u8(r, 4);
	} else if (kind == BLOCKS_AGAIN) {
		again(queue, r);
	} else {
		meet(r);
	}
}

/* --- beginning and end --- */

static void plan(const struct script_record *device)
{
	const uint32_t block = 1024u << script_u8(device, 1) % 7u;
	const uint32_t sectors = block / SECTOR_BYTES;
	const uint64_t group = 1024ull * sectors;
	/* From its beginning; over a border of a group; beyond 2 TiB. */
	const uint64_t firsts[] = {0, group - DISK_MAX_SECTORS / 2,
				   group * 0x1000000 - sectors, group};
	const uint32_t less = script_u8(device, 3) % 16u * sectors;

	play.plan = (struct below_plan){
		.block_bytes = block,
		.first = firsts[script_u8(device, 2) % ARRAY_SIZE(firsts)],
		.sectors = DISK_MAX_SECTORS - less,
		.readonly = script_u8(device, 5) >= SCRIPT_ODD,
		.hold = script_u8(device, 6) % 2 != 0,
		.silent = script_u8(device, 8) % 2 != 0,
	};
}

static void check_info(void)
{
	struct image_info info;

	play.image->operations->info(play.image, &info);
	if (info.sectors != play.plan.first + play.plan.sectors ||
	    info.physical_block_bytes != play.plan.block_bytes ||
	    info.readonly != play.plan.readonly)
		oracle_fail(ORACLE_ATTACH,
			    "blocks of %u bytes are said to be of %u",
			    play.plan.block_bytes, info.physical_block_bytes);
}

static void close_all(unsigned int queues)
{
	for (unsigned int i = 0; i < queues; i++) {
		struct image_channel *channel = play.queue[i].channel;

		channel->operations->close_channel(channel);
	}
	play.image->operations->close(play.image);
	below_end(true);
}

int queues_begin(const struct script_record *device)
{
	struct blocks_store store;
	int result;

	plan(device);
	play.queues = 1 + script_u8(device, 0) % QUEUES;
	play.ops = play.sectors = 0;
	play.sum = (struct queues_sum){0};
	for (unsigned int q = 0; q < QUEUES; q++) {
		play.queue[q].busy = 0;
		play.queue[q].looks = false;
		play.queue[q].sums = (struct below_sums){0};
	}
	model_begin();
	memory_begin();
	meet_begin(script_u8(device, 7) % 32u);
	store = (struct blocks_store){.image = below_begin(&play.plan),
				      .block_bytes = play.plan.block_bytes,
				      .queues = play.queues};
	meet_opening(true);
	result = blocks_open(&store, &play.image);
	meet_opening(false);
	if ((result < 0) != meet_failed())
		oracle_fail(ORACLE_ATTACH, "the disk is opened with %d",
			    result);
	if (result < 0) {
		below_end(false);
		return result;
	}
	check_info();
	for (unsigned int q = 0; q < play.queues && result == 0; q++) {
		result = open_queue(q, script_u8(device, 4));
		if (result < 0)
			close_all(q);
	}
	/* From here on all goes well. */
	meet_begin(0);
	return result;
}

/* Whoever is woken collects: then nobody may be left. */
static void let_all_end(void)
{
	unsigned int rounds = 0;
	bool moved;

	disk_release(below_disk());
	meet_forget();
	do {
		moved = false;
		for (unsigned int q = 0; q < play.queues; q++)
			while (play.queue[q].busy > 0 && is_woken(q) &&
			       ++rounds < ROUNDS) {
				(void)collect(q, LIMIT_TURN_REQUESTS);
				moved = true;
			}
	} while (moved);
	for (unsigned int q = 0; q < play.queues; q++) {
		if (play.queue[q].busy > 0)
			oracle_fail(ORACLE_PROGRESS,
				    "%u operations of queue %u are never over",
				    play.queue[q].busy, q);
		check_asleep(q);
	}
}

static void check_sums(unsigned int queue)
{
	const struct below_sums *is = &play.queue[queue].sums;
	const struct below_sums *was = below_sums(queue);

	if (is->failures != was->failures)
		oracle_fail(ORACLE_RESPONSES, "%u failures became %u",
			    was->failures, is->failures);
	if (is->flushes != was->flushes)
		oracle_fail(ORACLE_FLUSH, "%u flushes became %u", was->flushes,
			    is->flushes);
	if (is->discards != was->discards)
		oracle_fail(ORACLE_STORAGE, "%u discards became %u",
			    was->discards, is->discards);
}

struct queues_sum queues_end(void)
{
	const struct disk *disk = below_disk();

	let_all_end();
	for (unsigned int q = 0; q < play.queues; q++)
		check_sums(q);
	for (uint32_t s = 0; s < play.plan.sectors; s++) {
		const bool touched = disk->touched[s / 64] >> s % 64 & 1;
		const uint32_t since = model_since(s);

		if ((touched || since > 0) &&
		    !model_allows(s, disk->bytes + s * SECTOR_BYTES, since))
			oracle_fail(ORACLE_STORAGE,
				    "sector %u of the store is wrong", s);
	}
	close_all(play.queues);
	return play.sum;
}
