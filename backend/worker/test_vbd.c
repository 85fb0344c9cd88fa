/* A whole disk in process: what requests do, together and apart. */
#include "backend/worker/test_disk.h"

static void test_what_is_written_can_be_read(void **state)
{
	struct fixture *f = *state;

	for (uint32_t persistent = 0; persistent < 2; persistent++) {
		uint32_t n = shared_ring(0)->rsp_prod;

		f->attach.persistent = persistent;
		attach(f);
		memset(data(0), 0x40 + (int)persistent, 4096);
		put(0, BLKIF_OP_WRITE, 16, 1);
		turn(f);
		memset(data(0), 0, 4096);
		put(0, BLKIF_OP_READ, 16, 1)->seg[0].first_sect = 1;
		turn(f);
		assert_int_equal(answer(0, n)->status, BLKIF_RSP_OKAY);
		assert_int_equal(answer(0, n + 1)->status, BLKIF_RSP_OKAY);
		assert_int_equal(((unsigned char *)data(0))[511], 0);
		assert_int_equal(((unsigned char *)data(0))[512],
				 0x40 + (int)persistent);
		assert_int_equal(sim_grant_mapped(GUEST, DATA_GREF(0)),
				 persistent);
		vbd_detach(f->vbd);
		assert_int_equal(sim_grant_mapped(GUEST, DATA_GREF(0)), 0);
	}
}

/* Four of six segments are kept mapped and staged, two are copied: one disk. */
static void test_staged_data_is_right_in_both_directions(void **state)
{
	struct fixture *f = *state;

	f->attach.persistent = 1;
	attach(f);
	for (unsigned int i = 0; i < 6; i++)
		memset(data(i), 0x50 + (int)i, 4096);
	put(0, BLKIF_OP_WRITE, 0, 6)->seg[1].first_sect = 2;
	turn(f);
	for (unsigned int i = 0; i < 6; i++)
		memset(data(i), 0, 4096);
	put(0, BLKIF_OP_READ, 0, 6)->seg[1].first_sect = 2;
	turn(f);
	assert_int_equal(status_of(0, 0), BLKIF_RSP_OKAY);
	assert_int_equal(status_of(0, 1), BLKIF_RSP_OKAY);
	for (unsigned int i = 0; i < 6; i++) {
		const unsigned char *page = data(i);

		assert_int_equal(page[1023], i == 1 ? 0 : 0x50 + i);
		assert_int_equal(page[1024], 0x50 + i);
		assert_int_equal(page[4095], 0x50 + i);
	}
	assert_int_equal(f->region->queue[0].stats.staged, 8);
	assert_int_equal(f->region->queue[0].stats.copies, 4);
}

/* What a killed worker would leave to the kernel is no page of the guest. */
static void test_staged_io_never_has_a_page_of_the_guest(void **state)
{
	struct fixture *f = *state;
	unsigned char *under_way;

	f->attach.persistent = 1;
	attach(f);
	f->image.slow = true;
	memset(data(0), 0x11, 4096);
	put(0, BLKIF_OP_READ, 8, 1);
	turn(f);
	assert_int_equal(f->image.channel[0].holding, 1);
	under_way = f->image.channel[0].held[0].iov[0].iov_base;
	memset(under_way, 0xee, 4096);
	assert_int_equal(*(unsigned char *)data(0), 0x11);
	f->image.result = -EIO;
	slow_release(&f->image.channel[0]);
	f->image.slow = false;
	turn(f);
	/* A failed read moves nothing. */
	assert_int_equal(status_of(0, 0), BLKIF_RSP_ERROR);
	assert_int_equal(*(unsigned char *)data(0), 0x11);
	assert_int_equal(f->region->queue[0].stats.staged, 0);
}

static void test_every_request_is_answered_once_in_any_order(void **state)
{
	struct fixture *f = *state;
	uint32_t seen = 0;

	attach(f);
	f->image.slow = true;
	for (unsigned int i = 0; i < 32; i++)
		put(1, BLKIF_OP_READ, i, 1 + i % 11);
	turn(f);
	assert_int_equal(shared_ring(1)->rsp_prod, 0);
	assert_int_equal(queue_inflight(vbd_queue(f->vbd, 1)), 32);
	slow_release(&f->image.channel[1]);
	turn(f);
	f->image.slow = false;
	assert_int_equal(shared_ring(1)->rsp_prod, 32);
	for (unsigned int i = 0; i < 32; i++)
		seen |= 1u << (answer(1, i)->id - 1000);
	assert_int_equal(seen, UINT32_MAX);
}

