/*
 * The model: what must be true of rings, guest memory and disk at every moment.
 *
 * It looks at the shared rings before and after each call into the backend, as
 * a bus analyser would: which requests were taken, what was answered, which
 * disk operations were made, what changed.  Each request that the backend took
 * becomes an expectation, and each response settles one.  The checks themselves
 * are in oracle/; the model only keeps the truth they compare with.
 *
 * Where the outcome is free: two requests that are in flight at the same time
 * and touch the same sector of the disk or of guest memory (one of them
 * writing), a grant that changes while a request uses it, and memory that the
 * guest writes while a request uses it, make these requests *loose*: their
 * status is still judged, but what they moved is taken over into the model as
 * it is.  Two in flight with one id and operation are loose too, and each may
 * have the status of the other; what they moved is only known when both are
 * answered.  Nothing else is loose, and a player avoids overlap unless the
 * script asks for it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/inflight.h"
#include "fuzz/disk.h"
#include "fuzz/guest.h"
#include "fuzz/oracle/reference.h"

enum {
	LEGAL_OKAY = 1u << 0,
	LEGAL_ERROR = 1u << 1,
	LEGAL_UNSUPPORTED = 1u << 2,
};

/* One request that was taken and not answered. */
struct expected {
	struct reference request;
	uint8_t legal; /* statuses */
	bool loose;
	bool twin;	/* another in flight has its id */
	bool answered;	/* a twin, and the other is not: it may be this one */
	bool written;	/* a barrier's data is on the disk */
	bool delivered; /* the disk is done with it, or never saw it */
	bool bad_grant; /* one of its grants is no good: nothing may be written
			 */
	uint64_t flush_mark; /* writes that must be durable when it is answered
			      */
	uint32_t pages[REFERENCE_MOST]; /* data pages it may mean, as bits */
	uint32_t sent[GUEST_QUEUES];	/* req_prod when a barrier was taken */
};

/** expected_same_name() - a response cannot tell these two apart. */
static inline bool expected_same_name(const struct expected *a,
				      const struct expected *b)
{
	return a->request.id == b->request.id &&
	       a->request.operation == b->request.operation;
}

/* As many as a ring can have in flight, and as many twins that were answered. */
#define MODEL_EXPECTED (2 * LIMIT_RING_SLOTS)

struct model_queue {
	uint32_t consumed; /* index of the next request to be taken */
	bool halted;   /* we saw an impossible index: nothing is taken again */
	bool twins;    /* two in flight have one id: who is who is unknown */
	bool tampered; /* the guest overwrote rsp_prod */
	uint32_t tampered_value;
	unsigned int count;   /* of expected[] */
	unsigned int waiting; /* of those, not answered */
	struct expected expected[MODEL_EXPECTED];
	unsigned int quiet; /* calls in a row that did nothing */
};

/* Who uses the disk, and for which barrier: oracle/order.c. */
struct order {
	unsigned int under_way; /* operations of the disk */
	unsigned int running;	/* a barrier of this queue + 1; 0: none */
	bool draining;
};

/* What was answered, in its order; for those who compare two plays. */
struct model_answer {
	uint64_t id;
	uint8_t queue, operation;
	int16_t status;
};

#define MODEL_ANSWERS 1024u /* of one play; what comes after is not kept */

struct model {
	struct guest *guest;
	struct disk *disk;
	struct inflight_region *region;
	bool readonly;
	bool blind; /* the guest wrecked its own rings: nothing more to say */
	bool grants_may_fail, notify_may_fail; /* a fault is planned */
	uint64_t writes_before;
	struct order order;
	uint64_t served; /* requests taken that their bytes do not refuse */
	uint64_t answered, answered_okay;
	uint64_t response_hash;
	unsigned int answers;
	struct model_answer answer[MODEL_ANSWERS];
	struct model_queue queue[GUEST_QUEUES];
	/* how many requests in flight read or write each sector */
	uint16_t page_readers[GUEST_DATA_PAGES * PAGE_SECTORS];
	uint16_t page_writers[GUEST_DATA_PAGES * PAGE_SECTORS];
	uint16_t disk_readers[DISK_MAX_SECTORS];
	uint16_t disk_writers[DISK_MAX_SECTORS];
	uint32_t page_touched; /* not zero any more, one bit per page */
	uint8_t page[GUEST_DATA_PAGES][XEN_PAGE_BYTES];
	uint8_t bytes[DISK_MAX_SECTORS * SECTOR_BYTES];
};

/** model_reset() - before disk_reset(): it needs to know what was touched. */
void model_reset(struct model *model);

/** model_connect() - the rings are fresh or go on; nothing is in flight. */
void model_connect(struct model *model);

/* How a call into the backend looks to the model. */
struct model_call {
	unsigned int queue;
	bool takes; /* it may take requests: a turn; a drain may not */
};

void model_before(struct model *model, unsigned int queue);
void model_after(struct model *model, const struct model_call *call);

/** model_halts() - whether this queue's req_prod is impossible right now. */
bool model_halts(struct model *model, unsigned int queue);

/** model_inflight() - requests taken and not answered, all queues. */
unsigned int model_inflight(const struct model *model);

/** model_page_busy() - whether a request in flight uses this page. */
bool model_page_busy(const struct model *model, unsigned int page);

/** model_disk_busy() - whether a request in flight uses a sector of the range.
 */
bool model_disk_busy(const struct model *model, uint64_t sector,
		     uint32_t count);

/** model_guest_writes() - the guest stores to its own page: now, whoever reads.
 */
void model_guest_writes(struct model *model, unsigned int page, unsigned int at,
			const uint8_t *bytes, unsigned int count);

/** model_grant_changes() - a gref in use changes under the requests. */
void model_grant_changes(struct model *model, uint32_t gref);

/** model_faults() - from now on a grant operation may fail without reason. */
void model_faults(struct model *model);
