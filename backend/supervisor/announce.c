/*
 * What a disk writes into xenstore and into the log.  See inside.h.
 *
 * The sets of nodes follow the protocol's times: features and transport before
 * InitWait, properties together with Connected.
 */
#include "backend/supervisor/inside.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <xen/io/blkif.h>
#include <xen/io/xenbus.h>

#include "backend/base/checked.h"
#include "backend/base/clock.h"

static void tell(struct device *device, enum log_level level, const char *text)
{
	if (!log_limit_allows(&device->limit, clock_now_ns()))
		return;
	if (device->limit.suppressed > 0)
		log_line(LOG_INFO, "%s: %llu lines before this were left out",
			 device->relative,
			 (unsigned long long)device->limit.suppressed);
	device->limit.suppressed = 0;
	log_line(level, "%s: %s", device->relative, text);
}

void device_tell(struct device *device, const char *format, ...)
{
	char text[DEVICE_SENTENCE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	tell(device, LOG_INFO, text);
}

static void record_node(const struct device *device,
			const struct publish_node *node)
{
	struct recording *recording = device->options.recording;

	if (node->value[0] == '\0')
		return;
	if (strcmp(node->key, "state") == 0)
		recording_number(recording, device->options.key,
				 RECORD_BACK_STATE,
				 (uint64_t)(node->value[0] - '0'));
	else
		recording_text(recording, device->options.key, RECORD_BACK_NODE,
			       node->key, node->value);
}

/* Notes that the directory is gone; every other failure only costs the write.
 */
bool device_publish(struct device *device, const struct publish_node *nodes,
		    size_t count)
{
	const struct publish_place place = {.directory = device->directory,
					    .last = device->published};
	int error = publish_nodes(device->options.store, &place, nodes, count);

	if (error == -ENOENT)
		device->removed = device->note_backend = true;
	else if (error < 0)
		log_line(LOG_ERROR, "%s cannot be written: %s",
			 device->directory, strerror(-error));
	for (size_t i = 0; i < count && error == 0; i++)
		record_node(device, &nodes[i]);
	return error == 0;
}

/* What the store did not take does not stand there: what does would be taken for
 * the toolstack's later, and nothing be written over it. */
static bool publish_with_state(struct device *device,
			       const struct publish_node *nodes, size_t count,
			       unsigned int state)
{
	if (!device_publish(device, nodes, count))
		return false;
	device->published = state;
	device->unsaid = XenbusStateUnknown;
	return true;
}

void device_publish_state(struct device *device, unsigned int state)
{
	const struct publish_node node = publish_number("state", state);

	if (publish_with_state(device, &node, 1, state) || device->removed)
		return;
	device->unsaid = state;
	device->unsure = true;
}

void device_publish_unsaid(struct device *device, int state)
{
	/* Where Closing stands, Closed is said in answer to it. */
	if (device->unsaid == XenbusStateUnknown ||
	    state != (int)device->published || state == XenbusStateClosing)
		return;
	device_publish_state(device, device->unsaid);
}

/* A disk that is not open, on its way down, has what is configured. */
unsigned int device_queues(const struct device *device)
{
	if (device->backing.queues > 0)
		return device->backing.queues;
	return device->options.conf->max_queues;
}

/* Not of a read-only disk: whoever may not write may not throw away. */
bool device_offers_discard(const struct device *device)
{
	return device->options.conf->discard && device->facts.discard &&
	       !device->backing.readonly &&
	       device->backing.discard_granularity > 0;
}

/* A node that is there only if something else is offered. */
static struct publish_node only_if(bool offered, const char *key,
				   uint64_t number)
{
	return offered ? publish_number(key, number) : publish_nothing(key);
}

/* H2, Q2: features and transport parameters, before InitWait. */
bool device_publish_offer(struct device *device)
{
	const struct conf *conf = device->options.conf;
	const struct backing *backing = &device->backing;
	const bool discard = device_offers_discard(device);
	const struct publish_node nodes[] = {
		publish_number("feature-flush-cache", 1),
		/* C1: also without a volatile cache, where it costs nothing. */
		publish_number("feature-barrier", conf->barrier),
		publish_number("feature-persistent",
			       conf->persistent_grants > 0),
		publish_number("max-ring-page-order", conf->max_ring_order),
		publish_number("max-ring-pages", 1u << conf->max_ring_order),
		publish_number("multi-queue-max-queues", device_queues(device)),
		/* D4: there only if such requests are understood. */
		only_if(conf->max_indirect > 0, "feature-max-indirect-segments",
			conf->max_indirect),
		/* C4, E2 to E4, K17: all of it or nothing.  Secure discard is
		 * not offered: the kernel has no call for it that a queue need
		 * not wait for. */
		publish_number("feature-discard", discard),
		only_if(discard, "discard-granularity",
			backing->discard_granularity),
		only_if(discard, "discard-alignment",
			backing->discard_alignment),
		{.key = "hotplug-status", .value = "connected"},
		publish_number("state", XenbusStateInitWait),
	};
	const size_t count = ARRAY_SIZE(nodes);

	/* A frontend that is served already must not see us step back. */
	if (device->resumes &&
	    device_frontend_state(device) == XenbusStateConnected)
		return device_publish(device, nodes, count - 1);
	return publish_with_state(device, nodes, count, XenbusStateInitWait);
}

/* H4, Q1: the properties, together with Connected. */
bool device_publish_connected(struct device *device)
{
	const struct facts *facts = &device->facts;
	const unsigned int info = (facts->cdrom ? VDISK_CDROM : 0u) |
				  (facts->removable ? VDISK_REMOVABLE : 0u) |
				  (facts->readonly ? VDISK_READONLY : 0u);
	const struct publish_node nodes[] = {
		publish_number("sectors", device->backing.sectors),
		publish_number("sector-size", SECTOR_BYTES),
		publish_number("physical-sector-size",
			       device->backing.physical_bytes),
		publish_number("info", info),
		publish_number("state", XenbusStateConnected),
	};

	return publish_with_state(device, nodes, ARRAY_SIZE(nodes),
				  XenbusStateConnected);
}

void device_note_error(struct device *device, const char *sentence)
{
	snprintf(device->error, sizeof(device->error), "%s", sentence);
	tell(device, LOG_WARNING, device->error);
	recording_text(device->options.recording, device->options.key,
		       RECORD_ERROR, "", device->error);
	if (device->removed)
		return;
	device->told = true;
	publish_error(device->options.store, device->relative, device->error);
}

void device_clear_error(struct device *device)
{
	device->error[0] = '\0';
	device->note_error = false;
	if (!device->told)
		return;
	device->told =
		publish_no_error(device->options.store, device->relative) < 0;
	/* It would belie a disk that works: taken away when xenstore answers. */
	device->unsure |= device->told;
}

void device_fail(struct device *device, const char *format, ...)
{
	char sentence[DEVICE_SENTENCE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	device->rescue = device->changed = false;
	/* What is not served any more shall not be gone on with. */
	if (!device->attached && device_mark_table(device, false) < 0)
		log_line(LOG_WARNING, "%s: its table cannot be written",
			 device->relative);
	device_note_error(device, sentence);
	device_publish_state(device, XenbusStateClosing);
	if (device->state != DEVICE_CLOSING)
		device_set_state(device, DEVICE_CLOSING);
}
