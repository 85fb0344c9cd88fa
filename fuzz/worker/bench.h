/*
 * A real worker in process, and everybody around it: what the files of this
 * folder share.
 *
 * bench.c is the supervisor's side: the link, the region, the memory for
 * records, and what a death leaves of them.  rings.c is the guest's: rings, ids,
 * data pages.  tables.c is a worker that the guest took over, which leaves behind
 * what it likes.  Called by the harness worker only.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <xenevtchn.h>

#include "backend/base/inflight.h"
#include "backend/base/link.h"
#include "backend/base/record.h"
#include "backend/worker/worker.h"
#include "fuzz/script.h"

#define BENCH_GUEST   3u
#define BENCH_DEVID   51712u
#define BENCH_QUEUES  2u
#define BENCH_ORDER   2u  /* the largest ring has 4 pages */
#define BENCH_PAGES   12u /* of data */
#define BENCH_IDS     4096u
#define BENCH_AWAITED 8u

#define GREF_RING_OF(queue, page) (16u + 8u * (queue) + (page))
#define GREF_DATA_OF(page)	  (40u + (page))
#define GREF_NOT_THERE		  999u

/* The guest's view of one ring. */
struct bench_ring {
	uint32_t req_prod, rsp_seen;
	evtchn_port_t port;
};

struct bench {
	/* the supervisor's side */
	struct worker *worker; /* NULL: it ended */
	int link;
	struct inflight_region *region;
	int region_fd;
	struct record_region *records;
	int records_fd;
	bool recorded; /* this worker writes records */
	bool device, attached;
	/* kinds of the messages that want an answer, in their order */
	unsigned int awaited;
	uint32_t await[BENCH_AWAITED];
	int ended; /* what worker_step() said at last */
	/* the guest's */
	xenevtchn_handle *evtchn;
	struct link_attach shape;
	struct bench_ring ring[BENCH_QUEUES];
	uint32_t ids;		       /* given out so far */
	uint8_t unanswered[BENCH_IDS]; /* by id */
	/* what is not certain any more */
	bool bent;    /* an index or a table says what is not so */
	bool planned; /* a call was to fail */
	bool kept;    /* ... an unmapping: its pages stay */
	uint64_t answered, okay, hash;
};

/* bench.c */
void bench_begin(struct bench *bench);
/** bench_end() - the worker ends, and nothing of it may be left. */
void bench_end(struct bench *bench, bool hang_up);
/** bench_step() - so many steps of the worker at most; hears what it says. */
void bench_step(struct bench *bench, unsigned int steps);
/** bench_device() - the first message; @how: fields as of a record. */
void bench_device(struct bench *bench, const struct script_record *how);
/** bench_attach() - @how as of a record; false: nothing was sent. */
bool bench_attach(struct bench *bench, const struct script_record *how);
/** bench_say() - a message that is nothing but its kind. */
void bench_say(struct bench *bench, uint32_t kind);
/** bench_limit() - so much per second from now on, as of a record. */
void bench_limit(struct bench *bench, const struct script_record *how);
/** bench_die() - the process is killed now; another one, without a disk. */
void bench_die(struct bench *bench);

/* rings.c */
void rings_boot(struct bench *bench);
/** rings_begin() - empty rings of the shape that is to be connected. */
void rings_begin(struct bench *bench, uint32_t index);
uint32_t rings_slots(const struct bench *bench);
void rings_request(struct bench *bench, const struct script_record *how);
/** rings_describe() - a data page describes so many segments in the next ones. */
void rings_describe(unsigned int page, unsigned int segments, uint8_t last);
void rings_publish(struct bench *bench, unsigned int queue);
void rings_bend(struct bench *bench, unsigned int queue, uint32_t value);
/** rings_hear() - new responses are judged. */
void rings_hear(struct bench *bench);
/** rings_rest() - nobody has anything to do: all must be answered. */
void rings_rest(struct bench *bench);
uint32_t rings_index(unsigned int queue, unsigned int at);
void rings_set_index(unsigned int queue, unsigned int at, uint32_t value);

enum {
	RING_REQ_PROD = 0,
	RING_REQ_EVENT = 4,
	RING_RSP_PROD = 8,
	RING_RSP_EVENT = 12,
};

/* shortage.c */
/** shortage_plan() - the how many-th call of the worker for memory fails. */
void shortage_plan(unsigned int at);
/** shortage_worker_runs() - from now on, or not any more. */
void shortage_worker_runs(bool runs);

/* tables.c */
/** tables_unpush() - the last responses of a queue were never pushed. */
void tables_unpush(struct bench *bench, const struct script_record *how);
/** tables_write() - one word of a table, of any value. */
void tables_write(struct bench *bench, const struct script_record *how);
