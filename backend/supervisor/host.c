/*
 * The set of disks.  See host.h.
 *
 * Devices are kept in an array sorted by their key: few, looked up by watches
 * and by the control socket.  Every event only sets a note; acting comes after,
 * so that a thousand events for one disk cost one look.
 */
#include "backend/supervisor/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/log.h"
#include "backend/supervisor/again.h"
#include "backend/supervisor/decimal.h"
#include "backend/supervisor/store.h"

/* Events taken in one step, before the disks act. */
#define STEP_EVENTS 256
#define STEP_POLLED 64

/* Largest domain number of a guest. */
#define DOMID_MAX 0x7fefu

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
	unsigned int count;
	struct device *device[LIMIT_DEVICES];
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
	for (unsigned int i = 0; i < host->count; i++)
		device_destroy(host->device[i]);
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

/* Where a key is, or where it belongs. */
static unsigned int position(const struct host *host, struct device_key key)
{
	const uint64_t wanted = device_key_pack(key);
	unsigned int low = 0, high = host->count;

	while (low < high) {
		unsigned int middle = low + (high - low) / 2;
		uint64_t at = device_key_pack(device_key(host->device[middle]));

		if (at < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct device *find(const struct host *host, struct device_key key)
{
	unsigned int i = position(host, key);

	if (i == host->count || device_key_pack(device_key(host->device[i])) !=
					device_key_pack(key))
		return NULL;
	return host->device[i];
}

static void add_device(struct host *host, struct device_key key)
{
	const struct device_options options = {.conf = host->conf,
					       .store = host->store,
					       .key = key,
					       .recording = host->recording,
					       .poller = host->poller};
	unsigned int i = position(host, key);
	int error;

	if (host->count == LIMIT_DEVICES) {
		if (!host->full)
			log_line(LOG_ERROR,
				 "there are more than %u disks: the others are "
				 "not served",
				 LIMIT_DEVICES);
		host->full = true;
		return;
	}
	memmove(&host->device[i + 1], &host->device[i],
		(host->count - i) * sizeof(host->device[0]));
	error = device_create(&options, &host->device[i]);
	if (error == 0) {
		host->count++;
		return;
	}
	log_line(LOG_ERROR, "%s/%u/%u: %s", host->root, key.domid, key.devid,
		 strerror(-error));
	host->unsure = true; /* there may be memory later */
	memmove(&host->device[i], &host->device[i + 1],
		(host->count - i) * sizeof(host->device[0]));
}

static void remove_device(struct host *host, unsigned int i)
{
	CHECK(i < host->count);
	device_destroy(host->device[i]);
	host->count--;
	memmove(&host->device[i], &host->device[i + 1],
		(host->count - i) * sizeof(host->device[0]));
	host->full = false;
	/* A disk of the same name may have been made meanwhile. */
	host->rescan = true;
}

/* --- finding disks --- */

static bool parse_component(const char *text, size_t length, uint64_t max,
			    uint32_t *number)
{
	uint64_t n;

	/* One spelling per number, or two directories would be one disk. */
	if (!decimal_parse(text, length, max, &n) ||
	    (text[0] == '0' && length > 1))
		return false;
	*number = (uint32_t)n;
	return true;
}

/* The disk that a path below the root names; false above that level. */
static bool parse_path(const char *path, struct device_key *key)
{
	const char *slash = strchr(path, '/');
	const char *rest;

	if (slash == NULL || !parse_component(path, (size_t)(slash - path),
					      DOMID_MAX, &key->domid))
		return false;
	rest = slash + 1;
	return parse_component(rest, strcspn(rest, "/"), UINT32_MAX,
			       &key->devid);
}

/* Not known to be absent: looked for again when xenstore answers. */
static void note_failure(struct host *host, int error)
{
	host->unsure |= error < 0 && error != -EOVERFLOW && error != -ENOENT;
}

/* A disk exists when it has a state node. */
static void notice(struct host *host, struct device_key key)
{
	struct device *device = find(host, key);
	char path[STORE_PATH_BYTES + 32], state[16];
	int n;

	if (device != NULL) {
		device_note_backend(device);
		return;
	}
	if (host->stopping)
		return;
	snprintf(path, sizeof(path), "%s/%u/%u/state", host->root, key.domid,
		 key.devid);
	n = store_read(host->store, path, state, sizeof(state));
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

	if (parse_component(name, strlen(name), UINT32_MAX, &key.devid))
		notice(listing->host, key);
}

static void each_domain(void *context, const char *name)
{
	struct host *host = context;
	struct listing listing = {.host = host};
	char path[STORE_PATH_BYTES + 16];

	if (!parse_component(name, strlen(name), DOMID_MAX, &listing.domid))
		return;
	snprintf(path, sizeof(path), "%s/%u", host->root, listing.domid);
	note_failure(host,
		     store_list(host->store, path, each_device, &listing));
}

/* Known not to be there, that is: not merely out of reach. */
static bool is_gone(const void *context, uint32_t domid, uint32_t devid)
{
	const struct host *host = context;
	char path[STORE_PATH_BYTES + 32], state[16];

	snprintf(path, sizeof(path), "%s/%u/%u/state", host->root, domid,
		 devid);
	return store_read(host->store, path, state, sizeof(state)) == -ENOENT;
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
	for (unsigned int i = 0; i < host->count; i++)
		device_note_backend(host->device[i]);
	note_failure(host,
		     store_list(host->store, host->root, each_domain, host));
}

/* --- events --- */

/* Which nodes of a disk's directory say something to us. */
static bool concerns_us(const char *path)
{
	const char *devid = strchr(path, '/');
	const char *key = devid == NULL ? NULL : strchr(devid + 1, '/');

	return key == NULL || strcmp(key, "/state") == 0 ||
	       strcmp(key, "/online") == 0 || strcmp(key, "/params") == 0 ||
	       strcmp(key, "/mode") == 0 || strcmp(key, "/frontend") == 0 ||
	       strcmp(key, "/frontend-id") == 0;
}

static void backend_event(struct host *host, const char *path)
{
	const size_t length = strlen(host->root);
	struct device_key key;

	if (strncmp(path, host->root, length) != 0 || path[length] != '/') {
		host->rescan = true;
		return;
	}
	path += length + 1;
	if (!parse_path(path, &key))
		host->rescan = true;
	else if (concerns_us(path))
		notice(host, key);
}

/* Of a frontend: the token is "backend/vbd/5/51712". */
static void frontend_event(struct host *host, const char *token)
{
	const char *path = token + strlen("backend/");
	struct device_key key;
	struct device *device;

	path = strchr(path, '/');
	if (path == NULL || !parse_path(path + 1, &key))
		return;
	device = find(host, key);
	if (device != NULL)
		device_note_frontend(device);
}

static void ask_again(struct host *host)
{
	for (unsigned int i = 0; i < host->count; i++)
		device_note_again(host->device[i]);
	if (host->unsure) {
		host->unsure = false;
		host->rescan = true;
	}
}

static bool is_unsure(const struct host *host)
{
	for (unsigned int i = 0; i < host->count; i++)
		if (device_is_unsure(host->device[i]))
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
			for (unsigned int i = 0; i < host->count; i++)
				device_note_release(host->device[i]);
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
		device =
			find(host,
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
	for (unsigned int i = 0; i < host->count && !store_lost(host->store);)
		if (device_finished(host->device[i])) {
			remove_device(host, i);
			done = true;
		} else {
			done |= device_step(host->device[i++]);
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
	for (unsigned int i = 0; i < host->count; i++)
		device_stop_worker(host->device[i]);
}

bool host_limit(struct host *host, struct device_key key,
		const struct conf_limits *limits)
{
	struct device *device = find(host, key);

	if (device != NULL)
		device_limit(device, limits);
	return device != NULL;
}

struct device *host_edit(struct host *host, struct device_key key)
{
	return find(host, key);
}

unsigned int host_workers(const struct host *host)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < host->count; i++)
		n += device_has_worker(host->device[i]);
	return n;
}

unsigned int host_devices(const struct host *host)
{
	return host->count;
}

const struct device *host_device(const struct host *host, unsigned int i)
{
	CHECK(i < host->count);
	return host->device[i];
}

const struct device *host_find(const struct host *host, struct device_key key)
{
	return find(host, key);
}
