/* For the tests here: a recording in memory, record by record. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "backend/base/link.h"
#include "conformance/recording/reader.h"

#define SESSION_BYTES 65536u

struct session {
	size_t bytes;
	uint64_t time_ns;
	uint16_t queue;
	_Alignas(8) unsigned char data[SESSION_BYTES];
};

static inline void session_begin(struct session *s)
{
	const struct record_file file = {.magic = RECORD_MAGIC,
					 .version = RECORD_VERSION,
					 .bytes = sizeof(file)};

	memset(s, 0, sizeof(*s));
	memcpy(s->data, &file, sizeof(file));
	s->bytes = sizeof(file);
}

static inline void session_add(struct session *s, enum record_kind kind,
			       const void *payload, size_t bytes)
{
	const struct record_header header = {
		.bytes = (uint32_t)record_padded(sizeof(header) + bytes),
		.kind = (uint16_t)kind,
		.queue = kind < RECORD_SUPERVISOR_END ? RECORD_NO_QUEUE
						      : s->queue,
		.time_ns = s->time_ns++,
		.domid = 5,
		.devid = 51712,
	};

	memcpy(s->data + s->bytes, &header, sizeof(header));
	if (bytes > 0)
		memcpy(s->data + s->bytes + sizeof(header), payload, bytes);
	s->bytes += header.bytes;
}

static inline void session_number(struct session *s, enum record_kind kind,
				  uint64_t number)
{
	session_add(s, kind, &number, sizeof(number));
}

/* A value of NULL: the node is absent. */
static inline void session_node(struct session *s, enum record_kind kind,
				const char *key, const char *value)
{
	struct {
		struct record_node fixed;
		char text[128];
	} node = {.fixed = {.key_bytes = (uint16_t)strlen(key),
			    .value_bytes = RECORD_ABSENT}};
	size_t bytes = 0;

	memcpy(node.text, key, strlen(key));
	if (value != NULL) {
		bytes = strlen(value);
		memcpy(node.text + strlen(key), value, bytes);
		node.fixed.value_bytes = (uint16_t)bytes;
	}
	session_add(s, kind, &node, sizeof(node.fixed) + strlen(key) + bytes);
}

static inline void session_attach(struct session *s)
{
	const struct record_attach attach = {.abi = LINK_ABI_X86_64,
					     .slots = 32,
					     .queues = 1,
					     .persistent = 1};

	session_add(s, RECORD_ATTACH, &attach, sizeof(attach));
}

/* A disk of 1000 sectors, connected, without a request yet. */
static inline void session_connect(struct session *s)
{
	session_number(s, RECORD_FRONT_STATE, 1);
	session_node(s, RECORD_BACK_NODE, "feature-flush-cache", "1");
	session_node(s, RECORD_BACK_NODE, "max-ring-page-order", "2");
	session_node(s, RECORD_BACK_NODE, "multi-queue-max-queues", "4");
	session_number(s, RECORD_BACK_STATE, 2);
	session_number(s, RECORD_FRONT_STATE, 3);
	session_node(s, RECORD_FRONT_KEY, "multi-queue-num-queues", NULL);
	session_node(s, RECORD_FRONT_KEY, "ring-page-order", NULL);
	session_node(s, RECORD_FRONT_KEY, "num-ring-pages", NULL);
	session_node(s, RECORD_FRONT_KEY, "protocol", "x86_64-abi");
	session_node(s, RECORD_FRONT_KEY, "feature-persistent", "1");
	session_node(s, RECORD_FRONT_KEY, "event-channel", "7");
	session_node(s, RECORD_FRONT_KEY, "ring-ref", "8");
	session_attach(s);
	session_node(s, RECORD_BACK_NODE, "sectors", "1000");
	session_node(s, RECORD_BACK_NODE, "info", "0");
	session_number(s, RECORD_BACK_STATE, 4);
	session_number(s, RECORD_FRONT_STATE, 4);
}

struct session_request {
	struct record_request fixed;
	struct record_segment seg[LIMIT_SEGMENTS];
};

static inline struct session_request session_read(uint64_t id)
{
	return (struct session_request){
		.fixed = {.id = id, .nr_segments = 1, .sector_number = 8},
		.seg[0] = {.gref = 20, .first_sect = 0, .last_sect = 7},
	};
}

static inline void session_send(struct session *s,
				const struct session_request *request)
{
	session_add(s, RECORD_REQUEST, request, sizeof(*request));
}

static inline void session_answer(struct session *s, uint64_t id,
				  int16_t status)
{
	const struct record_response response = {.id = id, .status = status};

	session_add(s, RECORD_RESPONSE, &response, sizeof(response));
}
