/*
 * A tiny backend for the frontend's own tests, on the simulator in process.
 *
 * One file of static functions, included by the tests: it attaches when the
 * frontend is Initialised, answers every request from an array, and can be told
 * to misbehave.  It knows the wire by byte offsets, not by our structs.
 */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "frontend/front.h"
#include "sim/sim.h"

#define GUEST	     1u
#define DEVID	     51712u
#define DISK_SECTORS 4096u
#define FRONT_DIR    "/local/domain/1/device/vbd/51712"
#define BACK_DIR     "/local/domain/0/backend/vbd/1/51712"

struct backend_ring {
	uint8_t *shared;
	unsigned int pages, slots, entry_bytes;
	uint32_t req_cons, rsp_prod;
	uint32_t port;
};

struct backend {
	struct xs_handle *xs;
	xengnttab_handle *gnttab;
	xenevtchn_handle *event;
	struct backend_ring ring[16];
	unsigned int queues;
	uint8_t disk[DISK_SECTORS * 512];
	bool attached;
	/* misbehaviour */
	bool refuses, sleeps, silent;
	int16_t status; /* of every response */
	uint64_t id_offset;
	unsigned int notified, flushes, barriers;
	bool plain;	       /* no barriers */
	uint64_t discarded[2]; /* the last: first sector, sectors */
	bool reverse_order;
};

static void backend_write(struct backend *b, const char *directory,
			  const char *key, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, key);
	if (!xs_write(b->xs, XBT_NULL, path, value,
		      (unsigned int)strlen(value)))
		abort();
}

static void backend_number(struct backend *b, const char *key, unsigned int n)
{
	char value[16];

	snprintf(value, sizeof(value), "%u", n);
	backend_write(b, BACK_DIR, key, value);
}

/* A number of the frontend's, or what it is when absent. */
static unsigned int backend_read(struct backend *b, const char *key,
				 unsigned int absent)
{
	char path[128];
	unsigned int bytes, n = absent;
	char *value;

	snprintf(path, sizeof(path), FRONT_DIR "/%s", key);
	value = xs_read(b->xs, XBT_NULL, path, &bytes);
	if (value)
		n = (unsigned int)strtoul(value, NULL, 10);
	free(value);
	return n;
}

static bool backend_reads_64(struct backend *b)
{
	unsigned int bytes;
	char *value = xs_read(b->xs, XBT_NULL, FRONT_DIR "/protocol", &bytes);
	bool is_64 = value && !strcmp(value, "x86_64-abi");

	free(value);
	return is_64;
}

/* The toolstack's part and ours, up to InitWait; the guest becomes current. */
static void backend_start(struct backend *b, unsigned int queues,
			  unsigned int order)
{
	struct xs_permissions front[2] = {{GUEST, XS_PERM_NONE},
					  {0, XS_PERM_READ}};
	struct xs_permissions back[2] = {{0, XS_PERM_NONE},
					 {GUEST, XS_PERM_READ}};

	memset(b, 0, sizeof(*b));
	sim_reset(1);
	if (sim_domain_create(GUEST, 4096))
		abort();
	b->xs = xs_open(0);
	b->gnttab = xengnttab_open(NULL, 0);
	b->event = xenevtchn_open(NULL, 0);
	xs_mkdir(b->xs, XBT_NULL, FRONT_DIR);
	xs_set_permissions(b->xs, XBT_NULL, FRONT_DIR, front, 2);
	xs_mkdir(b->xs, XBT_NULL, BACK_DIR);
	xs_set_permissions(b->xs, XBT_NULL, BACK_DIR, back, 2);
	backend_write(b, FRONT_DIR, "backend", BACK_DIR);
	backend_write(b, FRONT_DIR, "backend-id", "0");
	backend_write(b, FRONT_DIR, "state", "1");
	backend_number(b, "multi-queue-max-queues", queues);
	backend_number(b, "max-ring-page-order", order);
	backend_number(b, "state", 2);
	sim_enter(GUEST);
}

static uint32_t *backend_index(struct backend_ring *ring, unsigned int i)
{
	return (uint32_t *)(void *)(ring->shared + 4 * i);
}

