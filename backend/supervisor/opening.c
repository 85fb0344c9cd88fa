/*
 * From a backend directory to InitWait: facts, image, worker.  See inside.h.
 */
#include "backend/supervisor/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <xen/io/xenbus.h>

#include "backend/base/check.h"
#include "backend/base/cleanup.h"
#include "backend/supervisor/rival.h"

/* A disk whose workers keep dying stays down until it is attached anew. */
#define WORKER_DEATHS_MAX 5u

/* Behind the name of the worker program: that of the one which opens stores. */
#define WITH_STORES "-nbd"

/*
 * What the kernel of this domain is to Xen: "PV", "PVH" or "HVM".  A PV domain's
 * gntdev unmaps through page tables, which are gone when a worker was killed
 * with direct I/O under way; the others unmap by handle, whenever that is.
 */
static bool in_pv_domain(const struct conf *conf)
{
	char path[CONF_PATH_BYTES + 32], type[8] = "";
	CLEANUP(close_fd) int fd = -1;

	snprintf(path, sizeof(path), "%s/sys/hypervisor/guest_type",
		 conf->root);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	/* Without the file there is no Xen: nothing of gntdev can go wrong. */
	if (fd < 0 || read(fd, type, sizeof(type) - 1) < 2)
		return false;
	return strcmp(type, "PV\n") == 0 || strcmp(type, "PV") == 0;
}

static bool wants_staging(const struct device *device)
{
	const struct conf *conf = device->options.conf;

	if (conf->staging != CONF_STAGING_AUTO)
		return conf->staging == CONF_STAGING_ON;
	return device->backing.direct && in_pv_domain(conf);
}

static void describe(const struct device *device, struct link_device *wire)
{
	const struct conf *conf = device->options.conf;

	*wire = (struct link_device){
		.domid = device->options.key.domid,
		.devid = device->options.key.devid,
		.sectors = device->backing.sectors,
		.image = device->backing.image,
		.max_queues = conf->max_queues,
		.readonly = device->backing.readonly,
		.direct = device->backing.direct,
		.persistent_cap = conf->persistent_grants,
		.poll_ns = conf->poll_us * 1000,
		.log_level = (uint32_t)log_level(),
		.sandbox = conf->sandbox,
		.staged = wants_staging(device),
		.block = device->backing.block_bytes,
	};
	memcpy(wire->uri, device->backing.uri, sizeof(wire->uri));
}

void device_poll_descriptor(const struct device *device, int fd)
{
	struct epoll_event event = {
		.events = EPOLLIN,
		.data.u64 = device_key_pack(device->options.key),
	};

	if (fd >= 0 &&
	    epoll_ctl(device->options.poller, EPOLL_CTL_ADD, fd, &event) < 0)
		log_line(LOG_ERROR, "%s: epoll_ctl: %s", device->relative,
			 strerror(errno));
}

/* The worker of a store is the same with a library that costs others memory. */
static void worker_program(const struct device *device, char *path, size_t room)
{
	const bool store = device->backing.image == LINK_IMAGE_NBD;
	const int n = snprintf(path, room, "%s%s", device->options.conf->worker,
			       store ? WITH_STORES : "");

	CHECK(n > 0);
	CHECK((size_t)n < room);
}

/* The region, the image's descriptors, then the one for records. */
static int start_child(struct device *device, struct link_device *wire,
		       int region)
{
	struct recording *recording = device->options.recording;
	int fds[LINK_MAX_FDS] = {region};
	char program[CONF_PATH_BYTES + sizeof(WITH_STORES)];
	int record, error;

	memcpy(fds + 1, device->backing.fds, sizeof(device->backing.fds));
	record = recording_worker_begins(recording, device->options.key,
					 wire->max_queues);
	if (record >= 0) {
		wire->record = 1;
		fds[1 + device->backing.count] = record;
	}
	worker_program(device, program, sizeof(program));
	error = child_start(&device->child, program, wire, fds);
	close_fd(&record);
	if (error == 0)
		recording_number(recording, device->options.key,
				 RECORD_WORKER_BEGIN,
				 (uint64_t)device->child.pid);
	return error;
}

/* What lets a connection go on: the same disk as before, or one that was changed
 * when nothing was under way. */
static bool image_goes_on(struct device *device)
{
	if (!device_goes_on(device) || device->changed)
		return true;
	if (device->backing.image == LINK_IMAGE_RAM)
		device_fail(device, "the contents of this memory disk ended "
				    "with the worker that held them");
	else if (device->backing.image == LINK_IMAGE_NBD)
		device_fail(device,
			    "the store may still be writing for the worker "
			    "that ended, and nobody can tell when it has done");
	else
		return true;
	backing_close(&device->backing);
	return false;
}

static void start_worker(struct device *device, int region)
{
	const uint64_t sectors = device->backing.sectors;
	struct link_device wire;
	char sentence[BACKING_SENTENCE_BYTES];
	int error;

	error = device_open_image(device, sentence);
	if (error < 0) {
		const struct publish_node status = {.key = "hotplug-status",
						    .value = "error"};

		device_publish(device, &status, 1);
		device_fail(device, "%s", sentence);
		return;
	}
	if (!image_goes_on(device))
		return;
	if (device_goes_on(device) && !device->changed)
		device_keep_capacity(device, sectors);
	describe(device, &wire);
	error = start_child(device, &wire, region);
	backing_close(&device->backing);
	if (error < 0 && device_rescue_again(device))
		return;
	if (error < 0) {
		device_fail(device,
			    "a worker for this disk cannot be started: %s",
			    strerror(-error));
		return;
	}
	device_poll_descriptor(device, device->child.link);
	device_poll_descriptor(device, device->child.pidfd);
	device->stopping = false;
	device_send_limits(device);
	device_set_state(device,
			 device->rescue ? DEVICE_RESCUING : DEVICE_OPENING);
}

