/* Both slot layouts, byte for byte.  See abi.h. */
#include "backend/worker/abi.h"

#include <string.h>
#include <xen/io/blkif.h>

#include "backend/base/check.h"

#define HEADER_BYTES 64u

/* Where the fields lie; segments are 8 bytes each in both layouts. */
struct layout {
	uint8_t words;
	uint8_t id;
	uint8_t sector_number;
	uint8_t segments;
	uint8_t response_words;
};

static const struct layout layouts[LINK_ABI_COUNT] = {
	[LINK_ABI_X86_64] = {28, 8, 16, 24, 4},
	[LINK_ABI_X86_32] = {27, 4, 12, 20, 3},
};

_Static_assert(24 + 8 * LIMIT_SEGMENTS == 28 * 4, "x86_64 slot is 112 bytes");
_Static_assert(20 + 8 * LIMIT_SEGMENTS == 27 * 4, "x86_32 slot is 108 bytes");
_Static_assert(LIMIT_DESCRIPTOR_PAGES == BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST,
	       "our bound is the protocol's");
_Static_assert(sizeof(struct blkif_request_segment) * LIMIT_DESCRIPTORS ==
		       XEN_PAGE_BYTES,
	       "a page is full of descriptors");

static const struct layout *layout_of(enum link_abi abi)
{
	CHECK(abi == LINK_ABI_X86_64 || abi == LINK_ABI_X86_32);
	return &layouts[abi];
}

size_t abi_slot_words(enum link_abi abi)
{
	return layout_of(abi)->words;
}

size_t abi_header_words(enum link_abi abi)
{
	return layout_of(abi)->segments / 4u;
}

static unsigned int stored_segments(const uint32_t raw[ABI_SLOT_WORDS])
{
	unsigned int claimed = ((const uint8_t *)raw)[1];

	return claimed < LIMIT_SEGMENTS ? claimed : LIMIT_SEGMENTS;
}

/* An indirect request has its operation and its number of segments where others
 * have those segments' number and the handle. */
static unsigned int indirect_segments(const uint32_t raw[ABI_SLOT_WORDS])
{
	uint16_t claimed;

	memcpy(&claimed, (const uint8_t *)raw + 2, 2);
	return claimed;
}

static unsigned int stored_pages(const uint32_t raw[ABI_SLOT_WORDS])
{
	unsigned int pages = abi_descriptor_pages(indirect_segments(raw));

	return pages < LIMIT_DESCRIPTOR_PAGES ? pages : LIMIT_DESCRIPTOR_PAGES;
}

static bool is_indirect(const uint32_t raw[ABI_SLOT_WORDS])
{
	return ((const uint8_t *)raw)[0] == BLKIF_OP_INDIRECT;
}

/* A discard has its flags where others have the number of segments, and its
 * number of sectors where those begin (J6). */
static bool is_discard(const uint32_t raw[ABI_SLOT_WORDS])
{
	return ((const uint8_t *)raw)[0] == BLKIF_OP_DISCARD;
}

size_t abi_used_words(enum link_abi abi, const uint32_t raw[ABI_SLOT_WORDS])
{
	/* The handle comes before the grants of descriptors. */
	if (is_indirect(raw))
		return abi_header_words(abi) + 1u + stored_pages(raw);
	if (is_discard(raw))
		return abi_header_words(abi) + 2u;
	return abi_header_words(abi) + 2u * stored_segments(raw);
}

uint32_t abi_ring_slots(enum link_abi abi, unsigned int pages)
{
	uint32_t fit;
	uint32_t slots = 1;

	CHECK(pages >= 1 && pages <= LIMIT_RING_PAGES);
	fit = (pages * XEN_PAGE_BYTES - HEADER_BYTES) /
	      (4u * layout_of(abi)->words);
	while (slots * 2 <= fit)
		slots *= 2;
	CHECK(slots <= LIMIT_RING_SLOTS);
	return slots;
}

static void decode_indirect(const struct layout *layout,
			    const uint32_t raw[ABI_SLOT_WORDS],
			    struct wire_request *request)
{
	const uint8_t *body = (const uint8_t *)raw + layout->segments;

	request->indirect_op = ((const uint8_t *)raw)[1];
	request->nr_segments = (uint16_t)indirect_segments(raw);
	memcpy(&request->handle, body, 2);
	memcpy(request->descriptors, body + 4, 4u * stored_pages(raw));
}

void abi_decode(enum link_abi abi, const uint32_t raw[ABI_SLOT_WORDS],
		struct wire_request *request)
{
	const struct layout *layout = layout_of(abi);
	const uint8_t *bytes = (const uint8_t *)raw;
	unsigned int segments = stored_segments(raw);

	request->operation = bytes[0];
	request->indirect_op = 0;
	request->discard_flags = 0;
	request->nr_segments = bytes[1];
	memcpy(&request->handle, bytes + 2, 2);
	memcpy(&request->id, bytes + layout->id, 8);
	memcpy(&request->sector_number, bytes + layout->sector_number, 8);
	if (is_indirect(raw)) {
		decode_indirect(layout, raw, request);
		return;
	}
	if (is_discard(raw)) {
		request->discard_flags = bytes[1];
		request->nr_segments = 0;
		memcpy(&request->discard_sectors, bytes + layout->segments, 8);
		return;
	}
	for (size_t i = 0; i < segments; i++) {
		const uint8_t *segment = bytes + layout->segments + 8 * i;

		memcpy(&request->seg[i].gref, segment, 4);
		request->seg[i].first_sect = segment[4];
		request->seg[i].last_sect = segment[5];
	}
}

size_t abi_encode_response(enum link_abi abi, uint64_t id, uint8_t operation,
			   int16_t status, uint32_t raw[ABI_RESPONSE_WORDS])
{
	uint8_t *bytes = (uint8_t *)raw;

	/* Zeroes first: padding must not carry our memory to the guest (Q18).
	 */
	memset(raw, 0, 4u * ABI_RESPONSE_WORDS);
	memcpy(bytes, &id, 8);
	bytes[8] = operation;
	memcpy(bytes + 10, &status, 2);
	return layout_of(abi)->response_words;
}
