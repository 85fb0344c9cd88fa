/*
 * A whole disk in process for the tests beside it: simulated guest, real rings, an
 * image under the test's thumb.
 *
 * Included by one test program each; what one does not use costs it nothing.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <xenevtchn.h>
#include <xen/io/blkif.h>

#include "backend/worker/queue.h"
#include "backend/worker/vbd.h"
#include "sim/sim.h"

#define GUEST	      3u
#define QUEUES	      2u
#define SECTORS	      256u
#define RING_FRAME(q) (q)	 /* guest frames of the rings */
#define DATA_FRAME(i) (16 + (i)) /* ... and of data */
#define RING_GREF(q)  (64 + (q))
#define DATA_GREF(i)  (100 + (i))
#define DATA_PAGES    64u

/* An image that completes when it is told to: one channel per queue. */
struct slow_image;

struct slow_channel {
	struct image_channel channel; /* first */
	struct slow_image *image;
	struct image_io held[64];
	unsigned int holding;
	struct image_done done[64];
	unsigned int finished;
};

struct slow_image {
	struct image image;
	bool slow; /* hold operations until slow_release() */
	int32_t result;
	unsigned int flushes;
	struct slow_channel channel[QUEUES];
	unsigned char disk[SECTORS * SECTOR_BYTES];
};

struct fixture {
	struct slow_image image;
	struct inflight_region *region;
	struct vbd *vbd;
	struct link_attach attach;
	xenevtchn_handle *guest;
	uint32_t baseline_handles;
};

static __attribute__((unused)) void slow_info(const struct image *image,
					      struct image_info *info)
{
	(void)image;
	memset(info, 0, sizeof(*info));
	info->sectors = SECTORS;
	info->physical_block_bytes = SECTOR_BYTES;
}

static __attribute__((unused)) int slow_open_channel(
	struct image *image, unsigned int queue, unsigned int depth,
	struct image_channel **channel)
{
	struct slow_image *slow = (struct slow_image *)image;

	(void)depth;
	slow->channel[queue].channel.operations = image->operations;
	slow->channel[queue].image = slow;
	*channel = &slow->channel[queue].channel;
	return 0;
}

static __attribute__((unused)) void slow_close_channel(
	struct image_channel *channel)
{
	assert_int_equal(((struct slow_channel *)channel)->holding, 0);
}

static __attribute__((unused)) void slow_finish(struct slow_channel *c,
						const struct image_io *io)
{
	unsigned char *at = c->image->disk + io->sector * SECTOR_BYTES;

	for (uint32_t i = 0; i < io->iov_count && c->image->result == 0; i++) {
		if (io->operation == IMAGE_WRITE)
			memcpy(at, io->iov[i].iov_base, io->iov[i].iov_len);
		else
			memcpy(io->iov[i].iov_base, at, io->iov[i].iov_len);
		at += io->iov[i].iov_len;
	}
	c->image->flushes += io->operation == IMAGE_FLUSH;
	c->done[c->finished].tag = io->tag;
	c->done[c->finished++].result = c->image->result;
}

static __attribute__((unused)) int slow_submit(struct image_channel *channel,
					       const struct image_io *io)
{
	struct slow_channel *c = (struct slow_channel *)channel;

	if (c->image->slow)
		c->held[c->holding++] = *io;
	else
		slow_finish(c, io);
	return 0;
}

static __attribute__((unused)) void slow_release(struct slow_channel *c)
{
	while (c->holding >
	       0) /* last in, first out: completion order is free */
		slow_finish(c, &c->held[--c->holding]);
}

static unsigned int slow_poll(struct image_channel *channel,
			      struct image_done *done, unsigned int room)
{
	struct slow_channel *c = (struct slow_channel *)channel;
	unsigned int n = c->finished < room ? c->finished : room;

	memcpy(done, c->done, n * sizeof(done[0]));
	memmove(c->done, c->done + n, (c->finished - n) * sizeof(done[0]));
	c->finished -= n;
	/* A detach waits in poll(): let it find everything finished. */
	if (n == 0 && !c->image->slow)
		slow_release(c);
	return n;
}

static __attribute__((unused)) int slow_descriptor(
	const struct image_channel *channel)
{
	(void)channel;
	return -1;
}

static __attribute__((unused)) void slow_close(struct image *image)
{
	(void)image;
}

static const struct image_operations slow_operations = {
	.info = slow_info,
	.open_channel = slow_open_channel,
	.close_channel = slow_close_channel,
	.submit = slow_submit,
	.poll = slow_poll,
	.descriptor = slow_descriptor,
	.close = slow_close,
};

static __attribute__((unused)) blkif_sring_t *shared_ring(unsigned int q)
{
	return sim_guest_page(GUEST, RING_FRAME(q));
}

