/*
 * From the frontend's keys to Connected.  See inside.h.
 *
 * Each key is read once: what was checked is what is used.
 */
#include "backend/supervisor/inside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/supervisor/handshake.h"

/* Reads one key of the frontend directory, into a buffer of the lookup's own.
 */
struct lookup {
	struct device *device;
	int error; /* xenstore's, if any */
	char value[LIMIT_NODE_BYTES];
};

static void record_key(const struct lookup *lookup, const char *key,
		       const struct handshake_value *value)
{
	const struct recording_node node = {
		.name = key,
		.value = value == NULL ? NULL : value->text,
		.bytes = value == NULL ? 0 : value->length};

	recording_node(lookup->device->options.recording,
		       lookup->device->options.key, RECORD_FRONT_KEY, &node);
}

static bool lookup_get(void *context, const char *key,
		       struct handshake_value *value)
{
	/* A value that no key may have. */
	static const char too_long[] = "(a value of more than 255 bytes)";
	struct lookup *lookup = context;
	char path[STORE_PATH_BYTES + HANDSHAKE_KEY_BYTES];
	int n;

	snprintf(path, sizeof(path), "%s/%s", lookup->device->facts.frontend,
		 key);
	n = store_read(lookup->device->options.store, path, lookup->value,
		       sizeof(lookup->value));
	if (n == -EOVERFLOW) {
		*value = (struct handshake_value){too_long,
						  sizeof(too_long) - 1};
		record_key(lookup, key, value);
		return true;
	}
	if (n < 0) {
		if (n != -ENOENT)
			lookup->error = n;
		record_key(lookup, key, NULL);
		return false;
	}
	*value = (struct handshake_value){lookup->value, (size_t)n};
	record_key(lookup, key, value);
	return true;
}

/* The table is for this connection, or of it. */
static bool prepare_table(struct device *device)
{
	int error;

	if (device_goes_on(device)) {
		if (device_table_fits(device))
			return true;
		device_fail(device,
			    "the connection was served before, but %s is not "
			    "the table of its requests under way: it ends, "
			    "since they might be lost or answered twice",
			    device->table.path);
		return false;
	}
	error = device_mark_table(device, false);
	if (error < 0)
		device_fail(device, "%s cannot be written: %s",
			    device->table.path, strerror(-error));
	return error == 0;
}

bool device_read_keys(struct device *device, char *sentence)
{
	const struct handshake_offer offer = {
		.max_queues = device_queues(device),
		.max_ring_order = device->options.conf->max_ring_order,
		.max_indirect = device->options.conf->max_indirect,
		.barrier = device->options.conf->barrier,
		.discard = device_offers_discard(device),
	};
	struct lookup lookup = {.device = device};
	const struct handshake_source source = {.get = lookup_get,
						.context = &lookup};
	struct handshake_fault fault;
	enum handshake_error error;

	memset(&device->attach, 0, sizeof(device->attach));
	error = handshake_parse(&source, &offer, &device->attach, &fault);
	if (lookup.error < 0)
		snprintf(sentence, HANDSHAKE_SENTENCE_BYTES,
			 "the frontend's nodes cannot be read: %s",
			 strerror(-lookup.error));
	else if (error != HANDSHAKE_OK)
		handshake_sentence(&fault, sentence, HANDSHAKE_SENTENCE_BYTES);
	return lookup.error == 0 && error == HANDSHAKE_OK;
}

void device_connect(struct device *device)
{
	struct link_message message = {.kind = LINK_ATTACH};
	char sentence[HANDSHAKE_SENTENCE_BYTES];

	if (!device_read_keys(device, sentence)) {
		device_fail(device, "%s", sentence);
		return;
	}
	if (!prepare_table(device))
		return;
	message.attach = device->attach;
	message.attach.resume = device_goes_on(device);
	device->attached = true;
	device->lived |= store_domain_lives(device->options.store,
					    device->options.key.domid);
	device_set_state(device, DEVICE_CONNECTING);
	child_send(&device->child, &message);
}

void device_complete_connection(struct device *device)
{
	/* Before anybody can find the disk Connected. */
	int error = device_mark_table(device, true);

	if (error < 0) {
		device_fail(device, "%s cannot be written: %s",
			    device->table.path, strerror(-error));
		device_detach(device, DEVICE_CLOSING);
		return;
	}
	if (!device_publish_connected(device)) {
		if (device->removed)
			device_handle_removal(device);
		else
			device_fail(
				device,
				"xenstore did not take this disk's properties");
		return;
	}
	device_set_state(device, DEVICE_CONNECTED);
	device->resumes = false;
	device->connections++;
	device_clear_error(device);
	device_tell(device,
		    "connected: %u queues, %u ring pages each, %s, %s grants",
		    device->attach.queues, 1u << device->attach.ring_order,
		    device->attach.abi == LINK_ABI_X86_64 ? "x86_64" : "x86_32",
		    device->attach.persistent ? "persistent" : "single-use");
}
