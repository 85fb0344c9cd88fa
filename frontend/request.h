/*
 * The two layouts of a ring's entries, and named fields to and from them.
 *
 * Both layouts begin with the same four bytes; what follows them is the same
 * too, but starts at offset 8 in x86_64 and at offset 4 in x86_32, where 64-bit
 * fields need an alignment of four only.
 */
#pragma once

#include <stdint.h>

#include "frontend/front.h"

struct front_wire_segment {
	uint32_t gref;
	uint8_t first_sector, last_sector;
	uint8_t pad[2];
};

/* READ, WRITE, BARRIER, FLUSH, and whatever else has segments. */
struct front_wire_direct {
	uint64_t id;
	uint64_t sector;
	struct front_wire_segment segment[FRONT_MAX_SEGMENTS];
} __attribute__((packed, aligned(4)));

struct front_wire_discard {
	uint64_t id;
	uint64_t sector;
	uint64_t sectors;
} __attribute__((packed, aligned(4)));

struct front_wire_indirect {
	uint64_t id;
	uint64_t sector;
	uint16_t handle;
	uint16_t pad;
	uint32_t gref[8];
} __attribute__((packed, aligned(4)));

struct front_wire_response {
	uint64_t id;
	uint8_t operation;
	uint8_t pad;
	int16_t status;
} __attribute__((packed, aligned(4)));

/** front_request_write() - fill a slot; entry_bytes tells the layout. */
void front_request_write(void *slot, uint32_t entry_bytes,
			 const struct front_request *request);

/** front_response_read() - take a response from a slot. */
void front_response_read(const void *slot, uint32_t entry_bytes,
			 struct front_response *response);
