/*
 * Programs that a target starts: found beside this one, with a log of their
 * own, ended by their process id and nothing else.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct program {
	pid_t pid;  /* 0: not started */
	int log_fd; /* a memory file with what it wrote to standard error */
	off_t log_seen;
	int status; /* as of waitpid(), once it has ended */
};

/** program_beside() - path of a program in this one's folder, or just its name.
 */
void program_beside(const char *name, char *path, size_t bytes);

/** program_start() - argv[0] is the path; 0 or -errno. */
int program_start(struct program *program, char *const *argv);

/** program_alive() - false once it has ended (its status is kept). */
bool program_alive(struct program *program);

/** program_wait() - until it has ended by itself; its status is kept. */
void program_wait(struct program *program);

/** program_stop() - SIGTERM, a while later SIGKILL; fine when it has ended. */
void program_stop(struct program *program);

/**
 * program_log_line() - the next line of its log that was not seen yet.
 *
 * Return: false when there is no more whole line.
 */
bool program_log_line(struct program *program, char *line, size_t bytes);

/** program_output() - run a command and take the first line of its output; 0 or
 * -errno. */
int program_output(char *const *argv, char *line, size_t bytes);
