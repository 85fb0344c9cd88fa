/*
 * Connecting and disconnecting a virtual disk, well or badly.
 *
 * A connection that is right must be accepted, one that is wrong must be
 * refused and leave nothing behind; only while a fault is planned may either
 * happen.
 */
#include "fuzz/player.h"

#include <string.h>

#include "backend/base/check.h"
#include "backend/worker/queue.h"
#include "backend/worker/vbd.h"
#include "fuzz/fetch.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/taping.h"
#include "sim/sim.h"

enum {
	WRONG_RING_UNUSED = SCRIPT_ODD,
	WRONG_RING_OTHER,
	WRONG_PORT,
	WRONG_INDICES,
	WRONG_RING_READONLY,
	WRONG_COUNT,
};

static void open_image(struct player *player)
{
	player->image = &player->disk.base;
	if (player->bend.open_image != NULL)
		CHECK(player->bend.open_image(&player->disk, &player->image) ==
		      0);
}

static struct vbd_options options_of(const struct player *player)
{
	return (struct vbd_options){
		.domid = GUEST_DOMID,
		.devid = 51712,
		.sectors = player->disk.sectors,
		.readonly = player->disk.readonly,
		.max_queues = GUEST_QUEUES,
		.persistent_cap = player->persistent_cap,
		.staged = player->staged,
		.image = player->image,
		.region = player->region,
	};
}

void connection_open(struct player *player)
{
	struct vbd_options options;

	for (unsigned int i = 0; i < GUEST_QUEUES; i++)
		memset(&player->region->queue[i].stats, 0,
		       sizeof(struct stats));
	sim_ledger(BACKEND_DOMID, &player->baseline.ledger);
	player->baseline.unmap_failed = false;
	open_image(player);
	options = options_of(player);
	CHECK(vbd_create(&options, &player->vbd) == 0);
	CHECK(vbd_state(player->vbd) == VBD_DETACHED);
}

void connection_close(struct player *player)
{
	vbd_destroy(player->vbd);
	player->vbd = NULL;
	player->image->operations->close(player->image);
	ledger_check_baseline(&player->baseline);
}

static void fill_attach(const struct player *player, struct link_attach *attach)
{
	const struct guest_shape *shape = &player->guest.shape;

	memset(attach, 0, sizeof(*attach));
	attach->queues = shape->queues;
	attach->ring_order = shape->order;
	attach->abi = shape->packed ? LINK_ABI_X86_32 : LINK_ABI_X86_64;
	if (player->bend.abi != 0)
		attach->abi = player->bend.abi;
	attach->persistent = shape->persistent;
	attach->indirect = shape->indirect ? REFERENCE_MOST : 0;
	attach->barrier = shape->barrier;
	attach->discard = shape->discard;
	for (uint32_t q = 0; q < shape->queues; q++) {
		attach->queue[q].event_channel = player->guest.queue[q].port;
		for (uint32_t i = 0; i < 1u << shape->order; i++)
			attach->queue[q].ring_gref[i] =
				GREF_RING + q * LIMIT_RING_PAGES + i;
	}
}

/* The same as a tape says it. */
static enum tape_wrong wrong_kind(uint8_t wrong)
{
	static const enum tape_wrong kinds[] = {
		TAPE_RING_UNUSED, TAPE_RING_OTHER,    TAPE_PORT,
		TAPE_INDICES,	  TAPE_RING_READONLY,
	};

	if (wrong < SCRIPT_ODD)
		return TAPE_RIGHT;
	return kinds[(wrong - SCRIPT_ODD) % (WRONG_COUNT - SCRIPT_ODD)];
}

/* Make the last queue's part of it wrong; true: it must be refused. */
static bool spoil(struct player *player, struct link_attach *attach,
		  uint8_t wrong)
{
	unsigned int last = attach->queues - 1;
	uint32_t *gref = &attach->queue[last].ring_gref[0];

	if (wrong < SCRIPT_ODD)
		return false;
	switch (SCRIPT_ODD +
		(wrong - SCRIPT_ODD) % (WRONG_COUNT - SCRIPT_ODD)) {
	case WRONG_RING_UNUSED:
		*gref = GREF_UNUSED;
		break;
	case WRONG_RING_OTHER:
		*gref = GREF_OTHER;
		break;
	case WRONG_RING_READONLY:
		*gref = GREF_READONLY;
		break;
	case WRONG_PORT:
		attach->queue[last].event_channel += 50;
		break;
	default:
		guest_set_index(
			&player->guest, last, GUEST_REQ_PROD,
			guest_index(&player->guest, last, GUEST_RSP_PROD) +
				player->guest.slots + 1);
		break;
	}
	return true;
}

