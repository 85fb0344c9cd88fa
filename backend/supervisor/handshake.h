/*
 * What a frontend wrote, as a connection to attach, or a sentence that says
 * what is wrong with it.
 *
 * Pure: no allocation, no log, no Xen call, no clock; fuzzed alone.  Each key
 * is asked for at most once per connection, so that a guest cannot show one
 * value to a check and another to its use.  Called by device.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/link.h"

/* The longest key: "queue-15/multi..." does not exist, "queue-15/event-channel"
 * does. */
#define HANDSHAKE_KEY_BYTES 32u

/* What is quoted of a wrong value, escapes included. */
#define HANDSHAKE_QUOTE_BYTES 64u

/* The longest sentence of handshake_sentence(), with its NUL. */
#define HANDSHAKE_SENTENCE_BYTES 320u

struct handshake_value {
	const char *text; /* valid until the next look-up */
	size_t length;	  /* as stored: a NUL in it is a byte like others */
};

/* Where the keys come from. */
struct handshake_source {
	/** get() - whether the key exists, and its value. */
	bool (*get)(void *context, const char *key,
		    struct handshake_value *value);
	void *context;
};

/* What this backend has offered. */
struct handshake_offer {
	uint32_t max_queues;	 /* 1 .. LIMIT_QUEUES */
	uint32_t max_ring_order; /* 0 .. LIMIT_RING_ORDER */
	uint32_t max_indirect;	 /* 0 .. LIMIT_INDIRECT_SEGMENTS */
	bool barrier;
	bool discard;
};

enum handshake_error {
	HANDSHAKE_OK,
	HANDSHAKE_QUEUES,	  /* G2: multi-queue-num-queues */
	HANDSHAKE_RING_ORDER,	  /* F5: ring-page-order */
	HANDSHAKE_RING_PAGES,	  /* F6: num-ring-pages */
	HANDSHAKE_PROTOCOL,	  /* F4: protocol */
	HANDSHAKE_PERSISTENT,	  /* F7: feature-persistent */
	HANDSHAKE_RING_REF,	  /* F2, F3: a ring-ref that is no number */
	HANDSHAKE_RING_REF_NONE,  /* F2, F3: a ring-ref that is missing */
	HANDSHAKE_RING_REF_TWICE, /* the same page at two places of the rings */
	HANDSHAKE_CHANNEL, /* F1: an event-channel that is no port number */
	HANDSHAKE_CHANNEL_NONE,	 /* F1: an event-channel that is missing */
	HANDSHAKE_CHANNEL_TWICE, /* two queues on one port */
	HANDSHAKE_ERROR_COUNT,
};

/* What was wrong, with enough to say it in a sentence. */
struct handshake_fault {
	enum handshake_error error;
	uint64_t limit;			   /* largest value allowed */
	char key[HANDSHAKE_KEY_BYTES];	   /* which node */
	char value[HANDSHAKE_QUOTE_BYTES]; /* its value, printable; "" if absent
					    */
};

/**
 * handshake_parse() - the keys of a frontend directory as a connection.
 * @attach: filled completely (unused parts are zero), valid only on
 * HANDSHAKE_OK
 * @fault: filled unless HANDSHAKE_OK is returned
 */
enum handshake_error handshake_parse(const struct handshake_source *source,
				     const struct handshake_offer *offer,
				     struct link_attach *attach,
				     struct handshake_fault *fault);

/** handshake_error_name() - "RING_ORDER"; stable, for logs and tests. */
const char *handshake_error_name(enum handshake_error error);

/**
 * handshake_sentence() - the fault for logs and error nodes, printable text.
 */
void handshake_sentence(const struct handshake_fault *fault, char *sentence,
			size_t room);