void device_start_worker(struct device *device)
{
	int region = device_take_table(device);

	if (region == -EWOULDBLOCK) {
		device_settle(device, LIMIT_SETTLE_FIRST_NS);
		return;
	}
	device_stop_settling(device);
	if (region >= 0) {
		start_worker(device, region);
		close(region);
	} else if (device_goes_on(device)) {
		device_fail(device,
			    "the connection was served before, but %s with its "
			    "requests under way cannot be used (%s): it ends, "
			    "since they might be lost or answered twice",
			    device->table.path, strerror(-region));
	} else {
		device_fail(device, "%s cannot be made: %s",
			    device->table.path[0] != '\0' ? device->table.path
							  : "a memfd",
			    strerror(-region));
	}
}

static void watch_frontend(struct device *device)
{
	char path[STORE_PATH_BYTES + 8];

	snprintf(path, sizeof(path), "%s/state", device->facts.frontend);
	if (strcmp(path, device->watched) == 0)
		return;
	if (device->watched[0] != '\0')
		store_unwatch(device->options.store, device->watched,
			      device->relative);
	CHECK(strlen(path) < sizeof(device->watched));
	memcpy(device->watched, path, strlen(path) + 1);
	/* Registered before the state is read, so that no change is missed. */
	if (store_watch(device->options.store, path, device->relative) < 0)
		log_line(LOG_ERROR, "%s cannot be watched", path);
}

/* What is to be known of a disk that may be served, however it was found. */
static void get_to_know(struct device *device)
{
	device_read_limits(device);
	watch_frontend(device);
	device->lived |= store_domain_lives(device->options.store,
					    device->options.key.domid);
}

/* InitWait, or as far as an earlier daemon had come. */
void device_enter_waiting(struct device *device)
{
	if (!device_publish_offer(device)) {
		if (device->removed)
			device_handle_removal(device);
		else
			device_fail(
				device,
				"xenstore did not take what this disk offers");
		return;
	}
	device_set_state(device, DEVICE_WAITING);
	device->frontend_seen = XenbusStateInitialising;
	device->note_frontend = true;
}

/* A disk in NEW or CLOSED gets its image and its worker. */
static void open_disk(struct device *device)
{
	char sentence[FACTS_SENTENCE_BYTES];
	int error;

	error = facts_read(device->options.store, device->directory,
			   device->options.key.domid, &device->facts, sentence);
	if (error == -ENOENT) {
		device->removed = true;
		device_handle_removal(device);
		return;
	}
	if (error == -EAGAIN)
		return; /* the toolstack is still writing */
	if (error < 0) {
		device->frontend_seen = device_frontend_state(device);
		device_fail(device, "%s",
			    error == -EINVAL ? sentence : strerror(-error));
		return;
	}
	get_to_know(device);
	device->frontend_seen = device_frontend_state(device);
	recording_number(device->options.recording, device->options.key,
			 RECORD_FRONT_STATE, device->frontend_seen);
	if (device->failures >= WORKER_DEATHS_MAX)
		device_fail(
			device,
			"%u workers of this disk died: detach and attach it to "
			"try again",
			device->failures);
	else
		device_start_worker(device);
}

/* A disk that another backend serves: said once, and left alone. */
static bool is_others(struct device *device)
{
	const struct device_key key = device->options.key;
	char sentence[RIVAL_SENTENCE_BYTES];

	if (!rival_of_disk(device->options.conf, key.domid, key.devid,
			   sentence))
		return false;
	if (strcmp(device->error, sentence) != 0)
		device_tell(device, "%s", sentence);
	snprintf(device->error, sizeof(device->error), "%s", sentence);
	return true;
}

/* NEW: also finds disks that another daemon has left behind. */
void device_look_at_new(struct device *device)
{
	int state = facts_state(device->options.store, device->directory);

	if (state == -ENOENT) {
		device->removed = true;
		device_handle_removal(device);
		return;
	}
	device->unsure |= state < 0;
	if (state < 0 || is_others(device))
		return;
	device->published = (unsigned int)state;
	recording_number(device->options.recording, device->options.key,
			 RECORD_BACK_STATE, device->published);
	if (state == XenbusStateClosing || state == XenbusStateClosed) {
		char sentence[FACTS_SENTENCE_BYTES];

		if (facts_read(device->options.store, device->directory,
			       device->options.key.domid, &device->facts,
			       sentence) == 0)
			get_to_know(device);
		device->frontend_seen = XenbusStateUnknown;
		device->note_frontend = true;
		device->note_backend = true; /* the toolstack may wait for it */
		if (state == XenbusStateClosing && device->watched[0] != '\0' &&
		    device_resume_closing(device))
			return;
		device_set_state(device, state == XenbusStateClosing
						 ? DEVICE_CLOSING
						 : DEVICE_CLOSED);
		return;
	}
	device->resumes = state == XenbusStateConnected;
	open_disk(device);
}

/* A closed disk whose frontend begins anew. */
void device_reopen(struct device *device)
{
	if (!facts_online(device->options.store, device->directory))
		return;
	device->resumes = false;
	if (!device->child.alive)
		open_disk(device);
	else if (!device->stopping)
		device_enter_waiting(device);
	/* Else the old worker is on its way; its end brings us here again. */
}
