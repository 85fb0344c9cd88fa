/*
 * Write barriers over several queues: what is done before one and what after it,
 * whoever is turned when, on a disk that completes when the test says so.
 */
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
#include "backend/worker/test_image.h"
#include "backend/worker/vbd.h"
#include "sim/sim.h"

#define GUEST	   3u
#define QUEUES	   2u
#define SECTORS	   256u
#define RING_GREF  64u
#define DATA_GREF  100u
#define DATA_FRAME 16u

static struct {
	struct test_image image;
	unsigned char disk[SECTORS * SECTOR_BYTES];
	struct inflight_region *region;
	struct vbd *vbd;
	struct link_attach attach;
	xenevtchn_handle *guest;
} w;

static blkif_sring_t *ring(unsigned int q)
{
	return sim_guest_page(GUEST, q);
}

static void make_guest(void)
{
	sim_reset(1);
	assert_int_equal(sim_domain_create(GUEST, 64), 0);
	sim_grant(GUEST, DATA_GREF, 0, DATA_FRAME, 0);
	sim_enter(GUEST);
	w.guest = xenevtchn_open(NULL, 0);
	for (unsigned int q = 0; q < QUEUES; q++) {
		SHARED_RING_INIT(ring(q));
		sim_grant(GUEST, RING_GREF + q, 0, q, 0);
		w.attach.queue[q].ring_gref[0] = RING_GREF + q;
		w.attach.queue[q].event_channel =
			(uint32_t)xenevtchn_bind_unbound_port(w.guest, 0);
	}
	sim_enter(0);
}

static void make_worker(uint32_t resume)
{
	const struct vbd_options options = {.domid = GUEST,
					    .devid = 51712,
					    .sectors = SECTORS,
					    .max_queues = QUEUES,
					    .image = &w.image.image,
					    .region = w.region};
	unsigned int which;

	w.attach.resume = resume;
	assert_int_equal(vbd_create(&options, &w.vbd), 0);
	assert_int_equal(vbd_attach(w.vbd, &w.attach, &which), REFUSAL_NONE);
}

