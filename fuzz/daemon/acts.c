/* What the records of the harness daemon do.  See stage.h. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/daemon/stage.h"

#define FEATURES 4096u

struct stage stage;

/* libFuzzer takes what changes here for progress: what states the disks were
 * seen in, after what. */
#ifdef __clang__
__attribute__((section("__libfuzzer_extra_counters")))
#endif
static uint8_t features[FEATURES];

void stage_look(unsigned int kind)
{
	json_t *answer = xenblkd_settles(), *row;
	size_t i;

	json_array_foreach(json_object_get(answer, "disks"), i, row)
	{
		const char *state =
			json_string_value(json_object_get(row, "state"));
		const json_int_t queues =
			json_integer_value(json_object_get(row, "queues"));
		size_t at = kind * 64 + (size_t)queues * 8 + i;

		for (; state != NULL && *state != '\0'; state++)
			at = at * 31 + (unsigned char)*state;
		features[at % FEATURES] = 1;
	}
	json_decref(answer);
}

/* --- the daemon --- */

static void request(uint8_t which)
{
	static const char *const lines[] = {
		"{\"command\": \"list\"}\n",
		"{\"command\": \"stats\"}\n",
		"{\"command\": \"show\", \"domid\": 5, \"devid\": 51712}\n",
		"{\"command\": \"stats\", \"domid\": 5, \"devid\": 51712}\n",
		"{\"command\": \"show\", \"domid\": 5}\n",
		"{\"command\": \"log-level\", \"level\": \"debug\"}\n",
		"{\"command\": \"log-level\", \"level\": \"loud\"}\n",
		"{\"command\": 5}\n",
		"[]\n",
		"{\n",
	};

	json_decref(xenblkd_ask(PICK(lines, which)));
}

static void kill_worker(struct disk *disk)
{
	json_t *answer = xenblkd_settles(), *row;
	json_int_t pid;
	size_t i;

	json_array_foreach(json_object_get(answer, "disks"), i, row)
	{
		if (json_integer_value(json_object_get(row, "domid")) !=
			    disk->domid ||
		    json_integer_value(json_object_get(row, "devid")) !=
			    disk->devid)
			continue;
		pid = json_integer_value(json_object_get(row, "worker"));
		/* Whose rings it has is not known here: another one may not
		 * be allowed any more, or not be of any use. */
		if (pid > 0)
			kill((pid_t)pid, SIGKILL);
		disk->trusted = false;
	}
	json_decref(answer);
}

static void start_again(void)
{
	xenblkd_start(&stage.options);
	for (unsigned int i = 0; i < STAGE_DISKS; i++)
		stage.disk[i].trusted &= stage.disk[i].lasting;
}

/* --- records --- */

static void act_on_daemon(const struct script_record *r, struct disk *disk)
{
	switch (script_u8(r, 0) % DAEMON_KIND_COUNT) {
	case DAEMON_REQUEST:
		request(script_u8(r, 2));
		break;
	case DAEMON_BYTES:
		xenblkd_is_told(r->byte + 2, 13);
		break;
	case DAEMON_WORKER:
		kill_worker(disk);
		break;
	case DAEMON_KILL:
		xenblkd_kill();
		start_again();
		break;
	case DAEMON_STOP:
		xenblkd_stop();
		start_again();
		break;
	case DAEMON_OTHER:
		others_try(script_u8(r, 2));
		break;
	case DAEMON_BEHIND:
		others_background();
		break;
	case DAEMON_SIGNAL:
		xenblkd_signal(SIGHUP);
		break;
	default:
		break;
	}
}

static void act_on_disk(const struct script_record *r, struct disk *disk)
{
	const uint8_t a = script_u8(r, 2), b = script_u8(r, 3);

	switch (script_u8(r, 0) % DAEMON_KIND_COUNT) {
	case DAEMON_ATTACH:
		stage_attach(disk, a, b % 2 != 0);
		break;
	case DAEMON_DETACH:
		stage_detach(disk);
		break;
	case DAEMON_REMOVE:
		stage_remove(disk);
		break;
	case DAEMON_CONNECT:
		stage_connect(disk, a);
		break;
	case DAEMON_IO:
		stage_ask_guest(disk, r, GUEST_IO);
		break;
	case DAEMON_ODD:
		stage_ask_guest(disk, r, GUEST_ODD);
		break;
	case DAEMON_CLOSE:
		stage_ask_guest(disk, r, GUEST_CLOSE);
		break;
	case DAEMON_CRASH:
		guest_kill(&disk->guest);
		break;
	case DAEMON_NODE:
		stage_write_garbage(disk, a, b);
		break;
	case DAEMON_STATE:
		stage_write_state(disk, a, b % 2 != 0);
		break;
	case DAEMON_DOMAIN:
		stage_kill_domain(disk);
		break;
	default:
		break;
	}
}

void stage_act(const struct script_record *r)
{
	struct disk *disk = &stage.disk[script_u8(r, 1) % STAGE_DISKS];

	act_on_disk(r, disk);
	act_on_daemon(r, disk);
	if (script_u8(r, 15) < SCRIPT_ODD)
		stage_look(script_u8(r, 0) % DAEMON_KIND_COUNT);
}

void stage_begin(const struct script_record *device)
{
	static const uint32_t devids[] = {51712, 51728};
	static const char *const names[] = {"xvda", "xvdb"};

	world_need();
	memset(&stage, 0, sizeof(stage));
	stage.options = (struct xenblkd_options){
		.queues = 1 + script_u8(device, DAEMON_QUEUES) % 4,
		.rescues = script_u8(device, DAEMON_RESCUES) % 8,
		.record = script_u8(device, DAEMON_RECORD) % 2 != 0};
	for (unsigned int i = 0; i < STAGE_DISKS; i++) {
		struct disk *disk = &stage.disk[i];

		disk->domid = 5 + i / 2;
		disk->devid = PICK(devids, i);
		disk->name = PICK(names, i);
		snprintf(disk->back, sizeof(disk->back),
			 "/local/domain/0/backend/vbd/%u/%u", disk->domid,
			 disk->devid);
		snprintf(disk->front, sizeof(disk->front),
			 "/local/domain/%u/device/vbd/%u", disk->domid,
			 disk->devid);
	}
	xenblkd_start(&stage.options);
}
