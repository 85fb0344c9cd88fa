/*
 * The ground: what a guest has to play with, over the Xen libraries.
 *
 * Its data pages, each granted writable and, as a copy, read-only; the pages of
 * its rings; its ports.  The same as guest.h has in process, with one
 * difference: grant references are the kernel's choice.  So a ring is kept as
 * the tape has it, and what goes onto the real one has our references in place
 * of the tape's; one that means nothing becomes one that nobody has.
 *
 * Called by perform.c and door.c; knows neither xenstore nor what is right.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuzz/guest.h"
#include "fuzz/tape.h"

#define GROUND_RING_BYTES ((size_t)LIMIT_RING_PAGES * XEN_PAGE_BYTES)

struct xengntdev_handle; /* as libxengnttab calls it */

struct ground_page {
	uint8_t *data;
	uint32_t gref;
	uint8_t *copy; /* the read-only grant's, kept alike */
	uint32_t copy_gref;
	uint8_t known[XEN_PAGE_BYTES]; /* what it must hold now */
};

/* What a reference of the tape means. */
struct ground_grant {
	bool valid, readonly;
	uint8_t page;
};

struct ground_queue {
	uint8_t *ring;
	uint32_t gref[LIMIT_RING_PAGES];
	uint32_t port;
	bool bound;
	bool rang;			  /* its event came */
	uint32_t rsp_seen;		  /* responses that were looked at */
	uint8_t taped[GROUND_RING_BYTES]; /* with the tape's references */
	uint8_t wire[GROUND_RING_BYTES];  /* what the ring must hold */
};

struct ground {
	uint32_t backend; /* its domain */
	struct xengntdev_handle *share;
	struct xenevtchn_handle *event;
	bool stale; /* the read-only copies are behind */
	bool moved; /* references mean something else than they did */
	struct ground_page page[GUEST_DATA_PAGES];
	struct ground_grant grant[GREF_COUNT];
	uint8_t *other; /* a page for somebody else than the backend */
	uint32_t other_gref;
	/* the connection's shape */
	unsigned int queues, order;
	bool packed;
	size_t slot_bytes;
	uint32_t slots;
	struct ground_queue queue[GUEST_QUEUES];
};

/**
 * ground_open() - pages and grants as a guest has them when it boots.
 * @own: our domain
 *
 * Return: 0 or -errno.
 */
int ground_open(struct ground *ground, uint32_t own, uint32_t backend);
void ground_close(struct ground *ground);

/** ground_rings() - of that shape; emptied if @fresh. */
void ground_rings(struct ground *ground, const struct tape_head *head);

/** ground_ports() - a new port for each queue; 0 or -errno. */
int ground_ports(struct ground *ground);

/** ground_write_ring() - the guest stores into a ring. */
void ground_write_ring(struct ground *ground, const struct tape_head *head,
		       const uint8_t *bytes);

/** ground_gref() - what goes over the wire for a reference of the tape. */
uint32_t ground_gref(const struct ground *ground, uint32_t taped);

size_t ground_slot(const struct ground *ground, uint32_t index);
uint32_t ground_rsp_prod(const struct ground *ground, unsigned int queue);

void ground_memory(struct ground *ground, const struct tape_head *head,
		   const uint8_t *bytes);
void ground_grant(struct ground *ground, const struct tape_head *head);
/** ground_grant_end() - nobody means this page any more: the grant ends. */
int ground_grant_end(struct ground *ground, uint32_t taped);

void ground_kick(struct ground *ground, unsigned int queue);

/** ground_listen() - wait for events, note which queues they are for. */
void ground_listen(struct ground *ground, int timeout_ms);
