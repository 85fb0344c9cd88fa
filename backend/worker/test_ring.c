/* The ring's indices: start, wrap, overflow, hold-off; no Xen library involved.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <xen/io/blkif.h>

#include "backend/worker/ring.h"

struct fixture {
	blkif_sring_t *shared;
	struct ring ring;
};

static void start(struct fixture *f, uint32_t at)
{
	memset(&f->ring, 0, sizeof(f->ring));
	SHARED_RING_INIT(f->shared);
	f->shared->req_prod = f->shared->rsp_prod = at;
	f->shared->req_event = f->shared->rsp_event = at + 1;
	assert_true(ring_attach(&f->ring, f->shared, 1, LINK_ABI_X86_64));
}

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	f->shared = aligned_alloc(XEN_PAGE_BYTES, XEN_PAGE_BYTES);
	memset(f->shared, 0, XEN_PAGE_BYTES);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	free(f->shared);
	test_free(f);
	return 0;
}

static void put_request(struct fixture *f, uint64_t id)
{
	struct blkif_request *slot =
		&f->shared->ring[f->shared->req_prod % 32].req;

	memset(slot, 0, sizeof(*slot));
	slot->id = id;
	f->shared->req_prod++;
}

static void test_requests_come_out_in_order_across_the_wrap(void **state)
{
	struct fixture *f = *state;
	struct wire_request request;

	start(f, UINT32_MAX - 40); /* the indices wrap on the way */
	for (uint64_t id = 0; id < 100; id++) {
		put_request(f, id);
		assert_int_equal(ring_look(&f->ring), 1);
		ring_take(&f->ring, &request);
		assert_true(request.id == id);
		ring_respond(&f->ring, id, 0, 0);
		(void)ring_push(&f->ring);
		ring_check(&f->ring);
		assert_int_equal(f->shared->rsp_prod, f->shared->req_prod);
	}
}

static void test_a_full_ring_is_fine_and_one_more_is_not(void **state)
{
	struct fixture *f = *state;

	start(f, 5);
	f->shared->req_prod = 5 + 32;
	assert_int_equal(ring_look(&f->ring), 32);
	f->shared->req_prod = 5 + 33;
	assert_int_equal(ring_look(&f->ring), -EPROTO);
	f->shared->req_prod = 5 + 0x80000000u;
	assert_int_equal(ring_look(&f->ring), -EPROTO);
}

static void test_an_index_that_goes_back_is_refused(void **state)
{
	struct fixture *f = *state;
	struct wire_request request;

	start(f, 0);
	f->shared->req_prod = 4;
	assert_int_equal(ring_look(&f->ring), 4);
	ring_take(&f->ring, &request);
	ring_take(&f->ring, &request);
	f->shared->req_prod = 1; /* behind what was taken, ahead of rsp_prod */
	assert_int_equal(ring_look(&f->ring), -EPROTO);
}

static void test_unanswered_requests_count_against_the_ring(void **state)
{
	struct fixture *f = *state;
	struct wire_request request;

	start(f, 0);
	f->shared->req_prod = 32;
	assert_int_equal(ring_look(&f->ring), 32);
	for (int i = 0; i < 32; i++)
		ring_take(&f->ring, &request);
	assert_int_equal(ring_look(&f->ring), 0);
	f->shared->req_prod = 33; /* no response yet: there is no slot for it */
	assert_int_equal(ring_look(&f->ring), -EPROTO);
}

static void test_attach_checks_the_distance(void **state)
{
	struct fixture *f = *state;

	start(f, 0);
	ring_detach(&f->ring);
	f->shared->rsp_prod = 100;
	f->shared->req_prod = 132;
	assert_true(ring_attach(&f->ring, f->shared, 1, LINK_ABI_X86_64));
	assert_int_equal(ring_look(&f->ring), 32);
	ring_detach(&f->ring);
	f->shared->req_prod = 133;
	assert_false(ring_attach(&f->ring, f->shared, 1, LINK_ABI_X86_64));
	f->shared->req_prod = 99;
	assert_false(ring_attach(&f->ring, f->shared, 1, LINK_ABI_X86_64));
}

