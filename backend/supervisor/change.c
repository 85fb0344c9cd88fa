/*
 * Another capacity, another medium: what becomes of a disk while it stays where
 * it is.  See inside.h and device.h.
 *
 * The worker is told to end: it finishes and answers what it has taken, and lets
 * go of everything.  Another one, with the image opened anew, goes on with its
 * rings as after a death (rescue.c), and then the guest is told.  So nothing
 * that was taken under the old size is under way under the new one, a medium is
 * never exchanged beneath a request, and every kind of image can do it that
 * outlives a worker.  The guest sees a pause, and what it puts into its rings
 * meanwhile waits there.
 */
#include "backend/supervisor/inside.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <xen/io/xenbus.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"
#include "backend/base/clock.h"

static int refuse(char *sentence, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Writes why it cannot be, and passes the error on. */
static int refuse(char *sentence, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, DEVICE_REASON_BYTES, format, arguments);
	va_end(arguments);
	return error;
}

/* --- the image --- */

/* Of a connection that an earlier daemon served. */
static uint64_t sectors_in_table(const struct device *device)
{
	struct inflight_connection found;

	if (device->table.fd < 0 || table_read(&device->table, &found) < 0)
		return 0;
	return found.sectors;
}

void device_keep_capacity(struct device *device, uint64_t sectors)
{
	const struct facts *facts = &device->facts;

	if (!device->rescue)
		sectors = sectors_in_table(device);
	/* A medium is what it is, whichever is found. */
	if (!facts->cdrom)
		backing_limit(&device->backing, sectors);
	if (device->rescue && device->backing.sectors != sectors)
		device->changed = true; /* smaller: it has to be told */
}

int device_open_image(struct device *device, char *sentence)
{
	const struct conf *conf = device->options.conf;
	const struct facts *facts = &device->facts;
	int error;

	if (facts_no_medium(facts)) {
		backing_none(conf, facts->readonly, &device->backing);
		return 0;
	}
	error = backing_open(conf, facts->params, facts->readonly,
			     &device->backing, sentence);
	if (error == 0) {
		backing_limit(&device->backing, device->wanted);
		return 0;
	}
	/* The guest has its drive already: it finds nothing in it. */
	if (!facts->cdrom || !device_goes_on(device))
		return error;
	device_note_error(device, sentence);
	backing_none(conf, facts->readonly, &device->backing);
	return 0;
}

/* --- who wants it --- */

static bool can_change(const struct device *device)
{
	return !device->retired && device->state != DEVICE_NEW &&
	       device->state != DEVICE_CLOSING &&
	       device->state != DEVICE_DETACHING &&
	       device->state != DEVICE_GONE;
}

static int look_at_size(const struct device *device, uint64_t sectors,
			char *sentence)
{
	struct backing backing;
	int error;

	_Static_assert(BACKING_SENTENCE_BYTES <= DEVICE_REASON_BYTES,
		       "there is room for why an image cannot be opened");
	error = backing_open(device->options.conf, device->facts.params,
			     device->facts.readonly, &backing, sentence);
	if (error < 0)
		return error;
	backing_close(&backing);
	if (backing.image == LINK_IMAGE_RAM)
		return refuse(sentence, -EINVAL,
			      "a disk in memory keeps its size: its contents "
			      "would end with the worker that holds them");
	if (sectors > backing.sectors && backing.image != LINK_IMAGE_NULL)
		return refuse(sentence, -ENOSPC,
			      "the image has %llu bytes: let it grow first",
			      (unsigned long long)backing.sectors *
				      SECTOR_BYTES);
	return 0;
}

int device_resize(struct device *device, uint64_t sectors, char *sentence)
{
	int error;

	if (!can_change(device))
		return refuse(sentence, -EBUSY,
			      "the disk is %s: it gets its size when it is "
			      "opened again",
			      device_state_name(device->state));
	if (facts_no_medium(&device->facts))
		return refuse(sentence, -ENOMEDIUM,
			      "there is no medium in the drive");
	error = look_at_size(device, sectors, sentence);
	if (error < 0)
		return error;
	device->wanted = sectors;
	device->note_change = true;
	return 0;
}

struct medium {
	const char *directory;
	const char *params;
};

