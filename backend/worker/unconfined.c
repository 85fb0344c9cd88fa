/*
 * confine.h for sanitizer builds: nothing is given up.
 *
 * The sanitizers' runtimes read /proc, trace and start threads of their own,
 * all of which confine.c forbids for good reasons.  CMake links this file
 * instead when XENBLK_SANDBOX is off; no release is built that way.
 */
#include "backend/worker/confine.h"

#include "backend/base/log.h"

int confine(void)
{
	log_line(LOG_DEBUG, "built without confinement, for a sanitizer");
	return 0;
}
