/*
 * xenblk-script: scripts to text and back, in the language of the harness that
 * plays them, and the build's corpora.
 *
 * "corpus" is what CMake calls: it collects for one harness what stands in
 * corpora/ (texts are encoded on the way) and the generated seeds into one
 * folder of plain inputs, which engines and the replay read.  "recording" makes
 * seeds of what xenblkd has recorded; xenblk-fuzz seeds calls it.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conformance/recording/load.h"
#include "fuzz/recorded/recorded.h"
#include "fuzz/script_text.h"
#include "fuzz/seeds.h"
#include "version.h"

static uint8_t input[SCRIPT_MAX_BYTES + 1];
static uint8_t output[SCRIPT_MAX_BYTES];

static int complain(const char *path, const char *what, int error)
{
	fprintf(stderr, "xenblk-script: %s cannot be %s: %s\n", path, what,
		strerror(error));
	return 4;
}

static long read_file(const char *path)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	size_t n;

	if (file == NULL)
		return -errno;
	n = fread(input, 1, sizeof(input), file);
	if (file != stdin)
		fclose(file);
	return n > SCRIPT_MAX_BYTES ? -EFBIG : (long)n;
}

static int write_file(const char *path, const uint8_t *data, size_t bytes)
{
	FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "wb");
	bool good;

	if (file == NULL)
		return -errno;
	good = fwrite(data, 1, bytes, file) == bytes;
	good = (file == stdout ? fflush(file) : fclose(file)) == 0 && good;
	return good ? 0 : -EIO;
}

/* Prints bytes that are no records as some would be worse than nothing. */
static const struct language *find_language(const char *harness)
{
	const struct language *language = language_of(harness);

	if (language == NULL)
		fprintf(stderr,
			"xenblk-script: no harness \"%s\" takes records: its "
			"inputs are plain bytes, which have no text, or there "
			"is none (xenblk-fuzz list)\n",
			harness);
	return language;
}

static int decode(const char *harness, const char *path)
{
	const struct language *language = find_language(harness);
	long n;

	if (language == NULL)
		return 2;
	n = read_file(path);
	if (n < 0)
		return complain(path, "read", (int)-n);
	return script_print(language, input, (size_t)n, stdout) == 0 ? 0 : 4;
}

static int encode(const char *harness, const char *path, const char *to)
{
	const struct language *language = find_language(harness);
	unsigned int line;
	int error;
	long n;

	if (language == NULL)
		return 2;
	n = read_file(path);
	if (n < 0)
		return complain(path, "read", (int)-n);
	input[n] = '\0';
	n = script_parse(language, (const char *)input, output, &line);
	if (n == -E2BIG) {
		fprintf(stderr, "xenblk-script: %s is longer than %u bytes\n",
			path, SCRIPT_MAX_BYTES);
		return 1;
	}
	if (n < 0) {
		fprintf(stderr,
			"xenblk-script: %s, line %u: not an operation with "
			"NAME=VALUE fields that %s knows (see "
			"fuzz/language)\n",
			path, line, harness);
		return 1;
	}
	error = write_file(to, output, (size_t)n);
	return error != 0 ? complain(to, "written", -error) : 0;
}

static int copy(const char *path, const char *to)
{
	long n = read_file(path);
	int error;

	if (n < 0)
		return complain(path, "read", (int)-n);
	error = write_file(to, input, (size_t)n);
	return error != 0 ? complain(to, "written", -error) : 0;
}

/* What is in one folder of a harness's, and where it goes. */
struct collection {
	const char *harness, *folder, *to;
};

