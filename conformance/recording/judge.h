/*
 * The judge: a recorded session against the clauses that bind frontends.
 *
 * Fed with the records of a recording in the order of time; keeps what the
 * protocol lets each side know; tells of every clause that a frontend did not
 * keep.  It makes up its own mind from the recorded bytes and does not look at
 * what the backend answered.  Any records in any order are fine: where some were
 * lost it stops judging what depends on them, until the next connection.
 *
 * Bounded: at most JUDGE_DISKS disks are followed.
 */
#pragma once

#include <stdint.h>

#include "conformance/recording/reader.h"

#define JUDGE_DISKS	     256u
#define JUDGE_SENTENCE_BYTES 320u

struct judge;

struct finding {
	const char *clause; /* an id of conformance/catalogue/clauses.def */
	size_t at;	    /* the record, by its place in the file */
	uint64_t time_ns;
	uint32_t domid;
	uint32_t devid;
	uint16_t queue; /* RECORD_NO_QUEUE: of the disk as a whole */
	char sentence[JUDGE_SENTENCE_BYTES];
};

typedef void (*judge_report)(void *context, const struct finding *finding);

/** judge_create() - NULL when there is no memory. */
struct judge *judge_create(judge_report report, void *context);
void judge_destroy(struct judge *judge);

/** judge_item() - the next record. */
void judge_item(struct judge *judge, const struct item *item);

/** judge_end() - there are no more: what can only be said now. */
void judge_end(struct judge *judge);

/* What was seen of one queue. */
struct judge_counts {
	uint64_t requests, reads, writes, flushes, discards, others, segments;
	uint64_t responses, errors;
	uint64_t pushes, notified, events;
	uint64_t maps, unmaps, copies, lost, attaches;
};

/* What was seen of one disk. */
struct judge_disk {
	uint32_t domid;
	uint32_t devid;
	unsigned int queues; /* that were ever seen */
	struct judge_counts queue[LIMIT_QUEUES];
};

unsigned int judge_disks(const struct judge *judge);
void judge_disk(const struct judge *judge, unsigned int i,
		struct judge_disk *disk);

/** judge_ignored() - records of disks beyond JUDGE_DISKS. */
uint64_t judge_ignored(const struct judge *judge);
