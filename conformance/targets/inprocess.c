/*
 * Target "inprocess": supervisor, worker and frontend in one process, on the
 * simulator, for one case.
 *
 * Everything happens in the case's process: the world is made in enter() and
 * ends with the process.  Time passes only when the frontend waits: then every
 * part takes steps until none has anything to do, and only then the virtual
 * clock moves.  So the same case gives the same trace, and nothing is ever
 * missed or early by luck.
 *
 * It supplies launch_worker(): a worker is an object here, not a process.
 */
#include "conformance/targets/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xenstore.h>

#include "backend/base/check.h"
#include "backend/base/log.h"
#include "backend/supervisor/host.h"
#include "backend/supervisor/launch.h"
#include "backend/worker/worker.h"
#include "conformance/targets/store.h"
#include "conformance/targets/toolstack.h"
#include "sim/sim.h"

#define GUEST	    5u
#define GUEST_PAGES 8192u
#define WORKERS	    16u
#define NS_PER_MS   1000000ull
#define SEED	    1u

#define FIRST_DISK 51712u /* xvda; the others: 16 more each */

static struct {
	struct conf conf;
	struct host *host;
	struct xs_handle *store; /* the toolstack's */
	struct worker *worker[WORKERS];
	struct toolstack_disk disk[CASE_DISK_COUNT];
	char params[CASE_DISK_COUNT][32];
} world;

int launch_worker(const char *path, int link_fd, pid_t *pid)
{
	(void)path;
	*pid = 0;
	for (unsigned int i = 0; i < WORKERS; i++) {
		if (world.worker[i] == NULL)
			return worker_create(link_fd, false, &world.worker[i]);
	}
	return -EAGAIN;
}

/* A worker that ends leaves its place; so does one whose supervisor hung up. */
static bool step_worker(struct worker **worker)
{
	int done = worker_step(*worker);

	if (done >= 0)
		return done > 0;
	worker_destroy(*worker);
	*worker = NULL;
	return true;
}

static bool step_everything(void)
{
	bool busy = host_step(world.host);

	for (unsigned int i = 0; i < WORKERS; i++) {
		if (world.worker[i] != NULL)
			busy |= step_worker(&world.worker[i]);
	}
	return busy;
}

/* The backend acts as dom0.  A backend that never rests hangs here: the runner
 * ends it. */
static bool settle(void)
{
	uint32_t before = sim_enter(0);
	bool any = false;

	while (step_everything())
		any = true;
	sim_enter(before);
	return any;
}

/* What wakes a guest: an event on a port of its own, or a watch on the
 * backend's state. */
struct notice {
	uint64_t events;
	unsigned int state[CASE_DISK_COUNT];
};

static struct notice look_for_notice(void)
{
	struct notice notice;
	struct sim_ledger ledger;

	sim_ledger(GUEST, &ledger);
	notice.events = ledger.events_delivered;
	for (unsigned int i = 0; i < CASE_DISK_COUNT; i++)
		notice.state[i] = toolstack_state(world.store, &world.disk[i]);
	return notice;
}

static bool settle_and_notice(void)
{
	struct notice before = look_for_notice(), now;

	settle();
	now = look_for_notice();
	return now.events != before.events ||
	       memcmp(now.state, before.state, sizeof(now.state)) != 0;
}

static int let_time_pass(void *context, struct front *front, int timeout_ms)
{
	(void)context;
	(void)front;
	if (settle_and_notice())
		return 1;
	sim_clock_advance((unsigned int)timeout_ms * NS_PER_MS);
	return settle_and_notice();
}

static unsigned int mapped(void *context, uint32_t gref)
{
	(void)context;
	return sim_grant_mapped(GUEST, gref);
}

static int ask_unplug(void *context, enum case_disk disk)
{
	(void)context;
	return toolstack_ask_unplug(world.store, &world.disk[disk]);
}

static int replug(void *context, enum case_disk disk)
{
	int result = ask_unplug(context, disk);

	settle();
	if (result == 0 && !toolstack_unplugged(world.store, &world.disk[disk]))
		return -ETIMEDOUT;
	if (result == 0)
		result = toolstack_remove(world.store, &world.disk[disk]);
	settle();
	return result != 0 ? result
			   : toolstack_plug(world.store, &world.disk[disk]);
}

static char *error_of(void *context, enum case_disk disk)
{
	(void)context;
	return toolstack_error(world.store, &world.disk[disk]);
}

static int do_deed(void *context, enum case_disk disk, enum guest_deed deed)
{
	(void)context;
	return toolstack_do(world.store, &world.disk[disk], deed);
}

