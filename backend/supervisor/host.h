/*
 * All disks of one backend directory.
 *
 * Owns the store connection, the watches and the devices.  Driven by main.c,
 * which sleeps on host_fd(), and in process by tests, which call host_step()
 * until nothing is left to do.
 */
#pragma once

#include <stdbool.h>

#include "backend/supervisor/conf.h"
#include "backend/supervisor/device.h"

struct host;

/**
 * host_create() - connect to xenstore and watch backend/<directory>.
 * @conf: must outlive the host
 *
 * Disks that are there already are found by the first steps.  Return: 0, or
 * -errno when there is no xenstore.
 */
int host_create(const struct conf *conf, struct host **host);

/**
 * host_destroy() - close everything; workers that still live are killed; NULL
 * is fine.
 */
void host_destroy(struct host *host);

/**
 * host_step() - take some events and let the disks that they concern act.
 *
 * Never blocks; a bounded amount of work.  Return: whether anything was done:
 * call again if so.
 */
bool host_step(struct host *host);

/** host_set_recording() - what disks found from now on tell of; or NULL. */
void host_set_recording(struct host *host, struct recording *recording);

/** host_fd() - becomes readable when host_step() has something to do. */
int host_fd(const struct host *host);

/** host_lost() - xenstore is gone for good; nothing more will happen. */
bool host_lost(const struct host *host);

/** host_stop() - ask every worker to drain and end; host_step() on until ... */
void host_stop(struct host *host);

/**
 * host_limit() - other limits for a disk; false when there is no such disk.
 */
bool host_limit(struct host *host, struct device_key key,
		const struct conf_limits *limits);

/** host_edit() - a disk that is to be changed; NULL when there is none. */
struct device *host_edit(struct host *host, struct device_key key);

/** host_workers() - how many workers live. */
unsigned int host_workers(const struct host *host);

/* The disks, ordered by domain and device number. */
unsigned int host_devices(const struct host *host);
const struct device *host_device(const struct host *host, unsigned int i);
const struct device *host_find(const struct host *host, struct device_key key);
