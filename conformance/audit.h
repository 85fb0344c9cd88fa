/* xenblk-conform audit: a recorded session in words, and its frontends judged. */
#pragma once

#include <stdbool.h>

struct audit_options {
	const char *path;
	bool json;
	bool quiet; /* no line for each record */
};

enum audit_result {
	AUDIT_CLEAN,
	AUDIT_VIOLATIONS,
	AUDIT_UNREADABLE, /* said why on standard error */
};

/** audit_file() - print a recording and what its frontends did wrong. */
enum audit_result audit_file(const struct audit_options *options);
