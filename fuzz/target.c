/*
 * What every harness brings along: the one word that it shares with its driver,
 * a count of descriptors, and how the sanitizers are to be set.  See target.h.
 */
#include "fuzz/target.h"

#include <fcntl.h>

#define FDS 64 /* no play holds so many */

struct target_report target_last;

unsigned int target_fds(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < FDS; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Looked up by the runtimes where they are linked. */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

/*
 * A device is made and unmade thousands of times a second: a small quarantine
 * still spans many plays, and short stacks of allocations are enough to find
 * the line.  Environment variables override this.
 */
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=4:malloc_context_size=6:"
	       "handle_abort=1:detect_stack_use_after_return=0:"
	       "allocator_release_to_os_interval_ms=-1:"
	       "max_malloc_fill_size=512";
}

const char *__ubsan_default_options(void)
{
	return "print_stacktrace=1";
}
