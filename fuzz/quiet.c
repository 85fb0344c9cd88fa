/*
 * In place of the log's own line: each is made, and nobody reads it.
 *
 * Linked with --wrap=log_line into harnesses whose inputs provoke many lines.
 */
#include <stdarg.h>
#include <stdio.h>

#include "backend/base/log.h"

void __wrap_log_line(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

void __wrap_log_line(enum log_level level, const char *format, ...)
{
	char line[512];
	va_list arguments;

	if (level > log_level())
		return;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
}
