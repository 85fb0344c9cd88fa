/* A queue at its bounds: a long ring, an empty pool, a full batch of copies,
 * library calls that fail, a disk that takes its time or nothing at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <unistd.h>
#include <xenevtchn.h>
#include <xen/io/blkif.h>

#include "backend/base/clock.h"
#include "backend/worker/persistent.h"
#include "backend/worker/queue.h"
#include "backend/worker/test_image.h"
#include "backend/worker/vbd.h"
#include "sim/sim.h"

#define GUEST	      3u
#define QUEUES	      2u
#define ORDER	      2u
#define RING_PAGES    (1u << ORDER)
#define SLOTS	      128u
#define SECTORS	      1024u
#define RING_GREF     64u /* + page of all rings */
#define DATA_GREF(i)  (200 + (i))
#define DATA_FRAME(i) (32 + (i))
#define DATA_PAGES    24u
#define CAP	      4u /* of the persistent cache */

struct fixture {
	struct test_image image;
	unsigned char disk[SECTORS * SECTOR_BYTES];
	struct inflight_region *region;
	struct vbd *vbd;
	struct link_attach attach;
};

static void make_guest(struct fixture *f)
{
	xenevtchn_handle *ports;

	sim_reset(1);
	assert_int_equal(sim_domain_create(GUEST, 256), 0);
	for (uint32_t i = 0; i < QUEUES * RING_PAGES; i++) {
		sim_grant(GUEST, RING_GREF + i, 0, i, 0);
		f->attach.queue[i / RING_PAGES].ring_gref[i % RING_PAGES] =
			RING_GREF + i;
	}
	for (uint32_t i = 0; i < DATA_PAGES; i++)
		sim_grant(GUEST, DATA_GREF(i), 0, DATA_FRAME(i), 0);
	for (unsigned int q = 0; q < QUEUES; q++)
		SHARED_RING_INIT(
			(blkif_sring_t *)sim_guest_page(GUEST, q * RING_PAGES));
	sim_enter(GUEST);
	ports = xenevtchn_open(NULL, 0);
	for (unsigned int q = 0; q < QUEUES; q++)
		f->attach.queue[q].event_channel =
			(uint32_t)xenevtchn_bind_unbound_port(ports, 0);
	sim_enter(0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct vbd_options options = {.domid = GUEST,
				      .devid = 51712,
				      .sectors = SECTORS,
				      .max_queues = QUEUES,
				      .persistent_cap = CAP};

	make_guest(f);
	f->attach.queues = QUEUES;
	f->attach.ring_order = ORDER;
	f->attach.abi = LINK_ABI_X86_64;
	f->image.image.operations = &test_operations;
	f->image.disk = f->disk;
	f->region =
		aligned_alloc(64, inflight_region_bytes(QUEUES) / 64 * 64 + 64);
	memset(f->region, 0, inflight_region_bytes(QUEUES));
	options.image = &f->image.image;
	options.region = f->region;
	assert_int_equal(vbd_create(&options, &f->vbd), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	f->image.hold = false;
	alarm(20); /* a detach that never ends is a failure as well */
	vbd_destroy(f->vbd);
	alarm(0);
	free(f->region);
	free(f);
	return 0;
}

static void attach(struct fixture *f, uint32_t persistent)
{
	unsigned int queue;

	f->attach.persistent = persistent;
	assert_int_equal(vbd_attach(f->vbd, &f->attach, &queue), REFUSAL_NONE);
	vbd_check(f->vbd);
}

static blkif_sring_t *shared_ring(unsigned int q)
{
	return sim_guest_page(GUEST, q * RING_PAGES);
}

/* A request of full pages, its segments in the guest's pages from first on. */
static struct blkif_request *put(unsigned int q, uint8_t operation,
				 unsigned int segments, unsigned int first)
{
	blkif_sring_t *ring = shared_ring(q);
	struct blkif_request *r = &ring->ring[ring->req_prod % SLOTS].req;

	memset(r, 0, sizeof(*r));
	r->operation = operation;
	r->id = 1000 + ring->req_prod;
	r->nr_segments = (uint8_t)segments;
	for (unsigned int i = 0; i < segments; i++) {
		r->seg[i].gref = DATA_GREF((first + i) % DATA_PAGES);
		r->seg[i].last_sect = 7;
	}
	ring->req_prod++;
	return r;
}

static void turn(struct fixture *f)
{
	for (unsigned int q = 0; q < vbd_queues(f->vbd); q++)
		while (queue_turn(vbd_queue(f->vbd, q)))
			vbd_check(f->vbd);
}

/* The status of the response n of a queue; they come in the ring's order here.
 */
static int status_of(unsigned int q, uint32_t n)
{
	assert_true(n < shared_ring(q)->rsp_prod);
	return shared_ring(q)->ring[n % SLOTS].rsp.status;
}

static unsigned char *data(unsigned int i)
{
	return sim_guest_page(GUEST, DATA_FRAME(i));
}

static void test_a_turn_takes_so_many_requests(void **state)
{
	struct fixture *f = *state;
	struct queue *queue = vbd_queue(f->vbd, 0);

	attach(f, 0);
	f->image.hold = true;
	for (unsigned int i = 0; i < SLOTS; i++)
		put(0, BLKIF_OP_READ, 1, 0);
	assert_true(queue_turn(queue));
	assert_int_equal(queue_inflight(queue), LIMIT_TURN_REQUESTS);
	assert_true(queue_turn(queue));
	assert_int_equal(queue_inflight(queue), SLOTS);
}

static void test_a_batch_of_copies_holds_a_turn_of_full_requests(void **state)
{
	struct fixture *f = *state;

	attach(f, 0);
	f->image.hold = true;
	for (unsigned int i = 0; i < LIMIT_TURN_REQUESTS; i++)
		put(0, BLKIF_OP_READ, LIMIT_SEGMENTS, i);
	turn(f);
	memset(f->disk, 0x5c, sizeof(f->disk));
	f->image.hold = false;
	turn(f);
	for (uint32_t i = 0; i < LIMIT_TURN_REQUESTS; i++)
		assert_int_equal(status_of(0, i), BLKIF_RSP_OKAY);
	for (unsigned int i = 0; i < DATA_PAGES; i++)
		assert_int_equal(data(i)[4095], 0x5c);
}

/* The pool holds 93 full requests; the others wait for their pages. */
static void test_who_waits_for_pages_gets_them(void **state)
{
	struct fixture *f = *state;
	const struct stats *stats = queue_stats(vbd_queue(f->vbd, 0));

	attach(f, 0);
	f->image.hold = true;
	for (unsigned int i = 0; i < SLOTS; i++)
		put(0, BLKIF_OP_READ, LIMIT_SEGMENTS, i);
	turn(f);
	assert_true(stats_read(&stats->pool_waits) > 0);
	f->image.hold = false;
	turn(f);
	assert_int_equal(shared_ring(0)->rsp_prod, SLOTS);
	for (uint32_t i = 0; i < SLOTS; i++)
		assert_int_equal(status_of(0, i), BLKIF_RSP_OKAY);
}

/* Requests are timed from the turn that took them to the one that answers. */
static void test_what_a_request_took_is_counted(void **state)
{
	struct fixture *f = *state;
	const struct stats *stats = queue_stats(vbd_queue(f->vbd, 0));
	const struct stats_histogram *reads = &stats->latency[STATS_READ];
	const struct stats_histogram *writes = &stats->latency[STATS_WRITE];

	attach(f, 0);
	put(0, BLKIF_OP_READ, 1, 0);
	turn(f);
	assert_int_equal(stats_read(&reads->bucket[0]), 1);
	assert_int_equal(stats_read(&reads->sum_ns), 0);
	f->image.hold = true;
	put(0, BLKIF_OP_READ, 1, 0);
	put(0, BLKIF_OP_READ, 1, 1);
	put(0, BLKIF_OP_READ, 0, 1); /* refused: its latency is not counted */
	turn(f);
	assert_int_equal(stats_read(&stats->depth), 2);
	sim_clock_advance(5000);
	put(0, BLKIF_OP_WRITE, 1, 2);
	turn(f);
	assert_int_equal(stats_read(&stats->depth), 3);
	sim_clock_advance(3000000);
	f->image.hold = false;
	turn(f);
	/* 3005 us lie below 2^22 ns, 3000 us as well; 2^(12 + 10). */
	assert_int_equal(stats_read(&reads->bucket[12]), 2);
	assert_int_equal(stats_read(&writes->bucket[12]), 1);
	assert_int_equal(stats_read(&reads->sum_ns), 2 * 3005000);
	assert_int_equal(stats_read(&writes->sum_ns), 3000000);
	assert_int_equal(stats_read(&stats->depth), 0);
	assert_true(stats_read(&stats->depth_high) >= 3);
}

/* Lets a held queue sleep as long as it says, again and again. */
static void sleep_held(struct fixture *f, uint64_t until_ns)
{
	struct queue *queue = vbd_queue(f->vbd, 0);
	uint64_t now_ns = 0, next_ns;

	while (now_ns < until_ns) {
		assert_false(queue_turn(queue));
		assert_true(queue_settle(queue));
		assert_true(queue_held(queue));
		next_ns = queue_maintain(queue, clock_now_ns());
		assert_in_range(next_ns, 1, 100000000);
		sim_clock_advance(next_ns);
		now_ns += next_ns;
		turn(f);
	}
}

/* What a limit holds back stays in the ring, costs nothing, and is served in
 * its time; the disk can be detached meanwhile. */
static void test_a_limited_queue_sleeps_and_loses_nothing(void **state)
{
	const struct link_limits limits = {.iops = 100, .burst_ns = 100000000};
	const struct link_limits none = {.burst_ns = 100000000};
	struct fixture *f = *state;

	sim_clock_advance(1000000000);
	vbd_limit(f->vbd, &limits);
	attach(f, 1);
	for (unsigned int i = 0; i < SLOTS; i++)
		put(0, i % 2 ? BLKIF_OP_READ : 77, 1,
		    0); /* refused ones count */
	turn(f);
	assert_int_equal(shared_ring(0)->rsp_prod, 10);
	sleep_held(f, 500000000);
	assert_in_range(shared_ring(0)->rsp_prod, 59, 61);
	vbd_limit(f->vbd, &none);
	turn(f);
	assert_int_equal(shared_ring(0)->rsp_prod, SLOTS);
	assert_false(queue_held(vbd_queue(f->vbd, 0)));
	vbd_limit(f->vbd, &limits);
	for (unsigned int i = 0; i < SLOTS; i++)
		put(0, BLKIF_OP_READ, 1, 0);
	turn(f);
	assert_true(queue_held(vbd_queue(f->vbd, 0)));
	vbd_detach(f->vbd);
	assert_in_range(shared_ring(0)->rsp_prod, SLOTS, SLOTS + 11);
}

static void test_each_segment_goes_to_its_own_page(void **state)
{
	struct fixture *f = *state;
	struct blkif_request *r;

	attach(f, 0);
	for (unsigned int i = 0; i < sizeof(f->disk); i++)
		f->disk[i] = (unsigned char)(i / SECTOR_BYTES);
	put(0, BLKIF_OP_READ, 3, 0);
	turn(f);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(data(i)[0], 8 * i);
	/* The second begins in its page where the first ended in its own. */
	r = put(0, BLKIF_OP_READ, 2, 4);
	r->seg[0].last_sect = 3;
	r->seg[1].first_sect = 4;
	turn(f);
	assert_int_equal(data(4)[0], 0);
	assert_int_equal(data(4)[2048], 0);
	assert_int_equal(data(5)[2048], 4);
	assert_int_equal(data(5)[4095], 7);
}

/* In the slots of two requests that had most segments copied, one that keeps
 * the whole cache in use, and one that finds its last segments there. */
static void test_a_request_holds_nothing_of_the_one_before(void **state)
{
	struct fixture *f = *state;
	struct blkif_request *r;

	attach(f, 1);
	for (unsigned int i = 0; i < 2; i++)
		put(0, BLKIF_OP_READ, LIMIT_SEGMENTS, 0);
	turn(f);
	f->image.hold = true;
	put(0, BLKIF_OP_READ, CAP, 0);
	r = put(0, BLKIF_OP_READ, 2 * CAP, 11);
	for (unsigned int i = 0; i < CAP; i++)
		r->seg[CAP + i].gref = DATA_GREF(i);
	turn(f);
	f->image.hold = false;
	turn(f);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(status_of(0, i), BLKIF_RSP_OKAY);
}

static void test_pages_belong_to_a_write_until_the_disk_is_done(void **state)
{
	struct fixture *f = *state;

	attach(f, 0);
	f->image.hold = true;
	for (unsigned int i = 0; i < 3; i++) {
		memset(data(i), 0x70 + (int)i, XEN_PAGE_BYTES);
		put(0, BLKIF_OP_WRITE, 1, i)->sector_number = 8u * i;
		turn(f);
	}
	f->image.hold = false;
	turn(f);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(f->disk[i * XEN_PAGE_BYTES], 0x70 + i);
}

static void test_a_read_in_pieces_is_copied_whole(void **state)
{
	struct fixture *f = *state;

	attach(f, 0);
	f->image.pieces = true;
	for (unsigned int i = 0; i < sizeof(f->disk); i++)
		f->disk[i] = (unsigned char)(i / SECTOR_BYTES);
	put(0, BLKIF_OP_READ, 1, 0);
	turn(f);
	assert_int_equal(status_of(0, 0), BLKIF_RSP_OKAY);
	for (unsigned int i = 0; i < PAGE_SECTORS; i++)
		assert_int_equal(data(0)[i * SECTOR_BYTES], i);
}

static void test_a_failing_copy_call_is_an_error_of_its_requests(void **state)
{
	struct fixture *f = *state;

	attach(f, 0);
	memset(f->disk, 0x33, sizeof(f->disk));
	memset(data(0), 0x44, XEN_PAGE_BYTES);
	for (unsigned int i = 0; i < 2; i++) {
		sim_fail(0, SIM_CALL_COPY, 1, EFAULT);
		put(0, i == 0 ? BLKIF_OP_WRITE : BLKIF_OP_READ, 1, 0);
		turn(f);
		assert_int_equal(status_of(0, i), BLKIF_RSP_ERROR);
	}
	assert_int_equal(f->disk[0], 0x33);
	assert_int_equal(data(0)[0], 0x44);
	put(0, BLKIF_OP_READ, 1, 0);
	turn(f);
	assert_int_equal(status_of(0, 2), BLKIF_RSP_OKAY);
}

static void test_a_failing_unmap_is_not_the_end(void **state)
{
	struct fixture *f = *state;

	attach(f, 1);
	put(0, BLKIF_OP_READ, CAP, 0);
	turn(f);
	sim_fail(0, SIM_CALL_UNMAP, 1, EINVAL);
	put(0, BLKIF_OP_READ, 1, CAP); /* evicts the oldest */
	turn(f);
	assert_int_equal(status_of(0, 1), BLKIF_RSP_OKAY);
}

static void test_what_the_disk_does_not_take_is_an_error(void **state)
{
	struct fixture *f = *state;

	attach(f, 0);
	f->image.refuse = -EIO;
	put(0, BLKIF_OP_READ, 1, 0);
	put(0, BLKIF_OP_FLUSH_DISKCACHE, 0, 0);
	turn(f);
	assert_int_equal(shared_ring(0)->rsp_prod, 2);
	assert_int_equal(status_of(0, 0), BLKIF_RSP_ERROR);
	assert_int_equal(status_of(0, 1), BLKIF_RSP_ERROR);
}

static void test_each_queue_waits_for_its_own_requests(void **state)
{
	struct fixture *f = *state;

	attach(f, 0);
	f->image.hold = true;
	put(0, BLKIF_OP_READ, 1, 0);
	put(1, BLKIF_OP_READ, 1, 1);
	turn(f);
	f->image.hold = false;
	alarm(20); /* waiting for another's would never end */
	vbd_detach(f->vbd);
	alarm(0);
	assert_int_equal(shared_ring(0)->rsp_prod, 1);
	assert_int_equal(shared_ring(1)->rsp_prod, 1);
}

static void test_a_time_of_use_has_64_bits(void **state)
{
	const uint64_t wrap = (uint64_t)UINT32_MAX + 1;
	struct stats stats = {0};
	struct persistent *cache;
	struct grants *grants;

	(void)state;
	assert_int_equal(grants_create(GUEST, &grants), 0);
	assert_int_equal(persistent_create(CAP, grants, &stats, &cache), 0);
	persistent_put(cache, persistent_get(cache, DATA_GREF(0)), wrap - 5);
	persistent_put(cache, persistent_get(cache, DATA_GREF(1)), wrap + 5);
	assert_true(persistent_expire(cache, wrap) == wrap + 5);
	assert_int_equal(sim_grant_mapped(GUEST, DATA_GREF(0)), 0);
	assert_int_equal(sim_grant_mapped(GUEST, DATA_GREF(1)), 1);
	persistent_destroy(cache);
	grants_destroy(grants);
}

int main(void)
{
#define BOUND_TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		BOUND_TEST(test_a_turn_takes_so_many_requests),
		BOUND_TEST(
			test_a_batch_of_copies_holds_a_turn_of_full_requests),
		BOUND_TEST(test_who_waits_for_pages_gets_them),
		BOUND_TEST(test_what_a_request_took_is_counted),
		BOUND_TEST(test_a_limited_queue_sleeps_and_loses_nothing),
		BOUND_TEST(test_each_segment_goes_to_its_own_page),
		BOUND_TEST(test_a_request_holds_nothing_of_the_one_before),
		BOUND_TEST(test_pages_belong_to_a_write_until_the_disk_is_done),
		BOUND_TEST(test_a_read_in_pieces_is_copied_whole),
		BOUND_TEST(
			test_a_failing_copy_call_is_an_error_of_its_requests),
		BOUND_TEST(test_a_failing_unmap_is_not_the_end),
		BOUND_TEST(test_what_the_disk_does_not_take_is_an_error),
		BOUND_TEST(test_each_queue_waits_for_its_own_requests),
		BOUND_TEST(test_a_time_of_use_has_64_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