static int collect(const struct collection *c, const char *kind)
{
	char from[2048], path[4096], target[4096];
	struct dirent *entry;
	DIR *dir;
	int status = 0;

	snprintf(from, sizeof(from), "%s/%s", c->folder, kind);
	dir = opendir(from);
	if (dir == NULL)
		return errno == ENOENT ? 0 : complain(from, "read", errno);
	while (status == 0 && (entry = readdir(dir)) != NULL) {
		char *dot = strrchr(entry->d_name, '.');

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", from, entry->d_name);
		if (dot != NULL && strcmp(dot, ".txt") == 0) {
			*dot = '\0';
			snprintf(target, sizeof(target), "%s/%s-%s", c->to,
				 kind, entry->d_name);
			status = encode(c->harness, path, target);
		} else {
			snprintf(target, sizeof(target), "%s/%s-%s", c->to,
				 kind, entry->d_name);
			status = copy(path, target);
		}
	}
	closedir(dir);
	return status;
}

static int corpus(const char *harness, const char *from, const char *to)
{
	const struct collection collection = {harness, from, to};
	static const char *const kinds[] = {"seeds", "regressions", "corpus"};
	int status = 0;
	int error;

	if (mkdir(to, 0777) != 0 && errno != EEXIST)
		return complain(to, "made", errno);
	error = seeds_write(harness, to);
	if (error != 0)
		return complain(to, "written", -error);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (status == 0)
			status = collect(&collection, kinds[i]);
	return status;
}

/* Where the seeds of a recording go, and how many there are so far. */
struct outlet {
	const char *folder;
	unsigned int written;
};

static int write_recorded(void *context, const char *harness,
			  const uint8_t *data, size_t bytes)
{
	struct outlet *outlet = context;
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", outlet->folder, harness);
	if (mkdir(path, 0777) != 0 && errno != EEXIST)
		return -errno;
	snprintf(path, sizeof(path), "%s/%s/%04u", outlet->folder, harness,
		 outlet->written++);
	return write_file(path, data, bytes);
}

static int recording(const char *path, const char *to)
{
	struct outlet outlet = {.folder = to};
	const struct recorded_sink sink = {write_recorded, &outlet};
	struct recorded_counts counts;
	char sentence[READER_SENTENCE];
	struct reader reader;
	unsigned char *data = NULL;
	size_t bytes;
	int error = load_file(path, &data, &bytes);

	if (error != 0)
		return complain(path, "read", -error);
	if (reader_init(&reader, data, bytes, sentence) != 0) {
		fprintf(stderr, "xenblk-script: %s cannot be read: %s\n", path,
			sentence);
		free(data);
		return 4;
	}
	if (mkdir(to, 0777) != 0 && errno != EEXIST)
		error = -errno;
	if (error == 0)
		error = recorded_seeds(&reader, &sink, &counts);
	reader_fini(&reader);
	free(data);
	if (error != 0)
		return complain(to, "written", -error);
	printf("%zu records: %u seeds for ring (of %u pieces), %u for "
	       "handshake_parse\n",
	       reader.count, counts.ring, counts.pieces, counts.handshake);
	return 0;
}

static int usage(FILE *to, int status)
{
	fputs("Usage: xenblk-script decode HARNESS FILE   script to text\n"
	      "       xenblk-script encode HARNESS FILE [OUT]  text to script\n"
	      "       xenblk-script corpus HARNESS CORPORA OUT\n"
	      "       xenblk-script recording FILE OUT   seeds of a recording\n"
	      "FILE may be - for standard input.  --help, --version\n",
	      to);
	return status;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("xenblk %s\n", XENBLK_VERSION);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout, 0);
	if (argc == 4 && strcmp(argv[1], "decode") == 0)
		return decode(argv[2], argv[3]);
	if ((argc == 4 || argc == 5) && strcmp(argv[1], "encode") == 0)
		return encode(argv[2], argv[3], argc == 5 ? argv[4] : "-");
	if (argc == 5 && strcmp(argv[1], "corpus") == 0)
		return corpus(argv[2], argv[3], argv[4]);
	if (argc == 4 && strcmp(argv[1], "recording") == 0)
		return recording(argv[2], argv[3]);
	return usage(stderr, 2);
}
