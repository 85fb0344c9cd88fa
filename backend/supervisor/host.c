/*
 * The set of disks.  See host.h.
 *
 * Every event only sets a note; acting comes after, so that a thousand events
 * for one disk cost one look.
 */
#include "backend/supervisor/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/limits.h"
#include "backend/base/log.h"
#include "backend/supervisor/again.h"
#include "backend/supervisor/disk_path.h"
#include "backend/supervisor/disks.h"
#include "backend/supervisor/store.h"

/* Events taken in one step, before the disks act. */
#define STEP_EVENTS 256
#define STEP_POLLED 64

/* Keys of the poller that are no disk's: no domain has these numbers. */
#define POLLED_STORE UINT64_MAX
#define POLLED_PULSE (UINT64_MAX - 1)
#define POLLED_AGAIN (UINT64_MAX - 2)

#define TOKEN_BACKEND "backend"
#define TOKEN_RELEASE "release"

struct host {
	const struct conf *conf;
	struct store *store;
	struct recording *recording;
	int poller;
	char root[STORE_PATH_BYTES]; /* "/local/domain/0/backend/vbd" */
	bool rescan;
	bool stopping;
	bool swept;  /* tables of disks that are no more */
	bool full;   /* said that there are too many disks */
	bool unsure; /* one may be there that could not be read, or held */
	struct again again;
	struct disks disks;
};