static void backend_map(struct backend *b, unsigned int i, bool numbered)
{
	struct backend_ring *ring = &b->ring[i];
	uint32_t gref[16];
	char key[40], prefix[16] = "";

	if (b->queues > 1)
		snprintf(prefix, sizeof(prefix), "queue-%u/", i);
	for (unsigned int page = 0; page < ring->pages; page++) {
		snprintf(key, sizeof(key),
			 numbered ? "%sring-ref%u" : "%sring-ref", prefix,
			 page);
		gref[page] = backend_read(b, key, 0);
	}
	ring->shared = xengnttab_map_domain_grant_refs(b->gnttab, ring->pages,
						       GUEST, gref, 3);
	snprintf(key, sizeof(key), "%sevent-channel", prefix);
	ring->port = (uint32_t)xenevtchn_bind_interdomain(
		b->event, GUEST, backend_read(b, key, 0));
	if (!ring->shared || ring->port == UINT32_MAX)
		abort();
	/* A ring need not start at zero. */
	ring->req_cons = ring->rsp_prod = *backend_index(ring, 2);
}

static void backend_attach(struct backend *b)
{
	unsigned int order = backend_read(b, "ring-page-order", 99);
	bool numbered = order != 99;
	bool is_64 = backend_reads_64(b);

	b->queues = backend_read(b, "multi-queue-num-queues", 1);
	for (unsigned int i = 0; i < b->queues; i++) {
		b->ring[i] = (struct backend_ring){
			.pages = numbered ? 1u << order : 1,
			.slots = numbered ? 32u << order : 32,
			.entry_bytes = is_64 ? 112 : 108,
		};
		backend_map(b, i, numbered);
	}
	backend_number(b, "sectors", DISK_SECTORS);
	backend_number(b, "sector-size", 512);
	backend_number(b, "info", 0);
	backend_number(b, "feature-flush-cache", 1);
	backend_number(b, "feature-barrier", !b->plain);
	backend_number(b, "feature-discard", 1);
	backend_number(b, "discard-granularity", 4096);
	backend_number(b, "state", 4);
	b->attached = true;
}

static void backend_detach(struct backend *b)
{
	for (unsigned int i = 0; b->attached && i < b->queues; i++) {
		xengnttab_unmap(b->gnttab, b->ring[i].shared, b->ring[i].pages);
		xenevtchn_unbind(b->event, b->ring[i].port);
	}
	b->attached = false;
}

static uint64_t backend_field(const uint8_t *slot, size_t offset, size_t bytes)
{
	uint64_t value = 0;

	memcpy(&value, slot + offset, bytes);
	return value;
}

/* Move one segment with grant copy; false when Xen or we refuse it. */
static bool backend_segment(struct backend *b, const uint8_t *segment,
			    bool is_write, uint64_t *sector)
{
	unsigned int first = segment[4], last = segment[5];
	xengnttab_grant_copy_segment_t copy = {0};
	uint8_t *data = b->disk + *sector * 512;

	if (first > last || last > 7 ||
	    last - first + 1 > DISK_SECTORS - *sector)
		return false;
	copy.len = (uint16_t)((last - first + 1) * 512);
	copy.flags = is_write ? GNTCOPY_source_gref : GNTCOPY_dest_gref;
	if (is_write) {
		copy.source.foreign.ref =
			(uint32_t)backend_field(segment, 0, 4);
		copy.source.foreign.offset = (uint16_t)(first * 512);
		copy.source.foreign.domid = GUEST;
		copy.dest.virt = data;
	} else {
		copy.source.virt = data;
		copy.dest.foreign.ref = (uint32_t)backend_field(segment, 0, 4);
		copy.dest.foreign.offset = (uint16_t)(first * 512);
		copy.dest.foreign.domid = GUEST;
	}
	*sector += last - first + 1;
	return !xengnttab_grant_copy(b->gnttab, 1, &copy) && !copy.status;
}

