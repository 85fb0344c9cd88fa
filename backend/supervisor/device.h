/*
 * One virtual disk: its directories in xenstore, its xenbus states, its worker.
 *
 * Owned by host.c, which tells it what changed (device_note_*) and lets it act
 * (device_step).  It never waits: while the worker has a question to answer,
 * what the frontend and the toolstack do is noted and looked at afterwards.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "backend/supervisor/conf.h"
#include "backend/supervisor/store.h"
#include "backend/supervisor/table.h"

/*
 * enum device_state - life of one virtual disk
 *
 *   NEW         its directory was seen, but is not complete yet; no worker
 *   OPENING     a worker has the image, its READY is awaited
 *   WAITING     InitWait is published, no ring is mapped
 *   CONNECTING  the worker maps the rings, its answer is awaited
 *   CONNECTED   Connected is published, the worker serves
 *   PAUSING     the worker finishes what it has taken, and ends; another one goes
 *               on, with another capacity or another medium
 *   SETTLING    the worker before this one is dead, or another daemon's still
 *               drains: what the kernel still does for it is awaited, and then
 *               a new one is started; no ring is mapped by us
 *   RESCUING    a worker died that served; a new one goes on with its rings and
 *               its table: first its READY is awaited, then that it serves
 *   CLOSING     Closing is published: the frontend or the toolstack wants to end
 *               it (the worker serves on), or something went wrong
 *   DETACHING   the worker finishes and unmaps, its answer is awaited
 *   CLOSED      Closed is published, nothing is mapped; may start again
 *   GONE        its directory was removed; device_finished() once the worker ended
 */
enum device_state {
	DEVICE_NEW,
	DEVICE_OPENING,
	DEVICE_WAITING,
	DEVICE_CONNECTING,
	DEVICE_CONNECTED,
	DEVICE_PAUSING,
	DEVICE_SETTLING,
	DEVICE_RESCUING,
	DEVICE_CLOSING,
	DEVICE_DETACHING,
	DEVICE_CLOSED,
	DEVICE_GONE,
	DEVICE_STATE_COUNT,
};

struct device_key {
	uint32_t domid;
	uint32_t devid;
};

struct recording;

struct device_options {
	const struct conf *conf;
	struct store *store;
	struct device_key key;
	struct recording *recording; /* NULL: nothing is recorded */
	int poller; /* epoll: the worker's descriptors are added with the key */
};

struct device;

/**
 * device_create() - a disk in state NEW that will look at its directory.
 *
 * Return: 0 or -errno.
 */
int device_create(const struct device_options *options, struct device **device);

/** device_destroy() - free it; a worker that still lives is killed. */
void device_destroy(struct device *device);

/* Something may have changed there; device_step() looks. */
void device_note_backend(struct device *device);
void device_note_frontend(struct device *device);
void device_note_release(struct device *device); /* some domain died */
/* xenstore answers, perhaps also what it did not answer before. */
void device_note_again(struct device *device);
/* It did not answer what this disk depends on. */
bool device_is_unsure(const struct device *device);
void device_note_worker(struct device *device);

/**
 * device_step() - act on what was noted; never blocks; whether anything was
 * done.
 */
bool device_step(struct device *device);

/** device_finished() - GONE, and the worker with it: destroy it. */
bool device_finished(const struct device *device);

/** device_stop_worker() - let it drain and end, for the end of the daemon. */
void device_stop_worker(struct device *device);
bool device_has_worker(const struct device *device);

/** device_limit() - other limits for this disk, for its worker from now on. */
void device_limit(struct device *device, const struct conf_limits *limits);

/* Room for the sentences of the two below. */
#define DEVICE_REASON_BYTES 512u

/**
 * device_resize() - look at the size of the image again, and have that many
 * sectors from soon on.
 * @sectors: at most so many; 0: all that the image has
 * @sentence: why not
 *
 * Return: 0 when it is on its way, or -errno.
 */
int device_resize(struct device *device, uint64_t sectors, char *sentence);

/**
 * device_change_medium() - another medium for a CD-ROM drive.
 * @params: as a toolstack writes it; "": none
 * @sentence: why not
 *
 * Return: 0 when it is on its way, or -errno.
 */
int device_change_medium(struct device *device, const char *params,
			 char *sentence);

/* What the control socket shows. */
struct device_view {
	struct device_key key;
	enum device_state state;
	const char *state_name;
	const char *params;
	const char *error; /* the last sentence, "" if there was none */
	uint64_t sectors;
	uint32_t physical_bytes;
	uint32_t queues; /* of the connection; 0 when there is none */
	uint32_t ring_order;
	const char *protocol; /* "x86_64-abi"; "" when not connected */
	bool persistent;
	bool readonly;
	bool direct;
	bool cdrom;
	bool changing; /* another capacity or medium is on its way */
	pid_t worker;  /* 0 when there is none */
	uint32_t connections;
	uint32_t worker_deaths;
	uint32_t rescues; /* deaths that the guest saw as a pause */
	uint64_t longest_pause_ns;
	struct conf_limits limits;
	uint64_t since_ns;	   /* in this state */
	const struct table *table; /* its counters */
};

/** device_view() - a look at it; the pointers are valid until its next step. */
void device_view(const struct device *device, struct device_view *view);

/** device_key() - which disk it is. */
struct device_key device_key(const struct device *device);

/**
 * device_key_pack() - a key as one number, and back: what the poller carries.
 */
static inline uint64_t device_key_pack(struct device_key key)
{
	return (uint64_t)key.domid << 32 | key.devid;
}
