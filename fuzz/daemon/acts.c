/* What the records of the harness daemon do.  See stage.h. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/checked.h"
#include "fuzz/daemon/stage.h"

/* How patient a frontend is: with a disk that must be served, with others. */
#define PATIENT 250u /* tenths of a second */
#define HASTY	3u

#define IMAGE_BYTES (256u << 10)
#define FEATURES    4096u

#define PICK(table, n) ((table)[(n) % ARRAY_SIZE(table)])

struct stage stage;

/* libFuzzer takes what changes here for progress: what states the disks were
 * seen in, after what. */
#ifdef __clang__
__attribute__((section("__libfuzzer_extra_counters")))
#endif
static uint8_t features[FEATURES];

struct image {
	const char *params; /* %s: the file of this disk */
	bool good, lasting;
};
static const struct image images[] = {
	{"file:%s", true, true},    {"ram:1M", true, false},
	{"null:1M", true, true},    {"file:/nowhere/at/all", false, false},
	{"nonsense", false, false}, {"ram:99999999T", false, false},
	{"", false, false},
};

/* --- what is looked at --- */

bool stage_read(const char *directory, const char *key, char *value,
		size_t room)
{
	char path[STAGE_PATH_BYTES + 64];
	unsigned int length = 0;
	char *text;

	snprintf(path, sizeof(path), "%s/%s", directory, key);
	text = xs_read(world_store(), XBT_NULL, path, &length);
	if (text == NULL)
		return false;
	snprintf(value, room, "%s", text);
	free(text);
	return true;
}

static void write_node(const char *directory, const char *key,
		       const char *value)
{
	char path[STAGE_PATH_BYTES + 64];

	snprintf(path, sizeof(path), "%s/%s", directory, key);
	/* Into a directory that is not there any more, too. */
	(void)xs_write(world_store(), XBT_NULL, path, value,
		       (unsigned int)strlen(value));
}

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

/* --- disks --- */

static void fill_image(const struct disk *disk, char *path)
{
	char name[32];
	FILE *file;

	snprintf(name, sizeof(name), "image-%u-%u", disk->domid, disk->devid);
	world_file(name, path);
	file = fopen(path, "wb");
	if (file == NULL || ftruncate(fileno(file), IMAGE_BYTES) != 0)
		exit(4);
	fclose(file);
}

void stage_attach(struct disk *disk, unsigned int image, bool readonly)
{
	char domid[16], path[STAGE_PATH_BYTES], params[STAGE_PATH_BYTES + 16];
	const char *const argv[] = {
		"xenblk-sim", "attach", domid,	  disk->name,
		"--params",   params,	"--mode", readonly ? "r" : "w",
		NULL};
	const struct image *kind = &PICK(images, image);

	if (disk->made)
		return;
	snprintf(domid, sizeof(domid), "%u", disk->domid);
	snprintf(params, sizeof(params), "%s", kind->params);
	if (strstr(kind->params, "%s") != NULL) {
		fill_image(disk, path);
		snprintf(params, sizeof(params), "file:%s", path);
	}
	disk->made = world_run(argv, NULL, 0) == 0;
	disk->trusted = disk->made && kind->good && !readonly;
	disk->lasting = kind->lasting;
}

/* A toolstack that waits a second, and then has patience no longer. */
static void detach(struct disk *disk)
{
	char domid[16];
	const char *const argv[] = {"xenblk-sim", "detach", domid, disk->name,
				    "--timeout",  "1",	    NULL};

	disk->trusted = false;
	snprintf(domid, sizeof(domid), "%u", disk->domid);
	if (world_run(argv, NULL, 0) == 0)
		disk->made = false;
}

void stage_remove(struct disk *disk)
{
	xs_rm(world_store(), XBT_NULL, disk->front);
	xs_rm(world_store(), XBT_NULL, disk->back);
	disk->made = disk->trusted = false;
}