static void test_a_bad_grant_fails_its_request_only(void **state)
{
	struct fixture *f = *state;

	for (uint32_t persistent = 0; persistent < 2; persistent++) {
		uint32_t n = shared_ring(0)->rsp_prod;
		struct sim_ledger before, after;

		f->attach.persistent = persistent;
		attach(f);
		sim_ledger(0, &before);
		memset(f->image.disk, 0x33, sizeof(f->image.disk));
		memset(data(0), 0x44, 4096);
		put(0, BLKIF_OP_WRITE, 0, 3)->seg[1].gref = 5000;
		put(0, BLKIF_OP_READ, 0, 3)->seg[2].gref = 5000;
		put(0, BLKIF_OP_READ, 0, 1);
		turn(f);
		assert_int_equal(status_of(0, n), BLKIF_RSP_ERROR);
		assert_int_equal(f->image.disk[0], 0x33);
		assert_int_equal(status_of(0, n + 1), BLKIF_RSP_ERROR);
		assert_int_equal(status_of(0, n + 2), BLKIF_RSP_OKAY);
		sim_ledger(0, &after);
		if (!persistent)
			assert_int_equal(after.mapped_pages,
					 before.mapped_pages);
		vbd_detach(f->vbd);
	}
}

static void test_more_pages_than_the_cap_are_copied(void **state)
{
	struct fixture *f = *state;
	const struct stats *stats = queue_stats(vbd_queue(f->vbd, 0));

	f->attach.persistent = 1;
	attach(f);
	for (unsigned int i = 0; i < 11; i++)
		memset(data(i), 0x10 + (int)i, 4096);
	put(0, BLKIF_OP_WRITE, 0, 11); /* the cap is 4 */
	turn(f);
	assert_int_equal(answer(0, 0)->status, BLKIF_RSP_OKAY);
	for (unsigned int i = 0; i < 11; i++)
		assert_int_equal(f->image.disk[i * 4096 + 77], 0x10 + i);
	assert_int_equal(stats_read(&stats->persistent_maps), 4);
	assert_int_equal(stats_read(&stats->copies), 7);
}

static void test_an_image_error_is_an_error(void **state)
{
	struct fixture *f = *state;

	attach(f);
	f->image.result = -EIO;
	memset(data(0), 0x99, 4096);
	put(0, BLKIF_OP_READ, 0, 1);
	put(0, BLKIF_OP_WRITE, 0, 1);
	put(0, BLKIF_OP_FLUSH_DISKCACHE, 0, 0);
	turn(f);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(answer(0, i)->status, BLKIF_RSP_ERROR);
	assert_int_equal(((unsigned char *)data(0))[0], 0x99);
	f->image.result = 0;
}

static void test_a_flush_with_data_writes_and_then_flushes(void **state)
{
	struct fixture *f = *state;

	attach(f);
	memset(data(0), 0x61, 4096);
	put(0, BLKIF_OP_FLUSH_DISKCACHE, 8, 1);
	put(0, BLKIF_OP_FLUSH_DISKCACHE, UINT64_MAX, 0);
	turn(f);
	assert_int_equal(answer(0, 0)->status, BLKIF_RSP_OKAY);
	assert_int_equal(answer(0, 1)->status, BLKIF_RSP_OKAY);
	assert_int_equal(f->image.flushes, 2);
	assert_int_equal(f->image.disk[8 * 512], 0x61);
}

static void test_an_impossible_index_stops_the_queue_for_good(void **state)
{
	struct fixture *f = *state;
	unsigned int which = 9;

	attach(f);
	put(1, BLKIF_OP_READ, 0, 1);
	shared_ring(1)->req_prod += 32;
	turn(f);
	assert_int_equal(vbd_broken(f->vbd, &which), REFUSE_RING_OVERFLOW);
	assert_int_equal(which, 1);
	assert_int_equal(shared_ring(1)->rsp_prod, 0);
	shared_ring(1)->req_prod -= 32; /* too late */
	turn(f);
	assert_int_equal(shared_ring(1)->rsp_prod, 0);
	put(0, BLKIF_OP_READ, 0, 1); /* the other queue goes on */
	turn(f);
	assert_int_equal(shared_ring(0)->rsp_prod, 1);
}

