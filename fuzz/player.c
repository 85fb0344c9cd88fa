/* One script from beginning to end.  See player.h. */
#include "fuzz/player.h"

#include <stdlib.h>
#include <string.h>

#include "backend/base/log.h"
#include "backend/worker/vbd.h"
#include "fuzz/fetch.h"
#include "fuzz/prompt.h"
#include "fuzz/taping.h"
#include "sim/sim.h"

struct player *player_create(void)
{
	struct player *player = calloc(1, sizeof(*player));

	if (player == NULL)
		return NULL;
	player->region = aligned_alloc(
		64, (inflight_region_bytes(GUEST_QUEUES) + 63) / 64 * 64);
	if (player->region == NULL) {
		free(player);
		return NULL;
	}
	disk_init(&player->disk);
	player->model.guest = &player->guest;
	player->model.disk = &player->disk;
	player->model.region = player->region;
	/* A script may provoke a log line for every request. */
	log_set_level(LOG_ERROR);
	return player;
}

void player_destroy(struct player *player)
{
	if (player == NULL)
		return;
	free(player->region);
	free(player);
}

static struct guest_shape first_shape(const struct player *player,
				      const struct script_record *device)
{
	static const uint8_t orders[] = {0, 0, 1, 0, 0, 2, 0, 4};
	int16_t start = (int16_t)script_u16(device, DEVICE_START);
	struct guest_shape shape = {
		.queues = 1 + script_u8(device, DEVICE_QUEUES) % GUEST_QUEUES,
		.order = orders[script_u8(device, DEVICE_ORDER) % 8],
		.packed = script_u8(device, DEVICE_ABI) % 2 != 0,
		.persistent = script_u8(device, DEVICE_PERSISTENT) % 2 != 0,
		.indirect = player->tape == NULL &&
			    player->bend.place == PLACE_APART &&
			    script_u8(device, DEVICE_OFFERS) % 2 != 0,
		.barrier = player->tape == NULL &&
			   player->bend.place == PLACE_APART &&
			   script_u8(device, DEVICE_OFFERS) / 2 % 2 != 0,
		.discard = player->tape == NULL &&
			   player->bend.place != PLACE_HALVES &&
			   script_u8(device, DEVICE_OFFERS) / 4 % 2 != 0,
		.start = (uint32_t)start,
	};

	bend_shape(&player->bend, &shape);
	return shape;
}

static uint64_t size_of(const struct player *player,
			const struct script_record *device)
{
	static const uint64_t sizes[] = {2048, 2048, 1024, 128, 2048, 8, 1, 0};

	if (player->bend.fine_sizes)
		return script_u16(device, DEVICE_FINE) % (DISK_MAX_SECTORS + 1);
	return sizes[script_u8(device, DEVICE_SIZE) % 8];
}

static void begin(struct player *player, const struct script *script)
{
	static const uint32_t caps[] = {32, 4, 1, 11, 352, 0, 16, 1056};
	const struct script_record *device = &script->device;
	const struct disk_options options = {
		.sectors = size_of(player, device),
		.readonly = script_u8(device, DEVICE_READONLY) >= 0xc0,
		.hold = script_u8(device, DEVICE_HOLD) % 2 != 0,
	};

	player->script = script;
	player->persistent_cap = caps[script_u8(device, DEVICE_CAP) % 8];
	player->staged = bend_bool(player->bend.staged,
				   script_u8(device, DEVICE_CAP) / 8 % 2 != 0);
	player->attached = false;
	player->attach_may_fail = player->late = false;
	player->checks = player->attaches = player->turns = 0;
	player->next_page = player->next_sector = 0;
	memset(player->pace, 0, sizeof(player->pace));
	straight_begin(&player->straight);
	sim_reset(1);
	model_reset(&player->model);
	disk_reset(&player->disk, &options);
	player->model.readonly = options.readonly;
	guest_boot(&player->guest);
	fetch_begin(&player->model);
	if (player->tape != NULL)
		taping_begin(&player->model, player->tape);
}

/* Faults are over, the disk catches up, the guest tells what it kept back. */
static void finish(struct player *player)
{
	for (unsigned int call = 0; call < SIM_CALL_COUNT; call++)
		sim_fail(BACKEND_DOMID, (enum sim_call)call, 0, 0);
	disk_release(&player->disk);
	player->disk.refuse_at = player->disk.error_at = 0;
	if (!player->attached)
		return;
	if (player->bend.place == PLACE_STRAIGHT)
		straight_settle(player);
	for (unsigned int i = 0; i < player->guest.shape.queues; i++)
		guest_kick(&player->guest, i);
	turns_run_all(player);
	turns_idle(player);
	connection_detach(player);
}

static void act(struct player *player, const struct script *script)
{
	const bool prompt = player->bend.prompt;
	bool going = !prompt || prompt_settle(player);

	player->done = 0;
	while (going && player->done < script->operations) {
		actions_do(player, &script->operation[player->done++]);
		going = !prompt || prompt_settle(player);
	}
}

/* Return: bytes of heap that were not there before. */
static uint64_t play(struct player *player, const struct script *script)
{
	struct connection first = {0};
	uint64_t before;
	uint64_t after;

	begin(player, script);
	before = heap_now();
	connection_open(player);
	first.shape = first_shape(player, &script->device);
	first.wrong = script_u8(&script->device, DEVICE_WRONG);
	connection_attach(player, &first);
	act(player, script);
	finish(player);
	connection_close(player);
	if (player->tape != NULL)
		player->tape_error = taping_end(&player->model);
	after = heap_now();
	memory_check_all(&player->model);
	storage_check_all(&player->model);
	guest_shutdown(&player->guest);
	/* A mapping that a planned failure kept from being undone keeps its
	 * closed handle in the simulator, as it would in the kernel. */
	if (player->baseline.unmap_failed)
		return 0;
	return after > before ? after - before : 0;
}

void player_play(struct player *player, const uint8_t *data, size_t bytes,
		 struct player_result *result)
{
	struct script script;

	script_decode(data, bytes, &script);
	player_script(player, &script, result);
}

void player_script(struct player *player, const struct script *script,
		   struct player_result *result)
{
	uint64_t left = play(player, script);

	if (left > 0)
		heap_check(left, play(player, script));
	result->trace = sim_trace_hash();
	result->responses = player->model.response_hash;
	result->answered = player->model.answered;
	result->answered_okay = player->model.answered_okay;
}
