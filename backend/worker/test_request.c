/* The decoder: every refusal, every boundary, both sides of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <xen/io/blkif.h>

#include "backend/base/checked.h"
#include "backend/worker/request.h"

#define CAPACITY 1000u

static struct wire_request good(uint8_t operation, uint8_t segments)
{
	struct wire_request wire = {
		.operation = operation,
		.nr_segments = segments,
		.id = 0xfedcba9876543210u,
		.sector_number = 8,
	};

	for (unsigned int i = 0; i < LIMIT_SEGMENTS; i++) {
		wire.seg[i].gref = 100 + i;
		wire.seg[i].last_sect = 7;
	}
	return wire;
}

static enum refusal decode(const struct wire_request *wire, bool readonly,
			   struct request *request)
{
	const struct request_rules rules = {.capacity_sectors = CAPACITY,
					    .readonly = readonly};

	return request_decode(wire, &rules, request);
}

static void test_a_good_read_is_taken_as_it_is(void **state)
{
	struct wire_request wire = good(BLKIF_OP_READ, 11);
	struct request request;

	(void)state;
	wire.seg[3].first_sect = 2;
	wire.seg[3].last_sect = 2;
	assert_int_equal(decode(&wire, false, &request), REFUSAL_NONE);
	assert_int_equal(request.kind, REQUEST_READ);
	assert_true(request.id == 0xfedcba9876543210u);
	assert_int_equal(request.segments, 11);
	assert_int_equal(request.sectors, 10 * 8 + 1);
	assert_int_equal(request.segment[3].gref, 103);
	assert_int_equal(request.segment[3].first_sector, 2);
}

static void test_the_number_of_segments(void **state)
{
	static const struct {
		uint8_t operation, segments;
		enum refusal expected;
	} rows[] = {
		{BLKIF_OP_READ, 0, REFUSE_SEGMENTS_NONE},
		{BLKIF_OP_WRITE, 0, REFUSE_SEGMENTS_NONE},
		{BLKIF_OP_FLUSH_DISKCACHE, 0, REFUSAL_NONE},
		{BLKIF_OP_READ, 11, REFUSAL_NONE},
		{BLKIF_OP_READ, 12, REFUSE_SEGMENTS_MANY},
		{BLKIF_OP_WRITE, 255, REFUSE_SEGMENTS_MANY},
		{BLKIF_OP_FLUSH_DISKCACHE, 12, REFUSE_SEGMENTS_MANY},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wire_request wire =
			good(rows[i].operation, rows[i].segments);
		struct request request;

		assert_int_equal(decode(&wire, false, &request),
				 rows[i].expected);
		assert_true(request.id == wire.id);
		assert_int_equal(request.operation, wire.operation);
	}
}

static void test_what_is_not_offered_is_unknown(void **state)
{
	struct request request;

	(void)state;
	for (unsigned int operation = 0; operation < 256; operation++) {
		struct wire_request wire = good((uint8_t)operation, 1);
		bool known = operation == BLKIF_OP_READ ||
			     operation == BLKIF_OP_WRITE ||
			     operation == BLKIF_OP_FLUSH_DISKCACHE;

		assert_int_equal(decode(&wire, false, &request),
				 known ? REFUSAL_NONE
				       : REFUSE_OPERATION_UNKNOWN);
	}
}

static void test_a_discard_names_any_range_of_the_disk(void **state)
{
	static const struct {
		uint64_t sector, sectors;
		enum refusal refusal;
	} ranges[] = {
		{0, CAPACITY, REFUSAL_NONE},
		{3, 5, REFUSAL_NONE},
		{CAPACITY, 0, REFUSAL_NONE},
		{CAPACITY, 1, REFUSE_BEYOND_END},
		{0, (UINT64_C(1) << 32) + 1, REFUSE_BEYOND_END},
		{1, CAPACITY, REFUSE_BEYOND_END},
		{UINT64_MAX, 2, REFUSE_BEYOND_END},
		{2, UINT64_MAX, REFUSE_BEYOND_END},
	};
	struct request_rules rules = {.capacity_sectors = CAPACITY,
				      .discard = true};
	struct wire_request wire = {.operation = BLKIF_OP_DISCARD};
	struct request request;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		wire.sector_number = ranges[i].sector;
		wire.discard_sectors = ranges[i].sectors;
		assert_int_equal(request_decode(&wire, &rules, &request),
				 ranges[i].refusal);
		if (ranges[i].refusal != REFUSAL_NONE)
			continue;
		assert_int_equal(request.kind, REQUEST_DISCARD);
		assert_int_equal(request.segments, 0);
		assert_int_equal(request.sectors, 0);
		assert_true(request.extent == ranges[i].sectors);
		assert_true(request_sound(&request, &rules));
		request.extent = CAPACITY + 1;
		assert_false(request_sound(&request, &rules));
	}
	rules.readonly = true;
	wire.sector_number = wire.discard_sectors = 1;
	assert_int_equal(request_decode(&wire, &rules, &request),
			 REFUSE_READ_ONLY);
}

static void test_discards_of_both_layouts(void **state)
{
	uint32_t raw[ABI_SLOT_WORDS] = {0};
	uint8_t *bytes = (uint8_t *)raw;
	const uint64_t id = 7, sector = UINT64_C(1) << 40,
		       sectors = 0x123456789;
	struct wire_request wire;

	(void)state;
	for (enum link_abi abi = LINK_ABI_X86_64; abi < LINK_ABI_COUNT; abi++) {
		const size_t at = abi == LINK_ABI_X86_64 ? 8 : 4;

		memset(raw, 0, sizeof(raw));
		bytes[0] = BLKIF_OP_DISCARD;
		bytes[1] = BLKIF_DISCARD_SECURE;
		memcpy(bytes + at, &id, 8);
		memcpy(bytes + at + 8, &sector, 8);
		memcpy(bytes + at + 16, &sectors, 8);
		assert_int_equal(abi_used_words(abi, raw), (at + 24) / 4);
		abi_decode(abi, raw, &wire);
		assert_true(wire.id == id && wire.sector_number == sector);
		assert_true(wire.discard_sectors == sectors);
		assert_int_equal(wire.discard_flags, BLKIF_DISCARD_SECURE);
		assert_int_equal(wire.nr_segments, 0);
	}
}

static void test_segments_stay_in_their_page_and_in_order(void **state)
{
	static const struct {
		uint8_t first, last;
		enum refusal expected;
	} rows[] = {
		{0, 7, REFUSAL_NONE},
		{7, 7, REFUSAL_NONE},
		{0, 8, REFUSE_SEGMENT_PAST_PAGE},
		{0, 255, REFUSE_SEGMENT_PAST_PAGE},
		{200, 255, REFUSE_SEGMENT_PAST_PAGE},
		{5, 4, REFUSE_SEGMENT_REVERSED},
		{255, 0, REFUSE_SEGMENT_REVERSED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wire_request wire = good(BLKIF_OP_WRITE, 3);
		struct request request;

		/* The last of three, so that the sum alone looks sane. */
		wire.seg[2].first_sect = rows[i].first;
		wire.seg[2].last_sect = rows[i].last;
		assert_int_equal(decode(&wire, false, &request),
				 rows[i].expected);
	}
}

