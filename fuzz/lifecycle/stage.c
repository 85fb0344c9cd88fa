/*
 * A play of the supervisor: a host with two domains, the records one after the
 * other, and an end that every play has: whatever happened, a new frontend is
 * served, its disk is unplugged in order, and then nothing is left.  See life.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/supervisor/device.h"
#include "backend/supervisor/host.h"
#include "fuzz/lifecycle/life.h"
#include "sim/sim.h"

struct life life;

void life_begin(const struct life_limits *limits)
{
	sim_reset(1);
	memset(&life, 0, sizeof(life));
	life.touch = life_touch;
	conf_init(&life.conf);
	life.conf.max_queues = limits->queues;
	life.conf.max_ring_order = limits->order;
	life.conf.max_rescues = limits->rescues;
	if (limits->tables)
		snprintf(life.conf.tables, sizeof(life.conf.tables), "%s",
			 LIFE_TABLES_HOME);
	tables_reset(true);
	images_begin();
	workers_reset();
	for (unsigned int i = 0; i < LIFE_DISKS; i++) {
		struct life_disk *disk = &life.disk[i];

		disk->domid = 5 + i;
		disk->devid = 51712 + 16 * i;
		snprintf(disk->back, sizeof(disk->back),
			 "/local/domain/0/backend/vbd/%u/%u", disk->domid,
			 disk->devid);
		snprintf(disk->front, sizeof(disk->front),
			 "/local/domain/%u/device/vbd/%u", disk->domid,
			 disk->devid);
		if (sim_domain_create(disk->domid, 64) < 0)
			abort();
	}
	sim_enter(0);
	life.toolstack = xs_open(0);
	if (life.toolstack == NULL || host_create(&life.conf, &life.host) < 0)
		abort();
}

/* Since the toolstack asked for the end of a disk nobody asked for another. */
static void check_unplugged(const struct life_disk *disk)
{
	char state[16];

	if (!disk->unplugged || life.spoilt ||
	    !life_get(disk->back, state, sizeof(state)))
		return;
	if (disk->turn.last == 2 || disk->turn.last == 4)
		oracle_fail(ORACLE_PROGRESS,
			    "disk %u of domain %u was to be unplugged, and its "
			    "state is %u",
			    disk->devid, disk->domid, disk->turn.last);
}

/* Whoever serves a disk has seen what its frontend said last. */
static void check_seen(const struct life_disk *disk)
{
	const struct life_worker *worker = disk->worker;
	char path[LIFE_PATH_BYTES + 16], state[16] = "";
	unsigned int said;

	/* Others than the frontend, or a debt, are reasons to look later. */
	if (!disk->alone || life.spoilt || life.timers > 0 ||
	    !disk->turn.ours || disk->turn.last == 1 || worker == NULL ||
	    worker->silent || worker->owes || worker->link < 0)
		return;
	snprintf(path, sizeof(path), "%s/state", disk->front);
	if (life_get(path, state, sizeof(state)))
		said = (unsigned int)strtoul(state, NULL, 10);
	else
		said = 0;
	if (said != disk->reads.state)
		oracle_fail(ORACLE_PROGRESS,
			    "the frontend of disk %u of domain %u is in state "
			    "%u, and was last seen in %u",
			    disk->devid, disk->domid, said, disk->reads.state);
}

static void check_disks(void)
{
	for (unsigned int i = 0; i < LIFE_DISKS; i++) {
		const struct life_disk *disk = &life.disk[i];

		if (!disk->made)
			removal_check(life.toolstack, disk->back);
		check_unplugged(disk);
		check_seen(disk);
		life.hash = life.hash * 31 + disk->turn.last;
	}
}

/* A daemon that was told to end has the time of one record for that. */
static void one(const struct script_record *r)
{
	const bool stopping = life.stopping;

	life_act(r);
	if (host_lost(life.host))
		life_restart();
	if (script_u8(r, 15) >= SCRIPT_ODD)
		return;
	life_settle();
	if (stopping && life.stopping)
		life_restart();
	if (!life.stopping && !life_has_plans())
		check_disks();
}

