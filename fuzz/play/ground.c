/* Pages, grants, rings and ports of a real guest.  See ground.h. */
#include "fuzz/play/ground.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#define HEADER_BYTES 64u
#define RSP_PROD     8u
/* No table is that long: whoever maps it fails. */
#define NOBODY 0x7ff00000u

static int share(struct ground *ground, uint32_t domid, bool writable,
		 uint8_t **page, uint32_t *gref)
{
	*page = xengntshr_share_pages(ground->share, domid, 1, gref, writable);
	if (*page == NULL)
		return -(errno != 0 ? errno : ENOMEM);
	return 0;
}

static int share_data(struct ground *ground, unsigned int i)
{
	struct ground_page *page = &ground->page[i];
	int err =
		share(ground, ground->backend, true, &page->data, &page->gref);

	if (err == 0)
		err = share(ground, ground->backend, false, &page->copy,
			    &page->copy_gref);
	if (err != 0)
		return err;
	memset(page->data, 0, XEN_PAGE_BYTES);
	memset(page->copy, 0, XEN_PAGE_BYTES);
	ground->grant[GREF_DATA + i] =
		(struct ground_grant){.valid = true, .page = (uint8_t)i};
	ground->grant[GREF_READONLY + i] = (struct ground_grant){
		.valid = true, .readonly = true, .page = (uint8_t)i};
	return 0;
}

static int share_ring(struct ground *ground, struct ground_queue *queue)
{
	queue->ring = xengntshr_share_pages(ground->share, ground->backend,
					    LIMIT_RING_PAGES, queue->gref, 1);
	return queue->ring != NULL ? 0 : -(errno != 0 ? errno : ENOMEM);
}

int ground_open(struct ground *ground, uint32_t own, uint32_t backend)
{
	int err = 0;

	memset(ground, 0, sizeof(*ground));
	ground->backend = backend;
	ground->share = xengntshr_open(NULL, 0);
	ground->event = xenevtchn_open(NULL, 0);
	if (ground->share == NULL || ground->event == NULL)
		err = -(errno != 0 ? errno : ENODEV);
	for (unsigned int i = 0; err == 0 && i < GUEST_DATA_PAGES; i++)
		err = share_data(ground, i);
	for (unsigned int i = 0; err == 0 && i < GUEST_QUEUES; i++)
		err = share_ring(ground, &ground->queue[i]);
	/* Granted to ourselves, which the backend is not. */
	if (err == 0)
		err = share(ground, own, true, &ground->other,
			    &ground->other_gref);
	if (err != 0)
		ground_close(ground);
	return err;
}

static void drop(struct ground *ground, uint8_t *pages, uint32_t count)
{
	/* What the backend still maps ends when it lets go. */
	if (pages != NULL)
		(void)xengntshr_unshare(ground->share, pages, count);
}

void ground_close(struct ground *ground)
{
	for (unsigned int i = 0; i < GUEST_QUEUES; i++) {
		if (ground->queue[i].bound)
			xenevtchn_unbind(ground->event, ground->queue[i].port);
		drop(ground, ground->queue[i].ring, LIMIT_RING_PAGES);
	}
	for (unsigned int i = 0; i < GUEST_DATA_PAGES; i++) {
		drop(ground, ground->page[i].data, 1);
		drop(ground, ground->page[i].copy, 1);
	}
	drop(ground, ground->other, 1);
	if (ground->event != NULL)
		xenevtchn_close(ground->event);
	if (ground->share != NULL)
		xengntshr_close(ground->share);
	memset(ground, 0, sizeof(*ground));
}

void ground_rings(struct ground *ground, const struct tape_head *head)
{
	const size_t bytes = (size_t)XEN_PAGE_BYTES << head->a;

	ground->order = head->a;
	ground->queues = head->b;
	ground->packed = (head->flags & TAPE_PACKED) != 0;
	ground->slot_bytes = ground->packed ? 108 : 112;
	ground->slots = 1;
	while (HEADER_BYTES + 2 * ground->slots * ground->slot_bytes <= bytes)
		ground->slots *= 2;
	if ((head->flags & TAPE_FRESH) == 0)
		return;
	for (unsigned int i = 0; i < ground->queues; i++) {
		struct ground_queue *q = &ground->queue[i];

		memset(q->ring, 0, bytes);
		memset(q->wire, 0, bytes);
		memset(q->taped, 0, bytes);
	}
}

int ground_ports(struct ground *ground)
{
	for (unsigned int i = 0; i < GUEST_QUEUES; i++) {
		struct ground_queue *q = &ground->queue[i];
		xenevtchn_port_or_error_t port;

		if (q->bound)
			xenevtchn_unbind(ground->event, q->port);
		q->bound = q->rang = false;
		if (i >= ground->queues)
			continue;
		port = xenevtchn_bind_unbound_port(ground->event,
						   ground->backend);
		if (port < 0)
			return -(errno != 0 ? errno : EIO);
		q->port = (uint32_t)port;
		q->bound = true;
		q->rsp_seen = ground_rsp_prod(ground, i);
	}
	return 0;
}

uint32_t ground_gref(const struct ground *ground, uint32_t taped)
{
	const uint32_t ring = taped - GREF_RING;
	const struct ground_grant *g;

	if (taped - GREF_OTHER < 4)
		return ground->other_gref;
	if (taped >= GREF_RING && taped < GREF_COUNT)
		return ground->queue[ring / LIMIT_RING_PAGES]
			.gref[ring % LIMIT_RING_PAGES];
	if (taped >= GREF_COUNT || !ground->grant[taped].valid)
		return NOBODY | (taped & 0xfffff);
	g = &ground->grant[taped];
	return g->readonly ? ground->page[g->page].copy_gref
			   : ground->page[g->page].gref;
}

