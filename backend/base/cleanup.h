/*
 * Cleanup at the end of a scope: the happy path stays at the left margin and no
 * early return leaks.  CLEANUP(free_string) char *s = ...;
 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

/** free_string() - for CLEANUP: frees what the variable points to. */
static inline void free_string(char **s)
{
	free(*s);
}

/** close_fd() - for CLEANUP: closes the descriptor unless it is negative. */
static inline void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
