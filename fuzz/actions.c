/*
 * The operations of a script: each record does one thing to the guest, the disk
 * or the backend.  A queue number counts modulo the queues there are, a page
 * modulo the pages; so nearly every record does something.
 */
#include <errno.h>
#include <string.h>

#include "backend/base/checked.h"
#include "backend/base/clock.h"
#include "backend/worker/queue.h"
#include "backend/worker/vbd.h"
#include "fuzz/flip.h"
#include "fuzz/player.h"
#include "sim/sim.h"

#define ATTACHES_LIMIT 4u

static unsigned int queue_of(const struct player *player,
			     const struct script_record *r)
{
	return script_u8(r, ANY_QUEUE) % player->guest.shape.queues;
}

/* --- memory, grants --- */

void actions_pattern(struct player *player, unsigned int page,
		     unsigned int sector, uint64_t seed)
{
	uint8_t bytes[SECTOR_BYTES];

	disk_pattern(seed * 4096 + page * PAGE_SECTORS + sector + 77777, bytes);
	model_guest_writes(&player->model, page, sector * SECTOR_BYTES, bytes,
			   SECTOR_BYTES);
}

static void do_memory(struct player *player, const struct script_record *r)
{
	unsigned int at =
		script_u8(r, MEMORY_PAGE) % GUEST_DATA_PAGES * PAGE_SECTORS +
		script_u8(r, MEMORY_SECTOR) % PAGE_SECTORS;
	unsigned int count = 1u + script_u8(r, MEMORY_COUNT) % 32;

	for (unsigned int i = 0; i < count; i++, at++) {
		unsigned int page = at / PAGE_SECTORS % GUEST_DATA_PAGES;

		if (player->bend.place == PLACE_STRAIGHT)
			straight_guest_writes(player, page, at % PAGE_SECTORS);
		actions_pattern(player, page, at % PAGE_SECTORS,
				script_u8(r, MEMORY_DATA));
	}
}

/* Where a grant moves to: the page of a half stays in it. */
static unsigned int moved_page(const struct player *player, uint8_t to,
			       unsigned int page)
{
	unsigned int half = GUEST_DATA_PAGES / 2;

	if (player->bend.place != PLACE_HALVES)
		return to % GUEST_DATA_PAGES;
	return page / half * half + to % half;
}

static void change_grant(struct player *player, const struct script_record *r,
			 unsigned int page)
{
	unsigned int to = moved_page(player, script_u8(r, GRANT_TO), page);
	const uint32_t gref = GREF_DATA + page;
	const uint8_t action = script_u8(r, GRANT_ACTION);
	struct guest *guest = &player->guest;

	model_grant_changes(&player->model, gref);
	if (action >= SCRIPT_ODD)
		guest_grant_page(guest, gref, to, action % 2 != 0);
	else if (!guest_grant_end(guest, gref))
		return; /* the backend has it mapped; a good guest waits */
	switch (action % 4) {
	case 1:
		guest_grant_page(guest, gref, to, false);
		break;
	case 2:
		guest_grant_page(guest, gref, page, true);
		break;
	case 3:
		guest_grant_page(guest, gref, page, false);
		break;
	default:
		break;
	}
	model_grant_changes(&player->model, gref);
}

static void do_grant(struct player *player, const struct script_record *r)
{
	unsigned int page = script_u8(r, GRANT_PAGE) % GUEST_DATA_PAGES;
	unsigned int count = 1u + script_u8(r, GRANT_COUNT) % 32;

	/* In a straight play nobody keeps a page that the guest asks back. */
	if (player->bend.place == PLACE_STRAIGHT) {
		straight_settle(player);
		turns_idle(player);
	}
	for (unsigned int i = 0; i < count; i++)
		change_grant(player, r, (page + i) % GUEST_DATA_PAGES);
}

/* --- publishing --- */

static void publish(struct player *player, unsigned int queue, uint32_t count,
		    bool quiet)
{
	if (guest_publish(&player->guest, queue, count) && !quiet)
		guest_kick(&player->guest, queue);
}

static void do_push(struct player *player, const struct script_record *r)
{
	publish(player, queue_of(player, r), script_u8(r, PUSH_COUNT),
		script_u8(r, PUSH_QUIET) >= SCRIPT_ODD);
}

