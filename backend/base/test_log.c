/* The log: whole lines, levels, and the limit on what a guest can cause. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <unistd.h>

#include "backend/base/limits.h"
#include "backend/base/log.h"
#include "backend/base/refusals.h"

#define SECOND 1000000000u

/* What log_line() writes to standard error, caught in a pipe. */
static size_t caught(char *text, size_t room, const char *message)
{
	int ends[2];
	int before = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	log_line(LOG_INFO, "%s", message);
	dup2(before, STDERR_FILENO);
	close(ends[1]);
	close(before);
	n = read(ends[0], text, room - 1);
	close(ends[0]);
	assert_true(n >= 0);
	text[n] = '\0';
	return (size_t)n;
}

static void test_a_line_is_one_line_with_its_level(void **state)
{
	char text[2048];

	(void)state;
	log_set_level(LOG_INFO);
	caught(text, sizeof(text), "hello");
	assert_string_equal(text, "info: hello\n");
	log_set_level(LOG_WARNING);
	assert_int_equal(caught(text, sizeof(text), "hello"), 0);
	log_set_level(LOG_INFO);
}

static void test_a_long_line_is_cut_and_still_ends(void **state)
{
	char message[4000];
	char text[4096];
	size_t n;

	(void)state;
	memset(message, 'x', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	n = caught(text, sizeof(text), message);
	assert_true(n <= 1024);
	assert_int_equal(text[n - 1], '\n');
	assert_null(memchr(text, '\n', n - 1));
}

static void test_levels_have_names(void **state)
{
	(void)state;
	assert_int_equal(log_level_parse("error"), LOG_ERROR);
	assert_int_equal(log_level_parse("trace"), LOG_TRACE);
	assert_int_equal(log_level_parse("loud"), -1);
	assert_int_equal(log_level_parse(""), -1);
}

static void test_a_burst_then_so_many_per_minute(void **state)
{
	struct log_limit limit = {0};
	uint64_t now = 5 * (uint64_t)SECOND;
	unsigned int allowed = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		allowed += log_limit_allows(&limit, now);
	assert_int_equal(allowed, LIMIT_LOG_BURST);
	assert_int_equal(limit.suppressed, 1000 - LIMIT_LOG_BURST);
	for (int second = 0; second < 60; second++) {
		now += SECOND;
		for (int i = 0; i < 100; i++)
			allowed += log_limit_allows(&limit, now);
	}
	assert_int_equal(allowed, LIMIT_LOG_BURST + LIMIT_LOG_PER_MINUTE);
	now += 3600 * (uint64_t)SECOND; /* an hour earns a burst, not more */
	allowed = 0;
	for (int i = 0; i < 100; i++)
		allowed += log_limit_allows(&limit, now);
	assert_int_equal(allowed, LIMIT_LOG_BURST);
}

static void test_every_refusal_says_what_it_is(void **state)
{
	(void)state;
	for (int i = 1; i < REFUSAL_COUNT; i++) {
		assert_true(strlen(refusal_name((enum refusal)i)) > 3);
		assert_true(strlen(refusal_sentence((enum refusal)i)) > 10);
		assert_true(strlen(refusal_clause((enum refusal)i)) >= 2);
		if (!refusal_is_fatal((enum refusal)i))
			assert_true(refusal_status((enum refusal)i) == -1 ||
				    refusal_status((enum refusal)i) == -2);
	}
	assert_false(refusal_is_fatal(REFUSAL_NONE));
	assert_true(refusal_is_fatal(REFUSE_RING_OVERFLOW));
	assert_false(refusal_is_fatal(REFUSE_GRANT_BAD));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_line_is_one_line_with_its_level),
		cmocka_unit_test(test_a_long_line_is_cut_and_still_ends),
		cmocka_unit_test(test_levels_have_names),
		cmocka_unit_test(test_a_burst_then_so_many_per_minute),
		cmocka_unit_test(test_every_refusal_says_what_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
