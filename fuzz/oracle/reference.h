/*
 * The plain reference decoder: blkif.h read once more, independently.
 *
 * From the bytes of a slot to what a backend must answer and may touch.  It
 * shares no code and no structure with backend/worker: it is written from the
 * protocol, straight down, slow and obvious.  Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REFERENCE_SEGMENTS 11u /* of a slot */
#define REFERENCE_MOST	   24u /* of an indirect request, where it is offered */

enum reference_kind {
	REFERENCE_READ,
	REFERENCE_WRITE,
	REFERENCE_FLUSH,
	REFERENCE_BARRIER,
	REFERENCE_DISCARD,
	REFERENCE_OTHER, /* an operation that is not offered */
};

struct reference_rules {
	bool packed; /* x86_32: everything moves 4 bytes towards the front */
	uint64_t sectors;
	bool readonly;
	bool indirect; /* offered, with REFERENCE_MOST segments */
	bool barrier;  /* offered */
	bool discard;  /* offered */
};

struct reference {
	uint64_t id;
	uint64_t sector;
	enum reference_kind kind;
	uint8_t operation;
	int status;	       /* that the bytes alone lead to: 0, -1 or -2 */
	unsigned int segments; /* 0 when status is not 0 */
	uint32_t sectors;
	uint64_t extent;	/* of a discard: its sectors */
	unsigned int described; /* segments that stand in the page of @list */
	uint32_t list;		/* a grant */
	struct {
		uint32_t gref;
		uint8_t first, last;
	} segment[REFERENCE_MOST];
};

/** reference_slot_bytes() - 112 or 108. */
size_t reference_slot_bytes(bool packed);

/** reference_decode() - what these bytes mean under these rules. */
void reference_decode(const uint8_t *slot, const struct reference_rules *rules,
		      struct reference *result);

/** reference_describe() - the rest of an indirect request: its page. */
void reference_describe(const uint8_t *page,
			const struct reference_rules *rules,
			struct reference *result);