static void do_kick(struct player *player, const struct script_record *r)
{
	for (unsigned int i = 0; i <= script_u8(r, KICK_TIMES) % 8u; i++)
		guest_kick(&player->guest, queue_of(player, r));
}

#define STORM 256u

static void do_events(struct player *player, const struct script_record *r)
{
	unsigned int queue = queue_of(player, r);

	if (script_u8(r, EVENTS_STORM) >= SCRIPT_ODD)
		for (unsigned int i = 0; i < STORM; i++)
			guest_kick(&player->guest, queue);
	for (unsigned int i = 0; i <= script_u8(r, EVENTS_TIMES) % 16u; i++) {
		guest_kick(&player->guest, queue);
		turns_run(player, queue, 1);
	}
}

static void write_req_prod(struct player *player, unsigned int queue,
			   uint32_t value)
{
	struct guest_queue *g = &player->guest.queue[queue];

	guest_set_index(&player->guest, queue, GUEST_REQ_PROD, value);
	g->published = value;
	g->owed_kick = true;
	if (value - g->rsp_seen <= player->guest.slots &&
	    value - g->rsp_seen >= g->private_prod - g->rsp_seen)
		g->private_prod = value; /* whatever is in those slots */
}

static void do_index(struct player *player, const struct script_record *r)
{
	unsigned int queue = queue_of(player, r);
	struct guest *guest = &player->guest;
	struct guest_queue *g = &guest->queue[queue];
	struct model_queue *m = &player->model.queue[queue];
	uint32_t value = script_u32(r, INDEX_VALUE);

	switch (script_u8(r, INDEX_WHICH) % 4) {
	case 0:
		write_req_prod(player, queue, g->private_prod + value);
		break;
	case 1:
		/* Far enough off that a real push can be told from it. */
		m->tampered = true;
		m->tampered_value =
			g->rsp_seen + guest->slots + 1 + value % 65536;
		guest_set_index(guest, queue, GUEST_RSP_PROD,
				m->tampered_value);
		break;
	case 2:
		guest_set_index(guest, queue, GUEST_REQ_EVENT,
				g->published + value);
		g->bent_event = g->owed_kick = true;
		break;
	default:
		guest_set_index(guest, queue, GUEST_RSP_EVENT,
				g->rsp_seen + value);
		g->bent_event = true;
		break;
	}
}

/* A slot counted back from the last that was placed, or by its number. */
static uint32_t index_of(const struct guest *guest, unsigned int queue,
			 uint8_t slot)
{
	return slot < 0x80 ? guest->queue[queue].private_prod - 1 - slot
			   : slot - 0x80u;
}

static void do_raw(struct player *player, const struct script_record *r)
{
	unsigned int queue = queue_of(player, r);
	struct guest *guest = &player->guest;
	uint32_t index = index_of(guest, queue, script_u8(r, RAW_SLOT));
	size_t at = script_u8(r, RAW_AT) % guest->slot_bytes;
	size_t length = 1u + script_u8(r, RAW_LENGTH) % guest->slot_bytes;
	const uint8_t *from = &r->byte[RAW_BYTES];

	if (length > guest->slot_bytes - at)
		length = guest->slot_bytes - at;
	if (length > 8) {
		size_t start = script_u16(r, RAW_FROM);

		if (start >= player->script->payload_bytes)
			return;
		from = player->script->payload + start;
		if (length > player->script->payload_bytes - start)
			length = player->script->payload_bytes - start;
	}
	guest_ring_write(guest, queue, guest_slot_offset(guest, index) + at,
			 from, length);
}

/* Where a flip strikes in a slot: the fields that a backend decides by. */
static size_t field_of(const struct guest *guest, uint8_t field)
{
	static const uint8_t named[] = {0, 1, 16, 24, 28, 29, 8, 9};
	const size_t shift = guest->shape.packed ? 4 : 0;
	size_t at;

	if (field < SCRIPT_ODD)
		return field % guest->slot_bytes;
	at = named[(field - SCRIPT_ODD) % ARRAY_SIZE(named)];
	return at >= 8 ? at - shift : at;
}

