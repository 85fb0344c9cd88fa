/*
 * The guest of a case: what it can do to the backend at the other end.
 *
 * A thin, named-field layer over frontend/front.h.  It owns the frontend of one
 * case, its requests and their pages, and remembers what came back.  An action
 * that the environment cannot carry out ends the case with a verdict, so that
 * steps need no error handling.
 */
#pragma once

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conformance/case.h"
#include "frontend/front.h"

/* How the steps of a case ended.  The runner makes a verdict of it. */
enum guest_outcome {
	GUEST_PASSED,
	GUEST_FAILED,
	GUEST_REFUSED, /* the backend closed a connection that should have
			  worked */
	GUEST_SKIPPED, /* the backend does not offer what the case needs */
	GUEST_BROKEN,  /* the tool or its environment failed */
	GUEST_OUTCOME_COUNT,
};

#define GUEST_TEXT_BYTES 240u

/* One more than the most that a case sends in good faith. */
#define GUEST_MAX_SEGMENTS (FRONT_MAX_INDIRECT + 1)

/* Plain bytes: it travels from the case's process to the runner through a pipe.
 */
struct guest_result {
	enum guest_outcome outcome;
	bool timed_out; /* it ended by waiting in vain */
	bool probe_failed;
	int line;
	char file[64];
	char expected[GUEST_TEXT_BYTES];
	char got[GUEST_TEXT_BYTES];
	char probe[GUEST_TEXT_BYTES]; /* what was wrong at the liveness probe */
	char frontend[32];
	uint64_t trace_hash;
};

/* What a toolstack may do to a disk, beside plugging and unplugging it. */
enum guest_deed {
	DEED_OFFLINE,	      /* online = 0, and nothing else */
	DEED_FORGET_FRONTEND, /* the frontend's directory goes */
	DEED_TOUCH, /* the backend's nodes are written anew, as they are */
	GUEST_DEED_COUNT,
};

/* What a target gives to a case: filled by targets/, constant during a case. */
struct guest_world {
	uint32_t domid;
	uint32_t devid[CASE_DISK_COUNT];   /* 0: no such disk */
	uint64_t sectors[CASE_DISK_COUNT]; /* true capacity, 512-byte sectors */
	front_wait_function *wait;	   /* NULL: the frontend's own */
	void *context;
	bool durable; /* the image outlives a replug */
	bool forgets; /* nothing is kept at all: reads give zeroes */
	/* toolstack: both directories as for a new guest; NULL: cannot */
	int (*replug)(void *context, enum case_disk disk);
	/* toolstack: online = 0 and Closing, as for an unplug; NULL: cannot */
	int (*ask_unplug)(void *context, enum case_disk disk);
	/* toolstack: one of the above; NULL: cannot */
	int (*deed)(void *context, enum case_disk disk, enum guest_deed deed);
	/* the image gets so many sectors, and the backend is told as an
	 * administrator would; NULL: cannot */
	int (*resize)(void *context, enum case_disk disk, uint64_t sectors);
	/* toolstack: takes the medium out, or puts it in again; NULL: cannot */
	int (*medium)(void *context, enum case_disk disk, bool in);
	/* what the backend left in its error node, malloc'd, which a guest
	 * itself may not read; NULL: nobody can */
	char *(*error)(void *context, enum case_disk disk);
	/* how many mappings of a grant the backend holds, which a guest cannot
	 * see by itself; NULL: nobody can */
	unsigned int (*mapped)(void *context, uint32_t gref);
	int timeout_ms; /* of one expectation */
};

/* How to connect.  All zero: one queue, one page, x86_64, nothing special. */
struct guest_shape {
	unsigned int queues; /* 0 means 1 */
	unsigned int ring_order;
	const char *protocol; /* NULL: x86_64-abi */
	bool no_protocol;     /* do not write the node at all */
	bool persistent;
	bool early;	       /* to Initialised without waiting for InitWait */
	bool ring_order_node;  /* ring-page-order and ring-ref0 for order 0 too
				*/
	bool queue_count_node; /* multi-queue-num-queues for one queue too */
	const char
		*personality; /* a known frontend; the rest is ignored then */
};

