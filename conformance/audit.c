/*
 * The command "audit": see audit.h.
 *
 * Reads the file, feeds the judge, prints.  What the records mean is
 * recording/'s; which clauses count is decided here, by their level: MUST,
 * SHOULD and ROBUST are violations, the others are notes.
 */
#include "conformance/audit.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/catalogue/clause.h"
#include "conformance/recording/describe.h"
#include "conformance/recording/judge.h"
#include "conformance/recording/load.h"

/* Findings that a JSON document holds; the others are counted. */
#define FINDINGS_MAX 10000u

struct audit {
	struct audit_options options;
	struct reader reader;
	struct judge *judge;
	struct item item;
	json_t *findings;
	unsigned int *by_clause; /* [clause_count()] */
	uint64_t violations;
	uint64_t notes;
};

static bool is_violation(const char *level)
{
	return strcmp(level, "MUST") == 0 || strcmp(level, "SHOULD") == 0 ||
	       strcmp(level, "ROBUST") == 0;
}

/* --- places and lines --- */

static void place(uint16_t queue, uint32_t domid, uint32_t devid, char *text,
		  size_t room)
{
	if (queue == RECORD_NO_QUEUE)
		snprintf(text, room, "%u/%u", domid, devid);
	else
		snprintf(text, room, "%u/%u q%u", domid, devid, queue);
}

static void print_time(uint64_t ns)
{
	printf("%4" PRIu64 ".%06" PRIu64 " ", ns / 1000000000u,
	       ns / 1000u % 1000000u);
}

static void print_item(const struct audit *audit, bool first)
{
	const struct record_header *h = &audit->item.header;
	char text[DESCRIBE_BYTES], where[48];

	describe(&audit->item, text, sizeof(text));
	if (audit->options.json) {
		json_t *item = json_pack(
			"{s:I, s:I, s:i, s:i, s:i, s:s, s:s}", "at",
			(json_int_t)audit->item.at, "time_ns",
			(json_int_t)h->time_ns, "domid", (int)h->domid, "devid",
			(int)h->devid, "queue",
			h->queue == RECORD_NO_QUEUE ? -1 : h->queue, "kind",
			reader_kind_name(h->kind), "text", text);

		printf("%s\n", first ? "" : ",");
		json_dumpf(item, stdout, JSON_COMPACT);
		json_decref(item);
		return;
	}
	place(h->queue, h->domid, h->devid, where, sizeof(where));
	print_time(h->time_ns);
	printf("%-14s %s\n", h->kind == RECORD_FULL ? "" : where, text);
}

static void keep_finding(struct audit *audit, const struct finding *f,
			 const char *level)
{
	if (json_array_size(audit->findings) >= FINDINGS_MAX)
		return;
	json_array_append_new(
		audit->findings,
		json_pack("{s:s, s:s, s:I, s:I, s:i, s:i, s:i, s:s}", "clause",
			  f->clause, "level", level, "at", (json_int_t)f->at,
			  "time_ns", (json_int_t)f->time_ns, "domid",
			  (int)f->domid, "devid", (int)f->devid, "queue",
			  f->queue == RECORD_NO_QUEUE ? -1 : f->queue,
			  "sentence", f->sentence));
}

static void on_finding(void *context, const struct finding *f)
{
	struct audit *audit = context;
	const struct clause *clause =
		clause_find(f->clause, (unsigned int)strlen(f->clause));
	const char *level = clause == NULL ? "MUST" : clause->level;
	const bool bad = is_violation(level);
	char where[48];

	*(bad ? &audit->violations : &audit->notes) += 1;
	for (unsigned int i = 0; i < clause_count(); i++)
		audit->by_clause[i] += clause_at(i) == clause;
	if (audit->options.json) {
		keep_finding(audit, f, level);
		return;
	}
	place(f->queue, f->domid, f->devid, where, sizeof(where));
	print_time(f->time_ns);
	printf("%-14s %s %s (%s), record at byte %zu: %s\n", where,
	       bad ? "VIOLATION" : "note", f->clause, level, f->at,
	       f->sentence);
}

/* --- what is said at the end --- */

static const char *end_name(enum reader_end end)
{
	return end == READER_WHOLE ? "whole"
	       : end == READER_CUT ? "cut"
				   : "damaged";
}

static json_t *counts_json(const struct judge_counts *c)
{
	return json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		"requests", (json_int_t)c->requests, "reads",
		(json_int_t)c->reads, "writes", (json_int_t)c->writes,
		"flushes", (json_int_t)c->flushes, "discards",
		(json_int_t)c->discards, "responses", (json_int_t)c->responses,
		"errors", (json_int_t)c->errors, "notified",
		(json_int_t)c->notified, "events", (json_int_t)c->events,
		"maps", (json_int_t)c->maps, "copies", (json_int_t)c->copies,
		"lost", (json_int_t)c->lost);
}

static json_t *disks_json(const struct audit *audit)
{
	json_t *disks = json_array();

	for (unsigned int i = 0; i < judge_disks(audit->judge); i++) {
		json_t *queues = json_array();
		struct judge_disk disk;

		judge_disk(audit->judge, i, &disk);
		for (unsigned int q = 0; q < disk.queues; q++)
			json_array_append_new(queues,
					      counts_json(&disk.queue[q]));
		json_array_append_new(disks, json_pack("{s:i, s:i, s:o}",
						       "domid", (int)disk.domid,
						       "devid", (int)disk.devid,
						       "queues", queues));
	}
	return disks;
}

