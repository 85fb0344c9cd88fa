/* The recorder: what lies in its ring, what is lost, when it stops. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "backend/worker/recorder.h"

struct fixture {
	struct record_region *region;
	struct recorder *recorder;
	uint64_t read; /* how far the test has looked */
};

static int set_up(void **state)
{
	static struct fixture f;
	int fd = record_region_create(2, 1000);

	assert_true(fd >= 0);
	memset(&f, 0, sizeof(f));
	assert_int_equal(record_region_map(fd, 3, &f.region), -EINVAL);
	assert_int_equal(record_region_map(fd, 2, &f.region), 0);
	close(fd);
	assert_int_equal(recorder_create(f.region, 1, &f.recorder), 0);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	recorder_destroy(f->recorder);
	record_region_unmap(f->region, 2);
	return 0;
}

static void copy_from_ring(const struct fixture *f, void *to, size_t bytes)
{
	const struct record_ring *ring = &f->region->ring[1];

	for (size_t i = 0; i < bytes; i++)
		((unsigned char *)to)[i] =
			ring->byte[(f->read + i) % LIMIT_RECORD_RING_BYTES];
}

/* The next record, or false. */
static bool next(struct fixture *f, struct record_header *header, void *payload,
		 size_t room)
{
	unsigned char record[LIMIT_RECORD_BYTES];

	if (f->read == atomic_load(&f->region->ring[1].head))
		return false;
	copy_from_ring(f, header, sizeof(*header));
	assert_true(header->bytes >= sizeof(*header));
	assert_true(header->bytes <= sizeof(record));
	assert_int_equal(header->bytes % 8, 0);
	copy_from_ring(f, record, header->bytes);
	if (room > header->bytes - sizeof(*header))
		room = header->bytes - sizeof(*header);
	memcpy(payload, record + sizeof(*header), room);
	f->read += header->bytes;
	return true;
}

static struct wire_request a_request(uint8_t segments)
{
	struct wire_request request = {.operation = 1,
				       .nr_segments = segments,
				       .handle = 7,
				       .id = 0x1122334455667788,
				       .sector_number = 99};

	for (uint32_t i = 0; i < LIMIT_SEGMENTS; i++) {
		request.seg[i].gref = 100 + i;
		request.seg[i].first_sect = 1;
		request.seg[i].last_sect = 200;
	}
	return request;
}

static void a_request_is_recorded_as_it_was(void **state)
{
	struct fixture *f = *state;
	const struct wire_request request = a_request(255);
	struct {
		struct record_request fixed;
		struct record_segment seg[LIMIT_SEGMENTS];
	} got;
	struct record_header header;

	recorder_now(f->recorder, 1500);
	recorder_request(f->recorder, &request, 42);
	assert_true(next(f, &header, &got, sizeof(got)));
	assert_int_equal(header.kind, RECORD_REQUEST);
	assert_int_equal(header.queue, 1);
	assert_int_equal(header.time_ns, 500);
	assert_int_equal(header.bytes, sizeof(header) + sizeof(got));
	assert_int_equal(got.fixed.id, request.id);
	assert_int_equal(got.fixed.index, 42);
	assert_int_equal(got.fixed.nr_segments, 255);
	assert_int_equal(got.seg[10].gref, 110);
	assert_int_equal(got.seg[10].last_sect, 200);
	assert_false(next(f, &header, &got, sizeof(got)));
	/* Before the recording began there is no time. */
	recorder_now(f->recorder, 10);
	recorder_request(f->recorder, &request, 43);
	assert_true(next(f, &header, &got, sizeof(got)));
	assert_int_equal(header.time_ns, 0);
}

static void an_indirect_request_comes_with_its_segments(void **state)
{
	static struct segment segments[LIMIT_RECORD_ENTRIES + 3];
	struct fixture *f = *state;
	const struct wire_request request = {.operation = 6,
					     .indirect_op = 1,
					     .nr_segments = 707,
					     .handle = 9,
					     .id = 77,
					     .descriptors = {5, 6}};
	struct {
		struct record_indirect fixed;
		uint32_t gref[2];
	} got;
	struct {
		struct record_segments fixed;
		struct record_segment seg[LIMIT_RECORD_ENTRIES];
	} more;
	struct record_header header;

	segments[LIMIT_RECORD_ENTRIES].gref = 4711;
	recorder_request(f->recorder, &request, 42);
	recorder_segments(f->recorder, 42, segments, 707);
	assert_true(next(f, &header, &got, sizeof(got)));
	assert_int_equal(header.kind, RECORD_INDIRECT);
	assert_int_equal(header.bytes, sizeof(header) + sizeof(got));
	assert_int_equal(got.fixed.operation, 1);
	assert_int_equal(got.fixed.nr_segments, 707);
	assert_int_equal(got.fixed.handle, 9);
	assert_int_equal(got.fixed.pages, 2);
	assert_int_equal(got.gref[1], 6);
	assert_true(next(f, &header, &more, sizeof(more)));
	assert_int_equal(header.kind, RECORD_SEGMENTS);
	assert_int_equal(more.fixed.count, LIMIT_RECORD_ENTRIES);
	assert_true(next(f, &header, &more, sizeof(more)));
	assert_int_equal(more.fixed.index, 42);
	assert_int_equal(more.fixed.first, LIMIT_RECORD_ENTRIES);
	assert_int_equal(more.fixed.count, 3);
	assert_int_equal(more.seg[0].gref, 4711);
}

