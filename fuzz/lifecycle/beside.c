/*
 * What is there beside the disks: nodes of the backend's directory that are no
 * disk's, crowds of them, another backend, a shortage of descriptors, a table
 * that somebody wrote into, a daemon that was told to end.  See life.h.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/checked.h"
#include "backend/base/inflight.h"
#include "backend/supervisor/host.h"
#include "fuzz/lifecycle/life.h"
#include "sim/sim.h"

#define ROOT  "/local/domain/0/backend/vbd"
#define CROWD (LIMIT_DEVICES + 1u)

int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
ssize_t __real_pwrite(int fd, const void *data, size_t bytes, off_t at);
ssize_t __wrap_pwrite(int fd, const void *data, size_t bytes, off_t at);
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

enum what {
	NODE,	   /* 3: which */
	NO_NODE,   /* the same */
	MANY,	   /* more disks than there may be come and go */
	RIVAL,	   /* 3: odd: the kernel's backend has all disks */
	PV,	   /* 3: odd: the daemon's domain is a PV one */
	NO_TIMER,  /* 3: so many of the next cannot be had */
	NO_TABLE,  /* the same */
	SPOIL,	   /* 3: what of the disk's table */
	RARE,	   /* 3: which call, 4: its error */
	STOP,	   /* the daemon is told to end: another one after a record */
	START,	   /* one cannot begin: 3: at which of its calls */
	NO_MEMORY, /* 3: the how many-th call for memory fails */
	NO_WRITE,  /* 3: so many writes into tables fail, 4: after so many */
	WHAT_COUNT,
};

/* One spelling names a disk: none of these does, but for the last. */
static const char *const nodes[] = {
	"x/state",
	"05/51712/state",
	"5/051712/state",
	"40000/1/state",
	"5/4294967296/state",
	"5/51712x/state",
	"5/x",
	"6/",
	"5/51712/params/deep",
	"5/99/mode",
	"/",
	"5/77/state",
};

static void path_of(uint8_t which, char *path)
{
	snprintf(path, LIFE_PATH_BYTES, "%s/%s", ROOT,
		 nodes[which % ARRAY_SIZE(nodes)]);
	/* A node has no slash at its end. */
	while (path[strlen(path) - 1] == '/')
		path[strlen(path) - 1] = '\0';
}

/* Not below a directory that the toolstack removed: nothing brings that back. */
static void put_node(uint8_t which)
{
	char path[LIFE_PATH_BYTES];

	path_of(which, path);
	for (unsigned int i = 0; i < LIFE_DISKS; i++)
		if (!life.disk[i].made &&
		    strncmp(path, life.disk[i].back,
			    strlen(life.disk[i].back)) == 0)
			return;
	life_put(path, "1", 1);
}

static void take_node(uint8_t which)
{
	char path[LIFE_PATH_BYTES];

	path_of(which, path);
	/* All disks, or those of a domain. */
	for (unsigned int i = 0; i < LIFE_DISKS; i++)
		if (strncmp(life.disk[i].back, path, strlen(path)) == 0)
			life_remove(&life.disk[i]);
	life_take(path);
}

static bool holds_disks(uint8_t which)
{
	char path[LIFE_PATH_BYTES];

	path_of(which, path);
	for (unsigned int i = 0; i < LIFE_DISKS; i++)
		if (strncmp(life.disk[i].back, path, strlen(path)) == 0)
			return true;
	return false;
}

/* A line and a look for each is what so many disks may cost. */
static void crowd(void)
{
	char path[LIFE_PATH_BYTES];

	/* It costs as much as a hundred other records. */
	if (life.crowded)
		return;
	life.crowded = true;
	for (unsigned int i = 0; i < CROWD; i++) {
		snprintf(path, sizeof(path), ROOT "/7/%u/state", i);
		life_put(path, "1", 1);
	}
	life_everybody();
	life_take(ROOT "/7");
	life_everybody();
}

/* --- a table that a worker could have written into --- */

struct spot {
	size_t at;
	uint32_t value;
};

#define SPOT(member, number)                                                   \
	{                                                                      \
		offsetof(struct inflight_region, member), number               \
	}

