/* Credit for events about nothing.  See storm.h. */
#include "backend/worker/storm.h"

#include "backend/base/check.h"
#include "backend/base/limits.h"

/* What a turn with work earns: its own kick may come late, and one more. */
#define EARNED 2u

void storm_init(struct storm *storm)
{
	storm->credit = LIMIT_VAIN_EVENTS;
	storm->pause_ms = 0;
}

void storm_worked(struct storm *storm)
{
	CHECK(storm->credit <= LIMIT_VAIN_EVENTS);
	storm->credit = storm->credit + EARNED < LIMIT_VAIN_EVENTS
				? storm->credit + EARNED
				: LIMIT_VAIN_EVENTS;
	storm->pause_ms = 0;
}

uint32_t storm_vain(struct storm *storm)
{
	CHECK(storm->credit <= LIMIT_VAIN_EVENTS);
	CHECK(storm->pause_ms <= LIMIT_VAIN_PAUSE_LAST_MS);
	if (storm->credit > 0) {
		storm->credit--;
		return 0;
	}
	storm->pause_ms = storm->pause_ms == 0 ? LIMIT_VAIN_PAUSE_FIRST_MS
					       : storm->pause_ms * 2;
	if (storm->pause_ms > LIMIT_VAIN_PAUSE_LAST_MS)
		storm->pause_ms = LIMIT_VAIN_PAUSE_LAST_MS;
	return storm->pause_ms;
}
