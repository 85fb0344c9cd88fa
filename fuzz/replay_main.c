/*
 * The driver that replays: every file named, and every file of every folder
 * named, once, in the order of their names.
 *
 * It links the same harness object as the engines do, in every preset, so that
 * a corpus is a regression test of the normal build.  Exit codes: 0 all were
 * played, 2 usage, 3 nothing was run, 4 something could not be read; a finding
 * ends the process by abort().
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz/target.h"
#include "version.h"

#define REPLAY_INPUT (1u << 20)

struct replay {
	bool hashes, quiet;
	unsigned int repeat;
	uint64_t files, requests, okay;
	const char *now; /* for whoever reads a crash */
};

static void usage(FILE *to, const char *name)
{
	fprintf(to,
		"Usage: %s [--hashes] [--repeat N] FILE|FOLDER...\n"
		"Plays inputs of this fuzz harness once each (or N times), and "
		"aborts at a finding.\n"
		"  --hashes    print a hash of what happened for each input\n"
		"  --repeat N  play each input N times\n"
		"  --help, --version\n",
		name);
}

static int play_file(struct replay *replay, const char *path)
{
	static uint8_t data[REPLAY_INPUT];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (file == NULL) {
		fprintf(stderr, "%s cannot be opened: %s\n", path,
			strerror(errno));
		return -1;
	}
	size = fread(data, 1, sizeof(data), file);
	if (ferror(file)) {
		fprintf(stderr, "%s cannot be read: %s\n", path,
			strerror(errno));
		fclose(file);
		return -1;
	}
	fclose(file);
	replay->now = path;
	for (unsigned int i = 0; i < replay->repeat; i++) {
		uint8_t *copy = malloc(size > 0 ? size : 1);

		/* A copy of the exact size: reading past the end is seen. */
		if (copy == NULL)
			return -1;
		memcpy(copy, data, size);
		LLVMFuzzerTestOneInput(copy, size);
		free(copy);
	}
	if (replay->hashes)
		printf("%016" PRIx64 " %s\n", target_last.hash, path);
	replay->files++;
	replay->requests += target_last.requests;
	replay->okay += target_last.okay;
	return 0;
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int play_folder(struct replay *replay, const char *path)
{
	struct dirent **entry;
	int count = scandir(path, &entry, visible, alphasort);
	int result = 0;

	if (count < 0) {
		fprintf(stderr, "%s cannot be read: %s\n", path,
			strerror(errno));
		return -1;
	}
	if (count == 0) {
		fprintf(stderr, "%s is empty: there is nothing to play\n",
			path);
		result = -1;
	}
	for (int i = 0; i < count; i++) {
		char name[4096];

		snprintf(name, sizeof(name), "%s/%s", path, entry[i]->d_name);
		free(entry[i]);
		if (result == 0)
			result = play_file(replay, name);
	}
	free(entry);
	return result;
}

static int play(struct replay *replay, const char *path)
{
	struct stat status;

	if (stat(path, &status) != 0) {
		fprintf(stderr, "%s cannot be found: %s\n", path,
			strerror(errno));
		return -1;
	}
	return S_ISDIR(status.st_mode) ? play_folder(replay, path)
				       : play_file(replay, path);
}

/* Returns the index of the first path, or -1 for an exit status in *status. */
static int options(struct replay *replay, int argc, char **argv, int *status)
{
	int i = 1;

	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--hashes") == 0) {
			replay->hashes = true;
		} else if (strcmp(argv[i], "--repeat") == 0 && i + 1 < argc) {
			replay->repeat =
				(unsigned int)strtoul(argv[++i], NULL, 10);
		} else if (strcmp(argv[i], "--version") == 0) {
			printf("xenblk %s\n", XENBLK_VERSION);
			*status = 0;
			return -1;
		} else {
			*status = strcmp(argv[i], "--help") == 0 ? 0 : 2;
			usage(*status == 0 ? stdout : stderr, argv[0]);
			return -1;
		}
	}
	if (i == argc || replay->repeat == 0) {
		fprintf(stderr, "%s: no input was named\n", argv[0]);
		*status = 3;
		return -1;
	}
	return i;
}

int main(int argc, char **argv)
{
	struct replay replay = {.repeat = 1};
	int status = 0;
	int i = options(&replay, argc, argv, &status);

	if (i < 0)
		return status;
	for (; i < argc; i++)
		if (play(&replay, argv[i]) != 0)
			return 4;
	fprintf(stderr,
		"%" PRIu64 " inputs played, %" PRIu64
		" requests answered, %" PRIu64 " of them OKAY\n",
		replay.files, replay.requests, replay.okay);
	return replay.files > 0 ? 0 : 3;
}
