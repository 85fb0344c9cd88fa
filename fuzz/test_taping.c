/* What a play leaves on a tape, and which tapes are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fuzz/play/reel.h"
#include "fuzz/player.h"
#include "fuzz/prompt.h"
#include "fuzz/script_text.h"

static unsigned int left[PROMPT_LEFT_COUNT];
static char path[64];

static void tape_text(const char *text)
{
	static uint8_t data[SCRIPT_MAX_BYTES];
	struct player *player = player_create();
	struct player_result result;
	struct script script;
	unsigned int line;
	long n = script_parse(&language_guest, text, data, &line);
	int fd;

	assert_non_null(player);
	assert_true(n > 0);
	snprintf(path, sizeof(path), "/tmp/test-taping-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	script_decode(data, (size_t)n, &script);
	memset(left, 0, sizeof(left));
	prompt_bend(&script, left);
	player->bend.prompt = true;
	player->tape = fdopen(fd, "w+b");
	player_script(player, &script, &result);
	assert_int_equal(player->tape_error, 0);
	fclose(player->tape);
	player_destroy(player);
}

static unsigned int counts[TAPE_KIND_COUNT];

/* The last record of a kind that is on the tape. */
static struct tape_head last_of(enum tape_kind kind)
{
	struct tape_head head, found = {0};
	const uint8_t *payload;
	struct reel reel;
	char why[200];

	assert_int_equal(reel_load(&reel, path, why, sizeof(why)), 0);
	memset(counts, 0, sizeof(counts));
	while (reel_next(&reel, &head, &payload)) {
		counts[head.kind]++;
		if (head.kind == kind)
			found = head;
	}
	reel_free(&reel);
	return found;
}

static void test_answers(void **state)
{
	(void)state;
	tape_text("device\n"
		  "request op=write segments=1 page=1 sector=8 data=1\n"
		  "request op=unknown\n");
	assert_int_equal(last_of(TAPE_ANSWER).flags, LEGAL_UNSUPPORTED);
	assert_int_equal(counts[TAPE_ANSWER], 2);
	assert_int_equal(counts[TAPE_DETACH], 1);
	assert_int_equal(last_of(TAPE_SECTOR).flags, TAPE_CERTAIN);
	unlink(path);
}

/* Two writes of one push to the same sectors: nobody knows which is last. */
static void test_uncertain(void **state)
{
	(void)state;
	tape_text("device\n"
		  "request op=write segments=1 page=1 sector=8 data=1 "
		  "overlap=255 then=place\n"
		  "request op=write segments=1 page=2 sector=8 data=2 "
		  "overlap=255\n"
		  "request op=read segments=1 page=3 sector=8 overlap=255\n");
	assert_int_equal(last_of(TAPE_SECTOR).flags, 0);
	assert_int_equal(last_of(TAPE_PAGE).flags, 0);
	unlink(path);
}

static void test_halt(void **state)
{
	(void)state;
	tape_text("device\n"
		  "index which=req_prod value=1000\n"
		  "request op=read\n");
	(void)last_of(TAPE_HALT);
	assert_int_equal(counts[TAPE_HALT], 1);
	assert_int_equal(counts[TAPE_ANSWER], 0);
	unlink(path);
}

static void test_left_out(void **state)
{
	(void)state;
	tape_text("device hold=1\n"
		  "run\n"
		  "disk hold=1\n"
		  "complete\n"
		  "fail at=3\n"
		  "request op=read segments=1\n");
	assert_int_equal(left[PROMPT_TURNS], 1);
	assert_int_equal(left[PROMPT_DISK], 3);
	assert_int_equal(left[PROMPT_FAULTS], 1);
	(void)last_of(TAPE_END);
	assert_int_equal(counts[TAPE_ANSWER], 1);
	unlink(path);
}

static void test_cut_off(void **state)
{
	struct reel reel;
	char why[200];
	FILE *file;
	long size;

	(void)state;
	tape_text("device\nrequest op=read segments=1\n");
	file = fopen(path, "rb");
	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	fclose(file);
	while (size-- > 0) {
		assert_int_equal(truncate(path, size), 0);
		assert_int_not_equal(reel_load(&reel, path, why, sizeof(why)),
				     0);
	}
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_uncertain),
		cmocka_unit_test(test_halt),
		cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
