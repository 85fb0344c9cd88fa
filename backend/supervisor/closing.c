/*
 * The ways down: detaching, Closed, the end of the worker, the end of the disk.
 * See inside.h.
 */
#include "backend/supervisor/inside.h"

#include <xen/io/xenbus.h>

#include "backend/base/check.h"

void device_end_worker(struct device *device)
{
	if (!device->child.alive || device->stopping)
		return;
	device->stopping = true;
	device->attached = false;
	child_stop(&device->child);
	device_await(device);
	device->note_worker = true;
}

void device_enter_gone(struct device *device)
{
	device_end_worker(device);
	if (device->watched[0] != '\0')
		store_unwatch(device->options.store, device->watched,
			      device->relative);
	device->watched[0] = '\0';
	publish_no_error(device->options.store, device->relative);
	device_stop_settling(device);
	table_remove(&device->table);
	device_tell(device, "its directory is gone");
	device_set_state(device, DEVICE_GONE);
}

void device_detach(struct device *device, enum device_state after)
{
	const struct link_message message = {.kind = LINK_DETACH};

	CHECK(device->attached);
	device->after = after;
	device_set_state(device, DEVICE_DETACHING);
	child_send(&device->child, &message);
}

/* Closed: nothing is mapped; without a reason to stay the worker ends, too. */
void device_enter_closed(struct device *device, bool frontend_stays)
{
	CHECK(!device->attached);
	if (device_mark_table(device, false) < 0)
		log_line(LOG_WARNING, "%s: its table cannot be written",
			 device->relative);
	if (device->published != XenbusStateClosed)
		device_publish_state(device, XenbusStateClosed);
	if (device->removed) {
		device_enter_gone(device);
		return;
	}
	if (device->state != DEVICE_CLOSED) {
		device_tell(device, "closed");
		device_set_state(device, DEVICE_CLOSED);
	}
	if (!frontend_stays ||
	    !facts_online(device->options.store, device->directory))
		device_end_worker(device);
	/* What the frontend did since is a change for a closed disk. */
	device->frontend_seen = XenbusStateClosed;
	device->note_frontend = true;
}

/* The frontend is through with its disk, one way or another. */
void device_finish(struct device *device, bool frontend_stays)
{
	if (device->attached)
		device_detach(device, DEVICE_CLOSED);
	else
		device_enter_closed(device, frontend_stays);
}

void device_handle_removal(struct device *device)
{
	if (device->attached)
		device_detach(device, DEVICE_GONE);
	else if (device->state != DEVICE_GONE)
		device_enter_gone(device);
}