static int watch_descriptor(const struct host *host, int fd, uint64_t key)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = key};

	if (fd < 0)
		return 0;
	if (epoll_ctl(host->poller, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	return 0;
}

static int host_connect(struct host *host)
{
	int error = store_open(&host->store);

	if (error < 0)
		return error;
	snprintf(host->root, sizeof(host->root), "%s/backend/%s",
		 store_home(host->store), host->conf->directory);
	error = store_watch(host->store, host->root, TOKEN_BACKEND);
	if (error == 0)
		error = store_watch(host->store, "@releaseDomain",
				    TOKEN_RELEASE);
	if (error == 0)
		error = watch_descriptor(host, store_fd(host->store),
					 POLLED_STORE);
	if (error == 0)
		error = watch_descriptor(host, store_pulse_fd(host->store),
					 POLLED_PULSE);
	return error;
}

int host_create(const struct conf *conf, struct host **host)
{
	struct host *h = calloc(1, sizeof(*h));
	int error;

	if (h == NULL)
		return -ENOMEM;
	h->conf = conf;
	h->rescan = true;
	h->poller = epoll_create1(EPOLL_CLOEXEC);
	error = h->poller < 0 ? -errno : 0;
	h->again.fd = -1;
	if (error == 0)
		error = again_open(&h->again);
	if (error == 0)
		error = watch_descriptor(h, h->again.fd, POLLED_AGAIN);
	if (error == 0)
		error = host_connect(h);
	if (error < 0) {
		host_destroy(h);
		return error;
	}
	*host = h;
	return 0;
}

void host_destroy(struct host *host)
{
	if (host == NULL)
		return;
	for (unsigned int i = 0; i < host->disks.count; i++)
		device_destroy(host->disks.device[i]);
	store_close(host->store);
	again_close(&host->again);
	if (host->poller >= 0)
		close(host->poller);
	free(host);
}

void host_set_recording(struct host *host, struct recording *recording)
{
	host->recording = recording;
}

static void add_device(struct host *host, struct device_key key)
{
	const struct device_options options = {.conf = host->conf,
					       .store = host->store,
					       .key = key,
					       .recording = host->recording,
					       .poller = host->poller};
	struct device *device;
	int error;

	if (disks_are_full(&host->disks)) {
		if (!host->full)
			log_line(LOG_ERROR,
				 "there are more than %u disks: the others are "
				 "not served",
				 LIMIT_DEVICES);
		host->full = true;
		return;
	}
	error = device_create(&options, &device);
	if (error == 0) {
		disks_add(&host->disks, device);
		return;
	}
	log_line(LOG_ERROR, "%s/%u/%u: %s", host->root, key.domid, key.devid,
		 strerror(-error));
	host->unsure = true; /* there may be memory later */
}

static void remove_device(struct host *host, unsigned int i)
{
	device_destroy(disks_take(&host->disks, i));
	host->full = false;
	/* A disk of the same name may have been made meanwhile. */
	host->rescan = true;
}

/* --- finding disks --- */

/* Not known to be absent: looked for again when xenstore answers. */
static void note_failure(struct host *host, int error)
{
	host->unsure |= error < 0 && error != -EOVERFLOW && error != -ENOENT;
}

/* A disk exists when it has a state node.  Return: as store_read(). */
static int look_for(const struct host *host, uint32_t domid, uint32_t devid)
{
	char path[STORE_PATH_BYTES + 32], state[16];

	snprintf(path, sizeof(path), "%s/%u/%u/state", host->root, domid,
		 devid);
	return store_read(host->store, path, state, sizeof(state));
}

static void notice(struct host *host, struct device_key key)
{
	struct device *device = disks_find(&host->disks, key);
	int n;

	if (device != NULL) {
		device_note_backend(device);
		return;
	}
	if (host->stopping)
		return;
	n = look_for(host, key.domid, key.devid);
	if (n >= 0)
		add_device(host, key);
	note_failure(host, n);
}

struct listing {
	struct host *host;
	uint32_t domid;
};

static void each_device(void *context, const char *name)
{
	const struct listing *listing = context;
	struct device_key key = {.domid = listing->domid};

	if (disk_path_number(name, strlen(name), UINT32_MAX, &key.devid))
		notice(listing->host, key);
}

static void each_domain(void *context, const char *name)
{
	struct host *host = context;
	struct listing listing = {.host = host};
	char path[STORE_PATH_BYTES + 16];

	if (!disk_path_number(name, strlen(name), LIMIT_DOMID, &listing.domid))
		return;
	snprintf(path, sizeof(path), "%s/%u", host->root, listing.domid);
	note_failure(host,
		     store_list(host->store, path, each_device, &listing));
}

/* Known not to be there, that is: not merely out of reach. */
static bool is_gone(const void *context, uint32_t domid, uint32_t devid)
{
	return look_for(context, domid, devid) == -ENOENT;
}

/* Once: disks may have gone while no daemon was there to see it. */
static void sweep(struct host *host)
{
	if (host->swept || host->conf->tables[0] == '\0')
		return;
	host->swept = true;
	table_sweep(host->conf->tables, host->conf->directory, is_gone, host);
}

static void rescan(struct host *host)
{
	host->rescan = false;
	sweep(host);
	for (unsigned int i = 0; i < host->disks.count; i++)
		device_note_backend(host->disks.device[i]);
	note_failure(host,
		     store_list(host->store, host->root, each_domain, host));
}

/* --- events --- */

static void backend_event(struct host *host, const char *path)
{
	const size_t length = strlen(host->root);
	struct device_key key;

	if (strncmp(path, host->root, length) != 0 || path[length] != '/') {
		host->rescan = true;
		return;
	}
	path += length + 1;
	if (!disk_path_key(path, &key))
		host->rescan = true;
	else if (disk_path_concerns_us(path))
		notice(host, key);
}

/* Of a frontend: the token is "backend/vbd/5/51712". */
static void frontend_event(struct host *host, const char *token)
{
	const char *path = token + strlen("backend/");
	struct device_key key;
	struct device *device;

	path = strchr(path, '/');
	if (path == NULL || !disk_path_key(path + 1, &key))
		return;
	device = disks_find(&host->disks, key);
	if (device != NULL)
		device_note_frontend(device);
}

static void ask_again(struct host *host)
{
	for (unsigned int i = 0; i < host->disks.count; i++)
		device_note_again(host->disks.device[i]);
	if (host->unsure) {
		host->unsure = false;
		host->rescan = true;
	}
}

static bool is_unsure(const struct host *host)
{
	for (unsigned int i = 0; i < host->disks.count; i++)
		if (device_is_unsure(host->disks.device[i]))
			return true;
	return host->unsure;
}

static bool take_events(struct host *host)
{
	struct store_event event;
	unsigned int n = 0;

	while (n < STEP_EVENTS && store_next_event(host->store, &event) == 1) {
		n++;
		if (strcmp(event.token, TOKEN_BACKEND) == 0)
			backend_event(host, event.path);
		else if (strcmp(event.token, TOKEN_RELEASE) == 0)
			for (unsigned int i = 0; i < host->disks.count; i++)
				device_note_release(host->disks.device[i]);
		else
			frontend_event(host, event.token);
	}
	/* Only then: a store that keeps failing must not keep us busy. */
	if (n > 0)
		ask_again(host);
	return n > 0;
}

static bool take_polled(struct host *host)
{
	struct epoll_event events[STEP_POLLED];
	int n = epoll_wait(host->poller, events, STEP_POLLED, 0);

	for (int i = 0; i < n; i++) {
		const uint64_t key = events[i].data.u64;
		struct device *device;

		if (key == POLLED_STORE)
			continue; /* its events are taken anyway */
		if (key == POLLED_PULSE) {
			store_check_pulse(host->store);
			continue;
		}
		if (key == POLLED_AGAIN) {
			if (again_due(&host->again))
				ask_again(host);
			continue;
		}
		device = disks_find(
			&host->disks,
			(struct device_key){.domid = (uint32_t)(key >> 32),
					    .devid = (uint32_t)key});
		if (device != NULL)
			device_note_worker(device);
	}
	return n > 0;
}

bool host_step(struct host *host)
{
	bool done = take_polled(host);

	done |= take_events(host);
	if (host->rescan && !store_lost(host->store)) {
		rescan(host);
		done = true;
	}
	for (unsigned int i = 0;
	     i < host->disks.count && !store_lost(host->store);)
		if (device_finished(host->disks.device[i])) {
			remove_device(host, i);
			done = true;
		} else {
			done |= device_step(host->disks.device[i++]);
		}
	again_plan(&host->again, is_unsure(host));
	return done && !store_lost(host->store);
}

int host_fd(const struct host *host)
{
	return host->poller;
}

bool host_lost(const struct host *host)
{
	return store_lost(host->store);
}

void host_stop(struct host *host)
{
	host->stopping = true;
	for (unsigned int i = 0; i < host->disks.count; i++)
		device_stop_worker(host->disks.device[i]);
}

bool host_limit(struct host *host, struct device_key key,
		const struct conf_limits *limits)
{
	struct device *device = disks_find(&host->disks, key);

	if (device != NULL)
		device_limit(device, limits);
	return device != NULL;
}

struct device *host_edit(struct host *host, struct device_key key)
{
	return disks_find(&host->disks, key);
}

unsigned int host_workers(const struct host *host)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < host->disks.count; i++)
		n += device_has_worker(host->disks.device[i]);
	return n;
}

unsigned int host_devices(const struct host *host)
{
	return host->disks.count;
}

const struct device *host_device(const struct host *host, unsigned int i)
{
	CHECK(i < host->disks.count);
	return host->disks.device[i];
}

const struct device *host_find(const struct host *host, struct device_key key)
{
	return disks_find(&host->disks, key);
}
