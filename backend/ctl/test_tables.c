/* Tables of answers that lack what they should have. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/ctl/tables.h"

/* What a command prints of an answer; the caller frees it. */
static char *printed(const char *command, const char *answer)
{
	FILE *const out = stdout;
	json_t *json = json_loads(answer, 0, NULL);
	size_t bytes = 0;
	char *text = NULL;

	assert_non_null(json);
	stdout = open_memstream(&text, &bytes);
	assert_non_null(stdout);
	tables_print(command, json);
	fclose(stdout);
	stdout = out;
	json_decref(json);
	return text;
}

static void a_disk_without_words_has_a_line(void **state)
{
	char *text = printed("list", "{\"disks\":[{\"domid\":5,\"devid\":7}]}");

	(void)state;
	assert_non_null(strstr(text, "\n5/7 "));
	assert_null(strstr(text, "(null)"));
	free(text);
}

static void what_is_no_disk_is_no_line(void **state)
{
	static const char *const commands[] = {"list", "show", "stats"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char *text = printed(commands[i], "{\"disks\":\"none\"}");

		assert_null(strstr(text, "none"));
		free(text);
	}
}

static void counters_stand_by_queue(void **state)
{
	char *text = printed("stats", "{\"disks\":[{\"total\":{\"reads\":3,"
				      "\"refusals\":{\"BEYOND_END\":2}},"
				      "\"queues\":[{\"reads\":1},{}]}]}");

	(void)state;
	assert_non_null(strstr(text, "queue 1"));
	assert_non_null(strstr(text, "refused: BEYOND_END"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_disk_without_words_has_a_line),
		cmocka_unit_test(what_is_no_disk_is_no_line),
		cmocka_unit_test(counters_stand_by_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
