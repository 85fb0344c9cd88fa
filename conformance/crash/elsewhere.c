/*
 * The command "crash" where there is no backend in the process: the program
 * beside this one has it.  See command.h.
 */
#include "conformance/crash/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char beside[] = "xenblk-conform-inprocess";

int crash_command(const struct command_line *line)
{
	char path[4096];
	ssize_t got =
		readlink("/proc/self/exe", path, sizeof(path) - sizeof(beside));
	char *slash;

	if (got > 0) {
		path[got] = '\0';
		slash = strrchr(path, '/');
		memcpy(slash == NULL ? path : slash + 1, beside,
		       sizeof(beside));
		execv(path, line->argv);
	}
	fprintf(stderr,
		"xenblk-conform: crash needs the program %s beside this one: "
		"%s\n",
		beside, strerror(errno));
	return EXIT_TOOL;
}
