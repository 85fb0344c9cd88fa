/* The script format: every byte string is one, and its text loses nothing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/script.h"
#include "fuzz/test_text.h"

/* Numbers that are the same every time. */
static uint32_t next_number(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void test_round_trip(void **context)
{
	uint8_t data[4096];
	uint32_t state = 1;

	(void)context;
	for (size_t bytes = 0; bytes < 400; bytes++)
		for (unsigned int variant = 0; variant < 8; variant++) {
			for (size_t i = 0; i < bytes; i++) {
				uint32_t n = next_number(&state);

				/* Half of the variants are mostly zero. */
				data[i] = variant % 2 == 0 || n % 16 == 0
						  ? (uint8_t)(n >> 8)
						  : 0;
			}
			expect_round_trip(&language_guest, data, bytes);
		}
	/* More records than a script may have. */
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)next_number(&state);
	expect_round_trip(&language_guest, data, sizeof(data));
}

static void test_payload_is_the_end(void **context)
{
	uint8_t data[5 * SCRIPT_RECORD] = {0};
	struct script script;

	(void)context;
	data[DEVICE_PAYLOAD] = 2;
	data[3 * SCRIPT_RECORD] = 42;
	script_decode(data, sizeof(data), &script);
	assert_int_equal(script.operations, 2);
	assert_int_equal(script.payload_bytes, 2 * SCRIPT_RECORD);
	assert_int_equal(script.payload[0], 42);
	/* It never takes more than half of what follows the device. */
	data[DEVICE_PAYLOAD] = 255;
	script_decode(data, sizeof(data), &script);
	assert_int_equal(script.operations, 2);
}

static void test_short_input(void **context)
{
	const uint8_t data[3] = {2, 1, 1};
	struct script script;

	(void)context;
	script_decode(data, sizeof(data), &script);
	assert_int_equal(script.operations, 0);
	assert_int_equal(script_u8(&script.device, DEVICE_QUEUES), 2);
	assert_int_equal(script_u8(&script.device, DEVICE_CAP), 0);
}

static void expect_error(const char *text, unsigned int where)
{
	static uint8_t data[SCRIPT_MAX_BYTES];
	unsigned int line;

	assert_int_equal(script_parse(&language_guest, text, data, &line),
			 -EINVAL);
	assert_int_equal(line, where);
}

static void test_wrong_texts(void **context)
{
	(void)context;
	expect_error("device\nrequst op=read\n", 2);
	expect_error("device queues=256\n", 1);
	expect_error("device\n\n# fine\nrequest op=reed\n", 4);
	expect_error("device\nrequest op\n", 2);
	expect_error("device\nrun nothing=1\n", 2);
	expect_error("device\nrun byte16=1\n", 2);
	expect_error("device\npayload 0\n", 2);
	expect_error("device\npayload zz\n", 2);
}

static void test_names_and_signs(void **context)
{
	static uint8_t data[SCRIPT_MAX_BYTES];
	struct script script;
	unsigned int line;

	(void)context;
	assert_int_equal(script_parse(&language_guest,
				      "device start=-2 abi=x86_32\n"
				      "index which=rsp_prod value=-1\n",
				      data, &line),
			 2 * SCRIPT_RECORD);
	script_decode(data, 2 * SCRIPT_RECORD, &script);
	assert_int_equal(script_u16(&script.device, DEVICE_START), 0xfffe);
	assert_int_equal(script_u8(&script.device, DEVICE_ABI), 1);
	assert_int_equal(script_kind(&script.operation[0]), SCRIPT_INDEX);
	assert_int_equal(script_u32(&script.operation[0], INDEX_VALUE),
			 UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_payload_is_the_end),
		cmocka_unit_test(test_short_input),
		cmocka_unit_test(test_wrong_texts),
		cmocka_unit_test(test_names_and_signs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
