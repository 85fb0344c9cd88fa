/*
 * Wakes: the guest is not woken when it did not ask: a notification needs
 * responses that passed rsp_event (A2).  events.c has the other half.
 */
#include "fuzz/oracle/checks.h"
#include "fuzz/oracle/oracle.h"

void wakes_check(unsigned int queue, const struct wakes *turn)
{
	if (turn->now - turn->asked < turn->now - turn->old)
		return;
	oracle_fail(ORACLE_WAKES,
		    "queue %u notified the guest, which asks for that at "
		    "response %u; the turn made %u to %u",
		    queue, turn->asked, turn->old, turn->now);
}