static void what_does_not_fit_is_counted_where_it_is_missing(void **state)
{
	struct fixture *f = *state;
	const struct wire_request request = a_request(3);
	struct record_ring *ring = &f->region->ring[1];
	const uint32_t fit = LIMIT_RECORD_RING_BYTES / (24 + 24 + 3 * 8);
	struct record_request got;
	struct record_number lost;
	struct record_header header;

	for (uint32_t i = 0; i < fit + 5; i++)
		recorder_request(f->recorder, &request, i);
	assert_int_equal(atomic_load(&ring->lost), 5);
	for (uint32_t i = 0; i < fit; i++) {
		assert_true(next(f, &header, &got, sizeof(got)));
		assert_int_equal(got.index, i);
	}
	assert_false(next(f, &header, &got, sizeof(got)));
	atomic_store(&ring->tail, f->read);
	recorder_request(f->recorder, &request, 77);
	assert_true(next(f, &header, &lost, sizeof(lost)));
	assert_int_equal(header.kind, RECORD_LOST);
	assert_int_equal(lost.number, 5);
	assert_true(next(f, &header, &got, sizeof(got)));
	assert_int_equal(got.index, 77);
	assert_int_equal(atomic_load(&ring->lost), 0);
}

/* Records of many lengths, over the ring's end again and again. */
static void records_go_over_the_end(void **state)
{
	struct fixture *f = *state;
	struct record_request got;
	struct record_header header;

	for (uint32_t i = 0; i < 100000; i++) {
		const struct wire_request request = a_request((uint8_t)i);

		recorder_request(f->recorder, &request, i);
		assert_true(next(f, &header, &got, sizeof(got)));
		assert_int_equal(got.index, i);
		assert_int_equal(got.nr_segments, (uint8_t)i);
		atomic_store(&f->region->ring[1].tail, f->read);
	}
	assert_true(f->read > 3 * LIMIT_RECORD_RING_BYTES);
}

static void a_stopped_recording_takes_nothing(void **state)
{
	struct fixture *f = *state;
	const struct wire_request request = a_request(1);
	const uint32_t gref = 5;

	atomic_store(&f->region->stopped, 1);
	recorder_request(f->recorder, &request, 1);
	recorder_event(f->recorder);
	recorder_detach(f->recorder);
	recorder_grants(f->recorder, RECORD_MAP, &gref, 1, 0);
	assert_null(recorder_copies(f->recorder, RECORD_COPY_IN, 3, 0));
	assert_int_equal(atomic_load(&f->region->ring[1].head), 0);
	assert_int_equal(atomic_load(&f->region->ring[1].lost), 0);
}

static void attachments_are_recorded(void **state)
{
	struct fixture *f = *state;
	const struct ring ring = {.slots = 64, .req_cons = 7};
	struct link_attach attach = {.queues = 2,
				     .ring_order = 1,
				     .abi = LINK_ABI_X86_32,
				     .persistent = 1,
				     .resume = 1};
	struct record_attach got;
	struct record_header header;

	attach.queue[1].event_channel = 5;
	attach.queue[1].ring_gref[0] = 8;
	attach.queue[1].ring_gref[1] = 9;
	attach.queue[1].ring_gref[2] = 10; /* not of this order */
	recorder_attach(f->recorder, &attach, &ring, REFUSE_RING_GRANT);
	assert_true(next(f, &header, &got, sizeof(got)));
	assert_int_equal(header.kind, RECORD_ATTACH);
	assert_int_equal(got.refusal, REFUSE_RING_GRANT);
	assert_int_equal(got.abi, LINK_ABI_X86_32);
	assert_int_equal(got.slots, 64);
	assert_int_equal(got.index, 7);
	assert_int_equal(got.event_channel, 5);
	assert_int_equal(got.resume, 1);
	assert_int_equal(got.ring_gref[1], 9);
	assert_int_equal(got.ring_gref[2], 0);
	recorder_detach(f->recorder);
	assert_true(next(f, &header, &got, 0));
	assert_int_equal(header.kind, RECORD_DETACH);
	assert_int_equal(header.bytes, sizeof(header));
}

