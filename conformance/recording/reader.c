/* Bytes to records.  See reader.h. */
#include "conformance/recording/reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"

/* The longest record that is read at all. */
#define RECORD_BYTES_MAX (1u << 20)

static const char *const kind_names[] = {
	[RECORD_FRONT_STATE] = "front-state",
	[RECORD_BACK_STATE] = "back-state",
	[RECORD_FRONT_KEY] = "front-key",
	[RECORD_BACK_NODE] = "back-node",
	[RECORD_ERROR] = "error",
	[RECORD_WORKER_BEGIN] = "worker-begin",
	[RECORD_WORKER_END] = "worker-end",
	[RECORD_FULL] = "full",
	[RECORD_GUEST_GONE] = "guest-gone",
	[RECORD_ATTACH] = "attach",
	[RECORD_DETACH] = "detach",
	[RECORD_REQUEST] = "request",
	[RECORD_RESPONSE] = "response",
	[RECORD_PUSH] = "push",
	[RECORD_EVENT] = "event",
	[RECORD_OVERFLOW] = "overflow",
	[RECORD_MAP] = "map",
	[RECORD_UNMAP] = "unmap",
	[RECORD_COPY_IN] = "copy-in",
	[RECORD_COPY_OUT] = "copy-out",
	[RECORD_LOST] = "lost",
	[RECORD_INDIRECT] = "indirect",
	[RECORD_SEGMENTS] = "segments",
	[RECORD_DISCARD] = "discard",
};

const char *reader_kind_name(unsigned int kind)
{
	if (kind >= ARRAY_SIZE(kind_names) || kind_names[kind] == NULL)
		return "unknown";
	return kind_names[kind];
}

static struct record_header header_at(const struct reader *reader, size_t at)
{
	struct record_header header;

	CHECK(at <= reader->bytes);
	CHECK(reader->bytes - at >= sizeof(header));
	memcpy(&header, reader->data + at, sizeof(header));
	return header;
}

/* The length of the record there; 0 at the end of what can be read. */
static size_t step(struct reader *reader, size_t at)
{
	const size_t left = reader->bytes - at;
	struct record_header header;

	reader->end_at = at;
	reader->end = READER_WHOLE;
	if (left == 0)
		return 0;
	reader->end = READER_CUT;
	if (left < sizeof(header))
		return 0;
	header = header_at(reader, at);
	if (header.bytes < sizeof(header) || header.bytes % 8 != 0 ||
	    header.bytes > RECORD_BYTES_MAX) {
		reader->end = READER_DAMAGED;
		return 0;
	}
	return header.bytes <= left ? header.bytes : 0;
}