struct guest_io {
	unsigned int queue;
	uint64_t sector;
	unsigned int segments; /* whole pages at first; 0 means 1 */
	uint64_t seed;	       /* of the data that a write carries */
	bool readonly_grants;
};

struct guest_request {
	struct front_request
		wire; /* as it will stand in the ring; change at will */
	struct front_page page[GUEST_MAX_SEGMENTS];
	/* of an indirect request: its segments, and the page that names them
	 * once it is submitted; change at will */
	struct front_segment indirect[GUEST_MAX_SEGMENTS];
	unsigned int described; /* of those; 0: a direct request */
	struct front_page list;
	unsigned char
		*before; /* its pages as they were when it was submitted */
	unsigned int pages;
	unsigned int queue;
	uint64_t seed;
	bool borrowed; /* the pages belong to another request */
	bool sent, answered;
	struct front_response response;
	struct guest_request *next;
};

struct guest {
	const struct guest_world *world;
	const struct conform_case *one;
	struct guest_result result;
	struct front *front; /* NULL: none now */
	bool connected;
	uint64_t resized; /* sectors of the case's disk; 0: as they were */
	struct guest_request *requests;
	uint64_t next_id;
	jmp_buf end;
};

void guest_init(struct guest *g, const struct guest_world *world,
		const struct conform_case *one);

/** guest_fini() - forget the requests, abandon the frontend if there is one. */
void guest_fini(struct guest *g);

/* --- connecting --- */

#define guest_open(g, ...)                                                     \
	EXPECT(g, guest_open_as((g), &(struct guest_shape){__VA_ARGS__}))
#define guest_prepare(g, ...)                                                  \
	EXPECT(g, guest_prepare_as((g), &(struct guest_shape){__VA_ARGS__}))
#define guest_connect(g, ...)                                                  \
	EXPECT(g, guest_connect_as((g), &(struct guest_shape){__VA_ARGS__}))

/** guest_open() - find the directories; nothing is written. */
void guest_open_as(struct guest *g, const struct guest_shape *shape);

/** guest_prepare() - everything up to the published keys, not yet Initialised.
 */
void guest_prepare_as(struct guest *g, const struct guest_shape *shape);

/** guest_allocate() - the same without publishing: rings are there, nobody
 * knows. */
#define guest_allocate(g, ...)                                                 \
	EXPECT(g, guest_allocate_as((g), &(struct guest_shape){__VA_ARGS__}))
void guest_allocate_as(struct guest *g, const struct guest_shape *shape);
void guest_publish(struct guest *g);

/** guest_finish() - after guest_prepare(): Initialised, Connected, properties.
 */
void guest_finish(struct guest *g);

/** guest_connect() - the whole handshake; skips when fewer queues are offered.
 */
void guest_connect_as(struct guest *g, const struct guest_shape *shape);