static void play(const struct script *script)
{
	for (unsigned int i = 0; i < script->operations; i++) {
		const struct script_record *r = &script->operation[i];

		if (script_u8(r, 0) % LIFE_KIND_COUNT == LIFE_BETWEEN &&
		    i + 1 < script->operations) {
			life_plan(1u + script_u8(r, 2),
				  script_u8(r, 3) % 3 == 2 ? LIFE_WATCHES
							   : LIFE_ALL_CALLS,
				  &script->operation[++i]);
			continue;
		}
		one(r);
	}
}

/* --- the end --- */

void life_rest(void)
{
	life_settle();
	for (unsigned int i = 0; i < 64 && life.timers > 0; i++) {
		sim_clock_advance(1000000000);
		life_fire_timers();
		life_settle();
	}
}

void life_expect(const struct life_disk *disk, const char *what,
		 const char *wanted)
{
	char path[LIFE_PATH_BYTES + 16], state[16] = "none";

	snprintf(path, sizeof(path), "%s/state", disk->back);
	(void)life_get(path, state, sizeof(state));
	if (strcmp(state, wanted) != 0)
		oracle_fail(ORACLE_PROGRESS,
			    "%s, disk %u of domain %u is in state %s instead "
			    "of %s",
			    what, disk->devid, disk->domid, state, wanted);
}

void life_front_says(const struct life_disk *disk, const char *state)
{
	char path[LIFE_PATH_BYTES + 16];

	snprintf(path, sizeof(path), "%s/state", disk->front);
	life_put(path, state, 1);
	life_rest();
}

/* Both at once: the supervisor finds only the second. */
static void front_says_at_once(const struct life_disk *disk, const char *first,
			       const char *second)
{
	char path[LIFE_PATH_BYTES + 16];

	snprintf(path, sizeof(path), "%s/state", disk->front);
	life_put(path, first, 1);
	life_front_says(disk, second);
}

static void front_connects(const struct life_disk *disk)
{
	life_keys(disk, 1, 0, 0);
	life.again = 3;
	front_says_at_once(disk, "3", "4");
	life_expect(disk, "with a frontend that is Connected", "4");
}

/* Another daemon serves on what it finds connected, with a table that says so,
 * and nothing that is not what was served. */
static void outlive(const struct life_disk *disk)
{
	char path[LIFE_PATH_BYTES + 16];

	life_restart();
	life_rest();
	life_expect(disk, "with another daemon", "4");
	snprintf(path, sizeof(path), "%s/ring-ref", disk->front);
	life_put(path, "9", 1);
	life_restart();
	life_rest();
	life_expect(disk, "with another daemon and another ring", "5");
	life_front_says(disk, "6");
	life_front_says(disk, "1");
	life_expect(disk, "with a frontend that begins anew", "2");
	front_connects(disk);
}

/* A frontend as good as any, on a store where others are busy, too. */
static void serve_once(struct life_disk *disk)
{
	life_keys(disk, 1, 0, 0);
	life_front_says(disk, "3");
	life_expect(disk, "with a frontend that is Initialised", "4");
	life_front_says(disk, "4");
	life_front_says(disk, "5");
	life_expect(disk, "with a frontend that is Closing", "5");
	life_front_says(disk, "6");
	life_expect(disk, "with a frontend that is Closed", "6");
	life_front_says(disk, "1");
	life_expect(disk, "with a frontend that begins anew", "2");
	front_connects(disk);
	front_says_at_once(disk, "6", "1");
	life_expect(disk, "with a frontend that was Closed for a moment", "2");
	front_connects(disk);
	if (life.conf.tables[0] != '\0')
		outlive(disk);
	life_take(disk->front);
	life_rest();
	life_expect(disk, "with a frontend that is gone", "6");
}

static void make(struct life_disk *disk)
{
	(void)sim_domain_create(disk->domid, 64);
	sim_enter(0);
	life.again = 3;
	life_create(disk, "null:1M", false);
	life_rest();
	life_expect(disk, "made anew", "2");
}

