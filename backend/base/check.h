/*
 * CHECK: what only a bug of ours can break.
 *
 * A CHECK stays on in release builds and ends the process: a worker serves one
 * disk of one guest, so stopping it costs less than going on with a broken
 * invariant next to somebody's data.  It must never be reachable from guest
 * bytes; what a guest can do wrong is refused (refusals.h), never checked.
 */
#pragma once

/** check_failed() - print which condition broke and where, then abort(). */
_Noreturn void check_failed(const char *file, int line, const char *condition);

#define CHECK(condition)                                                       \
	do {                                                                   \
		if (__builtin_expect(!(condition), 0))                         \
			check_failed(__FILE__, __LINE__, #condition);          \
	} while (0)
