/*
 * The script: what a fuzzer's bytes mean.
 *
 * A script is one device record, then operation records, then a payload, all in
 * pieces of 16 bytes; what is missing reads as zero.  So every byte string is a
 * script, an engine that inserts, deletes or swaps bytes in place never loses
 * the framing, and a field is valid unless its value says otherwise (values
 * from SCRIPT_ODD on), so that most inputs get deep.
 *
 * script.c turns bytes into records, fuzz/language has the names of fields,
 * script_text.c is the text twin, player.c gives the operations their meaning.  Nothing here
 * touches a device.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "backend/base/checked.h"

#define SCRIPT_RECORD	      16u
#define SCRIPT_MAX_OPERATIONS 192u
#define SCRIPT_MAX_BYTES      65536u
#define SCRIPT_CUT	      0x80u /* a skip from here on cuts inner segments too */
#define SCRIPT_ODD	      0xe0u /* a field from here on misbehaves on purpose */

/* The place of a table that a field names, whatever its value. */
#define PICK(table, n) ((table)[(n) % ARRAY_SIZE(table)])

enum script_kind {
	SCRIPT_REQUEST,	 /* build a request with named fields */
	SCRIPT_RUN,	 /* let one queue's thread run for some turns */
	SCRIPT_RUN_ALL,	 /* let all run until nobody has anything to do */
	SCRIPT_PUSH,	 /* publish requests that were placed */
	SCRIPT_KICK,	 /* notify the backend, whatever req_event says */
	SCRIPT_COMPLETE, /* the disk finishes an operation of our choice */
	SCRIPT_RAW,	 /* overwrite bytes of a request slot */
	SCRIPT_MEMORY,	 /* the guest writes its own memory */
	SCRIPT_GRANT,	 /* end, move or weaken a grant */
	SCRIPT_DISK,	 /* hold completions back, or not; fail operations */
	SCRIPT_INDEX,	 /* write a ring index */
	SCRIPT_CLOCK,	 /* time passes */
	SCRIPT_ATTACH,	 /* disconnect and connect again */
	SCRIPT_EVENTS,	 /* events without requests */
	SCRIPT_FAIL,	 /* the k-th library call from now on fails */
	SCRIPT_FLIP,	 /* bytes change between a first and a second look */
	SCRIPT_FLIP_AT,	 /* bytes change at the k-th look from now on */
	SCRIPT_INDIRECT, /* a request whose segments stand in a data page */
	SCRIPT_KIND_COUNT,
};

/* As many as there were when the first inputs were kept: what a byte beyond all
 * kinds means (modulo these) must not change when a kind is added. */
#define SCRIPT_FIRST_KINDS 15u

/*
 * A record as it stands in the input.  Which fields a kind uses, and under what
 * name, is in fuzz/language/guest.c; the rest is ignored.
 */
struct script_record {
	uint8_t byte[SCRIPT_RECORD];
};

struct script {
	struct script_record device;
	unsigned int operations;
	struct script_record operation[SCRIPT_MAX_OPERATIONS];
	const uint8_t *payload; /* within the input */
	size_t payload_bytes;
};

/* Where fields stand, for whoever reads them by script_u8() and friends. */
enum {
	DEVICE_QUEUES = 0,
	DEVICE_ORDER = 1,
	DEVICE_ABI = 2,
	DEVICE_PERSISTENT = 3,
	DEVICE_READONLY = 4,
	DEVICE_CAP = 5,
	DEVICE_HOLD = 6,
	DEVICE_WRONG = 7,
	DEVICE_START = 8, /* 16 bits, signed */
	DEVICE_SIZE = 10,
	DEVICE_PAYLOAD = 11, /* records at the end that are payload */
	DEVICE_FINE = 12,    /* 16 bits: any size, where a harness wants it */
	DEVICE_OFFERS = 14,  /* bits: indirect requests, barriers, discards */
	DEVICE_MODE = 15,    /* which of a harness's properties */

