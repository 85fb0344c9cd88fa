/*
 * What the frontend's own files share: the layout of a device and of a queue.
 *
 * Included by the library's files and its unit tests only; users know
 * front.h.  front.c owns struct front, ring.c the ring of a queue, pages.c the
 * pools, transfer.c the transfers.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "frontend/front.h"

/* Head of a shared ring (ring.h of Xen); the entries follow. */
struct front_head {
	uint32_t req_prod, req_event, rsp_prod, rsp_event;
	uint8_t pad[48];
};

#define FRONT_ENTRY_BYTES_64 112u
#define FRONT_ENTRY_BYTES_32 108u

/* Our half of a ring; only ring.c touches shared memory. */
struct front_ring {
	struct front_head *head;
	uint8_t *entries;
	uint32_t entry_bytes; /* tells the layout as well */
	uint32_t slots;	      /* a power of two */
	uint32_t req_prod;    /* next request to fill */
	uint32_t rsp_cons;    /* next response to take */
};

/** front_ring_slots() - entries of a ring of so many bytes: a power of two. */
uint32_t front_ring_slots(size_t bytes, uint32_t entry_bytes);

/** front_ring_entry_bytes() - the layout that a protocol node stands for. */
uint32_t front_ring_entry_bytes(const char *protocol);

/** front_ring_init() - the frontend alone initialises the shared ring (R1). */
void front_ring_init(struct front_ring *ring, void *shared, size_t bytes,
		     uint32_t entry_bytes);

struct front_pool_page {
	void *data;
	uint32_t gref;
	uint32_t next; /* in a free list: slot + 1, 0 at its end */
	bool writable;
};

/* Pages granted through one handle, with a LIFO list of free ones per kind. */
struct front_pool {
	xengntshr_handle *handle;
	uint32_t peer; /* the backend's domain */
	bool ends_grants;
	struct front_pool_page *page;
	uint32_t count, capacity;
	uint32_t free[2]; /* read-only, writable: slot + 1, or 0 */
	uint32_t holes;	  /* slots without a page: slot + 1, or 0 */
};

/** front_pool_init() - open a handle; 0 or -errno. */
int front_pool_init(struct front_pool *pool, uint32_t peer, bool ends_grants);

/**
 * front_pool_fini() - unshare every page, those in use as well; close the
 * handle.
 */
void front_pool_fini(struct front_pool *pool);

/** front_pool_get() - the page put back last, or a new one; 0 or -errno. */
int front_pool_get(struct front_pool *pool, bool writable,
		   struct front_page *page);

/** front_pool_put() - back to the list, or ended if the guest does so. */
void front_pool_put(struct front_pool *pool, struct front_page *page);

/**
 * front_pool_end() - unshare one page; 0 or -errno (then it is still in use).
 */
int front_pool_end(struct front_pool *pool, struct front_page *page);

struct front_transfers;

/* One cache line belongs to one queue: queues run in threads of their own. */
struct front_queue {
	struct front_ring ring;
	struct front_counters counters;
	struct front *front;
	xenevtchn_handle *event;
	evtchn_port_t port;
	bool bound;
	unsigned int index;
	struct front_pool pool;
	void *shared; /* the ring's pages */
	uint32_t gref[FRONT_MAX_RING_PAGES];
	struct front_transfers
		*transfers; /* made at the first transfer's need */
} __attribute__((aligned(64)));

struct front {
	struct front_options options;
	struct front_personality personality;
	struct xs_handle *xs;
	xs_transaction_t transaction; /* that front_write() takes part in */
	char *directory; /* /local/domain/<domid>/device/vbd/<devid> */
	char *backend;	 /* the backend's directory */
	uint32_t backend_domid;
	struct front_pool pool;
	struct front_properties properties;
	struct front_queue *queue[FRONT_MAX_QUEUES];
	unsigned int queues;
	bool told;	/* a watch of the backend's state fired */
	bool published; /* the backend may know our rings */
	bool returning; /* we were connected before: a Closed backend may come
			   back */
	char error[512];
};

/** front_fail() - keep a sentence for front_error(), return the error. */
int front_fail(struct front *front, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** front_timeout_ms() - how long a step may take. */
int front_timeout_ms(const struct front *front);

/**
 * front_queues_create() - rings, ports, handles of the agreed shape.
 *
 * Return: 0 or -errno.
 */
int front_queues_create(struct front *front);

/** front_queue_collect() - take a pending event off the port, unmask it. */
void front_queue_collect(struct front_queue *queue);

/**
 * front_release() - free queues and rings; what the backend maps is left to
 * Xen.
 */
void front_release(struct front *front);

/** front_state_name() - "Connected" and so on, for sentences. */
const char *front_state_name(unsigned int state);

/* A deadline that also ends when waiting was replaced and the clock stands. */
struct front_deadline {
	uint64_t end_ns; /* 0: no real clock, count turns */
	uint32_t turns;
	int timeout_ms;
};
void front_deadline_set(struct front_deadline *deadline,
			const struct front *front, int timeout_ms);
/** front_deadline_left() - milliseconds until then, 0 when it is over. */
int front_deadline_left(struct front_deadline *deadline);

/** front_transfers_create() / _destroy() - the state of a queue's transfers. */
int front_transfers_create(struct front_queue *queue);
void front_transfers_destroy(struct front_queue *queue);