static void test_a_bad_queue_refuses_the_whole_device(void **state)
{
	struct fixture *f = *state;
	struct sim_ledger ledger;
	unsigned int which = 9;

	f->attach.queue[1].ring_gref[0] = 5000;
	assert_int_equal(vbd_attach(f->vbd, &f->attach, &which),
			 REFUSE_RING_GRANT);
	assert_int_equal(which, 1);
	f->attach.queue[1].ring_gref[0] = RING_GREF(1);
	f->attach.queue[1].event_channel = 4000;
	assert_int_equal(vbd_attach(f->vbd, &f->attach, &which),
			 REFUSE_EVENT_CHANNEL);
	sim_ledger(0, &ledger);
	assert_int_equal(ledger.mapped_pages, 0);
	assert_int_equal(ledger.ports, 0);
}

static void test_detach_waits_for_what_is_in_flight(void **state)
{
	struct fixture *f = *state;

	attach(f);
	f->image.slow = true;
	put(0, BLKIF_OP_READ, 0, 2);
	turn(f);
	assert_int_equal(shared_ring(0)->rsp_prod, 0);
	f->image.slow = false; /* from now on the image finishes when polled */
	vbd_detach(f->vbd);
	assert_int_equal(shared_ring(0)->rsp_prod, 1);
	attach(f); /* and again, where it stopped */
	put(0, BLKIF_OP_READ, 0, 1);
	turn(f);
	assert_int_equal(shared_ring(0)->rsp_prod, 2);
}

static void test_settle_arms_and_sees_what_came_meanwhile(void **state)
{
	struct fixture *f = *state;
	struct queue *queue = vbd_queue(f->vbd, 0);

	attach(f);
	turn(f);
	assert_true(queue_settle(queue));
	assert_int_equal(shared_ring(0)->req_event,
			 shared_ring(0)->req_prod + 1);
	put(0, BLKIF_OP_READ, 0, 1);
	assert_false(queue_settle(queue));
	turn(f);
	assert_true(queue_settle(queue));
}

static void test_an_idle_queue_gives_back_and_then_never_wakes(void **state)
{
	struct fixture *f = *state;
	struct queue *queue = vbd_queue(f->vbd, 0);
	uint64_t now_ns = 1000;
	uint64_t next_ns = 0;

	f->attach.persistent = 1;
	attach(f);
	sim_clock_advance(now_ns);
	put(0, BLKIF_OP_READ, 0, 11);
	turn(f);
	assert_int_equal(sim_grant_mapped(GUEST, DATA_GREF(0)), 1);
	for (int i = 0; i < 100; i++) {
		next_ns = queue_maintain(queue, now_ns);
		if (next_ns == UINT64_MAX)
			break;
		sim_clock_advance(next_ns);
		now_ns += next_ns;
	}
	assert_true(next_ns == UINT64_MAX);
	assert_true(now_ns < 70000000000u);
	assert_int_equal(sim_grant_mapped(GUEST, DATA_GREF(0)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		VBD_TEST(test_what_is_written_can_be_read),
		STAGED_TEST(test_staged_data_is_right_in_both_directions),
		STAGED_TEST(test_staged_io_never_has_a_page_of_the_guest),
		VBD_TEST(test_every_request_is_answered_once_in_any_order),
		VBD_TEST(test_a_bad_grant_fails_its_request_only),
		VBD_TEST(test_more_pages_than_the_cap_are_copied),
		VBD_TEST(test_an_image_error_is_an_error),
		VBD_TEST(test_a_flush_with_data_writes_and_then_flushes),
		VBD_TEST(test_an_impossible_index_stops_the_queue_for_good),
		VBD_TEST(test_a_bad_queue_refuses_the_whole_device),
		VBD_TEST(test_detach_waits_for_what_is_in_flight),
		VBD_TEST(test_settle_arms_and_sees_what_came_meanwhile),
		VBD_TEST(test_an_idle_queue_gives_back_and_then_never_wakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
