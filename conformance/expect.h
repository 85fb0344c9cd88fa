/*
 * What a case expects.  Each of these returns only if it is so; else it records
 * what was expected and what came, and ends the case.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct guest;
struct guest_request;

/* A backend that wakes us for nothing so often is not making progress. */
#define EXPECT_WAKEUPS 100000u

/* The steps' own line goes into the record. */
void expect_at(struct guest *g, const char *file, int line);
#define EXPECT(g, call) (expect_at((g), __FILE__, __LINE__), call)

#define expect_status(g, r, status) EXPECT(g, expect_status_of(g, r, status))
#define expect_okay(g, r)	    EXPECT(g, expect_status_of(g, r, 0))
#define expect_answer(g, r)	    EXPECT(g, expect_answer_of(g, r))
#define expect_no_answer(g, r)	    EXPECT(g, expect_no_answer_of(g, r))
#define expect_padding(g, r, own)   EXPECT(g, expect_padding_of(g, r, own))
#define expect_data(g, r, seed)	    EXPECT(g, expect_data_of(g, r, seed))
#define expect_untouched(g, r)	    EXPECT(g, expect_untouched_of(g, r))
#define expect_disk(g, sector, sectors, seed)                                  \
	EXPECT(g, expect_disk_holds(g, sector, sectors, seed))
#define expect_backend_state(g, state)                                         \
	EXPECT(g, expect_backend_state_is(g, state))
#define expect_error_node(g)	    EXPECT(g, expect_error_node_set(g))
#define expect_error_names(g, word) EXPECT(g, expect_error_naming(g, word))
#define expect_no_error(g)	    EXPECT(g, expect_error_node_gone(g))
#define expect_refused(g)	    EXPECT(g, expect_connection_refused(g))
#define expect_lie_refused(g, key, value)                                      \
	EXPECT(g, expect_key_refused(g, key, value))
#define expect_number(g, key, low, high)                                       \
	EXPECT(g, expect_number_between(g, key, low, high))
/* for a node that may be missing: then its default is what counts */
#define expect_number_or(g, absent, key, low, high)                            \
	(guest_has_node(g, key) ? expect_number(g, key, low, high) : (absent))
#define expect_text(g, key, text)    EXPECT(g, expect_node_holds(g, key, text))
#define expect_no_node(g, key)	     EXPECT(g, expect_node_absent(g, key))
#define expect_told_size(g, sectors) EXPECT(g, expect_size_told(g, sectors))
#define expect_unmapped(g, r)	     EXPECT(g, expect_pages_unmapped(g, r))
#define expect_true(g, condition, expected)                                    \
	EXPECT(g, expect_condition(g, condition, expected))

/** expect_status_of() - it is answered, once, with this status; id, operation,
 * padding right. */
void expect_status_of(struct guest *g, struct guest_request *r, int status);

/**
 * expect_padding_of() - the bytes of an answer that carry nothing are zero, or,
 * if own is given, what the guest itself had there.
 */
void expect_padding_of(struct guest *g, struct guest_request *r,
		       const uint8_t *own);

/** expect_answer_of() - it is answered, whatever the status. */
void expect_answer_of(struct guest *g, struct guest_request *r);

/** expect_no_answer_of() - by what has happened so far, it was not answered. */
void expect_no_answer_of(struct guest *g, struct guest_request *r);

/**
 * expect_data_of() - a finished read holds the pattern of seed in every
 * segment, and not one byte beside the segments changed.
 */
void expect_data_of(struct guest *g, struct guest_request *r, uint64_t seed);

/** expect_untouched_of() - no byte of its pages changed since it was sent. */
void expect_untouched_of(struct guest *g, struct guest_request *r);

/** expect_disk_holds() - read a range back and compare with the pattern of
 * seed. */
void expect_disk_holds(struct guest *g, uint64_t sector, uint64_t sectors,
		       uint64_t seed);

/** expect_backend_state_is() - the backend comes to this XenbusState. */
void expect_backend_state_is(struct guest *g, unsigned int state);

/** expect_error_node_set() - the backend left a sentence in its error node. */
void expect_error_node_set(struct guest *g);

/** expect_error_naming() - the error node names this key: it was refused for
 * it. */
void expect_error_naming(struct guest *g, const char *word);

/** expect_connection_refused() - the backend goes to Closing, with an error
 * node. */
void expect_connection_refused(struct guest *g);

/** expect_key_refused() - after everything was published properly but for one
 * key, which lies, the connection is refused for that key. */
void expect_key_refused(struct guest *g, const char *key, const char *value);

/** expect_number_between() - a backend node is there, decimal, in [low, high].
 */
uint64_t expect_number_between(struct guest *g, const char *key, uint64_t low,
			       uint64_t high);

/**
 * expect_size_told() - the backend tells of this capacity while it is connected
 * (Q9): its state node is written anew, and then sectors holds that.
 */
void expect_size_told(struct guest *g, uint64_t sectors);

/** expect_node_holds() - a backend node is there and has exactly this value. */
void expect_node_holds(struct guest *g, const char *key, const char *text);

/** expect_node_absent() - the backend has no such node. */
void expect_node_absent(struct guest *g, const char *key);

/** expect_pages_unmapped() - the grants of its pages can be ended: nobody maps
 * them. */
void expect_pages_unmapped(struct guest *g, struct guest_request *r);

/** expect_error_node_gone() - there is no error node, or soon not any more. */
void expect_error_node_gone(struct guest *g);

void expect_condition(struct guest *g, bool condition, const char *expected);
