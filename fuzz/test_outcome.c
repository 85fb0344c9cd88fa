/* What a harness bends, and how two plays are compared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/outcome.h"
#include "fuzz/player.h"
#include "fuzz/script_text.h"

/* Two queues; writes that would meet, a grant that moves, a read back. */
static const char script_text[] =
	"device queues=1 hold=1\n"
	"request op=write segments=2 page=1 sector=8 data=1 then=place\n"
	"request queue=1 op=write segments=2 page=1 sector=8 data=2\n"
	"grant action=move page=1 to=5\n"
	"request op=read page=5 sector=8\n"
	"request op=unknown id=same\n";

static struct outcome a, b;

static void play_text(const struct bend *bend, struct outcome *outcome)
{
	static uint8_t data[SCRIPT_MAX_BYTES];
	struct player *player = player_create();
	struct player_result result;
	struct script script;
	unsigned int line;
	long n = script_parse(&language_guest, script_text, data, &line);

	assert_non_null(player);
	assert_true(n > 0);
	script_decode(data, (size_t)n, &script);
	bend_straight(&script);
	player->bend = *bend;
	player_script(player, &script, &result);
	outcome_take(player, outcome);
	player_destroy(player);
}

static void test_equal_plays(void **context)
{
	struct outcome_part all = {GUEST_DATA_PAGES, 0};

	(void)context;
	play_text(&(struct bend){.place = PLACE_STRAIGHT}, &a);
	play_text(&(struct bend){.place = PLACE_STRAIGHT, .queues = 1}, &b);
	all.sectors = a.sectors;
	assert_int_equal(a.answers, 4);
	assert_null(outcome_statuses(&a, &b).what);
	assert_null(outcome_data(&a, &b, &all).what);
	assert_int_not_equal(a.pace[0], b.pace[0]);
}

static void test_differences(void **context)
{
	const struct outcome_part all = {GUEST_DATA_PAGES, DISK_MAX_SECTORS};
	struct outcome_difference d;

	(void)context;
	play_text(&(struct bend){.place = PLACE_STRAIGHT}, &a);
	b = a;
	b.answer[2].status = -1;
	d = outcome_statuses(&a, &b);
	assert_string_equal(d.what, "request");
	assert_int_equal(d.other, -1);
	b.answers = 2;
	assert_int_equal(outcome_statuses(&a, &b).other, OUTCOME_UNANSWERED);
	b = a;
	b.bytes[9 * SECTOR_BYTES + 3] ^= 1;
	d = outcome_data(&a, &b, &all);
	assert_string_equal(d.what, "disk sector");
	assert_int_equal(d.where, 9);
	assert_null(outcome_data(&a, &b, &(struct outcome_part){0, 9}).what);
	b = a;
	b.page[5][100] ^= 1;
	d = outcome_data(&a, &b, &all);
	assert_string_equal(d.what, "guest page");
	assert_int_equal(d.where, 5);
}

static void test_kinds(void **context)
{
	struct script script = {.operations = SCRIPT_KIND_COUNT};

	(void)context;
	for (unsigned int i = 0; i < SCRIPT_KIND_COUNT; i++)
		script.operation[i].byte[0] = (uint8_t)i;
	bend_kinds(&script, BEND_KIND(SCRIPT_RUN) | BEND_KIND(SCRIPT_CLOCK),
		   SCRIPT_GRANT);
	for (unsigned int i = 0; i < SCRIPT_KIND_COUNT; i++)
		assert_int_equal(script_kind(&script.operation[i]),
				 i == SCRIPT_RUN || i == SCRIPT_CLOCK
					 ? i
					 : SCRIPT_GRANT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_plays),
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
