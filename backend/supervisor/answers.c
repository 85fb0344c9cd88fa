/*
 * What the worker says, what it does not say in time, and what its death means.
 * See inside.h.
 *
 * A message that does not fit the state is the end of that worker: it may have
 * been taken over.  So is silence where an answer is due: until then the disk
 * can be neither used nor unplugged.
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

static void worker_misspoke(struct device *device,
			    const struct link_message *message)
{
	log_line(LOG_ERROR, "%s: its worker sent message %u while %s",
		 device->relative, message->kind,
		 device_state_name(device->state));
	child_kill(&device->child);
}

static void worker_detached(struct device *device)
{
	device->attached = false;
	if (device_mark_table(device, false) < 0)
		log_line(LOG_WARNING, "%s: its table cannot be written",
			 device->relative);
	if (device->removed || device->after == DEVICE_GONE)
		device_enter_gone(device);
	else if (device->after == DEVICE_CLOSED)
		device_enter_closed(device, device_frontend_state(device) !=
						    XenbusStateUnknown);
	else
		device_set_state(device, DEVICE_CLOSING);
}

static void worker_refused(struct device *device,
			   const struct link_refused *refused)
{
	const enum refusal refusal = (enum refusal)refused->refusal;

	device_fail(device, "%s (%s, queue %u)", refusal_sentence(refusal),
		    refusal_name(refusal), refused->queue);
}

static void worker_said(struct device *device,
			const struct link_message *message)
{
	if (message->kind == LINK_READY && device->state == DEVICE_OPENING) {
		device_enter_waiting(device);
	} else if (message->kind == LINK_READY && !device->attached &&
		   device->state == DEVICE_RESCUING) {
		device_rescue_ready(device);
	} else if (message->kind == LINK_ATTACHED && device->attached &&
		   device->state == DEVICE_RESCUING) {
		device_rescue_done(device);
	} else if (message->kind == LINK_ATTACHED &&
		   device->state == DEVICE_CONNECTING) {
		device_complete_connection(device);
	} else if (message->kind == LINK_REFUSED && device->attached &&
		   (device->state == DEVICE_CONNECTING ||
		    device->state == DEVICE_RESCUING)) {
		device->attached = false;
		worker_refused(device, &message->refused);
	} else if (message->kind == LINK_BROKEN && device->attached &&
		   device->state != DEVICE_CONNECTING &&
		   device->state != DEVICE_RESCUING) {
		if (device->state == DEVICE_DETACHING)
			return;
		worker_refused(device, &message->refused);
		/* Whatever the frontend does now, its pages are let go. */
		device_detach(device, DEVICE_CLOSING);
	} else if (message->kind == LINK_DETACHED &&
		   device->state == DEVICE_DETACHING) {
		worker_detached(device);
	} else if (!device->stopping) {
		worker_misspoke(device, message);
	}
}

/* --- what it owes --- */

bool device_owes(const struct device *device)
{
	return device->child.alive &&
	       (device->stopping || device_is_busy(device));
}

void device_stop_awaiting(struct device *device)
{
	close_fd(&device->patience);
	device->patience = -1;
}

void device_await(struct device *device)
{
	const struct itimerspec when = {.it_value.tv_sec =
						LIMIT_ANSWER_NS / 1000000000u};

	device_stop_awaiting(device);
	if (!device_owes(device))
		return;
	device->patience =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (device->patience < 0 ||
	    timerfd_settime(device->patience, 0, &when, NULL) < 0)
		log_line(LOG_WARNING,
			 "%s: no timer can be had (%s): its worker is waited "
			 "for without a bound",
			 device->relative, strerror(errno));
	else
		device_poll_descriptor(device, device->patience);
}

/* Everything that it said was taken, and it still owes something. */
static bool lose_patience(struct device *device)
{
	uint64_t times;

	if (device->patience < 0 ||
	    read(device->patience, &times, sizeof(times)) != sizeof(times))
		return false;
	CHECK(device->child.alive);
	device_tell(device,
		    "its worker owes an answer for %llu s while %s: it is "
		    "killed",
		    LIMIT_ANSWER_NS / 1000000000ull,
		    device_state_name(device->state));
	device_stop_awaiting(device);
	child_kill(&device->child);
	device->note_worker = true;
	return true;
}

static void worker_died(struct device *device)
{
	char how[CHILD_SENTENCE_BYTES], sentence[DEVICE_SENTENCE_BYTES];
	const bool expected = device->stopping;
	bool in_order;

	device_stop_awaiting(device);
	in_order = child_obituary(&device->child, how, sizeof(how));
	recording_worker_ends(device->options.recording, device->options.key);
	recording_text(device->options.recording, device->options.key,
		       RECORD_WORKER_END, "", how);
	device->stopping = false;
	/* A frontend that began anew meanwhile is looked at again. */
	device->note_frontend = true;
	if (expected &&
	    (device->state != DEVICE_PAUSING || in_order || device->retired)) {
		device->attached = false;
		if (device->state == DEVICE_PAUSING && !device->retired)
			device_change_goes_on(device);
		return;
	}
	device->deaths++;
	snprintf(sentence, sizeof(sentence),
		 "the worker that served this disk %s", how);
	if (device_rescue(device, sentence, sizeof(sentence)))
		return;
	device->attached = false;
	device->failures++;
	if (device->state == DEVICE_DETACHING) {
		device_note_error(device, sentence);
		worker_detached(device);
	} else if (device->state == DEVICE_CLOSED) {
		log_line(LOG_WARNING, "%s: %s", device->relative, sentence);
	} else {
		device_fail(device, "%s", sentence);
	}
}

bool device_step_worker(struct device *device)
{
	struct link_message message;
	bool done = false;

	device->note_worker = false;
	if (device->state == DEVICE_SETTLING)
		return device_look_settled(device);
	while (device->child.alive) {
		int n = child_receive(&device->child, &message);

		if (n == 0)
			break;
		done = true;
		if (n == 1)
			worker_said(device, &message);
		else
			worker_died(device);
	}
	return lose_patience(device) || done;
}
