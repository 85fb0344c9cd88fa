/*
 * The tape: what a guest does and sees in a play, laid down to be done again.
 *
 * A script is turned into a tape in process (taping.h), where model and oracles
 * say what each request leads to.  xenblk-play (play/) carries the tape out as
 * a real frontend, over the Xen libraries, and compares.  So everything that
 * decides stands in one place, and what runs in a guest only writes, waits and
 * looks.
 *
 * A tape is the magic, then records: a head and its payload, in the byte order
 * of x86.  Grant references and page numbers are those of guest.h; whoever
 * plays the tape puts its own in their place.  A tape without TAPE_END was cut
 * off.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define TAPE_MAGIC	"xbtape1\n"
#define TAPE_MAGIC_SIZE 8u

enum tape_kind {
	TAPE_DISK = 1,	/* first.  a: sectors; flags: TAPE_READONLY */
	TAPE_RINGS,	/* a: order; b: queues; flags: layout, fresh or not */
	TAPE_CONNECT,	/* flags: what to expect; a: what is wrong, or 0 */
	TAPE_RING,	/* queue; a: where in its pages; payload: the bytes */
	TAPE_KICK,	/* queue */
	TAPE_MEMORY,	/* a: data page; b: where; payload: the bytes */
	TAPE_GRANT,	/* a: gref; b: page; flags: TAPE_READONLY */
	TAPE_GRANT_END, /* a: gref */
	TAPE_REST,	/* a: TAPE_ANSWERs, b: TAPE_PAGEs that follow; payload:
			   rsp_prod of each queue, 4 bytes each */
	TAPE_ANSWER,	/* queue; flags: legal statuses; a: index; b: operation
			   and status; payload: the id */
	TAPE_PAGE,	/* a: data page; flags: sectors that are certain;
			   payload: a hash of each sector */
	TAPE_HALT,	/* the backend ends the connection by itself */
	TAPE_DETACH,	/* the guest ends it */
	TAPE_BLIND,	/* from here on nothing is certain: the end */
	TAPE_SECTOR,	/* a: disk sector; flags: TAPE_CERTAIN; payload: hash */
	TAPE_END,	/* last */
	TAPE_KIND_COUNT,
};

enum {
	TAPE_READONLY = 1u << 0,
	TAPE_CERTAIN = 1u << 1,
	/* of TAPE_RINGS and TAPE_CONNECT */
	TAPE_PACKED = 1u << 2,
	TAPE_PERSISTENT = 1u << 3,
	TAPE_FRESH = 1u << 4,
	TAPE_REFUSED = 1u << 5,
};

/* What is wrong with a connection. */
enum tape_wrong {
	TAPE_RIGHT,
	TAPE_RING_UNUSED,   /* the last ring's first page is not granted */
	TAPE_RING_OTHER,    /* it is granted to somebody else */
	TAPE_PORT,	    /* the last port is none of ours */
	TAPE_INDICES,	    /* further apart than the ring is long */
	TAPE_RING_READONLY, /* the last ring's first page is read-only */
};

struct tape_head {
	uint8_t kind, queue;
	uint16_t flags;
	uint32_t a, b;
	uint32_t bytes; /* of payload */
};

_Static_assert(sizeof(struct tape_head) == 16, "as it stands in a file");

#define TAPE_PAYLOAD_MAX 4096u

/* FNV-1a, eight bytes at a time: who compares must not need the bytes. */
static inline uint64_t tape_hash(const uint8_t *bytes, size_t count)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i + 8 <= count; i += 8) {
		uint64_t word;

		__builtin_memcpy(&word, bytes + i, 8);
		h = (h ^ word) * UINT64_C(0x100000001b3);
		h ^= h >> 29;
	}
	return h;
}
