/*
 * The canary of a planted bug: was its place reached, and did it make a
 * difference there?
 *
 * For mutants only.  xenblk-fuzz has the compiler include this before each file
 * of its copy of the sources (planted.cmake); nothing else may.  A patch of the
 * bank says planted(CONDITION) where the sound code would have done something
 * else if CONDITION holds.  What came first is appended at once to the file
 * that XENBLK_PLANTED names, so that it is there however the process ends.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline void planted_note(const char *line)
{
	const char *path = getenv("XENBLK_PLANTED");
	const int saved = errno;
	int fd = -1;

	if (path != NULL)
		fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
			  0600);
	if (fd >= 0) {
		if (write(fd, line, strlen(line)) < 0)
			abort();
		close(fd);
	}
	errno = saved;
}

/** planted() - notes it and returns the condition. */
static inline bool planted(bool difference)
{
	static bool reached;
	static bool triggered;

	if (!reached)
		planted_note("reached\n");
	reached = true;
	if (difference && !triggered)
		planted_note("triggered\n");
	triggered |= difference;
	return difference;
}
