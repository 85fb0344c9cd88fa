/*
 * The log: lines on standard error, which systemd or an administrator collects.
 *
 * One line per change of state; per-request lines only at LOG_TRACE.  What a
 * guest can cause is limited (log_limit_allows) and quotes numbers, never the
 * guest's strings unescaped.  The level is the only mutable variable with file
 * scope in backend/.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level {
	LOG_ERROR,
	LOG_WARNING,
	LOG_INFO,
	LOG_DEBUG,
	LOG_TRACE,
};

/** log_set_level() - print lines up to this level; the start is LOG_INFO. */
void log_set_level(enum log_level level);
enum log_level log_level(void);

/** log_level_parse() - "error" ... "trace" to a level, or -1. */
int log_level_parse(const char *name);

/**
 * log_line() - one line, written by a single write(2) so that lines stay
 * whole.
 */
void log_line(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * struct log_limit - a token bucket for lines that a guest can cause
 *
 * Zero-initialised is ready to use.  Not shared between threads.
 */
struct log_limit {
	uint64_t refilled_ns;
	uint32_t tokens;
	bool started;
	uint64_t suppressed;
};

/**
 * log_limit_allows() - take a token if there is one; counts what was
 * suppressed.
 */
bool log_limit_allows(struct log_limit *limit, uint64_t now_ns);