static const struct spot spots[] = {
	SPOT(magic, 1),
	SPOT(version, 99),
	SPOT(queues, 77),
	SPOT(queue_bytes, 5),
	SPOT(connection.live, 0),
	SPOT(connection.domid, 9),
	SPOT(connection.devid, 1),
	SPOT(connection.boot, 1),
	SPOT(connection.attach.indirect, LIMIT_INDIRECT_SEGMENTS + 1),
	SPOT(connection.attach.barrier, 2),
	SPOT(connection.attach.discard, 2),
	SPOT(connection.attach.queues, 0),
	SPOT(connection.sectors, 8),
};

static void spoil(const struct life_disk *disk, uint8_t which)
{
	const struct spot *spot;

	if (disk->table < 0)
		return;
	if (which >= SCRIPT_ODD) {
		(void)!ftruncate(disk->table, which);
		return;
	}
	spot = &spots[which % ARRAY_SIZE(spots)];
	(void)!__real_pwrite(disk->table, &spot->value, sizeof(spot->value),
			     (off_t)spot->at);
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t bytes, off_t at)
{
	if (life.no_writes > 0 && life.good_writes == 0) {
		life.no_writes--;
		life.unwritten = true;
		errno = ENOSPC;
		return -1;
	}
	life.good_writes -= life.good_writes > 0;
	return __real_pwrite(fd, data, bytes, at);
}

/* --- another backend --- */

int __wrap_access(const char *path, int mode)
{
	if (strstr(path, "/sys/bus/xen-backend/devices/") == NULL)
		return __real_access(path, mode);
	errno = ENOENT;
	return life.rival ? 0 : -1;
}

/* --- memory --- */

void *__wrap_calloc(size_t count, size_t bytes)
{
	if (life.no_memory == 0 || --life.no_memory > 0)
		return __real_calloc(count, bytes);
	errno = ENOMEM;
	return NULL;
}

/* --- a start that fails --- */

/* Calls of xenstore in turn, or memory; what was begun must be undone. */
static void start(uint8_t which)
{
	struct host *host = NULL;

	host_destroy(life.host);
	life.host = NULL;
	if (which >= SCRIPT_ODD)
		life.no_memory = 1u + which % 8;
	else
		life_plan_failure(1u + which % 8, which / 8);
	if (host_create(&life.conf, &host) == 0)
		host_destroy(host);
	life_restart();
}

/* --- records --- */

static void stop(void)
{
	host_stop(life.host);
	life.stopping = true;
	for (unsigned int i = 0; i < LIFE_DISKS; i++)
		life.disk[i].alone = false;
}

void life_beside(const struct script_record *r)
{
	const uint8_t b = script_u8(r, 3);
	struct life_disk *disk = &life.disk[script_u8(r, 1) % LIFE_DISKS];

	disk->touched = true;
	switch (script_u8(r, 2) % WHAT_COUNT) {
	case NODE:
		put_node(b);
		break;
	case NO_NODE:
		take_node(b);
		break;
	case MANY:
		crowd();
		break;
	case RIVAL:
		life.rival = b % 2 != 0;
		break;
	case PV:
		life.pv = b % 2 != 0;
		break;
	case NO_TIMER:
		life.no_timers = b % 8;
		break;
	case NO_TABLE:
		life.no_tables = b % 8;
		break;
	case SPOIL:
		spoil(disk, b);
		break;
	case RARE:
		life_plan_rare_failure(1u + b % 16, script_u8(r, 4));
		break;
	case START:
		start(b);
		break;
	case NO_WRITE:
		life.no_writes = 1u + b % 4;
		life.good_writes = script_u8(r, 4) % 8;
		break;
	case NO_MEMORY:
		life.no_memory = 1u + b % 16;
		break;
	default:
		stop();
		break;
	}
}

void life_beside_end(void)
{
	life.rival = life.pv = false;
	life.no_timers = life.no_tables = life.no_memory = life.no_writes = 0;
	for (uint8_t i = 0; i < ARRAY_SIZE(nodes); i++)
		if (!holds_disks(i))
			take_node(i);
}