static int16_t backend_request(struct backend *b, const uint8_t *slot,
			       size_t body)
{
	uint64_t sector = backend_field(slot, body + 8, 8);

	if (b->status)
		return b->status;
	if (slot[0] == 3) {
		b->flushes++;
		return 0;
	}
	if (slot[0] == 5) {
		b->discarded[0] = sector;
		b->discarded[1] = backend_field(slot, body + 16, 8);
		if (sector <= DISK_SECTORS &&
		    b->discarded[1] <= DISK_SECTORS - sector)
			memset(b->disk + sector * 512, 0,
			       b->discarded[1] * 512);
		return 0;
	}
	b->barriers += slot[0] == 2;
	if (slot[0] > 2 || !slot[1] || slot[1] > 11 || sector > DISK_SECTORS)
		return -1;
	for (unsigned int i = 0; i < slot[1]; i++)
		if (!backend_segment(b, slot + body + 16 + 8 * i, slot[0],
				     &sector))
			return -1;
	return 0;
}

static void backend_answer(struct backend *b, struct backend_ring *ring,
			   const uint8_t *request)
{
	size_t body = ring->entry_bytes == 112 ? 8 : 4;
	int16_t status = backend_request(b, request, body);
	uint64_t id = backend_field(request, body, 8) + b->id_offset;
	uint8_t *slot = ring->shared + 64 +
			(ring->rsp_prod % ring->slots) * ring->entry_bytes;

	memset(slot, 0, 12);
	memcpy(slot, &id, 8);
	slot[8] = request[0];
	memcpy(slot + 10, &status, 2);
	ring->rsp_prod++;
}

/* Take what is there; whether anything was. */
static bool backend_ring_turn(struct backend *b, struct backend_ring *ring)
{
	uint32_t *req_prod = backend_index(ring, 0);
	uint32_t *rsp_prod = backend_index(ring, 2);
	uint32_t old = ring->rsp_prod, count = *req_prod - ring->req_cons;
	uint8_t request[512][112];

	if (!count || b->silent)
		return false;
	for (uint32_t i = 0; i < count; i++)
		memcpy(request[i],
		       ring->shared + 64 +
			       (ring->req_cons + i) % ring->slots *
				       ring->entry_bytes,
		       ring->entry_bytes);
	for (uint32_t i = 0; i < count; i++)
		backend_answer(b, ring,
			       request[b->reverse_order ? count - 1 - i : i]);
	ring->req_cons += count;
	*backend_index(ring, 1) = ring->req_cons + 1;
	*rsp_prod = ring->rsp_prod;
	if (*rsp_prod - *backend_index(ring, 3) < *rsp_prod - old) {
		b->notified++;
		xenevtchn_notify(b->event, ring->port);
	}
	return true;
}

static bool backend_states(struct backend *b)
{
	unsigned int theirs = backend_read(b, "state", 0);
	unsigned int bytes;
	char *value = xs_read(b->xs, XBT_NULL, BACK_DIR "/state", &bytes);
	unsigned int ours = (unsigned int)strtoul(value, NULL, 10);

	free(value);
	if (theirs == 3 && ours == 2 && b->refuses) {
		backend_write(b, BACK_DIR, "error", "no, because of the test");
		backend_number(b, "state", 5);
	} else if (theirs == 3 && ours == 2) {
		backend_attach(b);
	} else if (theirs == 5 && ours == 4) {
		backend_number(b, "state", 5);
	} else if (theirs == 6 && ours != 6) {
		backend_detach(b);
		backend_number(b, "state", 6);
	} else if (theirs == 1 && ours == 6) {
		backend_number(b, "state", 2);
	} else {
		return false;
	}
	return true;
}

/* front_wait_function: let the backend run; 0 when it had nothing to do. */
static int backend_turn(void *context, struct front *front, int timeout_ms)
{
	struct backend *b = context;
	uint32_t before = sim_enter(0);
	bool busy;

	(void)front;
	(void)timeout_ms;
	busy = !b->sleeps && backend_states(b);
	for (unsigned int i = 0; b->attached && i < b->queues; i++)
		busy |= backend_ring_turn(b, &b->ring[i]);
	sim_enter(before);
	return busy;
}

static struct front *backend_front(struct backend *b, const char *personality,
				   char *error, size_t error_bytes)
{
	struct front_options options = {
		.domid = GUEST,
		.devid = DEVID,
		.personality = front_personality(personality),
		.wait = backend_turn,
		.wait_context = b,
		.error = error,
		.error_bytes = error_bytes,
	};
	struct front *front = NULL;

	if (front_create(&options, &front))
		return NULL;
	return front;
}