static void arm_flip(struct player *player, const struct script_record *r,
		     uint32_t load)
{
	const struct guest *guest = &player->guest;
	struct flip flip = {.queue = queue_of(player, r), .load = load};
	uint32_t index = index_of(guest, flip.queue, script_u8(r, FLIP_SLOT));
	size_t at = field_of(guest, script_u8(r, FLIP_FIELD));

	flip.at = guest_slot_offset(guest, index) + at;
	flip.count = 1u + script_u8(r, FLIP_LENGTH) % FLIP_BYTES;
	if (flip.count > guest->slot_bytes - at)
		flip.count = guest->slot_bytes - at;
	memcpy(flip.byte, &r->byte[FLIP_VALUE], FLIP_BYTES);
	flip_arm(&flip);
}

static void do_flip(struct player *player, const struct script_record *r)
{
	arm_flip(player, r, 0);
}

static void do_flip_at(struct player *player, const struct script_record *r)
{
	arm_flip(player, r, 1u + script_u8(r, FLIP_LOAD));
}

/* --- the disk, the clock, faults --- */

static void do_complete(struct player *player, const struct script_record *r)
{
	static const int errors[] = {-EIO, -ENOSPC, -ENOMEM, -EAGAIN};
	uint8_t error = script_u8(r, COMPLETE_ERROR);
	struct disk_choice choice = {
		.which = script_u8(r, COMPLETE_WHICH),
		.error = error >= SCRIPT_ODD ? errors[error % 4] : 0,
		.one_queue = player->bend.place == PLACE_HALVES,
		.queue = queue_of(player, r),
	};

	for (unsigned int i = 0; i <= script_u8(r, COMPLETE_COUNT) % 64u; i++)
		if (!disk_complete(&player->disk, &choice))
			break;
}

static void do_disk(struct player *player, const struct script_record *r)
{
	player->disk.hold = script_u8(r, DISK_HOLD) % 2 != 0;
	player->disk.refuse_at = script_u8(r, DISK_REFUSE) % 32;
	player->disk.error_at = script_u8(r, DISK_ERROR) % 32;
	/* Mostly not whole sectors. */
	player->disk.piece = script_u8(r, DISK_PIECE) * UINT64_C(36);
	player->disk.again_at = script_u8(r, DISK_AGAIN) % 32;
}

static void do_clock(struct player *player, const struct script_record *r)
{
	sim_clock_advance(script_u32(r, CLOCK_MS) % 1000000u * 1000000u);
	for (unsigned int i = 0; i < player->guest.shape.queues; i++)
		queue_maintain(vbd_queue(player->vbd, i), clock_now_ns());
}

static void do_fail(struct player *player, const struct script_record *r)
{
	static const int errors[] = {ENOMEM, EINVAL, EFAULT, EAGAIN};
	unsigned int kind = script_u8(r, FAIL_CALL) % 6;
	uint8_t at = script_u8(r, FAIL_AT);
	int error = errors[script_u8(r, FAIL_ERROR) % 4];

	if (kind == SIM_CALL_COPY_SEGMENT)
		error = 1 + script_u8(r, FAIL_ERROR) % 10;
	sim_fail(BACKEND_DOMID, (enum sim_call)kind, 1u + at % 16, error);
	if (kind == SIM_CALL_MAP || kind == SIM_CALL_BIND)
		player->attach_may_fail = true;
	if (kind == SIM_CALL_UNMAP)
		player->baseline.unmap_failed = true;
	if (kind == SIM_CALL_NOTIFY)
		player->model.notify_may_fail = true;
	if (kind == SIM_CALL_MAP || kind == SIM_CALL_COPY ||
	    kind == SIM_CALL_COPY_SEGMENT)
		model_faults(&player->model);
}

/* --- connecting again --- */

