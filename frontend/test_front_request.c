/*
 * Named fields land where each layout wants them; byte offsets are spelled out
 * here so that the test does not share the structs that it tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frontend/inside.h"
#include "frontend/request.h"

static uint64_t at(const uint8_t *slot, size_t offset, size_t bytes)
{
	uint64_t value = 0;

	memcpy(&value, slot + offset, bytes);
	return value;
}

static struct front_request read_of_eleven(void)
{
	struct front_request r = {
		.operation = 0,
		.segments = 11,
		.handle = 0x1234,
		.id = 0x1122334455667788,
		.sector = 0x99aabbccddeeff00,
	};

	for (uint8_t i = 0; i < 11; i++) {
		r.segment[i].gref = 0x1000u + i;
		r.segment[i].first_sector = i % 3;
		r.segment[i].last_sector = 7 - i % 2;
	}
	return r;
}

static void check_direct(const uint8_t *slot, size_t body)
{
	assert_int_equal(slot[0], 0);
	assert_int_equal(slot[1], 11);
	assert_int_equal(at(slot, 2, 2), 0x1234);
	assert_true(at(slot, body, 8) == 0x1122334455667788);
	assert_true(at(slot, body + 8, 8) == 0x99aabbccddeeff00);
	for (size_t i = 0; i < 11; i++) {
		assert_int_equal(at(slot, body + 16 + 8 * i, 4), 0x1000 + i);
		assert_int_equal(slot[body + 16 + 8 * i + 4], i % 3);
		assert_int_equal(slot[body + 16 + 8 * i + 5], 7 - i % 2);
	}
}

static void direct_64(void **state)
{
	struct front_request r = read_of_eleven();
	uint8_t slot[112] = {0};

	(void)state;
	front_request_write(slot, FRONT_ENTRY_BYTES_64, &r);
	check_direct(slot, 8);
}

static void direct_32(void **state)
{
	struct front_request r = read_of_eleven();
	uint8_t slot[108 + 1] = {0};

	(void)state;
	slot[108] = 0x5a;
	front_request_write(slot, FRONT_ENTRY_BYTES_32, &r);
	check_direct(slot, 4);
	assert_int_equal(slot[108], 0x5a);
}

static void more_segments_than_fit(void **state)
{
	struct front_request r = read_of_eleven();
	uint8_t slot[112 + 8] = {0};

	(void)state;
	r.segments = 255;
	front_request_write(slot, FRONT_ENTRY_BYTES_64, &r);
	assert_int_equal(slot[1], 255);
	assert_int_equal(at(slot, 112, 8), 0);
}

static void discard_both(void **state)
{
	struct front_request r = {
		.operation = 5,
		.discard_flag = 1,
		.id = 7,
		.sector = 8,
		.discard_sectors = 0x123456789a,
	};
	uint8_t slot[112] = {0};

	(void)state;
	front_request_write(slot, FRONT_ENTRY_BYTES_64, &r);
	assert_int_equal(slot[1], 1);
	assert_true(at(slot, 24, 8) == 0x123456789a);
	front_request_write(slot, FRONT_ENTRY_BYTES_32, &r);
	assert_int_equal(at(slot, 4, 8), 7);
	assert_true(at(slot, 20, 8) == 0x123456789a);
}

static void indirect_64(void **state)
{
	struct front_request r = {
		.operation = 6,
		.indirect_operation = 1,
		.indirect_segments = 300,
		.handle = 9,
		.id = 7,
		.sector = 8,
		.indirect_gref = {11, 22},
	};
	uint8_t slot[112] = {0};

	(void)state;
	front_request_write(slot, FRONT_ENTRY_BYTES_64, &r);
	assert_int_equal(slot[1], 1);
	assert_int_equal(at(slot, 2, 2), 300);
	assert_int_equal(at(slot, 8, 8), 7);
	assert_int_equal(at(slot, 24, 2), 9);
	assert_int_equal(at(slot, 28, 4), 11);
	assert_int_equal(at(slot, 32, 4), 22);
}

static void responses(void **state)
{
	uint8_t slot[16] = {1, 0,    0,	   0,	 0, 0, 0, 0x80,
			    3, 0xee, 0xff, 0xff, 1, 2, 3, 4};
	struct front_response r;

	(void)state;
	front_response_read(slot, FRONT_ENTRY_BYTES_64, &r);
	assert_true(r.id == 0x8000000000000001);
	assert_int_equal(r.operation, 3);
	assert_int_equal(r.status, -1);
	assert_int_equal(r.padding[0], 0xee);
	assert_int_equal(r.padding[4], 4);
	/* The 32-bit response is 12 bytes: what follows belongs to nobody. */
	front_response_read(slot, FRONT_ENTRY_BYTES_32, &r);
	assert_int_equal(r.status, -1);
	assert_int_equal(r.padding[1], 0);
}

static void slots_of_every_order(void **state)
{
	(void)state;
	for (unsigned int order = 0; order <= 4; order++) {
		size_t bytes = (size_t)4096 << order;

		assert_int_equal(front_ring_slots(bytes, 112), 32u << order);
		assert_int_equal(front_ring_slots(bytes, 108), 32u << order);
	}
}

static void layout_of_protocols(void **state)
{
	(void)state;
	assert_int_equal(front_ring_entry_bytes(NULL), 108);
	assert_int_equal(front_ring_entry_bytes("x86_32-abi"), 108);
	assert_int_equal(front_ring_entry_bytes("x86_64-abi"), 112);
	assert_int_equal(front_ring_entry_bytes("arm-abi"), 112);
}

static void known_personalities(void **state)
{
	const struct front_personality *p;
	unsigned int n;

	(void)state;
	for (n = 0; (p = front_personality_at(n)); n++) {
		assert_ptr_equal(front_personality(p->name), p);
		assert_in_range(p->queues, 1, FRONT_MAX_QUEUES);
		assert_in_range(p->ring_order, 0, 4);
		/* A grant cannot both be kept and ended. */
		assert_false(p->persistent && p->ends_grants);
	}
	assert_true(n >= 10);
	assert_null(front_personality("plan9"));
	assert_null(front_personality("legacy32")->protocol);
	assert_false(front_personality("grub")->waits_for_initwait);
}

static void names_of_disks(void **state)
{
	static const struct {
		const char *name;
		uint32_t devid;
	} good[] = {
		{"xvda", 51712},      {"xvda1", 51713},
		{"xvdb", 51728},      {"xvdp15", 51967},
		{"xvdq", 268439552},  {"xvda16", 268435472},
		{"xvdaa", 268442112}, {"768", 768},
	};
	static const char *const bad[] = {"",	 "xvd",	   "xvd1",
					  "sda", "xvda-1", "xvda256",
					  "-1",	 "12x",	   "99999999999"};
	uint32_t devid;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(front_devid(good[i].name, &devid), 0);
		assert_int_equal(devid, good[i].devid);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_not_equal(front_devid(bad[i], &devid), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(direct_64),
		cmocka_unit_test(direct_32),
		cmocka_unit_test(more_segments_than_fit),
		cmocka_unit_test(discard_both),
		cmocka_unit_test(indirect_64),
		cmocka_unit_test(responses),
		cmocka_unit_test(slots_of_every_order),
		cmocka_unit_test(layout_of_protocols),
		cmocka_unit_test(known_personalities),
		cmocka_unit_test(names_of_disks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
