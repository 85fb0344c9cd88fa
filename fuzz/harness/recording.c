/*
 * recording: whatever bytes a recording has, it is read to an end, every record
 * has a printable line, the judge follows it, and the seeds made of it are
 * scripts that fit.
 *
 * Aims at conformance/recording and fuzz/recorded.  Input: a file; where it
 * does not begin like one, the records alone.  Nodes that claim more than they
 * have are played a second time with all of it.
 */
#include <stdlib.h>
#include <string.h>

#include "conformance/recording/describe.h"
#include "conformance/recording/judge.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/recorded/recorded.h"
#include "fuzz/recorded/stretch.h"
#include "fuzz/script.h"
#include "fuzz/target.h"

#define INPUT_MAX 65536u

struct tally {
	uint64_t findings;
	uint64_t hash;
};

static void check_text(const char *text, size_t room)
{
	if (memchr(text, '\0', room) == NULL || text[0] == '\0')
		oracle_fail(ORACLE_DECODE, "a record has no text");
	for (const char *c = text; *c != '\0'; c++)
		if (*c < 0x20 || *c > 0x7e)
			oracle_fail(ORACLE_DECODE, "byte %d is not printable",
				    *c);
}

static void on_finding(void *context, const struct finding *finding)
{
	struct tally *tally = context;

	check_text(finding->sentence, sizeof(finding->sentence));
	tally->findings++;
}

static int on_seed(void *context, const char *harness, const uint8_t *data,
		   size_t bytes)
{
	struct tally *tally = context;
	struct script script;

	if (strcmp(harness, "ring") != 0)
		return 0;
	script_decode(data, bytes, &script);
	if (bytes > 2048 ||
	    script.operations * SCRIPT_RECORD + SCRIPT_RECORD != bytes)
		oracle_fail(ORACLE_DECODE, "a seed of %zu bytes", bytes);
	tally->hash += script.operations;
	return 0;
}

static void read_through(const struct reader *reader, struct tally *tally)
{
	struct judge *judge = judge_create(on_finding, tally);
	char text[DESCRIBE_BYTES];
	struct item item;
	uint64_t last_ns = 0;

	for (size_t i = 0; judge != NULL && i < reader->count; i++) {
		reader_item(reader, i, &item);
		if (item.header.time_ns < last_ns)
			oracle_fail(ORACLE_DECODE, "record %zu goes back", i);
		last_ns = item.header.time_ns;
		describe(&item, text, sizeof(text));
		check_text(text, sizeof(text));
		judge_item(judge, &item);
	}
	if (judge != NULL)
		judge_end(judge);
	judge_destroy(judge);
}

/* The input with a header before it, unless it has one. */
static size_t whole_file(const uint8_t *data, size_t size, uint8_t *file)
{
	const struct record_file header = {.magic = RECORD_MAGIC,
					   .version = RECORD_VERSION,
					   .bytes = sizeof(header)};
	size_t before = sizeof(header);

	if (size >= 8 && memcmp(data, &header.magic, 8) == 0)
		before = 0;
	if (size > INPUT_MAX - before)
		size = INPUT_MAX - before;
	memcpy(file, &header, before);
	memcpy(file + before, data, size);
	return before + size;
}

/* A copy of the exact size: reading past the end is seen. */
static void play(const uint8_t *file, size_t bytes)
{
	struct tally tally = {0};
	const struct recorded_sink sink = {on_seed, &tally};
	struct recorded_counts counts = {0};
	char sentence[READER_SENTENCE];
	struct reader reader;
	uint8_t *copy = malloc(bytes);

	if (copy == NULL)
		abort();
	memcpy(copy, file, bytes);
	if (reader_init(&reader, copy, bytes, sentence) == 0) {
		read_through(&reader, &tally);
		if (recorded_seeds(&reader, &sink, &counts) != 0)
			oracle_fail(ORACLE_DECODE, "there are no seeds");
		target_report(tally.findings + tally.hash, reader.count,
			      counts.ring + counts.handshake);
		reader_fini(&reader);
	} else {
		check_text(sentence, sizeof(sentence));
		target_report(0, 1, 0);
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(8) uint8_t file[INPUT_MAX];
	static _Alignas(8) uint8_t stretched[2 * INPUT_MAX];
	const size_t bytes = whole_file(data, size, file);
	const size_t more =
		recorded_stretch(file, bytes, stretched, sizeof(stretched));

	play(file, bytes);
	if (more > 0)
		play(stretched, more);
	return 0;
}
