/*
 * Reading a recording of xenblkd (backend/base/record.h, doc/recording.md).
 *
 * Pure: works on bytes in memory, whatever they are; never reads beyond them,
 * never loops without getting on.  A record is copied into a struct item, in
 * which every length has been checked; what the fields say has not.  Used by
 * the audit, by the maker of fuzz seeds and by a fuzz harness.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/record.h"

#define READER_NODE_BYTES 2048u
#define READER_GRANTS_MAX LIMIT_RING_PAGES
#define READER_COPIES_MAX LIMIT_RECORD_ENTRIES
#define READER_SENTENCE	  256u

/* One record. */
struct item {
	size_t at; /* where it stands in the file */
	struct record_header header;
	bool known; /* the kind is one of ours and its payload is whole */
	union {
		uint64_t number;
		struct {
			/* Bytes of a guest: not printable, not terminated by
			 * the first NUL. */
			char key[READER_NODE_BYTES + 1];
			char value[READER_NODE_BYTES + 1];
			unsigned int key_bytes;
			unsigned int value_bytes;
			bool absent;
		} node;
		struct record_attach attach;
		struct {
			struct record_request fixed;
			struct record_segment seg[LIMIT_SEGMENTS];
			unsigned int segments; /* that are recorded */
		} request;
		struct {
			struct record_indirect fixed;
			uint32_t gref[LIMIT_DESCRIPTOR_PAGES];
		} indirect;
		struct {
			struct record_segments fixed;
			struct record_segment seg[LIMIT_RECORD_ENTRIES];
		} segments;
		struct record_discard discard;
		struct record_response response;
		struct record_push push;
		struct record_overflow overflow;
		struct {
			int32_t result;
			unsigned int count;
			uint32_t gref[READER_GRANTS_MAX];
		} grants;
		struct {
			int32_t result;
			unsigned int count;
			struct record_copy copy[READER_COPIES_MAX];
		} copies;
	};
};

enum reader_end {
	READER_WHOLE,	/* the last record ends where the file ends */
	READER_CUT,	/* the last record is not complete: the daemon died */
	READER_DAMAGED, /* at some place there is no record */
};

struct reader {
	const unsigned char *data;
	size_t bytes;
	struct record_file file;
	size_t count;	 /* of records */
	uint64_t *order; /* [count]: offsets, by time */
	enum reader_end end;
	size_t end_at; /* where reading stopped */
};

/**
 * reader_init() - look at bytes as a recording.
 * @data: stays the caller's, must outlive the reader
 * @sentence: READER_SENTENCE bytes, why not
 *
 * Return: 0, -EINVAL when this is no recording, -ENOMEM.
 */
int reader_init(struct reader *reader, const unsigned char *data, size_t bytes,
		char *sentence);
void reader_fini(struct reader *reader);

/**
 * reader_item() - the i-th record, in the order of time.
 *
 * Records of one queue, and those of the supervisor, come in the order in which
 * they were written as long as their times do not go back.
 */
void reader_item(const struct reader *reader, size_t i, struct item *item);

/** reader_kind_name() - "request"; "kind 77" is "unknown". */
const char *reader_kind_name(unsigned int kind);