void guest_set_state(struct guest *g, unsigned int state);
void guest_node(struct guest *g, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void guest_remove_node(struct guest *g, const char *key);

/** guest_copy_node() - let one of our nodes say what another says. */
void guest_copy_node(struct guest *g, const char *from, const char *to);

/** guest_close() - orderly: Closing, the backend's Closed, Closed; frees all.
 */
void guest_close(struct guest *g);

/** guest_vanish() - a crash: everything of the guest is gone, nothing was said.
 */
void guest_vanish(struct guest *g);

/** guest_replug() - the toolstack makes both directories anew. */
void guest_replug(struct guest *g);

/** guest_ask_unplug() - the toolstack asks for the disk back, and does not
 * wait. */
void guest_ask_unplug(struct guest *g);

/**
 * guest_deed() - the toolstack does this.
 *
 * Skips the case where it could not plug the disk again, which most of these
 * make necessary: guest_replug() before the end.
 */
void guest_deed(struct guest *g, enum guest_deed deed);

/**
 * guest_resize() - the case's disk gets another size; skips the case where the
 * target cannot do that.
 */
void guest_resize(struct guest *g, uint64_t sectors);

/** guest_medium() - its drive loses its medium, or gets it again; likewise. */
void guest_medium(struct guest *g, bool in);

/** guest_keeps() - whether what is written can be read back. */
bool guest_keeps(const struct guest *g);

/** guest_backend_error() - the backend's error node, malloc'd, or NULL. */
char *guest_backend_error(struct guest *g);

/* --- what the backend offers --- */

const struct front_properties *guest_properties(struct guest *g);

/** guest_need() - skip the case, with this reason, unless the condition holds.
 */
void guest_need(struct guest *g, bool condition, const char *reason);

/** guest_offers() - whether a feature node of the backend is there and not "0".
 */
bool guest_offers(struct guest *g, const char *key);

/** guest_has_node() - whether the backend's directory has this node. */
bool guest_has_node(struct guest *g, const char *key);

/** guest_read_only() - whether the case's disk is read-only. */
bool guest_read_only(const struct guest *g);

/**
 * guest_mapped() - how often the grants of a request's pages are mapped, all
 * together; skips the case where the target cannot see it.
 */
unsigned int guest_mapped(struct guest *g, const struct guest_request *r);

/** guest_sectors() - true capacity of the case's disk, from the target. */
uint64_t guest_sectors(const struct guest *g);

/* --- requests --- */

#define guest_read(g, ...)                                                     \
	guest_request((g), BLKIF_OP_READ, &(struct guest_io){__VA_ARGS__})
#define guest_write(g, ...)                                                    \
	guest_request((g), BLKIF_OP_WRITE, &(struct guest_io){__VA_ARGS__})
#define guest_flush(g, ...)                                                    \
	guest_empty((g), BLKIF_OP_FLUSH_DISKCACHE,                             \
		    &(struct guest_io){__VA_ARGS__})

/** guest_request() - a request with granted pages, not in the ring yet. */
struct guest_request *guest_request(struct guest *g, uint8_t operation,
				    const struct guest_io *io);

/**
 * guest_indirect() - one whose segments stand in a page of the guest.
 * @operation: what it does; the slot says BLKIF_OP_INDIRECT
 */
struct guest_request *guest_indirect(struct guest *g, uint8_t operation,
				     const struct guest_io *io);

/** guest_segments() - how many segments of it can be looked at. */
unsigned int guest_segments(const struct guest_request *r);

/** guest_segment() - one of them, wherever it stands. */
struct front_segment *guest_segment(struct guest_request *r, unsigned int i);

/** guest_empty() - one without segments. */
struct guest_request *guest_empty(struct guest *g, uint8_t operation,
				  const struct guest_io *io);

/** guest_borrow_pages() - let r's segments name another request's pages. */
void guest_borrow_pages(struct guest *g, struct guest_request *r,
			const struct guest_request *owner);

/** guest_holds() - whether the first segment of a read that was answered holds
 * the pattern of seed. */
bool guest_holds(const struct guest_request *r, uint64_t seed);

/** guest_submit() - into the ring, not yet visible to the backend. */
void guest_submit(struct guest *g, struct guest_request *r);
void guest_push(struct guest *g, unsigned int queue);

/** guest_send() - submit and push. */
void guest_send(struct guest *g, struct guest_request *r);

/** guest_fill() - write a pattern over a range and wait until it is done. */
void guest_fill(struct guest *g, uint64_t sector, uint64_t sectors,
		uint64_t seed);

struct front_queue *guest_queue(struct guest *g, unsigned int i);

/** guest_collect() - take all responses that are there; a stray one fails. */
void guest_collect(struct guest *g);

/**
 * guest_wait() - let time pass until something may have happened.
 *
 * Return: false when the expectation's time is over.
 */
bool guest_wait(struct guest *g);

/** guest_rest() - let time pass until nobody says anything any more. */
void guest_rest(struct guest *g);

/* --- ends --- */

/** guest_fail() - end the case: what was expected, what came instead. */
_Noreturn void guest_fail(struct guest *g, const char *expected,
			  const char *format, ...)
	__attribute__((format(printf, 3, 4)));
_Noreturn void guest_end(struct guest *g, enum guest_outcome outcome,
			 const char *expected, const char *got);
