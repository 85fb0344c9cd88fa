/* The reader: any bytes are read to an end, and only what is there. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "conformance/recording/describe.h"
#include "conformance/recording/judge.h"
#include "conformance/recording/test_session.h"

static struct session session;

static void ignore(void *context, const struct finding *finding)
{
	(void)context;
	assert_non_null(finding->clause);
}

/* Reads all of it, describes all of it, judges all of it. */
static enum reader_end read_through(const unsigned char *data, size_t bytes,
				    size_t *count)
{
	char sentence[READER_SENTENCE], text[DESCRIBE_BYTES];
	/* Exactly as long as it is, so that a sanitizer sees what is beyond. */
	unsigned char *copy = malloc(bytes + 1);
	struct judge *judge = judge_create(ignore, NULL);
	struct reader reader;
	struct item item;

	assert_non_null(copy);
	copy = realloc(copy, bytes > 0 ? bytes : 1);
	assert_non_null(copy);
	memcpy(copy, data, bytes);
	*count = 0;
	if (reader_init(&reader, copy, bytes, sentence) != 0) {
		assert_true(strlen(sentence) > 0);
		reader.end = READER_DAMAGED;
	} else {
		*count = reader.count;
		for (size_t i = 0; i < reader.count; i++) {
			reader_item(&reader, i, &item);
			describe(&item, text, sizeof(text));
			assert_true(strlen(text) > 0);
			for (const char *c = text; *c != '\0'; c++)
				assert_true(*c >= 0x20 && *c < 0x7f);
			judge_item(judge, &item);
		}
		judge_end(judge);
		reader_fini(&reader);
	}
	judge_destroy(judge);
	free(copy);
	return reader.end;
}

static void fill_session(void)
{
	const struct record_grants grants = {.count = 0};
	struct session_request r = session_read(1);

	session_begin(&session);
	session_connect(&session);
	for (unsigned int i = 0; i < 12; i++) {
		r.fixed.id = i;
		r.fixed.nr_segments = (uint8_t)i;
		session_send(&session, &r);
		session_answer(&session, i, -1);
	}
	session_add(&session, RECORD_MAP, &grants, sizeof(grants));
	session_node(&session, RECORD_ERROR, "", "a sentence\nof \xff two");
	session_add(&session, RECORD_FULL, NULL, 0);
}

static void a_file_may_end_anywhere(void **state)
{
	size_t whole, count, last = 0;

	(void)state;
	fill_session();
	assert_int_equal(read_through(session.data, session.bytes, &whole),
			 READER_WHOLE);
	for (size_t bytes = 0; bytes < session.bytes; bytes++) {
		enum reader_end end = read_through(session.data, bytes, &count);

		assert_true(count >= last && count < whole);
		last = count;
		if (bytes >= sizeof(struct record_file))
			assert_true(end == READER_CUT || end == READER_WHOLE);
	}
}

static void any_byte_may_be_wrong(void **state)
{
	size_t count;

	(void)state;
	fill_session();
	for (size_t at = 0; at < session.bytes; at++) {
		const unsigned char before = session.data[at];
		static const unsigned char values[] = {0, 1, 0x7f, 0xff};

		for (size_t v = 0; v < sizeof(values); v++) {
			session.data[at] = values[v];
			read_through(session.data, session.bytes, &count);
		}
		session.data[at] = before;
	}
}

/* Bytes without any sense, the same in every run. */
static void garbage_is_read_to_an_end(void **state)
{
	uint64_t x = 88172645463325252u;
	size_t count;

	(void)state;
	for (unsigned int round = 0; round < 300; round++) {
		session_begin(&session);
		for (size_t at = sizeof(struct record_file); at < 4096; at++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			session.data[at] = (unsigned char)x;
		}
		/* Every second one with frames that can be followed. */
		for (size_t at = 32; round % 2 == 0 && at + 96 <= 4096;
		     at += 96) {
			const uint32_t bytes = 96;

			memcpy(session.data + at, &bytes, sizeof(bytes));
			session.data[at + 4] %= 50;
			session.data[at + 5] = 0;
			session.data[at + 6] %= 20;
			session.data[at + 7] = 0;
			memset(session.data + at + 16, 0, 8);
		}
		read_through(session.data, 4096, &count);
		if (round % 2 == 0)
			assert_int_equal(count, (4096 - 32) / 96);
	}
}

/* One byte more than there is room for, all of them there. */
static void a_key_that_is_too_long_is_no_key(void **state)
{
	static struct {
		struct record_node fixed;
		char text[2 * (READER_NODE_BYTES + 2)];
	} node;
	size_t count;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		node.fixed.key_bytes = (uint16_t)(READER_NODE_BYTES + (i == 0));
		node.fixed.value_bytes =
			(uint16_t)(READER_NODE_BYTES + (i == 1));
		memset(node.text, 'k', sizeof(node.text));
		session_begin(&session);
		session_add(&session, RECORD_FRONT_KEY, &node, sizeof(node));
		assert_int_equal(
			read_through(session.data, session.bytes, &count),
			READER_WHOLE);
		assert_int_equal(count, 1);
	}
}

static void what_is_no_recording_is_refused(void **state)
{
	char sentence[READER_SENTENCE];
	struct reader reader;

	(void)state;
	session_begin(&session);
	assert_int_equal(reader_init(&reader, session.data, 31, sentence),
			 -EINVAL);
	assert_non_null(strstr(sentence, "31 bytes"));
	session.data[8] = 9;
	assert_int_equal(reader_init(&reader, session.data, 32, sentence),
			 -EINVAL);
	assert_non_null(strstr(sentence, "version 9"));
	session.data[0] = 'Y';
	assert_int_equal(reader_init(&reader, session.data, 32, sentence),
			 -EINVAL);
	assert_non_null(strstr(sentence, "does not begin"));
}

static void records_come_in_the_order_of_time(void **state)
{
	char sentence[READER_SENTENCE];
	struct reader reader;
	struct item item;

	(void)state;
	session_begin(&session);
	for (uint64_t i = 0; i < 6; i++) {
		/* Two queues, one of which was emptied later. */
		session.time_ns = i < 3 ? 10 * i : 10 * (i - 3) + 5;
		session_number(&session, RECORD_BACK_STATE, i);
	}
	assert_int_equal(
		reader_init(&reader, session.data, session.bytes, sentence), 0);
	for (size_t i = 0; i < 6; i++) {
		reader_item(&reader, i, &item);
		assert_int_equal(item.number, i / 2 + i % 2 * 3);
	}
	reader_fini(&reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_may_end_anywhere),
		cmocka_unit_test(any_byte_may_be_wrong),
		cmocka_unit_test(garbage_is_read_to_an_end),
		cmocka_unit_test(a_key_that_is_too_long_is_no_key),
		cmocka_unit_test(what_is_no_recording_is_refused),
		cmocka_unit_test(records_come_in_the_order_of_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