static int setup(void **state)
{
	size_t bytes = inflight_region_bytes(QUEUES) / 64 * 64 + 64;

	(void)state;
	memset(&w, 0, sizeof(w));
	make_guest();
	w.region = aligned_alloc(64, bytes);
	memset(w.region, 0, bytes);
	w.attach.queues = QUEUES;
	w.attach.abi = LINK_ABI_X86_64;
	w.attach.barrier = 1;
	w.image.image.operations = &test_operations;
	w.image.disk = w.disk;
	w.image.hold = true;
	make_worker(0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	w.image.hold = false;
	vbd_destroy(w.vbd);
	free(w.region);
	return 0;
}

static struct blkif_request *put(unsigned int q, uint8_t operation,
				 uint64_t sector, unsigned int segments)
{
	struct blkif_request *r = &ring(q)->ring[ring(q)->req_prod % 32].req;

	memset(r, 0, sizeof(*r));
	r->operation = operation;
	r->id = 1000 + ring(q)->req_prod;
	r->sector_number = sector;
	r->nr_segments = (uint8_t)segments;
	r->seg[0].gref = DATA_GREF;
	r->seg[0].last_sect = 7;
	ring(q)->req_prod++;
	return r;
}

static void turn(unsigned int q)
{
	while (queue_turn(vbd_queue(w.vbd, q)))
		vbd_check(w.vbd);
}

static void turn_all(void)
{
	for (unsigned int i = 0; i < 4; i++)
		turn(i % QUEUES);
}

/* The disk carries out what it holds for one queue, and that queue alone runs
 * until nothing moves or it waits for the disk again. */
static void complete(unsigned int q)
{
	w.image.hold = false;
	queue_turn(vbd_queue(w.vbd, q));
	w.image.hold = true;
	turn(q);
}

static void expect_held(unsigned int q, enum image_operation operation)
{
	assert_int_equal(w.image.channel[q].count, 1);
	assert_int_equal(w.image.channel[q].held[0].operation, operation);
}

static void expect_nothing_held(unsigned int q)
{
	assert_int_equal(w.image.channel[q].count, 0);
}

static int status_of(unsigned int q, uint32_t n)
{
	for (uint32_t i = 0; i < ring(q)->rsp_prod; i++)
		if (ring(q)->ring[i % 32].rsp.id == 1000 + n)
			return ring(q)->ring[i % 32].rsp.status;
	return 1; /* not answered */
}

/* Its own steps: flush, data, flush; each when the one before is done. */
static void run_barrier(unsigned int q)
{
	expect_held(q, IMAGE_FLUSH);
	complete(q);
	expect_held(q, IMAGE_WRITE);
	complete(q);
	expect_held(q, IMAGE_FLUSH);
	complete(q);
}

static void test_it_waits_for_every_queue(void **state)
{
	(void)state;
	put(1, BLKIF_OP_WRITE, 0, 1);
	turn_all();
	put(0, BLKIF_OP_WRITE, 8, 1);
	put(0, BLKIF_OP_WRITE_BARRIER, 16, 1);
	put(0, BLKIF_OP_WRITE, 24, 1);
	turn_all();
	expect_held(0, IMAGE_WRITE);
	expect_held(1, IMAGE_WRITE);
	complete(0); /* its own queue is not enough */
	turn_all();
	expect_nothing_held(0);
	put(1, BLKIF_OP_WRITE, 32, 1); /* this one comes after it */
	complete(1);
	turn_all();
	expect_nothing_held(1);
	run_barrier(0);
	assert_int_equal(status_of(0, 1), BLKIF_RSP_OKAY);
	turn_all();
	expect_held(0, IMAGE_WRITE);
	expect_held(1, IMAGE_WRITE);
	assert_int_equal(w.image.channel[1].held[0].sector, 32);
}

/* What stands in another ring, sent before it, is not left for later. */
static void test_it_waits_for_what_nobody_has_taken(void **state)
{
	(void)state;
	put(1, BLKIF_OP_WRITE, 0, 1);
	put(0, BLKIF_OP_WRITE_BARRIER, 16, 0);
	turn(0);
	turn(0);
	expect_nothing_held(0);
	turn(1);
	expect_held(1, IMAGE_WRITE);
	turn_all();
	expect_nothing_held(0);
	complete(1);
	turn_all();
	expect_held(0, IMAGE_FLUSH);
	complete(0); /* empty: one flush is all */
	assert_int_equal(status_of(0, 0), BLKIF_RSP_OKAY);
	assert_int_equal(queue_stats(vbd_queue(w.vbd, 0))->barriers, 1);
}

static void test_two_of_them_take_turns(void **state)
{
	(void)state;
	for (unsigned int q = 0; q < QUEUES; q++) {
		put(q, BLKIF_OP_WRITE_BARRIER, q * 8, 1);
		put(q, BLKIF_OP_WRITE, 16 + q * 8, 1);
	}
	turn_all();
	expect_nothing_held(1);
	run_barrier(0);
	turn_all();
	/* It stands in a ring, so it goes before the other one. */
	expect_held(0, IMAGE_WRITE);
	expect_nothing_held(1);
	complete(0);
	turn_all();
	expect_nothing_held(0);
	run_barrier(1);
	turn_all();
	expect_held(1, IMAGE_WRITE);
}

/* A queue that is full of them leaves the other one its turn. */
static void test_nobody_is_passed_over(void **state)
{
	unsigned int rounds = 0;

	(void)state;
	for (unsigned int i = 0; i < 20; i++)
		put(0, BLKIF_OP_WRITE_BARRIER, 0, 0);
	turn(0);
	put(1, BLKIF_OP_WRITE_BARRIER, 0, 0);
	while (ring(1)->rsp_prod == 0 && ++rounds < 100) {
		w.image.hold = false;
		queue_turn(vbd_queue(w.vbd, 0));
		queue_turn(vbd_queue(w.vbd, 0));
		queue_turn(vbd_queue(w.vbd, 1));
	}
	assert_int_equal(ring(1)->rsp_prod, 1);
	assert_true(ring(0)->rsp_prod < 4);
}

static void test_a_queue_that_broke_holds_nobody_up(void **state)
{
	unsigned int which;

	(void)state;
	put(1, BLKIF_OP_WRITE, 0, 1);
	turn(1);
	ring(1)->req_prod += 64;
	put(0, BLKIF_OP_WRITE_BARRIER, 8, 0);
	turn_all();
	assert_int_equal(vbd_broken(w.vbd, &which), REFUSE_RING_OVERFLOW);
	expect_nothing_held(0);
	complete(1);
	turn_all();
	expect_held(0, IMAGE_FLUSH);
}

static void test_a_failed_step_fails_it_and_lets_go(void **state)
{
	(void)state;
	put(0, BLKIF_OP_WRITE_BARRIER, 0, 1);
	w.image.refuse = -EIO;
	turn_all();
	assert_int_equal(status_of(0, 0), BLKIF_RSP_ERROR);
	w.image.refuse = 0;
	put(0, BLKIF_OP_WRITE_BARRIER, 0, 1)->seg[0].gref = 5000;
	put(1, BLKIF_OP_WRITE, 0, 1);
	turn_all();
	if (w.image.channel[1].count > 0) /* it was first */
		complete(1);
	turn_all();
	assert_int_equal(status_of(0, 1), BLKIF_RSP_ERROR);
	w.image.hold = false;
	turn_all();
	assert_int_equal(status_of(1, 0), BLKIF_RSP_OKAY);
}

/* Whoever is drained first: barriers of both, and what they wait for. */
static void test_a_detach_carries_them_out(void **state)
{
	(void)state;
	put(1, BLKIF_OP_WRITE, 0, 1);
	put(1, BLKIF_OP_WRITE_BARRIER, 8, 1);
	put(0, BLKIF_OP_WRITE_BARRIER, 16, 1);
	queue_turn(vbd_queue(w.vbd, 0));
	queue_turn(vbd_queue(w.vbd, 1));
	w.image.hold = false;
	vbd_destroy(w.vbd);
	assert_int_equal(status_of(0, 0), BLKIF_RSP_OKAY);
	assert_int_equal(status_of(1, 0), BLKIF_RSP_OKAY);
	assert_int_equal(status_of(1, 1), BLKIF_RSP_OKAY);
	make_worker(0);
	put(0, BLKIF_OP_WRITE_BARRIER, 16, 1);
	turn_all();
	assert_int_equal(status_of(0, 1), BLKIF_RSP_OKAY);
}

/* A new worker's tables: the barrier of one queue, what goes before it in the
 * other. */
static void test_the_next_worker_keeps_the_order(void **state)
{
	static struct vbd *dead; /* for leak checkers */

	(void)state;
	dead = w.vbd;
	put(1, BLKIF_OP_WRITE, 0, 1);
	put(0, BLKIF_OP_WRITE_BARRIER, 16, 1);
	turn_all();
	put(0, BLKIF_OP_WRITE, 24, 1);
	assert_int_equal(queue_inflight(vbd_queue(w.vbd, 0)), 1);
	sim_process_dies(0);
	memset(w.image.channel, 0, sizeof(w.image.channel));
	make_worker(1);
	turn_all();
	expect_nothing_held(0);
	expect_held(1, IMAGE_WRITE);
	complete(1);
	turn_all();
	run_barrier(0);
	turn_all();
	expect_held(0, IMAGE_WRITE);
	assert_int_equal(status_of(0, 0), BLKIF_RSP_OKAY);
	assert_ptr_not_equal(dead, w.vbd);
}

static void test_not_offered_is_not_understood(void **state)
{
	(void)state;
	vbd_destroy(w.vbd);
	w.attach.barrier = 0;
	make_worker(0);
	put(0, BLKIF_OP_WRITE_BARRIER, 0, 1);
	turn_all();
	assert_int_equal(status_of(0, 0), BLKIF_RSP_EOPNOTSUPP);
}

int main(void)
{
#define BARRIER_TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		BARRIER_TEST(test_it_waits_for_every_queue),
		BARRIER_TEST(test_it_waits_for_what_nobody_has_taken),
		BARRIER_TEST(test_two_of_them_take_turns),
		BARRIER_TEST(test_nobody_is_passed_over),
		BARRIER_TEST(test_a_queue_that_broke_holds_nobody_up),
		BARRIER_TEST(test_a_failed_step_fails_it_and_lets_go),
		BARRIER_TEST(test_a_detach_carries_them_out),
		BARRIER_TEST(test_the_next_worker_keeps_the_order),
		BARRIER_TEST(test_not_offered_is_not_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