static void test_ranges_end_with_the_disk(void **state)
{
	static const struct {
		uint64_t sector;
		enum refusal expected;
	} rows[] = {
		{CAPACITY - 8, REFUSAL_NONE},
		{CAPACITY - 7, REFUSE_BEYOND_END},
		{CAPACITY, REFUSE_BEYOND_END},
		{UINT64_MAX, REFUSE_BEYOND_END},
		{UINT64_MAX - 7, REFUSE_BEYOND_END},
		{1ull << 55, REFUSE_BEYOND_END}, /* wraps in bytes */
		{1ull << 63, REFUSE_BEYOND_END},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wire_request wire = good(BLKIF_OP_READ, 1);
		struct request request;

		wire.sector_number = rows[i].sector;
		assert_int_equal(decode(&wire, false, &request),
				 rows[i].expected);
	}
}

static void test_a_read_only_disk(void **state)
{
	struct wire_request wire = good(BLKIF_OP_WRITE, 1);
	struct request request;

	(void)state;
	assert_int_equal(decode(&wire, true, &request), REFUSE_READ_ONLY);
	wire.operation = BLKIF_OP_READ;
	assert_int_equal(decode(&wire, true, &request), REFUSAL_NONE);
	/* A flush has nothing to write unless it carries data. */
	wire.operation = BLKIF_OP_FLUSH_DISKCACHE;
	assert_int_equal(decode(&wire, true, &request), REFUSE_READ_ONLY);
	wire.nr_segments = 0;
	wire.sector_number = UINT64_MAX;
	assert_int_equal(decode(&wire, true, &request), REFUSAL_NONE);
}

static void test_both_layouts_say_the_same(void **state)
{
	struct blkif_request native = {.operation = BLKIF_OP_WRITE,
				       .nr_segments = 2,
				       .handle = 0x1234,
				       .id = 0x1122334455667788u,
				       .sector_number = 0x99aabbccddeeff00u};
	uint32_t raw64[ABI_SLOT_WORDS] = {0};
	uint32_t raw32[ABI_SLOT_WORDS] = {0};
	uint8_t *packed = (uint8_t *)raw32;
	struct wire_request a, b;

	(void)state;
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	native.seg[1].gref = 77;
	native.seg[1].first_sect = 1;
	native.seg[1].last_sect = 6;
	memcpy(raw64, &native, sizeof(native));
	/* The packed layout: the same fields, the id at 4 instead of 8. */
	memcpy(packed, &native, 4);
	memcpy(packed + 4, &native.id, 16);
	memcpy(packed + 20, native.seg, sizeof(native.seg));
	abi_decode(LINK_ABI_X86_64, raw64, &a);
	abi_decode(LINK_ABI_X86_32, raw32, &b);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(a.handle, 0x1234);
	assert_int_equal(a.seg[1].gref, 77);
	assert_int_equal(a.seg[1].last_sect, 6);
}

