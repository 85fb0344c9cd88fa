/*
 * A recording: the layout of its file, and of the memory through which a worker
 * hands its records to the supervisor.
 *
 * The file is a header and records, one behind the other; doc/recording.md
 * describes it.  All numbers are little-endian and aligned.  A record says how
 * long it is, so that a reader passes over kinds that it does not know.
 *
 * The region is a memfd, one per worker: a ring of bytes for each queue, with
 * one writer (the queue's thread) and one reader (the supervisor).  The same
 * records lie in it as in the file; whose they are is stamped on by the
 * supervisor, which trusts nothing that a worker writes here.
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/limits.h"

#define RECORD_MAGIC	UINT64_C(0x0a4345524b4c4258) /* "XBLKREC\n" */
#define RECORD_VERSION	1u
#define RECORD_NO_QUEUE 0xffffu

struct record_file {
	uint64_t magic;
	uint32_t version;
	uint32_t bytes;	    /* of this header: the first record follows */
	uint64_t wall_ns;   /* since 1970, when the recording began */
	uint64_t max_bytes; /* the file never grows beyond it */
};

/*
 * The kinds.  Up to RECORD_SUPERVISOR_END the supervisor writes them, from
 * RECORD_ATTACH on a queue of the worker.  Numbers are never used anew.
 */
enum record_kind {
	RECORD_FRONT_STATE = 1, /* record_number: a state of the frontend */
	RECORD_BACK_STATE,	/* record_number: ours, as found or written */
	RECORD_FRONT_KEY,    /* record_node: a key of the frontend, as read */
	RECORD_BACK_NODE,    /* record_node: a node that we wrote */
	RECORD_ERROR,	     /* record_node without a key: an error node */
	RECORD_WORKER_BEGIN, /* record_number: the worker's process */
	RECORD_WORKER_END,   /* record_node without a key: how it ended */
	RECORD_FULL,	     /* no more is recorded: the bound is reached */
	RECORD_GUEST_GONE,   /* nothing follows: the domain is no more */
	RECORD_SUPERVISOR_END,

	RECORD_ATTACH = 32, /* record_attach */
	RECORD_DETACH,	    /* nothing follows */
	RECORD_REQUEST,	    /* record_request: as taken from the ring */
	RECORD_RESPONSE,    /* record_response: as written to the ring */
	RECORD_PUSH,	    /* record_push: responses published */
	RECORD_EVENT,	    /* nothing follows: the frontend kicked */
	RECORD_OVERFLOW,    /* record_overflow: req_prod cannot be */
	RECORD_MAP,	    /* record_grants */
	RECORD_UNMAP,	    /* record_grants */
	RECORD_COPY_IN,	    /* record_copies: from the guest's pages */
	RECORD_COPY_OUT,    /* record_copies: to the guest's pages */
	RECORD_LOST,	 /* record_number: so many records did not fit here */
	RECORD_INDIRECT, /* record_indirect: as taken from the ring */
	RECORD_SEGMENTS, /* record_segments: as read from the guest's pages */
	RECORD_DISCARD,	 /* record_discard: as taken from the ring */
	RECORD_WORKER_KINDS_END,
};

struct record_header {
	uint32_t bytes; /* of the whole record, a multiple of 8 */
	uint16_t kind;	/* enum record_kind */
	uint16_t queue; /* RECORD_NO_QUEUE: of the disk as a whole */
	uint64_t time_ns;
	uint32_t domid;
	uint32_t devid;
};

/* What follows the header, by kind. */

struct record_number {
	uint64_t number;
};

/* The key, then the value, then zeroes up to the next multiple of 8. */
struct record_node {
	uint16_t key_bytes;
	uint16_t value_bytes; /* RECORD_ABSENT: there is no such node */
	uint32_t zero;
};

#define RECORD_ABSENT 0xffffu

struct record_attach {
	uint32_t refusal; /* enum refusal; 0 when it is attached */
	uint32_t abi;	  /* enum link_abi */
	uint32_t ring_order;
	uint32_t slots;
	uint32_t index; /* where the ring was found */
	uint32_t event_channel;
	uint32_t persistent;
	uint32_t queues;
	uint32_t resume; /* after another worker of the same connection */
	uint32_t zero;
	uint32_t ring_gref[LIMIT_RING_PAGES];
};

struct record_segment {
	uint32_t gref;
	uint8_t first_sect;
	uint8_t last_sect;
	uint16_t zero;
};

