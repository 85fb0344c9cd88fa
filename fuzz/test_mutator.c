/* The mutator: what it makes are whole scripts that fit, the same every time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/base/checked.h"
#include "fuzz/mutator/mutator.h"
#include "fuzz/test_text.h"

#define MAX   2048u
#define GUARD 64u
#define SEEDS 20000u

/* Room for a script with bytes behind it that nobody may touch. */
struct room {
	uint8_t byte[MAX + GUARD];
	size_t max;
};

static void prepare(struct room *room, size_t max)
{
	memset(room->byte, 0x5a, sizeof(room->byte));
	room->max = max;
}

static void expect_inside(const struct room *room, size_t size)
{
	assert_true(size <= room->max);
	for (size_t i = room->max; i < sizeof(room->byte); i++)
		assert_int_equal(room->byte[i], 0x5a);
}

/* Its text is read back as the same bytes: nothing in it is out of place. */
static void expect_script(const uint8_t *data, size_t size)
{
	assert_int_equal(size % SCRIPT_RECORD, 0);
	expect_round_trip(&language_guest, data, size);
}

/* A hundred generations from nothing, again and again. */
static void test_output_is_a_script_that_fits(void **context)
{
	static const size_t limits[] = {16, 17, 31, 48, 100, 1000, MAX};
	struct room room;

	(void)context;
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		for (uint32_t start = 0; start < 20; start++) {
			size_t size = start % 5;

			prepare(&room, limits[i]);
			for (uint32_t seed = 0; seed < 100; seed++) {
				size = mutator_change(&language_guest,
						      room.byte, size, room.max,
						      start << 16 | seed);
				expect_inside(&room, size);
				assert_true(size >= SCRIPT_RECORD);
			}
			expect_script(room.byte, size);
		}
}

static void test_no_room_changes_nothing(void **context)
{
	struct room room;

	(void)context;
	prepare(&room, 0);
	for (room.max = 0; room.max < SCRIPT_RECORD; room.max++) {
		assert_int_equal(mutator_change(&language_guest, room.byte,
						room.max, room.max, 7),
				 room.max);
		assert_int_equal(room.byte[0], 0x5a);
	}
}

static void test_a_seed_gives_the_same(void **context)
{
	struct room one, two;
	unsigned int differ = 0;
	size_t n, m;

	(void)context;
	for (uint32_t seed = 0; seed < 500; seed++) {
		prepare(&one, MAX);
		prepare(&two, MAX);
		for (unsigned int i = 0; i < 320; i++)
			one.byte[i] = two.byte[i] = (uint8_t)(i * 7);
		n = mutator_change(&language_guest, one.byte, 320, MAX, seed);
		m = mutator_change(&language_guest, two.byte, 320, MAX, seed);
		assert_int_equal(n, m);
		assert_memory_equal(one.byte, two.byte, MAX);
		(void)mutator_change(&language_guest, two.byte, m, MAX,
				     seed + 1000);
		differ += memcmp(one.byte, two.byte, MAX) != 0;
	}
	assert_true(differ > 400);
}

static void test_payload_stays_at_the_end(void **context)
{
	struct room room;

	(void)context;
	for (uint32_t seed = 0; seed < 2000; seed++) {
		struct script script;
		size_t n;

		prepare(&room, MAX);
		memset(room.byte, 0, 10 * SCRIPT_RECORD);
		room.byte[DEVICE_PAYLOAD] = 2;
		memset(room.byte + 8 * SCRIPT_RECORD, 0xee, 2 * SCRIPT_RECORD);
		n = mutator_change(&language_guest, room.byte,
				   10 * SCRIPT_RECORD, MAX, seed);
		script_decode(room.byte, n, &script);
		/* Where the device still says so, and enough comes before. */
		if (room.byte[DEVICE_PAYLOAD] != 2 || n < 5 * SCRIPT_RECORD)
			continue;
		assert_int_equal(script.payload_bytes, 2 * SCRIPT_RECORD);
		for (size_t i = 0; i < script.payload_bytes; i++)
			assert_int_equal(script.payload[i], 0xee);
	}
}

/* Every kind, every named field and every name of a value is made. */
static void test_all_words_are_spoken(void **context)
{
	static bool seen[SCRIPT_KIND_COUNT][SCRIPT_RECORD][256];
	struct room room;
	size_t size = 0;

	(void)context;
	prepare(&room, MAX);
	for (uint32_t seed = 0; seed < SEEDS; seed++) {
		struct script script;

		size = mutator_change(&language_guest, room.byte,
				      seed % 64 == 0 ? 0 : size, MAX, seed);
		script_decode(room.byte, size, &script);
		for (unsigned int i = 0; i < script.operations; i++)
			for (unsigned int at = 0; at < SCRIPT_RECORD; at++)
				seen[script_kind(&script.operation[i])][at]
				    [script.operation[i].byte[at]] = true;
	}
	for (unsigned int kind = 0; kind < SCRIPT_KIND_COUNT; kind++) {
		const struct shape *shape =
			language_shape(&language_guest, (uint8_t)kind);

		for (unsigned int i = 0;
		     i < MAX_FIELDS && shape->field[i].name != NULL; i++) {
			const struct value_name *n = shape->field[i].names;

			for (; n != NULL && n->name != NULL; n++)
				if (!seen[kind][shape->field[i].at][n->value])
					fail_msg("%s %s=%s is never made",
						 shape->name,
						 shape->field[i].name, n->name);
		}
	}
}

