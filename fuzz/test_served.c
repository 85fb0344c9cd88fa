/*
 * What a guest is served, seen in whole plays: each queue for itself, every way
 * of its data, what is refused, how often it is woken, a file engine whose
 * kernel is short of breath.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "backend/base/limits.h"
#include "backend/base/log.h"
#include "fuzz/outcome.h"
#include "fuzz/player.h"
#include "fuzz/uring.h"
#include "fuzz/script_text.h"

static struct outcome a, b;
static struct player *player;

static int setup(void **context)
{
	(void)context;
	player = player_create();
	return player == NULL ? -1 : 0;
}

static int teardown(void **context)
{
	(void)context;
	player_destroy(player);
	return 0;
}

static void play(const char *text, const struct bend *bend,
		 struct outcome *outcome)
{
	static uint8_t data[SCRIPT_MAX_BYTES];
	struct player_result result;
	struct script script;
	unsigned int line;
	long n = script_parse(&language_guest, text, data, &line);

	assert_true(n > 0);
	script_decode(data, (size_t)n, &script);
	player->bend = *bend;
	player_script(player, &script, &result);
	outcome_take(player, outcome);
}

static void test_a_queue_goes_at_its_own_pace(void **context)
{
	static const char text[] = "device queues=1\n"
				   "request queue=0 op=flush then=place\n"
				   "request queue=0 op=flush then=place\n"
				   "request queue=0 op=flush then=place\n"
				   "request queue=0 op=flush\n"
				   "request queue=1 op=flush\n"
				   "run queue=1 turns=3\n"
				   "run queue=0 turns=0\n"
				   "run queue=0 turns=9\n";

	(void)context;
	play(text, &(struct bend){.place = PLACE_HALVES}, &a);
	play(text, &(struct bend){.place = PLACE_HALVES, .alone = true}, &b);
	assert_int_equal(a.answers, 5);
	assert_int_equal(b.answers, 4);
	assert_true(a.pace[0] == b.pace[0]);
}

/* F7: a page that the guest shows read-only can be written to the disk, however
 * its data gets there. */
static void test_a_write_from_a_read_only_page(void **context)
{
	static const char text[] =
		"device queues=1\n"
		"request queue=0 op=write grant=readonly page=3\n"
		"request queue=1 op=write grant=readonly page=9 sector=20\n";
	struct bend bend = {.persistent = BEND_YES};

	(void)context;
	for (bend.staged = BEND_NO; bend.staged <= BEND_YES; bend.staged++) {
		play(text, &bend, &a);
		assert_int_equal(a.answers, 2);
		assert_int_equal(a.answer[0].status, 0);
		assert_int_equal(a.answer[1].status, 0);
	}
}

static void test_grants_are_kept_in_both_layouts(void **context)
{
	static const char text[] =
		"device\n"
		"request op=read page=3 overlap=0xe0 then=run\n"
		"request op=read page=3 overlap=0xe0 then=run\n";
	struct bend bend = {.persistent = BEND_YES};

	(void)context;
	for (bend.packed = BEND_NO; bend.packed <= BEND_YES; bend.packed++) {
		play(text, &bend, &a);
		assert_int_equal(a.work.map_calls, 2); /* the ring, the page */
		assert_int_equal(a.work.copy_segments, 0);
	}
}

static void test_what_is_refused_costs_no_grants(void **context)
{
	(void)context;
	play("device persistent=1\n"
	     "request op=unknown segments=3\n"
	     "request op=read segments=3 twist=past-end\n",
	     &(struct bend){0}, &a);
	assert_int_equal(a.answers, 2);
	assert_int_equal(a.work.map_calls, 1); /* the ring */
}

static void test_who_does_not_ask_is_not_woken(void **context)
{
	(void)context;
	play("device\n"
	     "index which=rsp_event value=5000\n"
	     "request op=flush then=run\n"
	     "request op=flush then=run\n",
	     &(struct bend){0}, &a);
	assert_int_equal(a.answers, 2);
	assert_int_equal(a.work.notifies, 0);
}

static void test_refusals_are_logged_now_and_then(void **context)
{
	static const char request[] = "request op=unknown then=run\n";
	char text[8 + 2 * LIMIT_LOG_BURST * sizeof(request)] = "device\n";
	size_t used = strlen(text);
	FILE *file = tmpfile();
	int kept = dup(STDERR_FILENO);
	unsigned int lines = 0;

	(void)context;
	assert_non_null(file);
	for (unsigned int i = 0; i < 2 * LIMIT_LOG_BURST; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s",
					 request);
	log_set_level(LOG_INFO);
	fflush(stderr);
	assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
	play(text, &(struct bend){0}, &a);
	assert_true(dup2(kept, STDERR_FILENO) >= 0);
	log_set_level(LOG_ERROR);
	close(kept);
	rewind(file);
	for (int c; (c = fgetc(file)) != EOF;)
		lines += c == '\n';
	fclose(file);
	assert_true(a.answers > LIMIT_LOG_BURST);
	assert_int_equal(lines, LIMIT_LOG_BURST);
}

/* Two pages in pieces of 720 bytes: each byte is moved once. */
static void test_the_rest_of_a_short_transfer(void **context)
{
	uint8_t sector[SECTOR_BYTES];

	(void)context;
	play("device\n"
	     "disk piece=20\n"
	     "request op=read segments=2 page=9 sector=215 overlap=0xe0\n"
	     "run-all\n",
	     &(struct bend){.open_image = uring_open}, &a);
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.answer[0].status, 0);
	assert_int_equal(player->disk.moved, 2 * XEN_PAGE_BYTES);
	for (unsigned int i = 0; i < 2 * PAGE_SECTORS; i++) {
		disk_pattern(215 + i, sector);
		assert_memory_equal(a.page[9 + i / PAGE_SECTORS] +
					    i % PAGE_SECTORS * SECTOR_BYTES,
				    sector, SECTOR_BYTES);
	}
}

static void test_the_end_of_a_shorter_file_is_an_error(void **context)
{
	(void)context;
	play("device\n"
	     "disk hold=1\n"
	     "request op=read\n"
	     "run\n"
	     "complete error=0xe2\n"
	     "run-all\n",
	     &(struct bend){.open_image = uring_open}, &a);
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.answer[0].status, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_queue_goes_at_its_own_pace),
		cmocka_unit_test(test_a_write_from_a_read_only_page),
		cmocka_unit_test(test_grants_are_kept_in_both_layouts),
		cmocka_unit_test(test_what_is_refused_costs_no_grants),
		cmocka_unit_test(test_who_does_not_ask_is_not_woken),
		cmocka_unit_test(test_refusals_are_logged_now_and_then),
		cmocka_unit_test(test_the_rest_of_a_short_transfer),
		cmocka_unit_test(test_the_end_of_a_shorter_file_is_an_error),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
