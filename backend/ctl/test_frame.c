/* The table of top: rates, order, queues, and the bounds of a screen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "backend/ctl/frame.h"

/* An answer with disk 5/1, which has read so often, and an idle 4/1. */
static json_t *answer(int reads, int time_s)
{
	json_t *disks = json_array();
	json_t *queue =
		json_pack("{s:i, s:I, s:i, s:i, s:i}", "reads", reads,
			  "bytes_read", (json_int_t)reads * 4096, "depth", 3,
			  "segments", reads, "persistent_hits", reads);

	json_array_append_new(disks,
			      json_pack("{s:i, s:i, s:I, s:{}, s:[{}]}",
					"domid", 4, "devid", 1, "time_ns",
					(json_int_t)time_s * 1000000000,
					"total", "queues"));
	json_array_append_new(
		disks, json_pack("{s:i, s:i, s:I, s:O, s:[O, O, {}]}", "domid",
				 5, "devid", 1, "time_ns",
				 (json_int_t)time_s * 1000000000, "total",
				 queue, "queues", queue, queue));
	json_decref(queue);
	return json_pack("{s:b, s:o}", "ok", 1, "disks", disks);
}

static void take(struct frame *frame, json_t *json)
{
	frame_take(frame, json);
	json_decref(json);
}

static char *print(const struct frame *frame, unsigned int lines,
		   unsigned int columns)
{
	/* Not local: gcc takes what open_memstream() writes there for dangling. */
	static size_t size;
	static char *text;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	frame_print(frame, to, lines, columns);
	fclose(to);
	return text;
}

static void test_rates_are_per_second_and_the_busiest_first(void **state)
{
	struct frame *frame = frame_create();
	char name[16], queue[16], *text, *line;
	double reads, writes, flushes, mb;

	(void)state;
	take(frame, answer(1000, 10));
	take(frame, answer(3000, 12));
	text = print(frame, 100, 300);
	line = strchr(text, '\n') + 1;
	assert_int_equal(sscanf(line, "%15s %15s %lf %lf %lf %lf", name, queue,
				&reads, &writes, &flushes, &mb),
			 6);
	assert_string_equal(name, "5/1");
	assert_string_equal(queue, "all");
	assert_true(reads == 1000 && writes == 0 && flushes == 0);
	assert_true(mb > 4.0 && mb < 4.2);
	assert_non_null(strstr(line, "100%"));
	/* Two queues were used; the third was not, and 4/1 has one. */
	line = strchr(line, '\n') + 1;
	assert_int_equal(sscanf(line, "%15s %lf", queue, &reads), 2);
	assert_string_equal(queue, "0");
	line = strchr(strchr(line, '\n') + 1, '\n') + 1;
	assert_int_equal(strncmp(line, "4/1 ", 4), 0);
	assert_string_equal(strchr(line, '\n'), "\n");
	free(text);
	frame_destroy(frame);
}

static void test_a_screen_has_its_bounds(void **state)
{
	struct frame *frame = frame_create();
	char *text;

	(void)state;
	take(frame, answer(1000, 10));
	take(frame, answer(3000, 12));
	text = print(frame, 2, 10);
	assert_int_equal(strlen(text), 22);
	assert_int_equal(text[10], '\n');
	free(text);
	frame_destroy(frame);
}

static void test_a_disk_that_is_new_has_no_rates(void **state)
{
	struct frame *frame = frame_create();
	json_t *none = json_pack("{s:b, s:[]}", "ok", 1, "disks");
	char *text;

	(void)state;
	take(frame, none);
	take(frame, answer(3000, 12));
	text = print(frame, 100, 300);
	assert_non_null(strstr(text, "5/1"));
	assert_null(strstr(text, "3000"));
	free(text);
	frame_destroy(frame);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_rates_are_per_second_and_the_busiest_first),
		cmocka_unit_test(test_a_screen_has_its_bounds),
		cmocka_unit_test(test_a_disk_that_is_new_has_no_rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
