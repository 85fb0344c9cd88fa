/* What is said of a store that fails: a line a minute, whoever meets it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/limits.h"
#include "backend/worker/failure.h"
#include "backend/worker/request.h"

#define SECOND UINT64_C(1000000000)

struct said {
	char text[1024];
};

static struct failures disk;

/* What the log has of it. */
static struct said tell(uint8_t kind, int error, uint64_t now_ns)
{
	const struct request request = {.kind = kind, .sector = 1234};
	struct said said = {""};
	const int before = dup(STDERR_FILENO);
	int ends[2];
	ssize_t n;

	assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	failure_tell(&disk, &request, error, now_ns);
	assert_int_equal(dup2(before, STDERR_FILENO), STDERR_FILENO);
	n = read(ends[0], said.text, sizeof(said.text) - 1);
	said.text[n > 0 ? n : 0] = '\0';
	close(ends[0]);
	close(ends[1]);
	close(before);
	return said;
}

static int setup(void **state)
{
	(void)state;
	failure_init(&disk, 5, 51712);
	return 0;
}

static void test_the_sentence_has_all_of_it(void **state)
{
	struct said said = tell(REQUEST_WRITE, -ENOSPC, 0);

	(void)state;
	assert_string_equal(
		said.text, "error: vbd 5/51712: the store failed a write at "
			   "sector 1234: No space left on device (error 28)\n");
}

static void test_every_kind_has_a_name(void **state)
{
	static const char *const names[] = {"a read at", "a write at",
					    "a flush at", "a write barrier at",
					    "a discard at"};

	(void)state;
	for (uint8_t kind = 0; kind < REQUEST_KIND_COUNT; kind++) {
		struct said said;

		failure_init(&disk, 1, 2);
		said = tell(kind, -EIO, 7);
		assert_non_null(strstr(said.text, names[kind]));
	}
}

static void test_an_unknown_error_is_a_number(void **state)
{
	struct said said = tell(REQUEST_READ, -4000, 0);

	(void)state;
	assert_non_null(
		strstr(said.text, "for an unknown reason (error 4000)"));
}

static void test_others_are_counted_until_the_minute_is_over(void **state)
{
	const uint64_t start = 5 * SECOND;
	const uint64_t period = LIMIT_FAILURE_SECONDS * SECOND;

	(void)state;
	assert_null(strstr(tell(REQUEST_WRITE, -EIO, start).text, "more"));
	for (unsigned int i = 0; i < 41; i++)
		assert_string_equal(
			tell(REQUEST_WRITE, -EIO, start + i * SECOND).text, "");
	/* a queue whose turn began before the line was written */
	assert_string_equal(tell(REQUEST_READ, -EIO, start - 1).text, "");
	assert_string_equal(tell(REQUEST_READ, -EIO, start + period - 1).text,
			    "");
	assert_non_null(strstr(tell(REQUEST_READ, -EIO, start + period).text,
			       "since the last such line, 43 more\n"));
	assert_null(strstr(tell(REQUEST_READ, -EIO, start + 2 * period).text,
			   "more"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_the_sentence_has_all_of_it, setup),
		cmocka_unit_test_setup(test_every_kind_has_a_name, setup),
		cmocka_unit_test_setup(test_an_unknown_error_is_a_number,
				       setup),
		cmocka_unit_test_setup(
			test_others_are_counted_until_the_minute_is_over,
			setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