static __attribute__((unused)) void make_guest(struct fixture *f)
{
	sim_reset(1);
	assert_int_equal(sim_domain_create(GUEST, 256), 0);
	for (unsigned int q = 0; q < QUEUES; q++) {
		SHARED_RING_INIT(shared_ring(q));
		sim_grant(GUEST, RING_GREF(q), 0, RING_FRAME(q), 0);
		f->attach.queue[q].ring_gref[0] = RING_GREF(q);
	}
	for (unsigned int i = 0; i < DATA_PAGES; i++)
		sim_grant(GUEST, DATA_GREF(i), 0, DATA_FRAME(i), 0);
	sim_enter(GUEST);
	f->guest = xenevtchn_open(NULL, 0);
	for (unsigned int q = 0; q < QUEUES; q++)
		f->attach.queue[q].event_channel =
			(uint32_t)xenevtchn_bind_unbound_port(f->guest, 0);
	sim_enter(0);
}

static __attribute__((unused)) int setup_with(void **state, bool staged)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct vbd_options options = {.domid = GUEST,
				      .devid = 51712,
				      .sectors = SECTORS,
				      .max_queues = QUEUES,
				      .persistent_cap = 4,
				      .staged = staged};

	make_guest(f);
	f->attach.queues = QUEUES;
	f->attach.abi = LINK_ABI_X86_64;
	f->image.image.operations = &slow_operations;
	f->region =
		aligned_alloc(64, inflight_region_bytes(QUEUES) / 64 * 64 + 64);
	memset(f->region, 0, inflight_region_bytes(QUEUES));
	options.image = &f->image.image;
	options.region = f->region;
	assert_int_equal(vbd_create(&options, &f->vbd), 0);
	*state = f;
	return 0;
}

static __attribute__((unused)) int setup(void **state)
{
	return setup_with(state, false);
}

static __attribute__((unused)) int setup_staged(void **state)
{
	return setup_with(state, true);
}

static __attribute__((unused)) int teardown(void **state)
{
	struct fixture *f = *state;
	struct sim_ledger ledger;

	f->image.slow = false;
	vbd_destroy(f->vbd);
	sim_ledger(0, &ledger);
	assert_int_equal(ledger.mapped_pages, 0);
	assert_int_equal(ledger.ports, 0);
	assert_int_equal(ledger.evtchn_handles, 0);
	assert_int_equal(ledger.gnttab_handles, 0);
	assert_int_equal(ledger.bad_unmaps, 0);
	free(f->region);
	free(f);
	return 0;
}

static __attribute__((unused)) void attach(struct fixture *f)
{
	unsigned int queue;

	assert_int_equal(vbd_attach(f->vbd, &f->attach, &queue), REFUSAL_NONE);
	vbd_check(f->vbd);
}

static __attribute__((unused)) struct blkif_request *put(unsigned int q,
							 uint8_t operation,
							 uint64_t sector,
							 unsigned int segments)
{
	blkif_sring_t *ring = shared_ring(q);
	struct blkif_request *r = &ring->ring[ring->req_prod % 32].req;

	memset(r, 0, sizeof(*r));
	r->operation = operation;
	r->id = 1000 + ring->req_prod;
	r->sector_number = sector;
	r->nr_segments = (uint8_t)segments;
	for (unsigned int i = 0; i < segments && i < LIMIT_SEGMENTS; i++) {
		r->seg[i].gref = DATA_GREF(i);
		r->seg[i].last_sect = 7;
	}
	ring->req_prod++;
	return r;
}

static __attribute__((unused)) void turn(struct fixture *f)
{
	for (unsigned int q = 0; q < vbd_queues(f->vbd); q++)
		while (queue_turn(vbd_queue(f->vbd, q)))
			vbd_check(f->vbd);
}

static __attribute__((unused)) const struct blkif_response *answer(
	unsigned int q, uint32_t n)
{
	return &shared_ring(q)->ring[n % 32].rsp;
}

/* The status of request n, wherever its response stands: order is free. */
static __attribute__((unused)) int status_of(unsigned int q, uint32_t n)
{
	blkif_sring_t *ring = shared_ring(q);

	for (uint32_t i = ring->rsp_prod - 32; i != ring->rsp_prod; i++)
		if (answer(q, i)->id == 1000 + n)
			return answer(q, i)->status;
	return 1; /* not answered */
}

static __attribute__((unused)) void *data(unsigned int i)
{
	return sim_guest_page(GUEST, DATA_FRAME(i));
}

#define VBD_TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
#define STAGED_TEST(t)                                                         \
	cmocka_unit_test_setup_teardown(t, setup_staged, teardown)
