/*
 * A conformance case: one behaviour, written as the specification says it.
 *
 *   CASE("blkif.segment.past-page", MUST,
 *        "A segment that ends beyond its page is refused and no byte moves.",
 *        .clause = "J1", .refusal = "SEGMENT_PAST_PAGE")
 *   {
 *           guest_connect(g);
 *           struct guest_request *r = guest_read(g, .segments = 1);
 *
 *           r->wire.segment[0].last_sector = 8;
 *           guest_send(g, r);
 *           expect_status(g, r, BLKIF_RSP_ERROR);
 *           expect_untouched(g, r);
 *   }
 *
 * A case registers itself when the program is loaded.  It talks to the guest's
 * side only (guest.h) and states what it expects (expect.h); the first
 * expectation that does not hold ends it.  It knows no target, sleeps never,
 * and does nothing that depends on luck.
 *
 * Ids are stable: baselines and bug reports name them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <xen/io/blkif.h>
#include <xen/io/protocols.h>
#include <xen/io/xenbus.h>

struct guest;

enum case_level {
	MUST,	/* the header or the transport demands it */
	SHOULD, /* the header recommends it */
	MAY,	/* the header allows it; what the peer does is information */
	ROBUST, /* a hostile or broken peer must not get more than a refusal */
	QUIRK,	/* practice that frontends rely on, or where sources disagree */
	CASE_LEVEL_COUNT,
};

/* Which of the target's disks a case works on. */
enum case_disk {
	DISK_WRITABLE,
	DISK_READ_ONLY,
	DISK_LARGE,   /* 3 TiB, most of it a hole */
	DISK_ODD,     /* a number of sectors that no larger unit divides */
	DISK_CDROM,   /* read-only and removable, with a medium */
	DISK_ELASTIC, /* whose size may be changed */
	DISK_BLOCKS,  /* whose store takes blocks of 4096 bytes only */
	DISK_PLAIN,   /* without what may be left out, where a target can */
	CASE_DISK_COUNT,
};

/* What a target makes of it.  All but the large one have 8 MiB or so. */
struct case_disk_shape {
	const char *name;   /* of its image */
	const char *device; /* "xvda" */
	uint64_t sectors;   /* of 512 bytes */
	bool readonly, cdrom;
	uint32_t block; /* that its store takes whole ones of, bytes; 0: any */
};

/** case_disk_shape() - the same on every target. */
const struct case_disk_shape *case_disk_shape(enum case_disk disk);

struct conform_case {
	const char *id;
	enum case_level level;
	const char *sentence;
	void (*steps)(struct guest *g);
	const char *file;
	int line;
	/* the rest is optional, by name, in CASE() */
	const char *clause;  /* ids of the catalogue that it tests: "J1 Q15" */
	const char *refusal; /* name in refusals.def that it provokes */
	enum case_disk disk;
	bool hidden; /* only runs when named: the runner's own fixtures */
};

/** case_register() - called by CASE() before main(). */
void case_register(const struct conform_case *one);

/** case_count() - registered cases, hidden ones included. */
unsigned int case_count(void);

/** case_at() - the i-th in the order of files and lines; i < case_count(). */
const struct conform_case *case_at(unsigned int i);

/** case_find() - by id, or NULL. */
const struct conform_case *case_find(const char *id);

/** case_names() - whether a list of words such as "J1 Q15" holds this word. */
bool case_names(const char *list, const char *word);

/** case_level_name() - "MUST" and so on. */
const char *case_level_name(enum case_level level);

#define CASE(id, level, sentence, ...)                                         \
	CASE_AT(__LINE__, id, level, sentence, __VA_ARGS__)
#define CASE_AT(...) CASE_NAMED(__VA_ARGS__)
#define CASE_NAMED(line_, id_, level_, sentence_, ...)                         \
	static void case_steps_##line_(struct guest *g);                       \
	static const struct conform_case case_##line_ = {                      \
		.id = id_,                                                     \
		.level = level_,                                               \
		.sentence = sentence_,                                         \
		.steps = case_steps_##line_,                                   \
		.file = __FILE__,                                              \
		.line = line_,                                                 \
		__VA_ARGS__};                                                  \
	__attribute__((constructor)) static void case_register_##line_(void)   \
	{                                                                      \
		case_register(&case_##line_);                                  \
	}                                                                      \
	static void case_steps_##line_(struct guest *g)

/* A case file needs no other header of ours. */
#include "conformance/expect.h"
#include "conformance/guest.h"