static void unplug(struct life_disk *disk)
{
	char path[LIFE_PATH_BYTES + 16];

	life_front_says(disk, "1");
	front_connects(disk);
	snprintf(path, sizeof(path), "%s/online", disk->back);
	life_put(path, "0", 1);
	snprintf(path, sizeof(path), "%s/state", disk->back);
	life_put(path, "5", 1);
	states_toolstack(&disk->turn, 5);
	life_rest();
	life_front_says(disk, "6");
	life_expect(disk, "unplugged", "6");
}

/* Where the daemon wrote last, though perhaps not at the first try. */
static void expect_shown(const struct life_disk *disk)
{
	static const char *const shown[DEVICE_STATE_COUNT] = {
		[DEVICE_WAITING] = "2",
		[DEVICE_CONNECTED] = "4",
		[DEVICE_CLOSING] = "5",
		[DEVICE_CLOSED] = "6"};
	const struct device *device = life_device(disk);
	struct device_view view;

	if (device == NULL || !disk->made || !disk->turn.ours)
		return;
	device_view(device, &view);
	if (shown[view.state] != NULL)
		life_expect(disk, "at rest", shown[view.state]);
	/* Also if they could not be read when it was connected. */
	if (view.state == DEVICE_CONNECTED && disk->known &&
	    disk->worker != NULL)
		talk_limited(&disk->worker->talk, disk->iops);
}

void life_expect_known(void)
{
	char path[LIFE_PATH_BYTES + 16], state[16];
	unsigned int there = 0;

	/* Nobody looks again for what xenstore says is not there. */
	if (life.denied)
		return;
	for (unsigned int i = 0; i < LIFE_DISKS; i++) {
		snprintf(path, sizeof(path), "%s/state", life.disk[i].back);
		there += life_get(path, state, sizeof(state));
	}
	if (host_devices(life.host) < there)
		oracle_fail(ORACLE_PROGRESS,
			    "%u disks are held, and there are %u",
			    host_devices(life.host), there);
	for (unsigned int i = 0; i < LIFE_DISKS; i++)
		expect_shown(&life.disk[i]);
}

void life_remove_all(void)
{
	for (unsigned int i = 0; i < LIFE_DISKS; i++) {
		life_remove(&life.disk[i]);
		life_take(life.disk[i].front);
	}
	life_rest();
	if (host_devices(life.host) > 0)
		oracle_fail(ORACLE_PROGRESS,
			    "%u disks are held though their directories are "
			    "gone",
			    host_devices(life.host));
	check_disks();
}

static void end(void)
{
	life_forget_plans();
	workers_behave();
	life_beside_end();
	if (life.stopping)
		life_restart();
	life_rest();
	life_expect_known();
	life_remove_all();
	for (unsigned int i = 0; i < LIFE_DISKS; i++) {
		make(&life.disk[i]);
		/* One that nothing has happened to is served, no more: an end
		 * takes as long as most scripts. */
		if (life.disk[i].touched)
			serve_once(&life.disk[i]);
		unplug(&life.disk[i]);
	}
	life_remove_all();
}

void life_finish(void)
{
	host_destroy(life.host);
	xs_close(life.toolstack);
	workers_reset();
	tables_reset(false);
	images_end();
}

void life_play(const uint8_t *data, size_t bytes, struct life_result *result)
{
	static struct script script;
	struct life_limits limits;
	struct held before, after;

	script_decode(data, bytes, &script);
	limits = (struct life_limits){
		.queues = 1 + script_u8(&script.device, LIFE_QUEUES) % 4,
		.order = script_u8(&script.device, LIFE_ORDER) % 3,
		.rescues = script_u8(&script.device, LIFE_RESCUES) % 8,
		.tables = script_u8(&script.device, LIFE_TABLES) % 2 != 0};
	life_begin(&limits);
	held_take(&before);
	play(&script);
	*result = (struct life_result){life.hash, life.offered, life.connected};
	end();
	result->hash ^= life.calls;
	held_take(&after);
	held_check(&before, &after);
	life_finish();
}