static void test_events_only_when_asked_for(void **state)
{
	struct fixture *f = *state;
	struct wire_request request;

	start(f, 0);
	for (int i = 0; i < 4; i++)
		put_request(f, 1);
	assert_int_equal(ring_look(&f->ring), 4);
	for (int i = 0; i < 4; i++)
		ring_take(&f->ring, &request);
	f->shared->rsp_event = 3; /* wants to hear of the third */
	ring_respond(&f->ring, 1, 0, 0);
	assert_false(ring_push(&f->ring));
	ring_respond(&f->ring, 1, 0, 0);
	ring_respond(&f->ring, 1, 0, 0);
	assert_true(ring_push(&f->ring));
	ring_respond(&f->ring, 1, 0, 0);
	assert_false(ring_push(&f->ring));
	assert_false(ring_push(&f->ring)); /* nothing new */
}

static void test_arming_asks_for_the_next_and_looks_again(void **state)
{
	struct fixture *f = *state;

	start(f, 9);
	assert_false(ring_arm(&f->ring));
	assert_int_equal(f->shared->req_event, 10);
	put_request(f, 1);
	assert_true(ring_arm(&f->ring));
}

static void test_responses_are_seen_only_after_a_push(void **state)
{
	struct fixture *f = *state;
	struct wire_request request;

	start(f, 0);
	put_request(f, 0xffffffffffffffffu);
	assert_int_equal(ring_look(&f->ring), 1);
	ring_take(&f->ring, &request);
	ring_respond(&f->ring, request.id, 3, -1);
	assert_int_equal(f->shared->rsp_prod, 0);
	assert_true(ring_push(&f->ring));
	assert_int_equal(f->shared->rsp_prod, 1);
	assert_true(f->shared->ring[0].rsp.id == 0xffffffffffffffffu);
	assert_int_equal(f->shared->ring[0].rsp.status, -1);
	assert_int_equal(f->shared->ring[0].rsp.operation, 3);
}

/* What is the guest's there stays: its indices, and the slot behind a response. */
static void test_nothing_but_the_response_is_written(void **state)
{
	struct fixture *f = *state;
	union blkif_sring_entry *slot = &f->shared->ring[0];
	struct wire_request request;
	uint8_t before[sizeof(*slot)];

	start(f, 0);
	memset(slot, 0xa5, sizeof(*slot));
	slot->req.operation = BLKIF_OP_READ;
	slot->req.nr_segments = 1;
	memcpy(before, slot, sizeof(before));
	f->shared->req_prod++;
	assert_int_equal(ring_look(&f->ring), 1);
	ring_take(&f->ring, &request);
	ring_respond(&f->ring, request.id, BLKIF_OP_READ, 0);
	(void)ring_push(&f->ring);
	assert_memory_equal((uint8_t *)slot + sizeof(slot->rsp),
			    before + sizeof(slot->rsp),
			    sizeof(before) - sizeof(slot->rsp));
	assert_int_equal(f->shared->req_prod, 1);
	assert_int_equal(f->shared->rsp_event, 1);
}

int main(void)
{
#define RING_TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		RING_TEST(test_requests_come_out_in_order_across_the_wrap),
		RING_TEST(test_a_full_ring_is_fine_and_one_more_is_not),
		RING_TEST(test_an_index_that_goes_back_is_refused),
		RING_TEST(test_unanswered_requests_count_against_the_ring),
		RING_TEST(test_attach_checks_the_distance),
		RING_TEST(test_events_only_when_asked_for),
		RING_TEST(test_arming_asks_for_the_next_and_looks_again),
		RING_TEST(test_responses_are_seen_only_after_a_push),
		RING_TEST(test_nothing_but_the_response_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