/* Only where the disk still is: what a toolstack has removed stays so. */
static int write_medium(struct store *store, void *context)
{
	const struct medium *medium = context;
	char path[STORE_PATH_BYTES + sizeof("/params")];
	int state = facts_state(store, medium->directory);

	if (state < 0)
		return state;
	snprintf(path, sizeof(path), "%s/params", medium->directory);
	return store_write(store, path, medium->params);
}

int device_change_medium(struct device *device, const char *params,
			 char *sentence)
{
	struct medium medium = {.directory = device->directory,
				.params = params};
	struct facts wanted = {.cdrom = device->facts.cdrom};
	struct backing backing;
	int error = 0;

	if (!can_change(device))
		return refuse(sentence, -EBUSY, "the disk is %s",
			      device_state_name(device->state));
	if (!device->facts.cdrom)
		return refuse(sentence, -EINVAL,
			      "the disk is no CD-ROM drive: its device-type is "
			      "not cdrom");
	if (strlen(params) >= sizeof(wanted.params))
		return refuse(sentence, -ENAMETOOLONG,
			      "what names a medium has at most %zu bytes",
			      sizeof(wanted.params) - 1);
	snprintf(wanted.params, sizeof(wanted.params), "%s", params);
	if (!facts_no_medium(&wanted)) {
		error = backing_open(device->options.conf, params,
				     device->facts.readonly, &backing,
				     sentence);
		if (error < 0)
			return error;
		backing_close(&backing);
	}
	/* Where the toolstack would write it, and where another daemon looks;
	 * its watch would tell us, too. */
	error = store_transact(device->options.store, write_medium, &medium);
	if (error < 0)
		return refuse(sentence, error,
			      "params in %s cannot be written: %s",
			      device->directory, strerror(-error));
	device->note_backend = true;
	return 0;
}

void device_look_at_medium(struct device *device)
{
	char params[STORE_VALUE_BYTES], sentence[FACTS_SENTENCE_BYTES];
	int error;

	if (!device->facts.cdrom || !can_change(device))
		return;
	error = facts_params(device->options.store, device->directory, params,
			     sentence);
	if (error == -EINVAL && strcmp(device->error, sentence) != 0)
		device_note_error(device, sentence);
	device->unsure |= error < 0 && error != -EAGAIN && error != -EINVAL;
	if (error < 0 || strcmp(params, device->facts.params) == 0)
		return;
	snprintf(device->facts.params, sizeof(device->facts.params), "%s",
		 params);
	device->wanted = 0;
	device->note_change = true;
}

/* --- how it is done --- */

void device_look_at_change(struct device *device)
{
	device->note_change = false;
	if (device->state == DEVICE_CLOSED)
		device_end_worker(device); /* the next one looks by itself */
	if ((device->state != DEVICE_WAITING &&
	     device->state != DEVICE_CONNECTED) ||
	    !device->child.alive)
		return;
	device_tell(device, "its image is opened anew");
	device->back = device->state;
	device->rescue_since_ns = clock_now_ns();
	device_set_state(device, DEVICE_PAUSING);
	device_end_worker(device);
}

void device_change_goes_on(struct device *device)
{
	CHECK(device->state == DEVICE_PAUSING);
	CHECK(!device->attached && !device->child.alive);
	if (device->back == DEVICE_CONNECTED)
		device->rescue = device->changed = true;
	device_start_worker(device);
}

/* Q9: together, and only once for all queues. */
static bool publish_capacity(struct device *device)
{
	const struct publish_node nodes[] = {
		publish_number("sectors", device->backing.sectors),
		publish_number("physical-sector-size",
			       device->backing.physical_bytes),
		/* Of itself this says nothing new, but its watch fires. */
		publish_number("state", XenbusStateConnected),
	};

	return device_publish(device, nodes, ARRAY_SIZE(nodes));
}

void device_tell_capacity(struct device *device)
{
	const uint64_t bytes = device->backing.sectors * SECTOR_BYTES;

	CHECK(device->attached);
	device->changed = false;
	/* Before the guest knows: whoever goes on after us finds it there. */
	if (device_mark_table(device, true) < 0)
		log_line(LOG_WARNING, "%s: its table cannot be written",
			 device->relative);
	if (!publish_capacity(device))
		log_line(LOG_WARNING, "%s: the guest is not told its size",
			 device->relative);
	else
		device_tell(device, "has %llu bytes now",
			    (unsigned long long)bytes);
}