size_t ground_slot(const struct ground *ground, uint32_t index)
{
	return HEADER_BYTES +
	       (index & (ground->slots - 1)) * ground->slot_bytes;
}

uint32_t ground_rsp_prod(const struct ground *ground, unsigned int queue)
{
	const uint8_t *at = ground->queue[queue].ring + RSP_PROD;

	return __atomic_load_n((const uint32_t *)(const void *)at,
			       __ATOMIC_ACQUIRE);
}

/* The read-only copies, before a backend can look. */
static void catch_up(struct ground *ground)
{
	if (!ground->stale)
		return;
	for (unsigned int i = 0; i < GUEST_DATA_PAGES; i++)
		memcpy(ground->page[i].copy, ground->page[i].data,
		       XEN_PAGE_BYTES);
	ground->stale = false;
}

static void wire_slot(struct ground *ground, struct ground_queue *q,
		      uint32_t index)
{
	const size_t at = ground_slot(ground, index);
	uint8_t *wire = q->wire + at;

	memcpy(wire, q->taped + at, ground->slot_bytes);
	for (size_t i = ground->packed ? 20 : 24; i < ground->slot_bytes;
	     i += 8) {
		uint32_t gref;

		memcpy(&gref, wire + i, 4);
		gref = ground_gref(ground, gref);
		memcpy(wire + i, &gref, 4);
	}
	memcpy(q->ring + at, wire, ground->slot_bytes);
}

/* An index is stored whole, and after everything before it. */
static void wire_index(struct ground_queue *q, uint32_t at)
{
	uint32_t value;

	memcpy(&value, q->taped + at, 4);
	memcpy(q->wire + at, &value, 4);
	__atomic_store_n((uint32_t *)(void *)(q->ring + at), value,
			 __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* A slot that was written before its grants changed means what they are now:
 * nothing is in flight when the guest changes them. */
static void wire_anew(struct ground *ground)
{
	if (!ground->moved)
		return;
	for (unsigned int i = 0; i < ground->queues; i++)
		for (uint32_t slot = 0; slot < ground->slots; slot++)
			wire_slot(ground, &ground->queue[i], slot);
	ground->moved = false;
}

void ground_write_ring(struct ground *ground, const struct tape_head *head,
		       const uint8_t *bytes)
{
	struct ground_queue *q = &ground->queue[head->queue];
	const size_t end = head->a + head->bytes;

	catch_up(ground);
	wire_anew(ground);
	memcpy(q->taped + head->a, bytes, head->bytes);
	for (uint32_t at = head->a / 4 * 4; at < HEADER_BYTES && at < end;
	     at += 4)
		wire_index(q, at);
	for (uint32_t i = 0; i < ground->slots; i++) {
		const size_t slot = ground_slot(ground, i);

		if (slot < end && slot + ground->slot_bytes > head->a)
			wire_slot(ground, q, i);
	}
}

void ground_memory(struct ground *ground, const struct tape_head *head,
		   const uint8_t *bytes)
{
	struct ground_page *page = &ground->page[head->a];

	memcpy(page->data + head->b, bytes, head->bytes);
	memcpy(page->known + head->b, bytes, head->bytes);
	ground->stale = true;
}

void ground_grant(struct ground *ground, const struct tape_head *head)
{
	ground->moved = true;
	ground->grant[head->a] = (struct ground_grant){
		.valid = true,
		.readonly = (head->flags & TAPE_READONLY) != 0,
		.page = (uint8_t)head->b,
	};
}

static bool meant(const struct ground *ground, unsigned int page, bool readonly)
{
	for (uint32_t i = 0; i < GREF_COUNT; i++)
		if (ground->grant[i].valid && ground->grant[i].page == page &&
		    ground->grant[i].readonly == readonly)
			return true;
	return false;
}

/*
 * A grant that the kernel gave away ends with its page; so the page's bytes
 * move to another one.  That is shared first, so that it gets another number.
 */
int ground_grant_end(struct ground *ground, uint32_t taped)
{
	struct ground_grant *g = &ground->grant[taped];
	struct ground_page *page = &ground->page[g->page];
	uint8_t **data = g->readonly ? &page->copy : &page->data;
	uint32_t *gref = g->readonly ? &page->copy_gref : &page->gref;
	uint8_t *old = *data;
	int err;

	if (!g->valid)
		return 0;
	g->valid = false;
	ground->moved = true;
	if (meant(ground, g->page, g->readonly))
		return 0;
	err = share(ground, ground->backend, !g->readonly, data, gref);
	if (err != 0) {
		*data = old;
		return err;
	}
	memcpy(*data, old, XEN_PAGE_BYTES);
	drop(ground, old, 1);
	return 0;
}

void ground_kick(struct ground *ground, unsigned int queue)
{
	/* Only with a port that was closed under us it fails. */
	(void)xenevtchn_notify(ground->event, ground->queue[queue].port);
}

void ground_listen(struct ground *ground, int timeout_ms)
{
	struct pollfd p = {.fd = xenevtchn_fd(ground->event), .events = POLLIN};
	xenevtchn_port_or_error_t port;

	if (poll(&p, 1, timeout_ms) <= 0)
		return;
	port = xenevtchn_pending(ground->event);
	if (port < 0)
		return;
	for (unsigned int i = 0; i < ground->queues; i++)
		if (ground->queue[i].bound &&
		    ground->queue[i].port == (uint32_t)port)
			ground->queue[i].rang = true;
	xenevtchn_unmask(ground->event, (evtchn_port_t)port);
}
