/* What the records of a script do.  See life.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/supervisor/host.h"
#include "fuzz/lifecycle/life.h"
#include "sim/sim.h"

/* Rounds of everybody; a supervisor that never rests is a finding. */
#define ROUNDS_MAX 600u

static const char *const states[] = {
	"1", "2", "3", "4", "5", "6", "3",  "4",  "5",		"6",  "1",
	"0", "7", "8", "9", "",	 "x", "-1", "04", "4294967300", " 3", "3 "};

static const char *const keys[] = {"ring-ref",
				   "event-channel",
				   "protocol",
				   "ring-page-order",
				   "num-ring-pages",
				   "multi-queue-num-queues",
				   "ring-ref0",
				   "ring-ref1",
				   "queue-0/ring-ref",
				   "queue-1/ring-ref",
				   "queue-0/event-channel",
				   "queue-1/event-channel",
				   "feature-persistent",
				   "mode",
				   "frontend-id",
				   "backend",
				   "state/x"};

static const char *const values[] = {"8",
				     "9",
				     "1",
				     "2",
				     "0",
				     "3",
				     "x86_32-abi",
				     "x86_64-abi",
				     "",
				     "-1",
				     "4294967295",
				     "4294967296",
				     "18446744073709551617",
				     "31",
				     "0x10",
				     " 5",
				     "abc",
				     "12:",
				     "r",
				     "w",
				     "16",
				     "17",
				     "5.0",
				     "native"};

/* A value of 254 to 264 bytes, around the longest that one may have. */
static void put_long(const char *directory, const char *key, uint8_t how)
{
	char text[LIFE_VALUE_BYTES];

	memset(text, '1', sizeof(text));
	text[254 + how % 10] = '\0';
	life_put_at(directory, key, text);
}

struct device *life_device(const struct life_disk *disk)
{
	const struct device_key key = {.domid = disk->domid,
				       .devid = disk->devid};

	return life.host == NULL ? NULL : host_edit(life.host, key);
}

const char *life_state(uint8_t which)
{
	return PICK(states, which);
}

/* --- the frontend --- */

static void front_state(const struct life_disk *disk, uint8_t which)
{
	life_put_at(disk->front, "state", life_state(which));
}

/* --- time and machinery --- */

unsigned int life_everybody(void)
{
	unsigned int rounds = 0;

	while (rounds < ROUNDS_MAX && ((unsigned int)host_step(life.host) |
				       (unsigned int)workers_step()) != 0)
		rounds++;
	return rounds;
}

void life_restart(void)
{
	host_destroy(life.host);
	life.host = NULL;
	life.stopping = false;
	life_forget_plans();
	workers_behave();
	for (unsigned int i = 0; i < LIFE_DISKS; i++) {
		reads_begin(&life.disk[i].reads, false);
		reading_close(&life.disk[i].reading);
		life.disk[i].turn.ours = false;
		life.disk[i].alone = false;
	}
	sim_enter(0);
	if (host_create(&life.conf, &life.host) < 0)
		abort(); /* nothing is planned to fail */
}

void life_settle(void)
{
	life.writes = life.looks = life.lines = 0;
	budget_rounds(life_everybody());
	budget_check(life.writes, life.looks, life.lines);
	/* A lost connection to xenstore is the end of a daemon. */
	if (host_lost(life.host))
		life_restart();
}

static void domain(struct life_disk *disk, uint8_t how)
{
	disk->alone = false;
	/* Which of the two it can be shows the simulator. */
	if (how % 2 == 0)
		sim_domain_destroy(disk->domid);
	else
		(void)sim_domain_create(disk->domid, 64);
	sim_enter(0);
}

/* Of nodes that differ: xenstored joins events of the same one. */
static void flood(const struct life_disk *disk, uint8_t where, uint8_t count)
{
	const bool front = where % 2 == 0;
	char key[24];

	/* The toolstack's writes must not bring back what it removed. */
	for (unsigned int i = 0; (front || disk->made) && i < 8u + count; i++) {
		snprintf(key, sizeof(key), "%s/%u",
			 where % 4 < 2 ? "state" : "params", i);
		life_put_number(front ? disk->front : disk->back, key, i);
	}
}

