/*
 * Ending what was started (run.h): the keeper is the subreaper of everything
 * in the world, so whatever outlives its own parent becomes the keeper's child
 * and is found here.
 */
#include "sim/toolstack/run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POLITE_MS 2000u
#define STEP_MS	  5u
#define ASKED	  1024u /* more of them are asked again at each step */

/* Parent of a process, 0 when there is none to be found. */
static pid_t parent_of(pid_t pid)
{
	char path[64], line[512];
	const char *after;
	ssize_t length;
	int fd, parent;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	length = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (length <= 0)
		return 0;
	line[length] = '\0';
	/* "pid (name) state parent": the name may hold anything. */
	after = strrchr(line, ')');
	if (!after || sscanf(after, ") %*c %d", &parent) != 1)
		return 0;
	return parent;
}

/* Who was asked politely already. */
struct asked {
	unsigned int count;
	pid_t pid[ASKED];
};

static void ask_once(struct asked *asked, pid_t pid)
{
	for (unsigned int i = 0; i < asked->count; i++)
		if (asked->pid[i] == pid)
			return;
	if (asked->count < ASKED)
		asked->pid[asked->count++] = pid;
	kill(pid, SIGTERM);
}

/* Asks or kills every child not spared; how many there are. */
static unsigned int end_children(struct ends_spared spared, struct asked *asked,
				 bool politely)
{
	DIR *directory = opendir("/proc");
	pid_t self = getpid();
	struct dirent *entry;
	unsigned int found = 0;

	if (!directory)
		return 0;
	while ((entry = readdir(directory))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid <= 0 || pid == spared.first || pid == spared.second ||
		    parent_of(pid) != self)
			continue;
		found++;
		if (politely)
			ask_once(asked, pid);
		else
			kill(pid, SIGKILL);
	}
	closedir(directory);
	return found;
}

static void reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

void ends_descendants(struct ends_spared spared)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
	struct asked asked = {0};
	unsigned int waited_ms = 0;

	/* Orphans arrive as their parents end, so look again each time. */
	for (;;) {
		reap();
		if (end_children(spared, &asked, waited_ms < POLITE_MS) == 0)
			return;
		nanosleep(&step, NULL);
		waited_ms += STEP_MS;
	}
}
