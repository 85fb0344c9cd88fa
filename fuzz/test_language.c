/* The languages: every kind and every field of one can be told from the others, lies
 * within a record, and means the same after it was printed. */
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

#define GENERATIONS 20000u
#define ROOM	    1024u

static const char *const harnesses[] = {"ring",	  "lifecycle", "handshake",
					"worker", "records",   "nbd",
					"blocks", "daemon"};

static bool has_field(const struct shape *shape, const char *name)
{
	for (unsigned int i = 0; i < MAX_FIELDS && shape->field[i].name != NULL;
	     i++)
		if (strcmp(shape->field[i].name, name) == 0)
			return true;
	return false;
}

/* Every value can be named in one way only, or it would not come back. */
static void expect_values_apart(const struct field *field)
{
	for (const struct value_name *n = field->names;
	     n != NULL && n->name != NULL; n++) {
		assert_int_equal(field->bytes, 1);
		assert_null(strpbrk(n->name, " \t=#"));
		for (const struct value_name *m = field->names; m != n; m++) {
			assert_string_not_equal(m->name, n->name);
			assert_int_not_equal(m->value, n->value);
		}
	}
}

static void expect_sound(const struct shape *shape, unsigned int from)
{
	unsigned int taken = (1u << from) - 1;

	assert_non_null(shape->name);
	assert_string_not_equal(shape->name, "payload");
	for (unsigned int i = 0; i < MAX_FIELDS && shape->field[i].name != NULL;
	     i++) {
		const struct field *f = &shape->field[i];
		const unsigned int bits = ((1u << f->bytes) - 1) << f->at;

		assert_in_range(f->bytes, 1, 8);
		assert_true(f->at + f->bytes <= SCRIPT_RECORD);
		assert_int_equal(taken & bits, 0);
		taken |= bits;
		assert_string_not_equal(f->name, "bytes");
		assert_int_not_equal(strncmp(f->name, "byte", 4), 0);
		for (unsigned int k = 0; k < i; k++)
			assert_string_not_equal(f->name, shape->field[k].name);
		expect_values_apart(f);
	}
}

static void test_every_kind_is_described(void **context)
{
	(void)context;
	for (unsigned int h = 0; h < ARRAY_SIZE(harnesses); h++) {
		const struct language *l = language_of(harnesses[h]);

		assert_non_null(l);
		assert_in_range(l->kinds, 2, 128);
		assert_in_range(l->usual, 0, l->kinds - 1);
		assert_string_equal(l->device->name, "device");
		expect_sound(l->device, 0);
		for (unsigned int kind = 0; kind < l->kinds; kind++) {
			expect_sound(&l->shape[kind], 1);
			assert_string_not_equal(l->shape[kind].name, "device");
			for (unsigned int k = 0; k < kind; k++)
				assert_string_not_equal(l->shape[kind].name,
							l->shape[k].name);
		}
	}
}

static void test_every_target_is_a_field(void **context)
{
	(void)context;
	for (unsigned int h = 0; h < ARRAY_SIZE(harnesses); h++) {
		const struct language *l = language_of(harnesses[h]);

		assert_non_null(l->target[0]);
		assert_null(l->target[MAX_TARGETS - 1]);
		for (unsigned int i = 0; l->target[i] != NULL; i++) {
			unsigned int with = 0;

			for (unsigned int kind = 0; kind < l->kinds; kind++)
				with += has_field(&l->shape[kind],
						  l->target[i]);
			assert_int_not_equal(with, 0);
		}
	}
}

/* From nothing every kind is made; no byte behind the room is touched; and what was
 * made has a text. */
static void test_every_kind_is_made(void **context)
{
	(void)context;
	for (unsigned int h = 0; h < ARRAY_SIZE(harnesses); h++) {
		const struct language *l = language_of(harnesses[h]);
		uint8_t data[ROOM + SCRIPT_RECORD];
		bool made[128] = {false};
		size_t size = 0;

		memset(data, 0x5a, sizeof(data));
		for (uint32_t seed = 0; seed < GENERATIONS; seed++) {
			size = mutator_change(
				l, data, seed % 64 == 0 ? 0 : size, ROOM, seed);
			assert_in_range(size, SCRIPT_RECORD, ROOM);
			for (size_t at = SCRIPT_RECORD; at < size;
			     at += SCRIPT_RECORD)
				made[data[at] % l->kinds] = true;
			if (seed % 256 == 0)
				expect_round_trip(l, data, size);
		}
		for (unsigned int kind = 0; kind < l->kinds; kind++)
			assert_true(made[kind]);
		for (size_t i = ROOM; i < sizeof(data); i++)
			assert_int_equal(data[i], 0x5a);
	}
}

/* A record is called what it does, also one whose byte is beyond all kinds. */
static void test_every_byte_is_a_kind(void **context)
{
	(void)context;
	for (unsigned int byte = 0; byte < 256; byte++) {
		const struct script_record record = {{(uint8_t)byte}};

		assert_ptr_equal(language_shape(&language_guest, (uint8_t)byte),
				 &language_guest.shape[script_kind(&record)]);
	}
}

static void test_plain_bytes_have_none(void **context)
{
	(void)context;
	assert_null(language_of("settings"));
	assert_null(language_of("no-such-harness"));
	assert_null(language_of(""));
	assert_ptr_equal(language_of("pages"), language_of("ring"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind_is_described),
		cmocka_unit_test(test_every_target_is_a_field),
		cmocka_unit_test(test_every_kind_is_made),
		cmocka_unit_test(test_every_byte_is_a_kind),
		cmocka_unit_test(test_plain_bytes_have_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
