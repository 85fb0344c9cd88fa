/*
 * The guest: its memory, its grant table, its side of the rings.
 *
 * Plays both the well-behaved frontend and the hostile one; holds no opinion
 * about what the backend should do (that is the model's).  Uses the simulator
 * for memory and grants and libxenevtchn, as a guest, for its ports.
 *
 * Frames: data pages first, then the pages of the rings.  Grant references are
 * fixed: one writable and one read-only for every data page, a few that another
 * domain may use, one for every ring page.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/limits.h"
#include "fuzz/oracle/reference.h"

#define BACKEND_DOMID 0u
#define GUEST_DOMID   1u
#define OTHER_DOMID   2u /* a bystander: nothing of it may ever change */

#define GUEST_QUEUES	 4u
#define GUEST_DATA_PAGES 24u
#define GUEST_RING_FRAME GUEST_DATA_PAGES
#define GUEST_PAGES	 (GUEST_DATA_PAGES + GUEST_QUEUES * LIMIT_RING_PAGES)
#define OTHER_PAGES	 2u

#define GREF_DATA     64u  /* + page: writable */
#define GREF_READONLY 128u /* + page */
#define GREF_OTHER    192u /* + page: for another domain than the backend */
#define GREF_RING     256u /* + queue * LIMIT_RING_PAGES + page */
#define GREF_UNUSED   900u
#define GREF_COUNT    (GREF_RING + GUEST_QUEUES * LIMIT_RING_PAGES)

struct tape;
struct xenevtchn_handle;

/* What the guest's table says of one gref, as far as the model needs it. */
struct guest_grant {
	bool valid; /* the backend may use it */
	bool readonly;
	uint8_t page;	    /* data page, or GUEST_DATA_PAGES: none */
	uint8_t generation; /* counts every change */
	bool torn;	    /* was overwritten while mapped: old frame or new */
	uint32_t torn_pages; /* which ones, one bit per data page */
};

struct guest_queue {
	uint32_t port;	       /* ours */
	uint32_t private_prod; /* slots placed */
	uint32_t published;    /* req_prod as we last wrote it */
	uint32_t rsp_seen;     /* responses taken */
	uint64_t next_id;
	bool owed_kick;	 /* the rule asked for a notification, we sent none */
	bool bent_event; /* we wrote req_event or rsp_event ourselves */
};

struct guest_shape {
	unsigned int queues; /* 1 .. GUEST_QUEUES */
	unsigned int order;
	bool packed;
	bool persistent;
	bool indirect;	/* REFERENCE_MOST segments of a request are offered */
	bool barrier;	/* write barriers are offered */
	bool discard;	/* offered */
	uint32_t start; /* first index of the rings */
};

struct guest {
	struct guest_shape shape;
	size_t slot_bytes;
	uint32_t slots; /* of one ring */
	struct xenevtchn_handle *evtchn;
	struct tape *tape; /* NULL: nobody wants one; taping.h */
	uint8_t *memory;   /* frame 0; frames are adjacent */
	struct guest_queue queue[GUEST_QUEUES];
	struct guest_grant grant[GREF_COUNT];
	/* What the rings must hold: what the guest wrote, and what the model
	 * has accepted from the backend. */
	uint8_t shadow[GUEST_QUEUES][LIMIT_RING_PAGES * XEN_PAGE_BYTES];
};

/** guest_boot() - domains, memory and grants; after sim_reset(). */
void guest_boot(struct guest *guest);
void guest_shutdown(struct guest *guest);

/** guest_connect() - fresh ports, and fresh rings unless @go_on. */
void guest_connect(struct guest *guest, const struct guest_shape *shape,
		   bool go_on);

/** guest_ring() - the shared memory of a queue's ring, all its pages; to read.
 */
const uint8_t *guest_ring(const struct guest *guest, unsigned int queue);

/** guest_ring_write() - the guest stores so many bytes at that place. */
void guest_ring_write(struct guest *guest, unsigned int queue, size_t at,
		      const void *bytes, size_t count);

enum guest_index {
	GUEST_REQ_PROD,
	GUEST_REQ_EVENT,
	GUEST_RSP_PROD,
	GUEST_RSP_EVENT
};
uint32_t guest_index(struct guest *guest, unsigned int queue,
		     enum guest_index which);
void guest_set_index(struct guest *guest, unsigned int queue,
		     enum guest_index which, uint32_t value);

/** guest_slot_offset() - where the slot of an index lies in its ring. */
size_t guest_slot_offset(const struct guest *guest, uint32_t index);

/* A request to write into a slot; segments as the wire has them. */
struct guest_request {
	uint8_t operation;
	uint8_t nr_segments;
	uint16_t handle;
	uint64_t id;
	uint64_t sector;
	struct {
		uint32_t gref;
		uint8_t first, last;
	} segment[REFERENCE_MOST];
	/* Of an indirect one, whose segments stand in a page. */
	bool indirect;
	uint16_t claimed; /* their number, as the slot says it */
	uint32_t list;	  /* the grant of their page, as the slot says it */
	uint8_t list_page;
	/* Of a discard, where it is offered; it has no segments. */
	bool discard;
	uint8_t flags;
	uint64_t extent; /* sectors */
};

/** guest_segments() - how many of them there are to look at. */
static inline unsigned int guest_segments(const struct guest_request *request)
{
	const unsigned int most =
		request->indirect ? REFERENCE_MOST : REFERENCE_SEGMENTS;

	return request->nr_segments < most ? request->nr_segments : most;
}

/** guest_place() - write it to the next slot; false when the ring is full. */
bool guest_place(struct guest *guest, unsigned int queue,
		 const struct guest_request *request);

/** guest_publish() - req_prod; whether the backend asked for an event. */
bool guest_publish(struct guest *guest, unsigned int queue, uint32_t count);

/** guest_kick() - notify, and forget what was owed. */
void guest_kick(struct guest *guest, unsigned int queue);

/** guest_take_events() - acknowledge what is pending on our port. */
void guest_take_events(struct guest *guest);

/** guest_grant_page() - (re)write an entry of ours, valid for the backend. */
void guest_grant_page(struct guest *guest, uint32_t gref, unsigned int page,
		      bool readonly);

/** guest_grant_end() - take it back if the backend let it go; whether it did.
 */
bool guest_grant_end(struct guest *guest, uint32_t gref);
