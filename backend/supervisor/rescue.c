/*
 * A connection outlives its worker, and its daemon.  See inside.h.
 *
 * When a worker dies that has rings attached, another one gets the same image,
 * the same rings and the table of requests under way, and goes on from there:
 * the guest sees a pause.  A daemon that finds a disk Connected does the same
 * with the table that the daemon before it left.
 *
 * The new worker starts only when table_lend() has the lock: until then the
 * old one, or I/O that the kernel still carries out for it, can touch the image.
 * A worker that dies again and again is not replaced for ever, since a guest
 * might know how to make it.
 */
#include "backend/supervisor/inside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <xen/io/xenbus.h>

#include "backend/base/check.h"
#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/supervisor/handshake.h"

/* --- whose the table is --- */

static void describe(const struct device *device,
		     struct inflight_connection *connection)
{
	memset(connection, 0, sizeof(*connection));
	connection->domid = device->options.key.domid;
	connection->devid = device->options.key.devid;
	connection->sectors = device->backing.sectors;
	connection->attach = device->attach;
	connection->attach.resume = 0;
	table_boot(connection->boot);
}

int device_mark_table(struct device *device, bool live)
{
	struct inflight_connection connection;

	if (device->table.fd < 0)
		return 0;
	describe(device, &connection);
	connection.live = live;
	return table_write(&device->table, &connection);
}

static bool same_connection(const struct inflight_connection *a,
			    const struct inflight_connection *b)
{
	return a->live == b->live && a->domid == b->domid &&
	       a->devid == b->devid && a->sectors == b->sectors &&
	       memcmp(a->boot, b->boot, sizeof(a->boot)) == 0 &&
	       memcmp(&a->attach, &b->attach, sizeof(a->attach)) == 0;
}

bool device_table_fits(struct device *device)
{
	struct inflight_connection wanted, found;

	describe(device, &wanted);
	wanted.live = 1;
	if (table_read(&device->table, &found) < 0 ||
	    found.attach.indirect > LIMIT_INDIRECT_SEGMENTS ||
	    found.attach.barrier > 1 || found.attach.discard > 1)
		return false;
	/* What a frontend was offered once holds as long as its connection,
	 * whatever this daemon's settings say. */
	wanted.attach.indirect = found.attach.indirect;
	wanted.attach.barrier = found.attach.barrier;
	wanted.attach.discard = found.attach.discard;
	/* A medium may have been changed while nobody was there; nothing can
	 * have been under way that would be written to it. */
	if (device->facts.cdrom && device->facts.readonly)
		wanted.sectors = found.sectors;
	if (!same_connection(&found, &wanted))
		return false;
	device->attach.indirect = found.attach.indirect;
	device->attach.barrier = found.attach.barrier;
	device->attach.discard = found.attach.discard;
	return true;
}

bool device_goes_on(const struct device *device)
{
	return device->rescue ||
	       (device->resumes && device->table.path[0] != '\0');
}

int device_take_table(struct device *device)
{
	const unsigned int queues = device->options.conf->max_queues;
	struct table *table = &device->table;
	const bool goes_on = device_goes_on(device);
	int fd, error;

	if (table->fd < 0) {
		error = table_open(table, queues);
		if (error < 0 && goes_on)
			return error;
	}
	/* One without a name begins anew with every worker: nobody else can
	 * have it. */
	if (table->fd >= 0 && (goes_on || table->path[0] != '\0')) {
		fd = table_lend(table);
		if (fd < 0 || goes_on)
			return fd;
		close(fd);
	}
	error = table_create(table, queues);
	return error < 0 ? error : table_lend(table);
}

/* --- waiting for the end of what the kernel does for a dead worker --- */

static bool arm(struct device *device)
{
	struct itimerspec when = {0};

	when.it_value.tv_nsec = (long)device->settle_wait_ns;
	if (device->settle_wait_ns < LIMIT_SETTLE_LAST_NS)
		device->settle_wait_ns += LIMIT_SETTLE_FIRST_NS;
	return timerfd_settime(device->timer, 0, &when, NULL) == 0;
}

void device_settle(struct device *device, uint64_t first_ns)
{
	if (device->state != DEVICE_SETTLING)
		device_set_state(device, DEVICE_SETTLING);
	if (device->timer < 0) {
		device->settle_wait_ns = first_ns;
		device->timer = timerfd_create(CLOCK_MONOTONIC,
					       TFD_CLOEXEC | TFD_NONBLOCK);
		device_poll_descriptor(device, device->timer);
	}
	if (clock_now_ns() - device->since_ns > LIMIT_SETTLE_NS) {
		device_stop_settling(device);
		device_fail(device,
			    "an earlier worker of this disk, or I/O that it "
			    "began, has not ended within %llu s",
			    LIMIT_SETTLE_NS / 1000000000ull);
		return;
	}
	if (device->timer < 0 || !arm(device)) {
		device_stop_settling(device);
		device_fail(device, "no timer can be had: %s", strerror(errno));
	}
}

void device_stop_settling(struct device *device)
{
	close_fd(&device->timer);
	device->timer = -1;
}

bool device_look_settled(struct device *device)
{
	uint64_t times;

	CHECK(device->state == DEVICE_SETTLING);
	/* Read in any case: what is not read wakes a daemon that ends, and waits
	 * for others, for ever. */
	if (read(device->timer, &times, sizeof(times)) != sizeof(times) ||
	    device->retired)
		return false;
	device_start_worker(device);
	return true;
}

