/*
 * xenblk-tape: plays a ring script in process, promptly, and lays down on a
 * tape what its guest did and saw (tape.h), for xenblk-play.
 *
 * Prints one line of JSON: what was answered, what was left out.  A finding of
 * an oracle ends it by abort(), as in every harness.  Also writes the image of
 * the disk that such a play begins with.  Called by xenblk-fuzz.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/player.h"
#include "fuzz/prompt.h"
#include "version.h"

static uint8_t input[SCRIPT_MAX_BYTES];

static int complain(const char *path, const char *what, int error)
{
	fprintf(stderr, "xenblk-tape: %s cannot be %s: %s\n", path, what,
		strerror(error));
	return 4;
}

static void usage(FILE *to)
{
	fprintf(to, "Usage: xenblk-tape SCRIPT TAPE\n"
		    "       xenblk-tape --image SECTORS FILE\n"
		    "Plays a script of the ring harness in process and writes "
		    "the tape of it, or the disk\n"
		    "that every such play begins with.\n"
		    "  --help, --version\n");
}

static int write_image(const char *sectors, const char *path)
{
	char *end;
	unsigned long count = strtoul(sectors, &end, 10);
	FILE *file;
	int err = 0;

	if (*end != '\0' || count == 0 || count > DISK_MAX_SECTORS) {
		fprintf(stderr,
			"xenblk-tape: a disk has 1 to %u sectors, not %s\n",
			DISK_MAX_SECTORS, sectors);
		return 2;
	}
	file = fopen(path, "wb");
	if (file == NULL)
		return complain(path, "opened", errno);
	for (uint64_t s = 0; s < count; s++) {
		uint8_t bytes[SECTOR_BYTES];

		disk_pattern(s, bytes);
		if (fwrite(bytes, sizeof(bytes), 1, file) != 1)
			err = errno;
	}
	if (fclose(file) != 0)
		err = errno;
	return err != 0 ? complain(path, "written", err) : 0;
}

static void report(const struct player *player, const struct script *script,
		   const struct player_result *result, unsigned int *left)
{
	left[PROMPT_AFTER] = script->operations - player->done;
	printf("{\"operations\": %u, \"sectors\": %" PRIu64
	       ", \"readonly\": %s, \"answered\": %" PRIu64
	       ", \"okay\": %" PRIu64 ", \"left_out\": {",
	       script->operations, player->disk.sectors,
	       player->disk.readonly ? "true" : "false", result->answered,
	       result->answered_okay);
	for (unsigned int i = 0; i < PROMPT_LEFT_COUNT; i++)
		printf("%s\"%s\": %u", i > 0 ? ", " : "",
		       prompt_left_out((enum prompt_left)i), left[i]);
	printf("}}\n");
}

static int tape(size_t bytes, FILE *to)
{
	struct player *player = player_create();
	unsigned int left[PROMPT_LEFT_COUNT] = {0};
	struct player_result result;
	struct script script;
	int err;

	if (player == NULL)
		return -ENOMEM;
	script_decode(input, bytes, &script);
	prompt_bend(&script, left);
	player->bend.prompt = true;
	player->tape = to;
	player_script(player, &script, &result);
	err = player->tape_error;
	if (err == 0)
		report(player, &script, &result, left);
	player_destroy(player);
	return err;
}

static int tape_file(const char *from, const char *to)
{
	static char buffer[1 << 16];
	FILE *script = fopen(from, "rb");
	FILE *out;
	size_t bytes;
	int err;

	if (script == NULL)
		return complain(from, "opened", errno);
	bytes = fread(input, 1, sizeof(input), script);
	err = ferror(script) ? EIO : 0;
	fclose(script);
	if (err != 0)
		return complain(from, "read", err);
	out = fopen(to, "wb");
	if (out == NULL)
		return complain(to, "opened", errno);
	/* The heap is watched during the play. */
	setvbuf(out, buffer, _IOFBF, sizeof(buffer));
	err = -tape(bytes, out);
	if (fclose(out) != 0 && err == 0)
		err = errno;
	return err != 0 ? complain(to, "written", err) : 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		usage(stdout);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("xenblk %s\n", XENBLK_VERSION);
		return 0;
	}
	if (argc == 4 && strcmp(argv[1], "--image") == 0)
		return write_image(argv[2], argv[3]);
	if (argc == 3 && argv[1][0] != '-')
		return tape_file(argv[1], argv[2]);
	usage(stderr);
	return 2;
}
