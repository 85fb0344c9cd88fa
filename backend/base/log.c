/* The log's level, its line writer and its token bucket.  See log.h. */
#include "backend/base/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/checked.h"
#include "backend/base/limits.h"

static _Atomic int current_level = LOG_INFO;

static const char *const level_names[] = {
	[LOG_ERROR] = "error", [LOG_WARNING] = "warning", [LOG_INFO] = "info",
	[LOG_DEBUG] = "debug", [LOG_TRACE] = "trace",
};

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&current_level, (int)level, memory_order_relaxed);
}

enum log_level log_level(void)
{
	return (enum log_level)atomic_load_explicit(&current_level,
						    memory_order_relaxed);
}

int log_level_parse(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(level_names); i++)
		if (strcmp(name, level_names[i]) == 0)
			return (int)i;
	return -1;
}

void log_line(enum log_level level, const char *format, ...)
{
	char line[1024];
	va_list arguments;
	size_t used;
	int n;

	if (level > log_level())
		return;
	n = snprintf(line, sizeof(line), "%s: ", level_names[level]);
	used = n > 0 ? (size_t)n : 0;
	va_start(arguments, format);
	n = vsnprintf(line + used, sizeof(line) - used - 1, format, arguments);
	va_end(arguments);
	if (n > 0)
		used += (size_t)n;
	if (used > sizeof(line) - 2)
		used = sizeof(line) - 2; /* a long line is cut, never split */
	line[used++] = '\n';
	if (write(STDERR_FILENO, line, used) < 0)
		return; /* nobody reads our log; there is nowhere to say so */
}

bool log_limit_allows(struct log_limit *limit, uint64_t now_ns)
{
	const uint64_t per_token_ns = 60000000000u / LIMIT_LOG_PER_MINUTE;
	uint64_t earned;

	if (!limit->started) {
		limit->started = true;
		limit->tokens = LIMIT_LOG_BURST;
		limit->refilled_ns = now_ns;
	}
	earned = (now_ns - limit->refilled_ns) / per_token_ns;
	if (earned > 0) {
		limit->refilled_ns += earned * per_token_ns;
		limit->tokens = earned > LIMIT_LOG_BURST - limit->tokens
					? LIMIT_LOG_BURST
					: limit->tokens + (uint32_t)earned;
	}
	if (limit->tokens == 0) {
		limit->suppressed++;
		return false;
	}
	limit->tokens--;
	return true;
}