static void do_attach(struct player *player, const struct script_record *r)
{
	static const uint8_t orders[] = {0, 0, 1, 2};
	struct connection wanted = {
		.shape = player->guest.shape,
		.wrong = script_u8(r, ATTACH_WRONG),
		.go_on = script_u8(r, ATTACH_FRESH) % 2 == 0,
	};

	/* Each costs as much as hundreds of requests. */
	if (player->attaches++ >= ATTACHES_LIMIT)
		return;
	if (player->attached) {
		if (player->bend.place == PLACE_STRAIGHT)
			straight_settle(player);
		connection_detach(player);
		memory_check_all(&player->model);
		storage_check_all(&player->model);
	}
	wanted.shape.persistent = script_u8(r, ATTACH_PERSISTENT) % 2 != 0;
	if (!wanted.go_on) {
		wanted.shape.queues =
			1 + script_u8(r, ATTACH_QUEUES) % GUEST_QUEUES;
		wanted.shape.order = orders[script_u8(r, ATTACH_ORDER) % 4];
		wanted.shape.packed = script_u8(r, ATTACH_ABI) % 2 != 0;
		wanted.shape.start =
			(uint32_t)(int16_t)script_u16(r, ATTACH_START);
	}
	bend_shape(&player->bend, &wanted.shape);
	connection_attach(player, &wanted);
}

static void do_run(struct player *player, const struct script_record *r)
{
	player->late = script_u8(r, RUN_LATE) >= SCRIPT_ODD;
	turns_run(player, queue_of(player, r),
		  1u + script_u8(r, RUN_TURNS) % 32);
	player->late = false;
}

static void do_run_all(struct player *player, const struct script_record *r)
{
	(void)r;
	turns_run_all(player);
}

static void do_request(struct player *player, const struct script_record *r)
{
	unsigned int queue = queue_of(player, r);
	struct guest_request request;

	if (!build_request(player, r, &request) ||
	    !guest_place(&player->guest, queue, &request))
		return;
	switch (script_u8(r, REQUEST_THEN) % 4) {
	case 0:
		publish(player, queue, 0, false);
		break;
	case 2:
		publish(player, queue, 0, true);
		break;
	case 3:
		publish(player, queue, 0, false);
		/* What others do must not be when queue 0 runs. */
		if (player->bend.place == PLACE_HALVES && queue != 0)
			turns_run(player, queue, 32);
		else
			turns_run_all(player);
		break;
	default:
		break;
	}
}

static void (*const actions[SCRIPT_KIND_COUNT])(
	struct player *, const struct script_record *) = {
	[SCRIPT_REQUEST] = do_request, [SCRIPT_RUN] = do_run,
	[SCRIPT_RUN_ALL] = do_run_all, [SCRIPT_PUSH] = do_push,
	[SCRIPT_KICK] = do_kick,       [SCRIPT_COMPLETE] = do_complete,
	[SCRIPT_RAW] = do_raw,	       [SCRIPT_MEMORY] = do_memory,
	[SCRIPT_GRANT] = do_grant,     [SCRIPT_DISK] = do_disk,
	[SCRIPT_INDEX] = do_index,     [SCRIPT_CLOCK] = do_clock,
	[SCRIPT_ATTACH] = do_attach,   [SCRIPT_EVENTS] = do_events,
	[SCRIPT_FAIL] = do_fail,       [SCRIPT_FLIP] = do_flip,
	[SCRIPT_FLIP_AT] = do_flip_at, [SCRIPT_INDIRECT] = do_request,
};

/* Records that are of one queue alone. */
#define QUEUE_KINDS                                                            \
	(BEND_KIND(SCRIPT_REQUEST) | BEND_KIND(SCRIPT_RUN) |                   \
	 BEND_KIND(SCRIPT_PUSH) | BEND_KIND(SCRIPT_KICK) |                     \
	 BEND_KIND(SCRIPT_RAW) | BEND_KIND(SCRIPT_INDEX) |                     \
	 BEND_KIND(SCRIPT_COMPLETE) | BEND_KIND(SCRIPT_EVENTS) |               \
	 BEND_KIND(SCRIPT_INDIRECT))

void actions_do(struct player *player, const struct script_record *record)
{
	enum script_kind kind = script_kind(record);

	/* Only a faulty connection ever fails; then nothing else can be done.
	 */
	if (!player->attached && kind != SCRIPT_ATTACH && kind != SCRIPT_FAIL)
		return;
	if (player->bend.alone && (QUEUE_KINDS & BEND_KIND(kind)) != 0 &&
	    queue_of(player, record) != 0)
		return;
	actions[kind](player, record);
}
