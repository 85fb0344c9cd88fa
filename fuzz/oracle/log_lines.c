/*
 * Log: what a guest does makes a bounded number of lines: what the token bucket
 * of each queue gives in that time, and one for each ring that is given up;
 * and what the disk may say of its store.
 */
#include "backend/base/limits.h"
#include "fuzz/oracle/checks.h"
#include "fuzz/oracle/oracle.h"

void log_lines_check(uint64_t lines, const struct log_lines *play)
{
	const uint64_t line_ns = UINT64_C(60000000000) / LIMIT_LOG_PER_MINUTE;
	const uint64_t failure_ns =
		LIMIT_FAILURE_SECONDS * UINT64_C(1000000000);
	const uint64_t each =
		LIMIT_LOG_BURST + play->elapsed_ns / line_ns + play->attaches;
	const uint64_t failures = 1 + play->elapsed_ns / failure_ns;

	const uint64_t most = play->queues * each + failures;

	if (lines > most)
		oracle_fail(ORACLE_LOG,
			    "%u queues logged %llu lines in %llu ms and %u "
			    "connections; %llu are allowed",
			    play->queues, (unsigned long long)lines,
			    (unsigned long long)(play->elapsed_ns / 1000000u),
			    play->attaches, (unsigned long long)most);
}
