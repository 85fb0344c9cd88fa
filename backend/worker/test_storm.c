/* Events about nothing: what is free, what pauses, and what ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/base/limits.h"
#include "backend/worker/storm.h"

static void spend_all(struct storm *storm)
{
	storm_init(storm);
	for (unsigned int i = 0; i < LIMIT_VAIN_EVENTS; i++)
		assert_int_equal(storm_vain(storm), 0);
}

static void pauses_grow_up_to_their_bound(void **state)
{
	uint32_t wanted = LIMIT_VAIN_PAUSE_FIRST_MS;
	struct storm storm;

	(void)state;
	spend_all(&storm);
	for (unsigned int i = 0; i < 40; i++) {
		assert_int_equal(storm_vain(&storm), wanted);
		wanted = wanted * 2 < LIMIT_VAIN_PAUSE_LAST_MS
				 ? wanted * 2
				 : LIMIT_VAIN_PAUSE_LAST_MS;
	}
}

/* Every kick late, after the turn that saw its request: never a pause. */
static void a_kick_for_every_turn_is_free(void **state)
{
	struct storm storm;

	(void)state;
	spend_all(&storm);
	for (unsigned int i = 0; i < 1000; i++) {
		storm_worked(&storm);
		assert_int_equal(storm_vain(&storm), 0);
	}
}

static void work_ends_a_pause_and_earns_little(void **state)
{
	struct storm storm;

	(void)state;
	spend_all(&storm);
	for (unsigned int i = 0; i < 8; i++)
		assert_true(storm_vain(&storm) > 0);
	storm_worked(&storm);
	assert_int_equal(storm_vain(&storm), 0);
	assert_int_equal(storm_vain(&storm), 0);
	assert_int_equal(storm_vain(&storm), LIMIT_VAIN_PAUSE_FIRST_MS);
}

static void credit_is_bounded(void **state)
{
	struct storm storm;
	unsigned int free_ones = 0;

	(void)state;
	storm_init(&storm);
	for (unsigned int i = 0; i < 1000; i++)
		storm_worked(&storm);
	while (storm_vain(&storm) == 0)
		free_ones++;
	assert_int_equal(free_ones, LIMIT_VAIN_EVENTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pauses_grow_up_to_their_bound),
		cmocka_unit_test(a_kick_for_every_turn_is_free),
		cmocka_unit_test(work_ends_a_pause_and_earns_little),
		cmocka_unit_test(credit_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