	ANY_QUEUE = 1,

	REQUEST_OPERATION = 2,
	REQUEST_SEGMENTS = 3,
	REQUEST_SKIP = 4,
	REQUEST_TRIM = 5,
	REQUEST_PAGE = 6,
	REQUEST_OVERLAP = 7,
	REQUEST_SECTOR = 8, /* 16 bits */
	REQUEST_TWIST = 10,
	REQUEST_VICTIM = 11,
	REQUEST_GRANT = 12,
	REQUEST_ID = 13,
	REQUEST_DATA = 14,
	REQUEST_THEN = 15,

	/* Of an indirect request; all else as of a request. */
	INDIRECT_LIST = 7, /* the page of descriptors; odd: its grant is bad */

	RUN_TURNS = 2,
	RUN_LATE = 3, /* what is placed is published before the queue sleeps */

	PUSH_COUNT = 2,
	PUSH_QUIET = 3,

	KICK_TIMES = 2,

	COMPLETE_WHICH = 2,
	COMPLETE_ERROR = 3,
	COMPLETE_COUNT = 4,

	RAW_SLOT = 2,
	RAW_LENGTH = 3,
	RAW_AT = 4,
	RAW_FROM = 6,  /* 16 bits, in the payload */
	RAW_BYTES = 8, /* 8 bytes, when no more are wanted */

	MEMORY_PAGE = 2,
	MEMORY_SECTOR = 3,
	MEMORY_COUNT = 4,
	MEMORY_DATA = 5,

	GRANT_ACTION = 1,
	GRANT_PAGE = 2,
	GRANT_TO = 3,
	GRANT_COUNT = 4,

	DISK_HOLD = 1,
	DISK_REFUSE = 2, /* the k-th submission from now on is not taken */
	DISK_ERROR = 3,	 /* the k-th completion from now on is an error */
	DISK_PIECE = 4,	 /* transfers move so much at most; of a kernel only */
	DISK_AGAIN = 5,	 /* the k-th completion says: again; the same */

	INDEX_WHICH = 2,
	INDEX_VALUE = 8, /* 32 bits, relative */

	CLOCK_MS = 8, /* 32 bits */

	ATTACH_QUEUES = 1,
	ATTACH_ORDER = 2,
	ATTACH_ABI = 3,
	ATTACH_PERSISTENT = 4,
	ATTACH_FRESH = 5,
	ATTACH_WRONG = 6,
	ATTACH_START = 8,

	EVENTS_TIMES = 2,
	EVENTS_STORM = 3, /* hundreds at once */

	FAIL_CALL = 1,
	FAIL_AT = 2,
	FAIL_ERROR = 3,

	/* As RAW; both kinds of flip. */
	FLIP_SLOT = 2,
	FLIP_LENGTH = 3,
	FLIP_FIELD = 4, /* where it begins; from SCRIPT_ODD on a named one */
	FLIP_LOAD = 5,
	FLIP_VALUE = 8, /* 8 bytes */
};

static inline uint8_t script_u8(const struct script_record *r, unsigned int at)
{
	return r->byte[at];
}

static inline uint16_t script_u16(const struct script_record *r,
				  unsigned int at)
{
	return (uint16_t)(r->byte[at] | r->byte[at + 1] << 8);
}

static inline uint32_t script_u32(const struct script_record *r,
				  unsigned int at)
{
	return script_u16(r, at) | (uint32_t)script_u16(r, at + 2) << 16;
}

/** script_kind() - which operation a record is: every byte names one. */
enum script_kind script_kind(const struct script_record *record);

/**
 * script_decode() - bytes to a script; cannot fail.
 *
 * The payload points into @data.  Records beyond SCRIPT_MAX_OPERATIONS are
 * ignored.
 */
void script_decode(const uint8_t *data, size_t bytes, struct script *script);