static void judge(const struct player *player, enum refusal refusal,
		  bool must_refuse)
{
	if (refusal != REFUSAL_NONE && !refusal_is_fatal(refusal))
		oracle_fail(ORACLE_ATTACH,
			    "a connection was refused with %s, which is a "
			    "request's refusal",
			    refusal_name(refusal));
	if (player->attach_may_fail)
		return;
	if (must_refuse && refusal == REFUSAL_NONE)
		oracle_fail(ORACLE_ATTACH, "a wrong connection was accepted");
	if (!must_refuse && refusal != REFUSAL_NONE)
		oracle_fail(ORACLE_ATTACH, "a right connection was refused: %s",
			    refusal_name(refusal));
}

/* K14: rings that go on must not be further apart than they are long. */
static bool indices_impossible(struct player *player)
{
	for (unsigned int i = 0; i < player->guest.shape.queues; i++)
		if (guest_index(&player->guest, i, GUEST_REQ_PROD) -
			    guest_index(&player->guest, i, GUEST_RSP_PROD) >
		    player->guest.slots)
			return true;
	return false;
}

static bool try_attach(struct player *player, const struct connection *wanted)
{
	struct link_attach attach;
	struct ledger_baseline now = player->baseline;
	enum refusal refusal;
	unsigned int queue = 0;
	bool must_refuse;

	guest_connect(&player->guest, &wanted->shape, wanted->go_on);
	fill_attach(player, &attach);
	must_refuse = spoil(player, &attach, wanted->wrong) ||
		      indices_impossible(player);
	/* What the vbd holds between connections is the baseline of this one.
	 */
	sim_ledger(BACKEND_DOMID, &now.ledger);
	taping_connect(&player->guest, wrong_kind(wanted->wrong), must_refuse);
	fetch_connecting(true);
	refusal = vbd_attach(player->vbd, &attach, &queue);
	fetch_connecting(false);
	vbd_check(player->vbd);
	judge(player, refusal, must_refuse);
	player->detached = now.ledger;
	if (refusal != REFUSAL_NONE) {
		ledger_check_baseline(&now);
		return false;
	}
	player->attached = true;
	for (unsigned int i = 0; i < attach.queues; i++)
		player->awake[i] = true;
	model_connect(&player->model);
	return true;
}

void connection_attach(struct player *player, const struct connection *wanted)
{
	struct connection again = *wanted;

	if (try_attach(player, wanted))
		return;
	/* A guest that was refused may come back, and do it right. */
	again.wrong = 0;
	again.go_on = false;
	(void)try_attach(player, &again);
}

void connection_detach(struct player *player)
{
	const unsigned int queues = player->guest.shape.queues;
	const bool held = player->disk.hold;
	struct ledger_baseline now;

	/* A detach waits for the disk, so the disk must get on. */
	disk_release(&player->disk);
	for (unsigned int i = 0; i < queues; i++) {
		model_before(&player->model, i);
		/* What an old kernel has finished is there without being asked
		 * for; later entries are finished as they are handed over. */
		(void)disk_ready(&player->disk, i);
	}
	taping_detach(&player->guest);
	vbd_detach(player->vbd);
	vbd_check(player->vbd);
	for (unsigned int i = 0; i < queues; i++)
		model_after(&player->model, &(struct model_call){.queue = i});
	player->disk.hold = held;
	player->attached = false;
	if (!player->model.blind && model_inflight(&player->model) != 0)
		oracle_fail(ORACLE_PROGRESS,
			    "%u requests in flight were never answered at the "
			    "detach",
			    model_inflight(&player->model));
	now.ledger = player->detached;
	now.unmap_failed = player->baseline.unmap_failed;
	ledger_check_baseline(&now);
}
