/*
 * What one cause may cost: writes to xenstore, looks at a frontend's state,
 * lines of the log, and rounds until everybody rests.  A guest must not be able
 * to make the host work more than it works itself.
 */
#include "fuzz/oracle/oracle.h"
#include "fuzz/oracle/supervisor.h"

/* Three connections' worth for each of two disks. */
#define WRITES_MAX 64u
#define LOOKS_MAX  100u
#define LINES_MAX  64u
#define ROUNDS_MAX 400u

void budget_check(unsigned int writes, unsigned int looks, unsigned int lines)
{
	if (looks > LOOKS_MAX)
		oracle_fail(ORACLE_BUDGET,
			    "frontends' states were read %u times at one "
			    "occasion",
			    looks);
	if (writes > WRITES_MAX)
		oracle_fail(ORACLE_BUDGET,
			    "%u nodes were written at one occasion", writes);
	if (lines > LINES_MAX)
		oracle_fail(ORACLE_BUDGET,
			    "%u lines were logged at one "
			    "occasion",
			    lines);
}

void budget_rounds(unsigned int rounds)
{
	if (rounds > ROUNDS_MAX)
		oracle_fail(ORACLE_BUDGET,
			    "there is still something to do after %u rounds",
			    rounds);
}
