/* From what happened to a word: pure, so that it can be tested alone. */
#pragma once

#include <stdbool.h>

#include "conformance/guest.h"

enum verdict {
	VERDICT_PASS,
	VERDICT_FAIL,
	VERDICT_REJECT,	   /* refused a connection that it ought to serve */
	VERDICT_NONSTRICT, /* other than recommended, or than we decided */
	VERDICT_INFO,	/* what is allowed either way came out the other way */
	VERDICT_WEDGED, /* no longer serves, or the case never ended */
	VERDICT_CRASH,	/* the backend died */
	VERDICT_SKIP,	/* not offered */
	VERDICT_ERROR,	/* the tool or its environment failed: no verdict */
	VERDICT_COUNT,
};

/* How the process of a case ended. */
enum case_end {
	CASE_REPORTED, /* there is a result */
	CASE_KILLED,   /* it took too long and was ended */
	CASE_DIED,     /* a signal or an early exit: there is no result */
	CASE_END_COUNT,
};

/* The backend as the target finds it after a case. */
enum target_health {
	TARGET_ALIVE,
	TARGET_DEAD,  /* its process, or the worker of the disk, has died */
	TARGET_STUCK, /* it does not let go of the disk */
	TARGET_HEALTH_COUNT,
};

struct evidence {
	enum case_level level;
	bool ours;
	enum case_end end;
	enum target_health health;
	struct guest_result result; /* valid if CASE_REPORTED */
};

enum verdict verdict_of(const struct evidence *evidence);
const char *verdict_name(enum verdict verdict);

/** verdict_is_bad() - whether it makes the run end with 1. */
bool verdict_is_bad(enum verdict verdict);
