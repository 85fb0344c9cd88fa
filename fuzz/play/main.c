/*
 * xenblk-play: plays tapes of ring scripts as a real frontend.
 *
 * Runs in a guest, simulated or real, whose disks are served by any backend.
 * Each tape is played by a process of its own, which is the guest's driver and
 * may die like one; then one line of JSON tells the verdict.  Exit codes: 0 all
 * were played well, 1 something was found, 2 usage, 3 nothing was played, 4 a
 * tape or the guest is not as it must be.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/play/disks.h"
#include "version.h"

/* A tape waits in vain once, and a few times for what takes long. */
#define PATIENCES 6

static struct disks disks = {.patience_ms = 10000};
static struct perform perform;

static void usage(FILE *to)
{
	fprintf(to,
		"Usage: xenblk-play [--patience SECONDS] TAPE...\n"
		"Plays tapes of ring scripts (xenblk-tape) as this guest's "
		"frontend, and compares.\n"
		"A line of JSON for each: verdict PASS, FAIL with the oracle "
		"and the reason, CRASH,\nWEDGED, SKIP (no disk fits), ERROR.\n"
		"  --patience SECONDS  how long to wait for what must come "
		"(10)\n"
		"  --help, --version\n");
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Sentences come from us and from backends: nothing in them ends a string. */
static void print_text(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++)
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else
			putchar((unsigned char)*text < ' ' ? ' ' : *text);
	putchar('"');
}

static void begin_line(const char *path, const char *verdict)
{
	const char *name = strrchr(path, '/');

	printf("{\"tape\": ");
	print_text(name != NULL ? name + 1 : path);
	printf(", \"verdict\": \"%s\"", verdict);
}

static void say(const char *path, const char *verdict, const char *reason)
{
	begin_line(path, verdict);
	printf(", \"reason\": ");
	print_text(reason);
	printf("}\n");
	fflush(stdout);
}

static void report(const char *path, int64_t ms)
{
	begin_line(path, perform.oracle != NULL ? "FAIL" : "PASS");
	if (perform.oracle != NULL) {
		printf(", \"oracle\": \"%s\", \"reason\": ", perform.oracle);
		print_text(perform.reason);
	}
	printf(", \"answered\": %" PRIu64 ", \"okay\": %" PRIu64
	       ", \"rests\": %u, \"connections\": %u, \"refused\": %u, "
	       "\"halts\": %u, \"blind\": %s, \"ms\": %lld}\n",
	       perform.answered, perform.okay, perform.rests,
	       perform.connections, perform.refused, perform.halts,
	       perform.blind ? "true" : "false", (long long)ms);
	fflush(stdout);
}

/* In the process of one tape. */
static int play(const char *path, struct reel *reel,
		const struct disk_found *disk)
{
	const int64_t start = now_ms();
	char why[300] = "";
	struct front *front = NULL;
	int err = disks_open(&disks, disk->devid, &front, why, sizeof(why));

	if (err == 0)
		err = ground_open(&perform.ground, disks.domid, 0);
	if (err != 0) {
		say(path, "ERROR", why[0] != '\0' ? why : strerror(-err));
		return 4;
	}
	perform.reel = reel;
	perform.door = (struct door_options){.front = front,
					     .patience_ms = disks.patience_ms};
	(void)perform_tape(&perform);
	err = disks_judge(disk, &perform);
	report(path, now_ms() - start);
	front_destroy(front);
	ground_close(&perform.ground);
	return err != 0;
}

/* What became of a tape's process that said nothing itself. */
static int judge_end(const char *path, int status)
{
	char reason[80];

	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	snprintf(reason, sizeof(reason), "its process ended by signal %d",
		 WTERMSIG(status));
	say(path, WTERMSIG(status) == SIGALRM ? "WEDGED" : "CRASH", reason);
	return 1;
}

static int play_apart(const char *path, struct reel *reel,
		      const struct disk_found *disk)
{
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		alarm((unsigned int)(disks.patience_ms / 1000 * PATIENCES));
		_exit(play(path, reel, disk));
	}
	if (child < 0) {
		say(path, "ERROR", strerror(errno));
		return 4;
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return judge_end(path, status);
}

static int play_file(const char *path, unsigned int *played)
{
	const struct disk_found *disk;
	struct tape_head head = {0};
	const uint8_t *payload;
	struct reel reel;
	char why[300];
	int result;

	if (reel_load(&reel, path, why, sizeof(why)) != 0) {
		say(path, "ERROR", why);
		return 4;
	}
	(void)reel_next(&reel, &head, &payload);
	disk = disks_fit(&disks, head.a, (head.flags & TAPE_READONLY) != 0);
	if (disk == NULL) {
		snprintf(why, sizeof(why),
			 "this guest has no %s disk of %u sectors",
			 (head.flags & TAPE_READONLY) != 0 ? "read-only"
							   : "writable",
			 head.a);
		say(path, "SKIP", why);
		result = 0;
	} else {
		result = play_apart(path, &reel, disk);
		++*played;
	}
	reel_free(&reel);
	return result;
}

/* Of a number of seconds; 0 if it is none that makes sense. */
static int patience_ms(const char *text)
{
	char *end;
	unsigned long seconds = strtoul(text, &end, 10);

	return *end == '\0' && seconds <= 3600 ? (int)seconds * 1000 : 0;
}

/* Returns the index of the first tape, or -1 with an exit status. */
static int options(int argc, char **argv, int *status)
{
	int i = 1;

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("xenblk %s\n", XENBLK_VERSION);
		return -1;
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		usage(stdout);
		return -1;
	}
	if (argc > 2 && strcmp(argv[1], "--patience") == 0) {
		disks.patience_ms = patience_ms(argv[2]);
		i = 3;
	}
	if (i < argc && argv[i][0] != '-' && disks.patience_ms > 0)
		return i;
	usage(stderr);
	*status = 2;
	return -1;
}

int main(int argc, char **argv)
{
	int status = 0;
	unsigned int played = 0;
	char why[300] = "";
	int i = options(argc, argv, &status);
	int domid;

	if (i < 0)
		return status;
	domid = front_own_domid();
	disks.domid = (uint32_t)domid;
	if (domid < 0)
		snprintf(why, sizeof(why),
			 "xenstore does not tell our domid: %s",
			 strerror(-domid));
	if (domid < 0 || disks_find(&disks, why, sizeof(why)) != 0) {
		fprintf(stderr, "xenblk-play: %s\n", why);
		return 4;
	}
	for (; i < argc; i++) {
		int result = play_file(argv[i], &played);

		if (status == 0 || result == 1)
			status = result;
	}
	return status == 0 && played == 0 ? 3 : status;
}
