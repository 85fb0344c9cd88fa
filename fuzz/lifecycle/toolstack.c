/*
 * The toolstack of a script: it makes disks, changes and removes them, and says
 * what it wants of them.  What it does is what the oracles judge a supervisor
 * by, so it is noted in the disk as it is done.  See life.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/lifecycle/life.h"

static const char *const back_keys[] = {
	"params",	   "mode",	     "frontend",
	"frontend-id",	   "device-type",    "removable",
	"physical-device", "sectors",	     "limit-iops",
	"limit-bandwidth", "limit-burst-ms", "discard-enable"};

static const char *const back_values[] = {"null:1M",
					  "w",
					  "r",
					  "/local/domain/5/other",
					  "/local/domain/0/x",
					  "5",
					  "6",
					  "cdrom",
					  "1",
					  "",
					  "ram:1M",
					  "null:",
					  "/local/domain/6/device/vbd/1",
					  "nonsense",
					  "file:/nowhere/at/all",
					  "null:99999999999999999999",
					  "0",
					  "4096"};

/* A value that is too long for any key, or has a NUL in it. */
static void put_odd(const char *directory, const char *key, uint8_t how)
{
	char path[LIFE_PATH_BYTES + 64], text[LIFE_PARAMS_BYTES];

	memset(text, '1', sizeof(text));
	text[how % 8] = how % 2 == 0 ? '1' : '\0';
	snprintf(path, sizeof(path), "%s/%s", directory, key);
	life_put(path, text, how % 2 == 0 ? sizeof(text) : 16);
}

static void say_state(struct life_disk *disk, const char *state)
{
	life_put_at(disk->back, "state", state);
	states_toolstack(&disk->turn, (unsigned int)strtoul(state, NULL, 10));
	disk->alone = false;
}

void life_create(struct life_disk *disk, const char *params, bool readonly)
{
	/* What the daemon still holds of a removed disk it may serve, and let go
	 * of, for as long as it has not seen that it was made anew. */
	const bool fresh = !disk->made && life_device(disk) == NULL;

	life_put_at(disk->front, "state", "1");
	life_put_at(disk->back, "frontend", disk->front);
	life_put_number(disk->back, "frontend-id", disk->domid);
	life_put_at(disk->back, "online", "1");
	life_put_at(disk->back, "mode", readonly ? "r" : "w");
	life_put_at(disk->back, "params", params);
	life_put_at(disk->back, "state", "1");
	disk->readonly = readonly;
	disk->iops = 0;
	disk->known = disk->alone = fresh;
	disk->made = disk->online = true;
	disk->unplugged = false;
	states_toolstack(&disk->turn, 1);
}

/* With a burst that there cannot be, they count for nothing. */
static uint32_t create_limits(struct life_disk *disk, bool wrong)
{
	life_put_at(disk->back, "limit-iops", "1000");
	life_put_at(disk->back, "limit-burst-ms", wrong ? "5" : "50");
	return wrong ? 0 : 1000;
}

static void create(struct life_disk *disk, uint8_t image, uint8_t how)
{
	const bool odd = image >= SCRIPT_ODD;
	const char *params = image % 2 == 0 ? "null:1M" : "ram:1M";
	uint32_t iops = 0;

	if ((odd ? how % 4 >= 2 : image % 8 >= 6) && !disk->made)
		life_put_at(disk->back, "device-type", "cdrom");
	if (odd && (how & 4) != 0 && !disk->made)
		iops = create_limits(disk, (how & 8) != 0);
	life_create(disk, odd ? life_image(image) : params, how % 2);
	disk->iops = iops;
}

void life_remove(struct life_disk *disk)
{
	life_take(disk->back);
	disk->alone = false;
	disk->made = disk->unplugged = false;
	states_begin(&disk->turn);
}

static void back_state(struct life_disk *disk, uint8_t which)
{
	const char *state = which < SCRIPT_ODD ? "5" : life_state(which);

	if (!disk->made)
		return;
	say_state(disk, state);
	disk->unplugged = strcmp(state, "5") == 0 && !disk->online;
}

static void say_online(struct life_disk *disk, bool online)
{
	if (!disk->made)
		return;
	disk->alone = false;
	disk->online = online;
	disk->unplugged &= !online;
	life_put_at(disk->back, "online", online ? "1" : "0");
}

static void back_key(struct life_disk *disk, uint8_t key, uint8_t value)
{
	if (!disk->made)
		return;
	disk->known = disk->alone = false;
	if (value >= SCRIPT_ODD)
		put_odd(disk->back, PICK(back_keys, key), value);
	else
		life_put_at(disk->back, PICK(back_keys, key),
			    PICK(back_values, value));
}

void life_toolstack(struct life_disk *disk, const struct script_record *r)
{
	const uint8_t a = script_u8(r, 2), b = script_u8(r, 3);

	switch (script_u8(r, 0) % LIFE_KIND_COUNT) {
	case LIFE_CREATE:
		create(disk, a, b);
		break;
	case LIFE_REMOVE:
		life_remove(disk);
		break;
	case LIFE_BACK_STATE:
		back_state(disk, a);
		break;
	case LIFE_ONLINE:
		say_online(disk, a % 2 == 1);
		break;
	case LIFE_BACK_KEY:
		back_key(disk, a, b);
		break;
	default:
		break;
	}
}