static void the_ring_is_recorded(void **state)
{
	struct fixture *f = *state;
	const struct ring ring = {.slots = 32,
				  .req_cons = 40,
				  .rsp_prod = 12,
				  .rsp_published = 11,
				  .rsp_event = 13,
				  .req_refused = 99};
	const struct record_response response = {.id = 5,
						 .index = 9,
						 .status = -1,
						 .operation = 3,
						 .refusal = 2};
	struct record_response answered;
	struct record_push push;
	struct record_overflow overflow;
	struct record_header header;

	recorder_response(f->recorder, &response);
	recorder_push(f->recorder, &ring, 3, true);
	recorder_event(f->recorder);
	recorder_overflow(f->recorder, &ring);
	assert_true(next(f, &header, &answered, sizeof(answered)));
	assert_int_equal(header.kind, RECORD_RESPONSE);
	assert_memory_equal(&answered, &response, sizeof(response));
	assert_true(next(f, &header, &push, sizeof(push)));
	assert_int_equal(header.kind, RECORD_PUSH);
	assert_int_equal(push.rsp_prod, 11);
	assert_int_equal(push.rsp_event, 13);
	assert_int_equal(push.count, 3);
	assert_int_equal(push.notified, 1);
	assert_true(next(f, &header, &push, 0));
	assert_int_equal(header.kind, RECORD_EVENT);
	assert_true(next(f, &header, &overflow, sizeof(overflow)));
	assert_int_equal(header.kind, RECORD_OVERFLOW);
	assert_int_equal(overflow.req_prod, 99);
	assert_int_equal(overflow.rsp_prod, 12);
}

static void grants_are_recorded(void **state)
{
	struct fixture *f = *state;
	const uint32_t grefs[] = {4, 5, 6};
	struct record_copy *copy;
	struct {
		struct record_grants fixed;
		uint32_t gref[3];
	} grants;
	struct {
		struct record_copies fixed;
		struct record_copy copy[2];
	} copies;
	struct record_header header;

	recorder_grants(f->recorder, RECORD_MAP, grefs, 3, -12);
	assert_true(next(f, &header, &grants, sizeof(grants)));
	assert_int_equal(header.kind, RECORD_MAP);
	assert_int_equal(grants.fixed.count, 3);
	assert_int_equal(grants.fixed.result, -12);
	assert_int_equal(grants.gref[2], 6);
	copy = recorder_copies(f->recorder, RECORD_COPY_OUT, 2, 0);
	assert_non_null(copy);
	copy[0] = (struct record_copy){.gref = 1};
	copy[1] = (struct record_copy){
		.gref = 2, .first_sect = 3, .sectors = 4, .status = -5};
	recorder_copies_done(f->recorder);
	assert_true(next(f, &header, &copies, sizeof(copies)));
	assert_int_equal(header.kind, RECORD_COPY_OUT);
	assert_int_equal(copies.fixed.count, 2);
	assert_int_equal(copies.copy[1].sectors, 4);
	assert_int_equal(copies.copy[1].status, -5);
}

static void a_second_recorder_goes_on(void **state)
{
	struct fixture *f = *state;
	const struct wire_request request = a_request(1);
	struct record_request got;
	struct record_header header;

	recorder_request(f->recorder, &request, 1);
	recorder_destroy(f->recorder);
	assert_int_equal(recorder_create(f->region, 1, &f->recorder), 0);
	recorder_request(f->recorder, &request, 2);
	assert_true(next(f, &header, &got, sizeof(got)));
	assert_int_equal(got.index, 1);
	assert_true(next(f, &header, &got, sizeof(got)));
	assert_int_equal(got.index, 2);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_request_is_recorded_as_it_was),
		CASE(an_indirect_request_comes_with_its_segments),
		CASE(what_does_not_fit_is_counted_where_it_is_missing),
		CASE(records_go_over_the_end),
		CASE(a_stopped_recording_takes_nothing),
		CASE(attachments_are_recorded),
		CASE(the_ring_is_recorded),
		CASE(grants_are_recorded),
		CASE(a_second_recorder_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