static void test_indirect_slots_of_both_layouts(void **state)
{
	blkif_request_indirect_t native = {
		.operation = BLKIF_OP_INDIRECT,
		.indirect_op = BLKIF_OP_WRITE,
		.nr_segments = 513,
		.id = 0xfedcba9876543210u,
		.sector_number = 0x123456789abcu,
		.handle = 51712,
		.indirect_grefs = {11, 22, 33},
	};
	uint32_t raw64[ABI_SLOT_WORDS] = {0}, raw32[ABI_SLOT_WORDS] = {0};
	uint8_t *packed = (uint8_t *)raw32;
	struct wire_request wire[2];

	(void)state;
	memset(wire, 0, sizeof(wire));
	memcpy(raw64, &native, sizeof(native));
	memcpy(packed, &native, 4);
	memcpy(packed + 4, &native.id, 16);
	memcpy(packed + 20, &native.handle, 2);
	memcpy(packed + 24, native.indirect_grefs, 32);
	/* Of 513 segments two pages: the third grant is not looked at. */
	assert_int_equal(abi_used_words(LINK_ABI_X86_64, raw64), 6 + 1 + 2);
	assert_int_equal(abi_used_words(LINK_ABI_X86_32, raw32), 5 + 1 + 2);
	abi_decode(LINK_ABI_X86_64, raw64, &wire[0]);
	abi_decode(LINK_ABI_X86_32, raw32, &wire[1]);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(wire[i].indirect_op, BLKIF_OP_WRITE);
		assert_int_equal(wire[i].nr_segments, 513);
		assert_true(wire[i].id == native.id);
		assert_true(wire[i].sector_number == native.sector_number);
		assert_int_equal(wire[i].handle, 51712);
		assert_int_equal(wire[i].descriptors[0], 11);
		assert_int_equal(wire[i].descriptors[1], 22);
		assert_int_equal(wire[i].descriptors[2], 0);
	}
	/* More than there can be uses no more than there is. */
	((uint8_t *)raw64)[3] = 0xff;
	assert_int_equal(abi_used_words(LINK_ABI_X86_64, raw64), 6 + 1 + 8);
}

/* For a copy that another worker has left. */
static void test_a_sound_indirect_request(void **state)
{
	const struct request_rules rules = {.capacity_sectors = CAPACITY,
					    .indirect = 256};
	struct request r = {.operation = BLKIF_OP_READ,
			    .kind = REQUEST_READ,
			    .segments = 256,
			    .indirect = 1};

	(void)state;
	assert_true(request_sound(&r, &rules));
	r.segments = 257;
	assert_false(request_sound(&r, &rules));
	r.segments = 1;
	r.kind = REQUEST_WRITE;
	assert_false(request_sound(&r, &rules));
	r.operation = BLKIF_OP_FLUSH_DISKCACHE;
	assert_false(request_sound(&r, &rules));
	r.operation = BLKIF_OP_READ;
	r.kind = REQUEST_READ;
	r.indirect = 2;
	assert_false(request_sound(&r, &rules));
}

static void test_responses_carry_no_padding(void **state)
{
	uint32_t raw[ABI_RESPONSE_WORDS];
	const uint8_t *bytes = (const uint8_t *)raw;

	(void)state;
	memset(raw, 0xa5, sizeof(raw));
	assert_int_equal(abi_encode_response(LINK_ABI_X86_64, 1, 6, -2, raw),
			 4);
	assert_int_equal(bytes[8], 6);
	assert_int_equal(bytes[9], 0);
	assert_int_equal(bytes[10], 0xfe);
	assert_int_equal(bytes[11], 0xff);
	for (int i = 12; i < 16; i++)
		assert_int_equal(bytes[i], 0);
	assert_int_equal(abi_encode_response(LINK_ABI_X86_32, 1, 6, -2, raw),
			 3);
}

static void test_slots_of_every_order(void **state)
{
	static const uint32_t slots[] = {32, 64, 128, 256, 512};

	(void)state;
	for (unsigned int order = 0; order < ARRAY_SIZE(slots); order++) {
		assert_int_equal(abi_ring_slots(LINK_ABI_X86_64, 1u << order),
				 slots[order]);
		assert_int_equal(abi_ring_slots(LINK_ABI_X86_32, 1u << order),
				 slots[order]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_good_read_is_taken_as_it_is),
		cmocka_unit_test(test_the_number_of_segments),
		cmocka_unit_test(test_what_is_not_offered_is_unknown),
		cmocka_unit_test(test_segments_stay_in_their_page_and_in_order),
		cmocka_unit_test(test_a_discard_names_any_range_of_the_disk),
		cmocka_unit_test(test_discards_of_both_layouts),
		cmocka_unit_test(test_ranges_end_with_the_disk),
		cmocka_unit_test(test_a_read_only_disk),
		cmocka_unit_test(test_both_layouts_say_the_same),
		cmocka_unit_test(test_indirect_slots_of_both_layouts),
		cmocka_unit_test(test_a_sound_indirect_request),
		cmocka_unit_test(test_responses_carry_no_padding),
		cmocka_unit_test(test_slots_of_every_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
