/* What the files of the judge share.  Nobody else includes this. */
#pragma once

#include <stdbool.h>

#include "conformance/recording/judge.h"

/* Keys of one handshake: 16 queues of 16 ring pages and a port, and a few. */
#define KEYS_MAX       320u
#define KEY_NAME_BYTES 32u
#define KEY_TEXT_BYTES 64u

struct key {
	char name[KEY_NAME_BYTES];
	char text[KEY_TEXT_BYTES]; /* as far as it fits; printable or not */
	unsigned int bytes;
	bool absent;
	size_t at;
	uint64_t time_ns;
};

/* What the backend has published. */
struct offer {
	bool flush, barrier, discard, readonly;
	uint64_t indirect; /* segments; 0: no such requests */
	uint32_t max_queues;
	uint32_t max_order;
	uint64_t sectors; /* 0: not known */
};

struct inflight_entry {
	uint64_t id;
	bool used;
};

struct judged_queue {
	bool attached;
	bool blind; /* records were lost since it was attached */
	bool persistent;
	bool told_reuse;
	uint32_t slots; /* 0: not known */
	uint32_t inflight;
	uint32_t *grefs; /* a hash of those used, for persistent grants */
	uint32_t distinct;
	struct judge_counts counts;
	struct inflight_entry entry[LIMIT_RING_SLOTS];
};

/* Findings that wait for what comes: see judge_hold(). */
#define HELD_MAX 64u

struct judged_disk {
	uint32_t domid;
	uint32_t devid;
	uint64_t front; /* the frontend's state, as last seen */
	uint64_t back;	/* ours */
	bool hasty;	/* Initialised before we were in InitWait */
	bool gone;	/* the guest is, and its grants with it */
	struct offer offer;
	unsigned int keys;
	struct key *key; /* [KEYS_MAX], from the first one on */
	unsigned int held;
	struct finding *finding; /* [HELD_MAX], from the first one on */
	struct judged_queue *queue[LIMIT_QUEUES];
};

struct judge {
	judge_report report;
	void *context;
	unsigned int disks;
	struct judged_disk *disk[JUDGE_DISKS];
	struct judged_disk *last;
	uint64_t ignored;
};

/** judge_find() - tell of a clause that was not kept at this record. */
void judge_find(const struct judge *judge, const struct item *item,
		const char *clause, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/**
 * judge_hold() - the same, unless the guest turns out to be gone.
 *
 * Grants end with their guest, and a backend learns of its end a little later.
 */
void judge_hold(const struct judge *judge, struct judged_disk *disk,
		const struct item *item, const char *clause,
		const char *sentence);

/** handshake_key() - a key that the frontend had, or had not, written. */
void handshake_key(struct judged_disk *disk, const struct item *item);

/** handshake_judge() - the keys are complete: hold them to the clauses. */
void handshake_judge(const struct judge *judge, struct judged_disk *disk);

/** session_item() - a record of a queue. */
void session_item(const struct judge *judge, struct judged_disk *disk,
		  const struct item *item);

/** judge_number() - a whole text as a decimal number. */
bool judge_number(const char *text, unsigned int bytes, uint64_t *number);
