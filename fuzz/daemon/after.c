/*
 * How each play of the harness daemon ends: a frontend that does everything right
 * is served, all disks go, and then nothing is left of any.  See stage.h.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/daemon/stage.h"

static unsigned int count_disks(void)
{
	json_t *answer = xenblkd_settles();
	const size_t n = json_array_size(json_object_get(answer, "disks"));

	json_decref(answer);
	return (unsigned int)n;
}

static unsigned int count_tables(void)
{
	char path[STAGE_PATH_BYTES];
	const struct dirent *entry;
	unsigned int n = 0;
	DIR *folder;

	world_file("run", path);
	folder = opendir(path);
	while (folder != NULL && (entry = readdir(folder)) != NULL)
		n += strstr(entry->d_name, ".table") != NULL;
	if (folder != NULL)
		closedir(folder);
	return n;
}

static unsigned int count_nodes(const char *directory)
{
	char path[STAGE_PATH_BYTES];
	unsigned int n = 0;

	for (unsigned int i = 0; i < STAGE_DISKS; i++) {
		unsigned int count = 0;
		char **names;

		snprintf(path, sizeof(path), "/local/domain/0/%s/%u", directory,
			 stage.disk[i].domid);
		names = xs_directory(world_store(), XBT_NULL, path, &count);
		n += names != NULL ? count : 0;
		free(names);
	}
	return n;
}

static unsigned int count_errors(void)
{
	return count_nodes("error/backend/vbd");
}

static unsigned int count_backends(void)
{
	return count_nodes("backend/vbd");
}

/* What each disk held, in the order in which it goes: the daemon lets go of a disk
 * when its worker has ended, and of the rest in the same turn. */
static const struct trace {
	enum oracle oracle;
	const char *what;
	unsigned int (*count)(void);
} traces[] = {
	{ORACLE_PROGRESS, "disks in the daemon's list", count_disks},
	{ORACLE_RESOURCES, "workers", xenblkd_workers},
	{ORACLE_RESOURCES, "descriptors more than at the start", xenblkd_leaks},
	{ORACLE_RESOURCES, "pages, ports and handles", world_held},
	{ORACLE_RESOURCES, "tables of requests under way", count_tables},
	{ORACLE_REMOVED, "error nodes", count_errors},
	{ORACLE_REMOVED, "backend nodes", count_backends},
};

static void expect_nothing(void)
{
	for (size_t i = 0; i < sizeof(traces) / sizeof(traces[0]); i++) {
		const uint64_t end = world_now_ms() +
				     (i == 0 ? STAGE_LEAVE_MS : STAGE_REST_MS);
		unsigned int left;

		while ((left = traces[i].count()) > 0 && world_now_ms() < end)
			world_pause();
		if (left > 0)
			stage_fail(traces[i].oracle,
				   "%u %s are left, and all disks are gone",
				   left, traces[i].what);
	}
}

static void remove_all(void)
{
	for (unsigned int i = 0; i < STAGE_DISKS; i++) {
		guest_kill(&stage.disk[i].guest);
		stage_remove(&stage.disk[i]);
	}
	expect_nothing();
}

static void expect_okay(enum guest_answer answer, const char *what)
{
	if (answer != GUEST_OKAY)
		stage_fail(ORACLE_PROGRESS,
			   "a frontend that does everything right cannot %s "
			   "(%c)",
			   what, (char)answer);
}

/* A frontend that cannot even ask says nothing about the daemon: so often another
 * one is started, and each time it is said. */
#define FRONTENDS 3u

static void come(struct disk *disk)
{
	const struct script_record connect = {{GUEST_CONNECT}};
	enum guest_answer answer = GUEST_GONE;

	for (unsigned int i = 0; i < FRONTENDS; i++) {
		guest_start(&disk->guest, disk->domid, disk->devid);
		answer = stage_ask(disk, &connect);
		if (answer != GUEST_GONE && answer != GUEST_NONE)
			break;
		fprintf(stderr,
			"fuzz-daemon: a frontend could not begin (%c)\n",
			(char)answer);
		guest_kill(&disk->guest);
	}
	expect_okay(answer, "connect");
}

static void serve_one(struct disk *disk)
{
	const struct script_record use = {{GUEST_IO, 0, 0, 3, 8}},
				   go = {{GUEST_CLOSE}};

	stage_attach(disk, 0, false);
	if (!disk->made) {
		fprintf(stderr, "fuzz-daemon: no disk can be attached\n");
		exit(4);
	}
	come(disk);
	expect_okay(stage_ask(disk, &use), "write and read");
	expect_okay(stage_ask(disk, &go), "disconnect");
}

void stage_end(void)
{
	remove_all();
	serve_one(&stage.disk[0]);
	remove_all();
	xenblkd_stop();
	xenblkd_judge_log();
	/* What was removed must not be brought back by the end either. */
	if (count_backends() > 0)
		stage_fail(ORACLE_REMOVED,
			   "%u backend nodes are there after the end",
			   count_backends());
}
