/* Requests whose segments stand in pages of the guest: read once, judged like
 * others, bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <unistd.h>
#include <xenevtchn.h>
#include <xen/io/blkif.h>

#include "backend/base/checked.h"
#include "backend/worker/queue.h"
#include "backend/worker/test_image.h"
#include "backend/worker/vbd.h"
#include "sim/sim.h"

#define GUEST	      3u
#define ORDER	      2u
#define RING_PAGES    (1u << ORDER)
#define SLOTS	      128u
#define SECTORS	      65536u
#define RING_GREF     8u
#define LIST_GREF(i)  (32 + (i)) /* pages of descriptors */
#define LIST_FRAME(i) (16 + (i))
#define LISTS	      16u
#define DATA_GREF(i)  (100 + (i))
#define DATA_FRAME(i) (64 + (i))
#define DATA_PAGES    256u
#define OFFERED	      256u
#define NO_GREF	      90u

struct fixture {
	struct test_image image;
	unsigned char disk[SECTORS * SECTOR_BYTES];
	struct inflight_region *region;
	struct vbd *vbd;
	struct link_attach attach;
	bool readonly;
};

static void make_guest(struct fixture *f)
{
	xenevtchn_handle *ports;

	sim_reset(1);
	assert_int_equal(sim_domain_create(GUEST, 512), 0);
	for (uint32_t i = 0; i < RING_PAGES; i++) {
		sim_grant(GUEST, RING_GREF + i, 0, i, 0);
		f->attach.queue[0].ring_gref[i] = RING_GREF + i;
	}
	for (uint32_t i = 0; i < LISTS; i++)
		sim_grant(GUEST, LIST_GREF(i), 0, LIST_FRAME(i),
			  i % 2 != 0 ? SIM_GRANT_READONLY : 0);
	for (uint32_t i = 0; i < DATA_PAGES; i++)
		sim_grant(GUEST, DATA_GREF(i), 0, DATA_FRAME(i), 0);
	SHARED_RING_INIT((blkif_sring_t *)sim_guest_page(GUEST, 0));
	sim_enter(GUEST);
	ports = xenevtchn_open(NULL, 0);
	f->attach.queue[0].event_channel =
		(uint32_t)xenevtchn_bind_unbound_port(ports, 0);
	sim_enter(0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	make_guest(f);
	f->attach.queues = 1;
	f->attach.ring_order = ORDER;
	f->attach.abi = LINK_ABI_X86_64;
	f->attach.indirect = OFFERED;
	f->image.image.operations = &test_operations;
	f->image.disk = f->disk;
	for (size_t i = 0; i < sizeof(f->disk); i++)
		f->disk[i] = (unsigned char)(i / SECTOR_BYTES + i);
	f->region = aligned_alloc(64, inflight_region_bytes(1) / 64 * 64 + 64);
	memset(f->region, 0, inflight_region_bytes(1));
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
	const struct vbd_options options = {.domid = GUEST,
					    .devid = 51712,
					    .sectors = SECTORS,
					    .readonly = f->readonly,
					    .max_queues = 1,
					    .persistent_cap = 64,
					    .image = &f->image.image,
					    .region = f->region};
	unsigned int queue;

	f->attach.persistent = persistent;
	assert_int_equal(vbd_create(&options, &f->vbd), 0);
	assert_int_equal(vbd_attach(f->vbd, &f->attach, &queue), REFUSAL_NONE);
	vbd_check(f->vbd);
}

static void detach(struct fixture *f)
{
	vbd_destroy(f->vbd);
	f->vbd = NULL;
	assert_int_equal(sim_grant_mapped(GUEST, LIST_GREF(0)), 0);
	SHARED_RING_INIT((blkif_sring_t *)sim_guest_page(GUEST, 0));
	memset(f->region, 0, inflight_region_bytes(1));
}

static blkif_sring_t *shared_ring(void)
{
	return sim_guest_page(GUEST, 0);
}

static struct blkif_request_segment *descriptor(unsigned int list,
						unsigned int i)
{
	return (struct blkif_request_segment *)sim_guest_page(
		       GUEST, LIST_FRAME(list + i / LIMIT_DESCRIPTORS)) +
	       i % LIMIT_DESCRIPTORS;
}

/* Whole pages, one after the other; its descriptors from page @list on. */
static blkif_request_indirect_t *put(uint8_t operation, unsigned int segments,
				     unsigned int list)
{
	blkif_sring_t *ring = shared_ring();
	blkif_request_indirect_t *r =
		(void *)&ring->ring[ring->req_prod % SLOTS].req;

	memset(r, 0, sizeof(blkif_request_t));
	r->operation = BLKIF_OP_INDIRECT;
	r->indirect_op = operation;
	r->nr_segments = (uint16_t)segments;
	r->id = 1000 + ring->req_prod;
	r->sector_number = 16;
	for (unsigned int i = 0; i < LIMIT_DESCRIPTOR_PAGES; i++)
		r->indirect_grefs[i] = i * LIMIT_DESCRIPTORS < segments
					       ? LIST_GREF(list + i)
					       : NO_GREF;
	for (unsigned int i = 0; i < segments && i < LIMIT_INDIRECT_SEGMENTS;
	     i++)
		*descriptor(list, i) = (struct blkif_request_segment){
			.gref = DATA_GREF(i % DATA_PAGES),
			.last_sect = 7,
		};
	ring->req_prod++;
	return r;
}

static void turn(struct fixture *f)
{
	while (queue_turn(vbd_queue(f->vbd, 0)))
		vbd_check(f->vbd);
}

/* What the last answer says. */
static blkif_response_t *last(void)
{
	blkif_sring_t *ring = shared_ring();

	return &ring->ring[(ring->rsp_prod - 1) % SLOTS].rsp;
}

static unsigned char *data(unsigned int i)
{
	return sim_guest_page(GUEST, DATA_FRAME(i));
}

static void expect_refused(struct fixture *f, enum refusal refusal,
			   uint8_t operation)
{
	const struct stats *stats = queue_stats(vbd_queue(f->vbd, 0));
	const uint64_t before = stats_read(&stats->refusals[refusal]);
	const uint32_t answered = shared_ring()->rsp_prod;

	turn(f);
	assert_int_equal(shared_ring()->rsp_prod, answered + 1);
	assert_int_equal(last()->status, refusal_status(refusal));
	assert_int_equal(last()->operation, operation);
	assert_true(stats_read(&stats->refusals[refusal]) == before + 1);
}

static void read_all(struct fixture *f, unsigned int segments)
{
	for (unsigned int i = 0; i < segments && i < DATA_PAGES; i++)
		memset(data(i), 0xee, XEN_PAGE_BYTES);
	put(BLKIF_OP_READ, segments, 0);
	turn(f);
	assert_int_equal(last()->status, BLKIF_RSP_OKAY);
	/* K2, Q3: what was done, not how. */
	assert_int_equal(last()->operation, BLKIF_OP_READ);
	for (unsigned int i = 0; i < segments && i < DATA_PAGES; i++)
		assert_memory_equal(data(i),
				    f->disk + 16 * SECTOR_BYTES +
					    (size_t)i * XEN_PAGE_BYTES,
				    XEN_PAGE_BYTES);
}

static void test_reads_of_all_sizes(void **state)
{
	static const unsigned int sizes[] = {1, 11, 12, 255, 256};
	struct fixture *f = *state;

	for (uint32_t persistent = 0; persistent < 2; persistent++) {
		attach(f, persistent);
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
			read_all(f, sizes[i]);
		detach(f);
	}
}

static void test_a_write_of_parts_of_pages(void **state)
{
	struct fixture *f = *state;
	unsigned char *disk = f->disk + 16 * SECTOR_BYTES;

	attach(f, 1);
	put(BLKIF_OP_WRITE, 20, 1); /* its descriptors are shown read-only */
	for (unsigned int i = 0; i < 20; i++) {
		memset(data(i), 0x40 + (int)i, XEN_PAGE_BYTES);
		descriptor(1, i)->first_sect = (uint8_t)(i % 8);
		descriptor(1, i)->last_sect = (uint8_t)(i % 8);
	}
	turn(f);
	assert_int_equal(last()->status, BLKIF_RSP_OKAY);
	assert_int_equal(last()->operation, BLKIF_OP_WRITE);
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(disk[i * SECTOR_BYTES + 7], 0x40 + (int)i);
	assert_true(stats_read(&queue_stats(vbd_queue(f->vbd, 0))
					->sectors_written) == 20);
}

static void test_the_protocols_limit(void **state)
{
	struct fixture *f = *state;

	f->attach.indirect = LIMIT_INDIRECT_SEGMENTS;
	attach(f, 0);
	put(BLKIF_OP_WRITE, LIMIT_INDIRECT_SEGMENTS, 0);
	for (unsigned int i = 0; i < LIMIT_INDIRECT_SEGMENTS; i++)
		descriptor(0, i)->last_sect = 0;
	memset(data(255), 0x77, XEN_PAGE_BYTES);
	turn(f);
	assert_int_equal(last()->status, BLKIF_RSP_OKAY);
	assert_int_equal(
		f->disk[(16 + LIMIT_INDIRECT_SEGMENTS - 1) * SECTOR_BYTES],
		0x77);
	put(BLKIF_OP_READ, LIMIT_INDIRECT_SEGMENTS + 1, 0);
	expect_refused(f, REFUSE_INDIRECT_MANY, BLKIF_OP_READ);
}

/* There is room for so many; more stay in the ring, and the queue may sleep. */
static void test_what_there_is_no_room_for_stays_in_the_ring(void **state)
{
	const unsigned int room =
		LIMIT_INDIRECT_UNDER_WAY / LIMIT_INDIRECT_SEGMENTS;
	struct fixture *f = *state;

	f->attach.indirect = LIMIT_INDIRECT_SEGMENTS;
	attach(f, 1);
	f->image.hold = true;
	for (unsigned int i = 0; i < room + 3; i++)
		put(BLKIF_OP_READ, 2, i);
	turn(f);
	assert_int_equal(queue_inflight(vbd_queue(f->vbd, 0)), room);
	assert_true(queue_settle(vbd_queue(f->vbd, 0)));
	f->image.hold = false;
	turn(f);
	assert_int_equal(shared_ring()->rsp_prod, room + 3);
	assert_int_equal(last()->status, BLKIF_RSP_OKAY);
}

static void test_what_the_slot_says_is_judged(void **state)
{
	struct fixture *f = *state;

	attach(f, 0);
	put(BLKIF_OP_READ, 0, 0);
	expect_refused(f, REFUSE_SEGMENTS_NONE, BLKIF_OP_READ);
	put(BLKIF_OP_WRITE, OFFERED + 1, 0);
	expect_refused(f, REFUSE_INDIRECT_MANY, BLKIF_OP_WRITE);
	put(BLKIF_OP_READ, 65535, 0);
	expect_refused(f, REFUSE_INDIRECT_MANY, BLKIF_OP_READ);
	put(BLKIF_OP_INDIRECT, 1, 0);
	expect_refused(f, REFUSE_INDIRECT_OPERATION, BLKIF_OP_INDIRECT);
	put(BLKIF_OP_FLUSH_DISKCACHE, 1, 0);
	expect_refused(f, REFUSE_INDIRECT_OPERATION, BLKIF_OP_FLUSH_DISKCACHE);
	put(255, 1, 0);
	expect_refused(f, REFUSE_INDIRECT_OPERATION, 255);
}

static void test_what_was_not_offered_is_unknown(void **state)
{
	struct fixture *f = *state;

	f->attach.indirect = 0;
	attach(f, 0);
	put(BLKIF_OP_READ, 1, 0);
	expect_refused(f, REFUSE_OPERATION_UNKNOWN, BLKIF_OP_INDIRECT);
}

static void test_a_read_only_disk(void **state)
{
	struct fixture *f = *state;

	f->readonly = true;
	attach(f, 0);
	put(BLKIF_OP_WRITE, 1, 0);
	expect_refused(f, REFUSE_READ_ONLY, BLKIF_OP_WRITE);
	read_all(f, 12);
}

static void break_segments(struct fixture *f)
{
	put(BLKIF_OP_READ, 200, 0);
	descriptor(0, 199)->first_sect = 4;
	descriptor(0, 199)->last_sect = 3;
	expect_refused(f, REFUSE_SEGMENT_REVERSED, BLKIF_OP_READ);
	put(BLKIF_OP_WRITE, 200, 0);
	descriptor(0, 0)->last_sect = 8;
	expect_refused(f, REFUSE_SEGMENT_PAST_PAGE, BLKIF_OP_WRITE);
	put(BLKIF_OP_READ, 12, 0)->sector_number = SECTORS - 95;
	expect_refused(f, REFUSE_BEYOND_END, BLKIF_OP_READ);
	put(BLKIF_OP_READ, 12, 0)->sector_number = UINT64_MAX - 7;
	expect_refused(f, REFUSE_BEYOND_END, BLKIF_OP_READ);
	put(BLKIF_OP_WRITE, 40, 0);
	descriptor(0, 39)->gref = NO_GREF;
	expect_refused(f, REFUSE_GRANT_BAD, BLKIF_OP_WRITE);
	put(BLKIF_OP_READ, 1, 0)->indirect_grefs[0] = NO_GREF;
	expect_refused(f, REFUSE_DESCRIPTORS_BAD, BLKIF_OP_READ);
}

static void test_what_the_pages_say_is_judged(void **state)
{
	struct fixture *f = *state;
	unsigned char *before = malloc(sizeof(f->disk));

	memcpy(before, f->disk, sizeof(f->disk));
	for (uint32_t persistent = 0; persistent < 2; persistent++) {
		attach(f, persistent);
		break_segments(f);
		read_all(f, 256);
		detach(f);
	}
	assert_memory_equal(before, f->disk, sizeof(f->disk));
	free(before);
}

/* A second bad page of descriptors, after a good one. */
static void test_the_second_page_may_be_the_bad_one(void **state)
{
	struct fixture *f = *state;

	f->attach.indirect = 600;
	attach(f, 1);
	put(BLKIF_OP_READ, 513, 0)->indirect_grefs[1] = NO_GREF;
	expect_refused(f, REFUSE_DESCRIPTORS_BAD, BLKIF_OP_READ);
	put(BLKIF_OP_READ, 512, 0)->indirect_grefs[1] = NO_GREF;
	turn(f);
	assert_int_equal(last()->status, BLKIF_RSP_OKAY);
}

/* D14: the page is known as one of descriptors, then it is one of data. */
static void test_a_page_of_descriptors_becomes_one_of_data(void **state)
{
	struct fixture *f = *state;

	attach(f, 1);
	for (unsigned int list = 0; list < 2; list++) {
		put(BLKIF_OP_READ, 1, list);
		turn(f);
		put(BLKIF_OP_READ, 1, 2);
		descriptor(2, 0)->gref = LIST_GREF(list);
		turn(f);
		/* One that was shown read-only cannot be read into. */
		assert_int_equal(last()->status,
				 list == 0 ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR);
	}
	assert_memory_equal(sim_guest_page(GUEST, LIST_FRAME(0)),
			    f->disk + 16 * SECTOR_BYTES, XEN_PAGE_BYTES);
}

/* Once they are copied, the guest may write what it wants. */
static void test_descriptors_are_read_once(void **state)
{
	struct fixture *f = *state;

	for (uint32_t persistent = 0; persistent < 2; persistent++) {
		attach(f, persistent);
		f->image.hold = true;
		put(BLKIF_OP_READ, 3, 0);
		memset(data(9), 0x11, XEN_PAGE_BYTES);
		assert_true(queue_turn(vbd_queue(f->vbd, 0)));
		for (unsigned int i = 0; i < 3; i++)
			*descriptor(0, i) = (struct blkif_request_segment){
				.gref = DATA_GREF(9),
				.last_sect = 255,
			};
		f->image.hold = false;
		turn(f);
		assert_int_equal(last()->status, BLKIF_RSP_OKAY);
		assert_int_equal(data(9)[0], 0x11);
		assert_memory_equal(data(2), f->disk + 32 * SECTOR_BYTES,
				    XEN_PAGE_BYTES);
		detach(f);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_of_all_sizes),
		TEST(a_write_of_parts_of_pages),
		TEST(the_protocols_limit),
		TEST(what_there_is_no_room_for_stays_in_the_ring),
		TEST(what_the_slot_says_is_judged),
		TEST(what_was_not_offered_is_unknown),
		TEST(a_read_only_disk),
		TEST(what_the_pages_say_is_judged),
		TEST(the_second_page_may_be_the_bad_one),
		TEST(a_page_of_descriptors_becomes_one_of_data),
		TEST(descriptors_are_read_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