static int by_offset(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_time(const void *a, const void *b, void *context)
{
	const struct reader *reader = context;
	const uint64_t left = *(const uint64_t *)a;
	const uint64_t right = *(const uint64_t *)b;
	const uint64_t left_ns = header_at(reader, left).time_ns;
	const uint64_t right_ns = header_at(reader, right).time_ns;

	return left_ns == right_ns ? by_offset(left, right)
				   : by_offset(left_ns, right_ns);
}

static int make_order(struct reader *reader)
{
	const size_t first = reader->file.bytes;
	size_t at, bytes, i = 0;

	for (at = first; (bytes = step(reader, at)) > 0; at += bytes)
		reader->count++;
	if (reader->count == 0)
		return 0;
	reader->order = malloc(reader->count * sizeof(reader->order[0]));
	if (reader->order == NULL)
		return -ENOMEM;
	for (at = first; (bytes = step(reader, at)) > 0; at += bytes)
		reader->order[i++] = at;
	qsort_r(reader->order, reader->count, sizeof(reader->order[0]), by_time,
		reader);
	return 0;
}

int reader_init(struct reader *reader, const unsigned char *data, size_t bytes,
		char *sentence)
{
	struct record_file *file = &reader->file;
	int error;

	memset(reader, 0, sizeof(*reader));
	reader->data = data;
	reader->bytes = bytes;
	if (bytes < sizeof(*file)) {
		snprintf(sentence, READER_SENTENCE,
			 "it has %zu bytes, the header of a recording has %zu",
			 bytes, sizeof(*file));
		return -EINVAL;
	}
	memcpy(file, data, sizeof(*file));
	if (file->magic != RECORD_MAGIC) {
		snprintf(sentence, READER_SENTENCE,
			 "it does not begin as a recording of xenblkd does");
		return -EINVAL;
	}
	if (file->version != RECORD_VERSION || file->bytes < sizeof(*file) ||
	    file->bytes % 8 != 0 || file->bytes > bytes) {
		snprintf(sentence, READER_SENTENCE,
			 "its format is version %u with a header of %u bytes; "
			 "this program reads version %u",
			 file->version, file->bytes, RECORD_VERSION);
		return -EINVAL;
	}
	error = make_order(reader);
	if (error != 0)
		snprintf(sentence, READER_SENTENCE,
			 "there is not enough memory for its records");
	return error;
}

void reader_fini(struct reader *reader)
{
	free(reader->order);
	reader->order = NULL;
}

/* --- payloads --- */

/* The next bytes of a payload, if there are so many. */
struct payload {
	const unsigned char *from;
	size_t left;
};

static bool take(struct payload *payload, void *to, size_t bytes)
{
	if (bytes > payload->left)
		return false;
	memcpy(to, payload->from, bytes);
	payload->from += bytes;
	payload->left -= bytes;
	return true;
}

static bool take_node(struct payload *payload, struct item *item)
{
	struct record_node fixed;

	if (!take(payload, &fixed, sizeof(fixed)))
		return false;
	item->node.absent = fixed.value_bytes == RECORD_ABSENT;
	item->node.key_bytes = fixed.key_bytes;
	item->node.value_bytes = item->node.absent ? 0 : fixed.value_bytes;
	if (item->node.key_bytes > READER_NODE_BYTES ||
	    item->node.value_bytes > READER_NODE_BYTES)
		return false;
	if (!take(payload, item->node.key, item->node.key_bytes) ||
	    !take(payload, item->node.value, item->node.value_bytes))
		return false;
	item->node.key[item->node.key_bytes] = '\0';
	item->node.value[item->node.value_bytes] = '\0';
	return true;
}

static bool take_request(struct payload *payload, struct item *item)
{
	struct record_request *fixed = &item->request.fixed;

	if (!take(payload, fixed, sizeof(*fixed)))
		return false;
	item->request.segments = fixed->nr_segments < LIMIT_SEGMENTS
					 ? fixed->nr_segments
					 : LIMIT_SEGMENTS;
	return take(payload, item->request.seg,
		    item->request.segments * sizeof(item->request.seg[0]));
}

static bool take_indirect(struct payload *payload, struct item *item)
{
	struct record_indirect *fixed = &item->indirect.fixed;

	return take(payload, fixed, sizeof(*fixed)) &&
	       fixed->pages <= LIMIT_DESCRIPTOR_PAGES &&
	       take(payload, item->indirect.gref,
		    fixed->pages * sizeof(item->indirect.gref[0]));
}

static bool take_segments(struct payload *payload, struct item *item)
{
	struct record_segments *fixed = &item->segments.fixed;

	return take(payload, fixed, sizeof(*fixed)) &&
	       fixed->count <= LIMIT_RECORD_ENTRIES &&
	       take(payload, item->segments.seg,
		    fixed->count * sizeof(item->segments.seg[0]));
}

static bool take_grants(struct payload *payload, struct item *item)
{
	struct record_grants fixed;

	if (!take(payload, &fixed, sizeof(fixed)) ||
	    fixed.count > READER_GRANTS_MAX)
		return false;
	item->grants.count = fixed.count;
	item->grants.result = fixed.result;
	return take(payload, item->grants.gref,
		    fixed.count * sizeof(item->grants.gref[0]));
}

static bool take_copies(struct payload *payload, struct item *item)
{
	struct record_copies fixed;

	if (!take(payload, &fixed, sizeof(fixed)) ||
	    fixed.count > READER_COPIES_MAX)
		return false;
	item->copies.count = fixed.count;
	item->copies.result = fixed.result;
	return take(payload, item->copies.copy,
		    fixed.count * sizeof(item->copies.copy[0]));
}

static bool take_payload(struct payload *p, struct item *item)
{
	switch (item->header.kind) {
	case RECORD_FRONT_STATE:
	case RECORD_BACK_STATE:
	case RECORD_WORKER_BEGIN:
	case RECORD_LOST:
		return take(p, &item->number, sizeof(item->number));
	case RECORD_FRONT_KEY:
	case RECORD_BACK_NODE:
	case RECORD_ERROR:
	case RECORD_WORKER_END:
		return take_node(p, item);
	case RECORD_FULL:
	case RECORD_GUEST_GONE:
	case RECORD_DETACH:
	case RECORD_EVENT:
		return true;
	case RECORD_ATTACH:
		return take(p, &item->attach, sizeof(item->attach));
	case RECORD_REQUEST:
		return take_request(p, item);
	case RECORD_INDIRECT:
		return take_indirect(p, item);
	case RECORD_SEGMENTS:
		return take_segments(p, item);
	case RECORD_DISCARD:
		return take(p, &item->discard, sizeof(item->discard));
	case RECORD_RESPONSE:
		return take(p, &item->response, sizeof(item->response));
	case RECORD_PUSH:
		return take(p, &item->push, sizeof(item->push));
	case RECORD_OVERFLOW:
		return take(p, &item->overflow, sizeof(item->overflow));
	case RECORD_MAP:
	case RECORD_UNMAP:
		return take_grants(p, item);
	case RECORD_COPY_IN:
	case RECORD_COPY_OUT:
		return take_copies(p, item);
	default:
		return false;
	}
}

void reader_item(const struct reader *reader, size_t i, struct item *item)
{
	struct payload payload;

	CHECK(i < reader->count);
	item->at = reader->order[i];
	item->header = header_at(reader, item->at);
	payload.from = reader->data + item->at + sizeof(item->header);
	payload.left = item->header.bytes - sizeof(item->header);
	item->known = take_payload(&payload, item);
}
