/*
 * Planned failures of this process: $XENSIM_FAULTS is a list of CALL:K=ERROR,
 * for instance "map:3=ENOMEM,copy:5=EIO": the third map call and the fifth copy
 * call fail so, and no other.  Without the variable a call costs one load here.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/lib/dropin/client.h"
#include "sim/sim.h"

#define PLANS 32u

struct plan {
	unsigned int call, k;
	int error;
};

static struct {
	pthread_once_t once;
	unsigned int plans;
	struct plan plan[PLANS];
	_Atomic unsigned int calls[SIM_CALL_COUNT];
} faults = {.once = PTHREAD_ONCE_INIT};

static const char *const names[SIM_CALL_COUNT] = {
	[SIM_CALL_MAP] = "map",	  [SIM_CALL_UNMAP] = "unmap",
	[SIM_CALL_COPY] = "copy", [SIM_CALL_COPY_SEGMENT] = "copy-segment",
	[SIM_CALL_BIND] = "bind", [SIM_CALL_NOTIFY] = "notify",
	[SIM_CALL_OPEN] = "open",
};

/* "EIO" or "5" to 5; 0 when it is neither. */
static int error_by_name(const char *name)
{
	for (int error = 1; error < 134; error++) {
		const char *known = strerrorname_np(error);

		if (known && !strcmp(known, name))
			return error;
	}
	return (int)strtol(name, NULL, 10);
}

static bool parse_one(const char *text, struct plan *plan)
{
	char call[16], error[32];

	if (sscanf(text, "%15[a-z-]:%u=%31[A-Z0-9]", call, &plan->k, error) !=
	    3)
		return false;
	plan->error = error_by_name(error);
	for (plan->call = 0; plan->call < SIM_CALL_COUNT; plan->call++)
		if (names[plan->call] && !strcmp(names[plan->call], call))
			break;
	return plan->call < SIM_CALL_COUNT && plan->k > 0 && plan->error > 0;
}

static void parse(void)
{
	const char *text = getenv("XENSIM_FAULTS");
	char *copy = text ? strdup(text) : NULL;
	char *rest = copy, *one;

	while (copy && (one = strsep(&rest, ","))) {
		if (!*one)
			continue;
		if (faults.plans < PLANS &&
		    parse_one(one, &faults.plan[faults.plans])) {
			faults.plans++;
			continue;
		}
		/* A test whose fault is not planned would test nothing. */
		fprintf(stderr,
			"libxensim: XENSIM_FAULTS has \"%s\"; each entry is "
			"CALL:K=ERROR, at most %u of them, CALL one of map, "
			"unmap, copy, copy-segment, bind, notify, open\n",
			one, PLANS);
		abort();
	}
	free(copy);
}

int client_fault(unsigned int call)
{
	unsigned int now;

	pthread_once(&faults.once, parse);
	if (faults.plans == 0)
		return 0;
	now = atomic_fetch_add(&faults.calls[call], 1) + 1;
	for (unsigned int i = 0; i < faults.plans; i++)
		if (faults.plan[i].call == call && faults.plan[i].k == now)
			return faults.plan[i].error;
	return 0;
}
