/*
 * Log: what a guest does makes a bounded number of lines: what the token bucket
 * of each queue gives in that time, and one for each ring that is given up.
 */
#include "backend/base/limits.h"
#include "fuzz/guest.h"
#include "fuzz/oracle/checks.h"
#include "fuzz/oracle/oracle.h"

void log_lines_check(uint64_t lines, uint64_t elapsed_ns, unsigned int attaches)
{
	const uint64_t minutes = elapsed_ns / UINT64_C(60000000000) + 1;
	const uint64_t each =
		LIMIT_LOG_BURST + minutes * LIMIT_LOG_PER_MINUTE + attaches;

	if (lines > GUEST_QUEUES * each)
		oracle_fail(ORACLE_LOG,
			    "%llu lines were logged in %llu minutes and %u "
			    "connections; %llu are allowed",
			    (unsigned long long)lines,
			    (unsigned long long)minutes, attaches,
			    (unsigned long long)(GUEST_QUEUES * each));
}