static int resize(void *context, enum case_disk disk, uint64_t sectors)
{
	const struct device_key key = {.domid = GUEST,
				       .devid = world.disk[disk].devid};
	struct device *device = host_edit(world.host, key);
	char sentence[DEVICE_REASON_BYTES];

	(void)context;
	return device == NULL ? -ENOENT
			      : device_resize(device, sectors, sentence);
}

static int medium(void *context, enum case_disk disk, bool in)
{
	(void)context;
	return toolstack_medium(world.store, &world.disk[disk],
				in ? world.disk[disk].params : "");
}

static void describe_disk(enum case_disk disk)
{
	const struct case_disk_shape *shape = case_disk_shape(disk);

	/* A disk in memory has one size: what has several keeps nothing. */
	if (shape->block > 0)
		snprintf(world.params[disk], sizeof(world.params[disk]),
			 STORE_URI);
	else
		snprintf(world.params[disk], sizeof(world.params[disk]),
			 "%s:%llu", disk == DISK_ELASTIC ? "null" : "ram",
			 (unsigned long long)shape->sectors * 512);
	world.disk[disk] = (struct toolstack_disk){
		.domid = GUEST,
		.kind = "vbd",
		.devid = FIRST_DISK + 16u * disk,
		.name = shape->device,
		.params = world.params[disk],
		.readonly = shape->readonly,
		.cdrom = shape->cdrom,
	};
}

static int make_world(const struct conform_case *one)
{
	int result;

	sim_reset(SEED);
	result = sim_domain_create(GUEST, GUEST_PAGES);
	if (result != 0)
		return result;
	for (unsigned int i = 0; i < CASE_DISK_COUNT; i++)
		describe_disk(i);
	sim_enter(0);
	world.store = xs_open(0);
	if (world.store == NULL)
		return -errno;
	result = toolstack_domain(world.store, GUEST);
	if (result == 0)
		result = toolstack_plug(world.store, &world.disk[one->disk]);
	return result;
}

static int start_host(enum case_disk disk)
{
	conf_init(&world.conf);
	if (disk == DISK_PLAIN) {
		world.conf.barrier = false;
		world.conf.max_indirect = 0;
	}
	/* no socket, no process, no privileges: nothing here leaves the process
	 */
	world.conf.control[0] = '\0';
	world.conf.sandbox = false;
	world.conf.poll_us = 0;
	return host_create(&world.conf, &world.host);
}

/*
 * A disk in memory is address space first, of which ThreadSanitizer leaves a
 * program less than the largest disk: then this target has no such disk.
 */
static bool has_room(uint64_t sectors)
{
	const size_t bytes = (size_t)sectors * 512;
	void *space = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (space == MAP_FAILED)
		return false;
	(void)munmap(space, bytes);
	return true;
}

static int inprocess_enter(const struct conform_case *one,
			   struct guest_world *guest)
{
	int result = make_world(one);

	if (result == 0)
		result = start_host(one->disk);
	if (result != 0)
		return result;
	settle();
	sim_enter(GUEST);
	guest->domid = GUEST;
	for (unsigned int i = 0; i < CASE_DISK_COUNT; i++) {
		const uint64_t sectors = case_disk_shape(i)->sectors;

		guest->sectors[i] = sectors;
		guest->devid[i] = has_room(sectors) ? world.disk[i].devid : 0;
	}
	guest->wait = let_time_pass;
	guest->replug = replug;
	guest->ask_unplug = ask_unplug;
	guest->deed = do_deed;
	guest->resize = resize;
	guest->medium = medium;
	guest->forgets = one->disk == DISK_ELASTIC;
	guest->error = error_of;
	guest->mapped = mapped;
	guest->timeout_ms = 5000;
	return 0;
}

static uint64_t inprocess_leave(void)
{
	return sim_trace_hash();
}

static int inprocess_start(char **argv, char why[TARGET_TEXT_BYTES])
{
	(void)argv;
	(void)why;
	return 0;
}

static void inprocess_stop(void)
{
}

static int inprocess_before(const struct conform_case *one,
			    char why[TARGET_TEXT_BYTES])
{
	(void)one;
	(void)why;
	return 0;
}

/* The backend lived and died with the case's process: the runner saw how it
 * ended. */
static enum target_health inprocess_after(const struct conform_case *one,
					  char why[TARGET_TEXT_BYTES])
{
	(void)one;
	(void)why;
	return TARGET_ALIVE;
}

static const struct target inprocess = {
	.name = "inprocess",
	.backend = "xenblk",
	.ours = true,
	.start = inprocess_start,
	.stop = inprocess_stop,
	.before = inprocess_before,
	.enter = inprocess_enter,
	.leave = inprocess_leave,
	.after = inprocess_after,
};

const struct target *const targets[] = {&inprocess, NULL};