/* The slot's fields, unchecked; then as many segments as it could hold. */
struct record_request {
	uint64_t id;
	uint64_t sector_number;
	uint32_t index; /* on the ring */
	uint8_t operation;
	uint8_t nr_segments;
	uint16_t handle;
};

/* Then the grants of its pages of descriptors, 32 bits each: as many as its
 * number of segments needs, but no more than the slot has. */
struct record_indirect {
	uint64_t id;
	uint64_t sector_number;
	uint32_t index; /* on the ring */
	uint8_t operation;
	uint8_t zero;
	uint16_t nr_segments;
	uint16_t handle;
	uint16_t pages; /* grants that follow */
	uint32_t zero_too;
};

/* Then the segments, a record_segment each; a long list is several of these,
 * one behind the other. */
struct record_segments {
	uint32_t index; /* of its request on the ring */
	uint16_t first; /* the place of the first one among all */
	uint16_t count;
};

struct record_discard {
	uint64_t id;
	uint64_t sector_number;
	uint64_t sectors;
	uint32_t index; /* on the ring */
	uint16_t handle;
	uint8_t flags;
	uint8_t zero;
};

struct record_response {
	uint64_t id;
	uint32_t index;
	int16_t status;
	uint8_t operation;
	uint8_t refusal; /* enum refusal of the version that recorded */
};

struct record_push {
	uint32_t rsp_prod;
	uint32_t rsp_event; /* as the frontend had set it */
	uint32_t count;
	uint32_t notified; /* 0: it had not asked for an event */
};

struct record_overflow {
	uint32_t req_prod; /* the impossible one */
	uint32_t req_cons;
	uint32_t rsp_prod;
	uint32_t slots;
};

/* Then the grants, 32 bits each. */
struct record_grants {
	uint32_t count;
	int32_t result; /* 0 or -errno */
};

struct record_copy {
	uint32_t gref;
	uint8_t first_sect;
	uint8_t sectors; /* rounded up: descriptors are shorter than one */
	int16_t status;	 /* GNTST_ */
};

/* Then the segments; a large batch is several of these. */
struct record_copies {
	uint32_t count;
	int32_t result; /* of the call as a whole */
};

static_assert(sizeof(struct record_file) == 32, "no padding");
static_assert(sizeof(struct record_header) == 24, "no padding");
static_assert(sizeof(struct record_attach) == 104, "no padding");
static_assert(sizeof(struct record_request) == 24, "no padding");
static_assert(sizeof(struct record_segment) == 8, "no padding");
static_assert(sizeof(struct record_response) == 16, "no padding");
static_assert(sizeof(struct record_indirect) == 32, "no padding");
static_assert(sizeof(struct record_discard) == 32, "no padding");
static_assert(sizeof(struct record_header) + sizeof(struct record_copies) +
			      LIMIT_RECORD_ENTRIES *
				      sizeof(struct record_copy) <=
		      LIMIT_RECORD_BYTES,
	      "a batch of copies of direct requests is one record");
static_assert(sizeof(struct record_segments) == sizeof(struct record_copies) &&
		      sizeof(struct record_segment) ==
			      sizeof(struct record_copy),
	      "and as many segments");

/* --- the memory between worker and supervisor --- */

/*
 * Head and tail count bytes and never turn back; a record lies at its position
 * modulo the ring, and may go on at the ring's beginning.
 */
struct record_ring {
	_Alignas(64) _Atomic uint64_t head; /* written by the queue */
	_Atomic uint64_t lost; /* records not yet told by a RECORD_LOST */
	_Alignas(64) _Atomic uint64_t tail; /* written by the supervisor */
	_Alignas(64) unsigned char byte[LIMIT_RECORD_RING_BYTES];
};

struct record_region {
	uint32_t magic;
	uint32_t queues;
	uint64_t start_ns;	  /* of the clock, when the recording began */
	_Atomic uint32_t stopped; /* written by the supervisor: say no more */
	struct record_ring ring[];
};

/** record_region_bytes() - size of a region for so many queues. */
size_t record_region_bytes(unsigned int queues);

/** record_region_create() - a new one, as a sealed memfd; or -errno. */
int record_region_create(unsigned int queues, uint64_t start_ns);

/** record_region_map() - map one; checks size and magic; 0 or -errno. */
int record_region_map(int fd, unsigned int queues,
		      struct record_region **region);

/** record_region_unmap() - give it back; NULL is fine. */
void record_region_unmap(struct record_region *region, unsigned int queues);

/** record_padded() - a length rounded up to the next multiple of 8. */
static inline size_t record_padded(size_t bytes)
{
	return (bytes + 7) & ~(size_t)7;
}