static void finish_json(struct audit *audit)
{
	const struct reader *r = &audit->reader;
	json_t *rest = json_pack(
		"{s:O, s:o, s:I, s:I, s:I, s:s, s:I, s:I}", "findings",
		audit->findings, "disks", disks_json(audit), "violations",
		(json_int_t)audit->violations, "notes",
		(json_int_t)audit->notes, "records", (json_int_t)r->count,
		"end", end_name(r->end), "end_at", (json_int_t)r->end_at,
		"wall_ns", (json_int_t)r->file.wall_ns);
	char *text = json_dumps(rest, JSON_COMPACT);

	/* The items came first, in an object that is still open. */
	printf("%s%s\n", audit->options.quiet ? "{" : "],",
	       text == NULL ? "}" : text + 1);
	free(text);
	json_decref(rest);
}

static void print_queue(const struct judge_disk *disk, unsigned int q)
{
	const struct judge_counts *c = &disk->queue[q];

	printf("%u/%u q%u: %" PRIu64 " requests (%" PRIu64 " reads, %" PRIu64
	       " writes, %" PRIu64 " flushes, %" PRIu64 " discards, %" PRIu64
	       " others), %" PRIu64 " segments, %" PRIu64
	       " responses of which %" PRIu64 " were errors; %" PRIu64
	       " events in, %" PRIu64 " out for %" PRIu64 " pushes; %" PRIu64
	       " pages mapped, %" PRIu64 " segments copied; %" PRIu64
	       " records lost\n",
	       disk->domid, disk->devid, q, c->requests, c->reads, c->writes,
	       c->flushes, c->discards, c->others, c->segments, c->responses,
	       c->errors, c->events, c->notified, c->pushes, c->maps, c->copies,
	       c->lost);
}

static void print_clauses(const struct audit *audit)
{
	for (unsigned int i = 0; i < clause_count(); i++) {
		const struct clause *clause = clause_at(i);

		if (audit->by_clause[i] > 0)
			printf("%s (%s) %u times: %s\n", clause->id,
			       clause->level, audit->by_clause[i],
			       clause->statement);
	}
}

static void finish_text(const struct audit *audit)
{
	const struct reader *r = &audit->reader;
	struct judge_disk disk;

	for (unsigned int i = 0; i < judge_disks(audit->judge); i++) {
		judge_disk(audit->judge, i, &disk);
		for (unsigned int q = 0; q < disk.queues; q++)
			print_queue(&disk, q);
	}
	if (judge_ignored(audit->judge) > 0)
		printf("%" PRIu64 " records of more than %u disks were not "
		       "judged\n",
		       judge_ignored(audit->judge), JUDGE_DISKS);
	if (r->end == READER_CUT)
		printf("the last record is cut at byte %zu: the daemon did not "
		       "end in order\n",
		       r->end_at);
	print_clauses(audit);
	printf("%zu records, %" PRIu64 " violations, %" PRIu64 " notes\n",
	       r->count, audit->violations, audit->notes);
}

static enum audit_result finish(struct audit *audit)
{
	if (audit->options.json)
		finish_json(audit);
	else
		finish_text(audit);
	if (audit->reader.end == READER_DAMAGED) {
		fprintf(stderr,
			"xenblk-conform: %s is damaged at byte %zu: what "
			"follows cannot be read\n",
			audit->options.path, audit->reader.end_at);
		return AUDIT_UNREADABLE;
	}
	return audit->violations > 0 ? AUDIT_VIOLATIONS : AUDIT_CLEAN;
}

static enum audit_result run(struct audit *audit)
{
	const bool items = !audit->options.quiet;

	if (audit->options.json && items)
		printf("{\"items\":[");
	for (size_t i = 0; i < audit->reader.count; i++) {
		reader_item(&audit->reader, i, &audit->item);
		if (items)
			print_item(audit, i == 0);
		judge_item(audit->judge, &audit->item);
	}
	judge_end(audit->judge);
	return finish(audit);
}

static enum audit_result audit_bytes(const struct audit_options *options,
				     const unsigned char *data, size_t bytes)
{
	struct audit *audit = calloc(1, sizeof(*audit));
	enum audit_result result = AUDIT_UNREADABLE;
	char sentence[READER_SENTENCE] = "there is not enough memory";

	if (audit == NULL)
		return AUDIT_UNREADABLE;
	audit->options = *options;
	audit->by_clause = calloc(clause_count(), sizeof(unsigned int));
	audit->findings = json_array();
	audit->judge = judge_create(on_finding, audit);
	if (audit->by_clause != NULL && audit->findings != NULL &&
	    audit->judge != NULL &&
	    reader_init(&audit->reader, data, bytes, sentence) == 0) {
		result = run(audit);
		reader_fini(&audit->reader);
	} else {
		fprintf(stderr, "xenblk-conform: %s cannot be audited: %s\n",
			options->path, sentence);
	}
	judge_destroy(audit->judge);
	json_decref(audit->findings);
	free(audit->by_clause);
	free(audit);
	return result;
}

enum audit_result audit_file(const struct audit_options *options)
{
	enum audit_result result;
	unsigned char *data = NULL;
	size_t bytes;
	int error = load_file(options->path, &data, &bytes);

	if (error < 0) {
		fprintf(stderr, "xenblk-conform: %s cannot be read: %s\n",
			options->path,
			error == -EISDIR ? "it is no file" : strerror(-error));
		return AUDIT_UNREADABLE;
	}
	result = audit_bytes(options, data, bytes);
	free(data);
	return result;
}
