/* Nodes as long as they claim to be.  See stretch.h. */
#include "fuzz/recorded/stretch.h"

#include <stdbool.h>
#include <string.h>

#include "backend/base/record.h"

static bool is_node(unsigned int kind)
{
	return kind == RECORD_FRONT_KEY || kind == RECORD_BACK_NODE ||
	       kind == RECORD_ERROR || kind == RECORD_WORKER_END;
}

/* Of the whole record, a multiple of 8 as all are. */
static size_t claimed_bytes(const uint8_t *record,
			    const struct record_header *header)
{
	struct record_node node;
	size_t bytes = sizeof(*header) + sizeof(node);

	if (!is_node(header->kind) || header->bytes < bytes)
		return header->bytes;
	memcpy(&node, record + sizeof(*header), sizeof(node));
	bytes += node.key_bytes;
	if (node.value_bytes != RECORD_ABSENT)
		bytes += node.value_bytes;
	bytes = (bytes + 7) / 8 * 8;
	return bytes > header->bytes ? bytes : header->bytes;
}

size_t recorded_stretch(const uint8_t *file, size_t bytes, uint8_t *to,
			size_t room)
{
	struct record_file begin;
	struct record_header header;
	size_t at, out, claimed;
	bool grown = false;

	if (bytes < sizeof(begin))
		return 0;
	memcpy(&begin, file, sizeof(begin));
	if (begin.bytes > bytes || begin.bytes > room)
		return 0;
	memcpy(to, file, begin.bytes);
	for (at = out = begin.bytes; bytes - at >= sizeof(header);
	     at += header.bytes, out += claimed) {
		memcpy(&header, file + at, sizeof(header));
		if (header.bytes < sizeof(header) || header.bytes % 8 != 0 ||
		    header.bytes > bytes - at)
			break;
		claimed = claimed_bytes(file + at, &header);
		if (claimed > room - out)
			break;
		memcpy(to + out, file + at, header.bytes);
		memset(to + out + header.bytes, 'k', claimed - header.bytes);
		grown |= claimed != header.bytes;
		header.bytes = (uint32_t)claimed;
		memcpy(to + out, &header, sizeof(header));
		/* The loop goes on by what the file had. */
		memcpy(&header, file + at, sizeof(header));
	}
	return grown ? out : 0;
}