static void mark(uint8_t *data, size_t records, uint8_t kind)
{
	memset(data, 0, records * SCRIPT_RECORD);
	for (size_t i = 1; i < records; i++)
		data[i * SCRIPT_RECORD] = kind;
}

static void test_crossing_takes_from_both(void **context)
{
	uint8_t one[20 * SCRIPT_RECORD], two[30 * SCRIPT_RECORD];
	const struct mutator_script first = {one, sizeof(one)};
	const struct mutator_script second = {two, sizeof(two)};
	unsigned int both = 0;

	(void)context;
	mark(one, 20, SCRIPT_KICK);
	mark(two, 30, SCRIPT_CLOCK);
	for (uint32_t seed = 0; seed < 500; seed++) {
		struct room room;
		bool kick = false, clock = false;
		size_t n;

		prepare(&room, 40 * SCRIPT_RECORD);
		n = mutator_cross(&language_guest, &first, &second, room.byte,
				  room.max, seed);
		expect_inside(&room, n);
		expect_script(room.byte, n);
		for (size_t i = SCRIPT_RECORD; i < n; i += SCRIPT_RECORD) {
			kick = kick || room.byte[i] == SCRIPT_KICK;
			clock = clock || room.byte[i] == SCRIPT_CLOCK;
			assert_true(room.byte[i] == SCRIPT_KICK ||
				    room.byte[i] == SCRIPT_CLOCK);
		}
		both += kick && clock;
	}
	assert_true(both > 400);
}

static void test_crossing_with_nothing(void **context)
{
	static const struct mutator_script none = {NULL, 0};
	uint8_t data[5] = {1, 2, 3, 4, 5};
	const struct mutator_script five = {data, sizeof(data)};
	struct room room;

	(void)context;
	prepare(&room, MAX);
	assert_int_equal(
		mutator_cross(&language_guest, &none, &none, room.byte, MAX, 1),
		SCRIPT_RECORD);
	assert_int_equal(
		mutator_cross(&language_guest, &five, &none, room.byte, MAX, 1),
		SCRIPT_RECORD);
	assert_memory_equal(room.byte, data, sizeof(data));
	prepare(&room, 8);
	assert_int_equal(
		mutator_cross(&language_guest, &five, &five, room.byte, 8, 1),
		0);
	expect_inside(&room, 0);
}

/* The library of afl-fuzz, which owns the room. */
void *afl_custom_init(void *afl, unsigned int seed);
size_t afl_custom_fuzz(void *mutator, uint8_t *data, size_t size, uint8_t **out,
		       uint8_t *other, size_t other_size, size_t max);
void afl_custom_deinit(void *mutator);

static void test_afl_leaves_its_inputs_alone(void **context)
{
	static uint8_t data[MAX * 3], other[MAX];
	void *mutators[] = {afl_custom_init(NULL, 1), afl_custom_init(NULL, 1)};

	(void)context;
	assert_non_null(mutators[0]);
	assert_non_null(mutators[1]);
	for (unsigned int i = 0; i < 1000; i++) {
		size_t size = i % 10 == 0 ? sizeof(data) : i;
		uint8_t *add = i % 3 == 0 ? other : NULL;
		size_t max = i % 7 == 0 ? 1u << 20 : 1000;
		uint8_t *out[2];
		size_t n = afl_custom_fuzz(mutators[0], data, size, &out[0],
					   add, sizeof(other), max);

		assert_true(n <= max && n <= 4096 && n >= SCRIPT_RECORD);
		assert_int_equal(afl_custom_fuzz(mutators[1], data, size,
						 &out[1], add, sizeof(other),
						 max),
				 n);
		assert_memory_equal(out[0], out[1], n);
		for (size_t j = 0; j < sizeof(other); j++)
			assert_int_equal(data[j] | other[j], 0);
	}
	afl_custom_deinit(mutators[0]);
	afl_custom_deinit(mutators[1]);
}

static void test_share(void **context)
{
	(void)context;
	unsetenv("XENBLK_MUTATOR");
	assert_int_equal(mutator_share(), 50);
	setenv("XENBLK_MUTATOR", "0", 1);
	assert_int_equal(mutator_share(), 0);
	setenv("XENBLK_MUTATOR", "100", 1);
	assert_int_equal(mutator_share(), 100);
	setenv("XENBLK_MUTATOR", "many", 1);
	assert_int_equal(mutator_share(), 50);
	unsetenv("XENBLK_MUTATOR");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output_is_a_script_that_fits),
		cmocka_unit_test(test_no_room_changes_nothing),
		cmocka_unit_test(test_a_seed_gives_the_same),
		cmocka_unit_test(test_payload_stays_at_the_end),
		cmocka_unit_test(test_all_words_are_spoken),
		cmocka_unit_test(test_crossing_takes_from_both),
		cmocka_unit_test(test_crossing_with_nothing),
		cmocka_unit_test(test_afl_leaves_its_inputs_alone),
		cmocka_unit_test(test_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