/* --- a worker that died --- */

/* Once more within the window? */
static bool within_bound(struct device *device)
{
	const uint64_t now = clock_now_ns();

	if (device->rescues_lately == 0 ||
	    now - device->rescue_window_ns > LIMIT_RESCUE_WINDOW_NS) {
		device->rescue_window_ns = now;
		device->rescues_lately = 0;
	}
	if (device->rescues_lately >= device->options.conf->max_rescues)
		return false;
	device->rescues_lately++;
	return true;
}

/* Whether it had rings whose table can be relied upon. */
static bool was_serving(const struct device *device)
{
	if (device->state == DEVICE_CONNECTING)
		return device->resumes && device_goes_on(device);
	return device->state == DEVICE_RESCUING ||
	       (device->state == DEVICE_PAUSING &&
		device->back == DEVICE_CONNECTED) ||
	       (device->attached && (device->state == DEVICE_CONNECTED ||
				     device->state == DEVICE_CLOSING));
}

/* For so long its guest has waited, and more of it would help nobody. */
static bool takes_too_long(const struct device *device)
{
	return device->state == DEVICE_RESCUING &&
	       clock_now_ns() - device->rescue_since_ns > LIMIT_RESCUE_NS;
}

bool device_rescue(struct device *device, char *sentence, size_t room)
{
	const size_t length = strlen(sentence);

	if (device->retired || !was_serving(device))
		return false;
	if (takes_too_long(device)) {
		snprintf(sentence + length, room - length,
			 ": the disk could not be served again within %llu s",
			 LIMIT_RESCUE_NS / 1000000000ull);
		return false;
	}
	if (device->backing.image == LINK_IMAGE_RAM) {
		snprintf(sentence + length, room - length,
			 ", and the contents of this memory disk with it");
		return false;
	}
	/* A file is held until all is over that the kernel began (table.c); a
	 * server can write late what was asked for by the one that died, over
	 * what the guest wrote since. */
	if (device->backing.image == LINK_IMAGE_NBD) {
		snprintf(sentence + length, room - length,
			 ", and its store may still be writing for it");
		return false;
	}
	if (device->state == DEVICE_PAUSING && device->facts.cdrom &&
	    !device->facts.readonly) {
		snprintf(sentence + length, room - length,
			 ", and what it was to write before the medium was "
			 "changed has no place on another one");
		return false;
	}
	if (!within_bound(device)) {
		snprintf(sentence + length, room - length,
			 ": %u new ones within a minute are enough",
			 device->rescues_lately);
		return false;
	}
	if (device->state != DEVICE_RESCUING &&
	    device->state != DEVICE_PAUSING) {
		device->back = device->state;
		device->rescue_since_ns = clock_now_ns();
	}
	log_line(LOG_WARNING, "%s: %s; another one goes on", device->relative,
		 sentence);
	device->attached = false;
	device->rescue = true;
	device->changed |= device->state == DEVICE_PAUSING;
	/* One that came to nothing may do so again for a moment: its program
	 * is being replaced, say, or memory is short. */
	if (device->state == DEVICE_RESCUING)
		device_settle(device, LIMIT_RESCUE_AGAIN_NS);
	else
		device_start_worker(device);
	return true;
}

bool device_rescue_again(struct device *device)
{
	if (!device->rescue || !within_bound(device))
		return false;
	device_settle(device, LIMIT_RESCUE_AGAIN_NS);
	return true;
}

bool device_resume_closing(struct device *device)
{
	const unsigned int frontend = device_frontend_state(device);
	struct inflight_connection found;
	char sentence[HANDSHAKE_SENTENCE_BYTES];

	if (device->retired || (frontend != XenbusStateConnected &&
				frontend != XenbusStateClosing))
		return false;
	if (table_open(&device->table, device->options.conf->max_queues) < 0 ||
	    table_read(&device->table, &found) < 0 ||
	    !device_read_keys(device, sentence))
		return false;
	/* The size is compared when the image is open. */
	device->backing.sectors = found.sectors;
	if (!device_table_fits(device))
		return false;
	device->rescue = true;
	device->back = DEVICE_CLOSING;
	device->rescue_since_ns = clock_now_ns();
	device_start_worker(device);
	return true;
}

void device_rescue_ready(struct device *device)
{
	struct link_message message = {.kind = LINK_ATTACH};

	CHECK(device->state == DEVICE_RESCUING);
	CHECK(!device->attached);
	message.attach = device->attach;
	message.attach.resume = 1;
	device->attached = true;
	child_send(&device->child, &message);
}

void device_rescue_done(struct device *device)
{
	const uint64_t pause_ns = clock_now_ns() - device->rescue_since_ns;

	CHECK(device->state == DEVICE_RESCUING);
	CHECK(device->attached);
	device->rescue = false;
	device->rescues += !device->changed;
	if (pause_ns > device->longest_pause_ns)
		device->longest_pause_ns = pause_ns;
	log_line(LOG_INFO, "%s: served again after %llu us", device->relative,
		 (unsigned long long)pause_ns / 1000);
	if (device->back == DEVICE_CONNECTING) {
		device_complete_connection(device);
		return;
	}
	device_set_state(device, device->back);
	if (device->changed && device->back == DEVICE_CONNECTED)
		device_tell_capacity(device);
	device->changed = false;
}
