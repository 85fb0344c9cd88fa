/* What a daemon holds when it has no disk: as much as before its first one. */
#include <fcntl.h>

#include "fuzz/oracle/checks.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/oracle/supervisor.h"
#include "sim/sim.h"

#define DESCRIPTORS_MAX 96

void held_take(struct held *held)
{
	struct sim_ledger ledger;

	sim_ledger(0, &ledger);
	*held = (struct held){.watches = ledger.watches,
			      .handles = ledger.xs_handles,
			      .heap = heap_now()};
	for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
		held->descriptors += fcntl(fd, F_GETFD) >= 0;
}

void held_check(const struct held *before, const struct held *now)
{
	if (now->descriptors > before->descriptors)
		oracle_fail(ORACLE_RESOURCES,
			    "%u descriptors are open, %u were before the first "
			    "disk",
			    now->descriptors, before->descriptors);
	if (now->watches != before->watches || now->handles != before->handles)
		oracle_fail(ORACLE_RESOURCES,
			    "%u watches and %u connections are held, %u and %u "
			    "were before the first disk",
			    now->watches, now->handles, before->watches,
			    before->handles);
}