/* Over the control socket: a size, or a medium for a drive. */
static void change(struct life_disk *disk, uint8_t what, uint8_t how)
{
	static const char *const media[] = {
		"",	  "null:1M", "ram:2M",
		"empty:", "null:3K", "file:/nowhere/at/all"};
	struct device *device = life_device(disk);
	char sentence[DEVICE_REASON_BYTES];
	int error;

	if (device == NULL)
		return;
	disk->alone = false;
	if (what % 2 == 0)
		error = device_resize(device,
				      how >= SCRIPT_ODD ? how - SCRIPT_ODD + 1u
							: 8u * how,
				      sentence);
	else
		error = device_change_medium(
			device,
			how >= SCRIPT_ODD ? life_image(how) : PICK(media, how),
			sentence);
	if (error == 0)
		(void)device_step(device);
	else if (memchr(sentence, '\0', sizeof(sentence)) == NULL)
		oracle_fail(ORACLE_TALK, "no sentence says why not");
}

static void plan_error(uint8_t error)
{
	static const int errors[] = {EIO,    ENOMEM, EACCES, ENOSPC,
				     EAGAIN, ENOENT, EINVAL, EPIPE};
	/* A connection that is gone says so in one of these ways, or not. */
	static const int odd[] = {EBADF, ECONNRESET, ENOTCONN, 0};

	life.fail_error =
		error >= SCRIPT_ODD ? PICK(odd, error) : PICK(errors, error);
	life.spoilt = true;
	life.denied |= life.fail_error == ENOENT;
	for (unsigned int i = 0; i < LIFE_DISKS; i++)
		life.disk[i].alone = false;
}

void life_plan_failure(unsigned int at, uint8_t error)
{
	plan_error(error);
	life.fail_at = at;
}

void life_plan_rare_failure(unsigned int at, uint8_t error)
{
	plan_error(error);
	life.rare_at = at;
}

void life_touch(const struct script_record *r)
{
	struct life_disk *disk = &life.disk[script_u8(r, 1) % LIFE_DISKS];
	const uint8_t a = script_u8(r, 2), b = script_u8(r, 3);

	disk->touched = true;
	switch (script_u8(r, 0) % LIFE_KIND_COUNT) {
	case LIFE_FRONT_STATE:
		front_state(disk, a);
		break;
	case LIFE_KEYS:
		life_keys(disk, 1 + a % 4, b % 3, script_u8(r, 4) % 3);
		break;
	case LIFE_KEY:
		if (b >= SCRIPT_ODD)
			put_long(disk->front, PICK(keys, a), b);
		else
			life_put_at(disk->front, PICK(keys, a),
				    PICK(values, b));
		break;
	case LIFE_FRONT_GONE:
		life_take(disk->front);
		break;
	case LIFE_CREATE:
	case LIFE_REMOVE:
	case LIFE_BACK_STATE:
	case LIFE_ONLINE:
	case LIFE_BACK_KEY:
		life_toolstack(disk, r);
		break;
	case LIFE_WORKER:
		worker_does(disk, a, b);
		break;
	case LIFE_FLOOD:
		flood(disk, a, b);
		break;
	case LIFE_DOMAIN:
		domain(disk, a);
		break;
	default:
		break;
	}
}

void life_act(const struct script_record *r)
{
	const uint8_t a = script_u8(r, 2);

	switch (script_u8(r, 0) % LIFE_KIND_COUNT) {
	case LIFE_RUN:
		for (unsigned int i = 0; i < 1u + a % 8; i++)
			(void)host_step(life.host);
		break;
	case LIFE_CLOCK:
		sim_clock_advance(script_u32(r, 4) * 1000000ull);
		life_fire_timers();
		break;
	case LIFE_AGAIN:
		life.again = a % 70;
		break;
	case LIFE_FAIL:
		life_plan_failure(1u + a, script_u8(r, 3));
		break;
	case LIFE_DAEMON:
		life_restart();
		break;
	case LIFE_CHANGE:
		change(&life.disk[script_u8(r, 1) % LIFE_DISKS], a,
		       script_u8(r, 3));
		break;
	case LIFE_BESIDE:
		life_beside(r);
		break;
	default:
		life_touch(r);
		break;
	}
}
