/*
 * The disks of the harness daemon and who uses them: what a toolstack and a guest
 * do to one, and what must come of it.  See stage.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/daemon/stage.h"

/* How patient a frontend is: with a disk that must be served, with others. */
#define PATIENT 250u /* tenths of a second */
#define HASTY	3u

#define IMAGE_BYTES (256u << 10)

struct image {
	const char *params; /* %s: the file of this disk */
	bool good;
	bool lasting; /* what it holds outlives a worker */
	bool holds;   /* what is read is what was written */
};
static const struct image images[] = {
	{"file:%s", true, true, true},
	{"ram:1M", true, false, true},
	{"null:1M", true, true, false},
	{"file:/nowhere/at/all", false, false, false},
	{"nonsense", false, false, false},
	{"ram:99999999T", false, false, false},
	{"", false, false, false},
};

/* --- nodes --- */

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
	disk->holds = kind->holds;
}

/* A toolstack that waits a second, and then has patience no longer. */
void stage_detach(struct disk *disk)
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

void stage_kill_domain(struct disk *disk)
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

void stage_write_garbage(struct disk *disk, uint8_t key, uint8_t value)
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

void stage_write_state(struct disk *disk, uint8_t state, bool back)
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
	if (answer == GUEST_WRONG && disk->trusted && disk->holds)
		stage_fail(ORACLE_MEMORY,
			   "a frontend reads other bytes than it wrote");
	if (disk->trusted && answer == GUEST_LATE && io && is_connected(disk))
		stage_fail(ORACLE_PROGRESS,
			   "a request is not answered within %u s",
			   PATIENT / 10);
	stage.asked += answer != GUEST_NONE && answer != GUEST_GONE;
	stage.okay += answer == GUEST_OKAY;
	return answer;
}

void stage_connect(struct disk *disk, uint8_t personality)
{
	const struct script_record r = {{GUEST_CONNECT, personality}};

	if (!disk->made)
		return;
	if (disk->guest.pid == 0)
		guest_start(&disk->guest, disk->domid, disk->devid);
	stage_ask(disk, &r);
}

/* The bytes from the third on are those of the guest's record. */
void stage_ask_guest(struct disk *disk, const struct script_record *record,
		     enum guest_kind kind)
{
	struct script_record r = {{(uint8_t)kind}};
	enum guest_answer answer;

	memcpy(r.byte + 1, record->byte + 2, GUEST_TENTHS - 1);
	if (disk->guest.pid == 0)
		return;
	answer = stage_ask(disk, &r);
	/* What has no answer may still come, and go anywhere. */
	if (kind == GUEST_ODD && answer != GUEST_NONE && answer != GUEST_GONE)
		disk->trusted = false;
}
