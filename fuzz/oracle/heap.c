/*
 * Memory: what a disk allocated is free again when it is gone.  Only counted
 * where a sanitizer's allocator is linked: glibc's own figures include chunks
 * that it keeps for itself.  An engine's own threads allocate as well, once in
 * a while: what is a leak of the backend's happens again in a second play.
 */
#include <stddef.h>

#include "fuzz/oracle/checks.h"
#include "fuzz/oracle/oracle.h"

/* Of the sanitizers' allocator, where one is linked. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

uint64_t heap_now(void)
{
	if (__sanitizer_get_current_allocated_bytes)
		return __sanitizer_get_current_allocated_bytes();
	return 0;
}

void heap_check(uint64_t first, uint64_t second)
{
	if (first > 0 && second > 0)
		oracle_fail(ORACLE_RESOURCES,
			    "%llu bytes of heap are left after the disk was "
			    "destroyed",
			    (unsigned long long)second);
}