static void kill_domain(struct disk *disk)
{
	char domid[16];
	const char *const argv[] = {"xenblk-sim", "destroy", domid,
				    "--timeout",  "1",	     NULL};

	snprintf(domid, sizeof(domid), "%u", disk->domid);
	world_run(argv, NULL, 0);
	for (unsigned int i = 0; i < STAGE_DISKS; i++)
		if (stage.disk[i].domid == disk->domid) {
			guest_kill(&stage.disk[i].guest);
			stage_remove(&stage.disk[i]);
		}
}

static void write_garbage(struct disk *disk, uint8_t key, uint8_t value)
{
	static const char *const keys[] = {"ring-ref",
					   "event-channel",
					   "protocol",
					   "ring-page-order",
					   "multi-queue-num-queues",
					   "feature-persistent",
					   "backend"};
	static const char *const values[] = {
		"", "-1", "4294967296", "17", "x86_128-abi", "0", "8"};

	if (!disk->made)
		return;
	disk->trusted = false;
	write_node(disk->front, PICK(keys, key), PICK(values, value));
}

static void write_state(struct disk *disk, uint8_t state, bool back)
{
	static const char *const states[] = {"1", "2", "3", "4", "5",
					     "6", "0", "x", ""};

	if (!disk->made)
		return;
	disk->trusted = false;
	write_node(back ? disk->back : disk->front, "state",
		   PICK(states, state));
}

/* --- frontends --- */

static bool is_connected(const struct disk *disk)
{
	char state[16] = "";

	return stage_read(disk->back, "state", state, sizeof(state)) &&
	       strcmp(state, "4") == 0;
}

enum guest_answer stage_ask(struct disk *disk,
			    const struct script_record *record)
{
	struct script_record r = *record;
	const bool io = script_u8(&r, 0) == GUEST_IO;
	enum guest_answer answer;

	r.byte[GUEST_TENTHS] = disk->trusted ? PATIENT : HASTY;
	answer = guest_ask(&disk->guest, &r);
	if (answer == GUEST_WRONG && disk->trusted && disk->lasting &&
	    !(script_u8(&r, 2) % 2))
		stage_fail(ORACLE_MEMORY,
			   "a frontend reads other bytes than it wrote");
	if (disk->trusted && answer == GUEST_LATE && io && is_connected(disk))
		stage_fail(ORACLE_PROGRESS,
			   "a request is not answered within %u s",
			   PATIENT / 10);
	stage.asked += answer != GUEST_NONE;
	stage.okay += answer == GUEST_OKAY;
	return answer;
}

static void connect_disk(struct disk *disk, uint8_t personality)
{
	const struct script_record r = {{GUEST_CONNECT, personality}};

	if (!disk->made)
		return;
	if (disk->guest.pid == 0)
		guest_start(&disk->guest, disk->domid, disk->devid);
	stage_ask(disk, &r);
}

/* The bytes from the third on are those of the guest's record. */
static void ask_guest(struct disk *disk, const struct script_record *record,
		      enum guest_kind kind)
{
	struct script_record r = {{(uint8_t)kind}};
	enum guest_answer answer;

	memcpy(r.byte + 1, record->byte + 2, GUEST_TENTHS - 1);
	if (disk->guest.pid == 0)
		return;
	answer = stage_ask(disk, &r);
	/* What has no answer may still come, and go anywhere. */
	if (kind == GUEST_ODD && answer != GUEST_NONE)
		disk->trusted = false;
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
		detach(disk);
		break;
	case DAEMON_REMOVE:
		stage_remove(disk);
		break;
	case DAEMON_CONNECT:
		connect_disk(disk, a);
		break;
	case DAEMON_IO:
		ask_guest(disk, r, GUEST_IO);
		break;
	case DAEMON_ODD:
		ask_guest(disk, r, GUEST_ODD);
		break;
	case DAEMON_CLOSE:
		ask_guest(disk, r, GUEST_CLOSE);
		break;
	case DAEMON_CRASH:
		guest_kill(&disk->guest);
		break;
	case DAEMON_NODE:
		write_garbage(disk, a, b);
		break;
	case DAEMON_STATE:
		write_state(disk, a, b % 2 != 0);
		break;
	case DAEMON_DOMAIN:
		kill_domain(disk);
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
