/* The one place where a broken invariant ends the process.  See check.h. */
#include "backend/base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

_Noreturn void check_failed(const char *file, int line, const char *condition)
{
	char text[256];
	int n;

	/* write(2) and not stdio: the heap may be what is broken.  Whether or
	 * not anybody reads the line, the process ends. */
	n = snprintf(text, sizeof(text), "CHECK failed: %s:%d: %s\n", file,
		     line, condition);
	if (n >= (int)sizeof(text))
		n = sizeof(text) - 1; /* a long condition is cut */
	if (n > 0)
		(void)!write(STDERR_FILENO, text, (size_t)n);
	abort();
}
