/*
 * The layouts of a ring slot, and one form that nobody above has to ask about.
 *
 * x86_64 pads the request's id to 8 bytes (112 bytes a slot), x86_32 packs it
 * to 4 (108 bytes); both give 32 slots for one page (catalogue J12).  Pure:
 * works on a private copy of a slot, touches no shared memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/limits.h"
#include "backend/base/link.h"

#define ABI_SLOT_WORDS	   28u /* the larger of the two slots, in 32-bit words */
#define ABI_RESPONSE_WORDS 4u

/* A slot as the guest wrote it, in our own field order; nothing is checked yet.
 */
struct wire_request {
	uint8_t operation;
	uint8_t indirect_op;  /* of BLKIF_OP_INDIRECT only */
	uint16_t nr_segments; /* 8 bits of all others; 0 of a discard */
	uint16_t handle;
	uint8_t discard_flags;
	uint64_t id;
	uint64_t sector_number;
	union {
		struct {
			uint32_t gref;
			uint8_t first_sect;
			uint8_t last_sect;
		} seg[LIMIT_SEGMENTS];
		uint32_t descriptors[LIMIT_DESCRIPTOR_PAGES];
		uint64_t discard_sectors;
	};
};

/** abi_descriptor_pages() - how many pages so many descriptors fill (I10). */
static inline unsigned int abi_descriptor_pages(unsigned int segments)
{
	return (segments + LIMIT_DESCRIPTORS - 1) / LIMIT_DESCRIPTORS;
}

/** abi_slot_words() - length of a slot in 32-bit words. */
size_t abi_slot_words(enum link_abi abi);

/** abi_ring_slots() - slots of a ring of so many pages: a power of two. */
uint32_t abi_ring_slots(enum link_abi abi, unsigned int pages);

/**
 * abi_header_words() - how much of a slot to copy before its length is known.
 */
size_t abi_header_words(enum link_abi abi);

/**
 * abi_used_words() - how much of a slot a request uses, by its copied header.
 *
 * A header that claims more segments than there are uses the whole slot, no
 * more.
 */
size_t abi_used_words(enum link_abi abi, const uint32_t raw[ABI_SLOT_WORDS]);

/**
 * abi_decode() - the private copy of a slot to the common form.
 *
 * Only the first abi_used_words() of raw are looked at, and only that many
 * segments, or grants of pages of descriptors, are set.
 */
void abi_decode(enum link_abi abi, const uint32_t raw[ABI_SLOT_WORDS],
		struct wire_request *request);

/**
 * abi_encode_response() - a response as it goes on the ring, padding zeroed.
 *
 * Return: its length in words (4 for x86_64, 3 for x86_32).
 */
size_t abi_encode_response(enum link_abi abi, uint64_t id, uint8_t operation,
			   int16_t status, uint32_t raw[ABI_RESPONSE_WORDS]);
