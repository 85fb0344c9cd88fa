/*
 * The questions that the model asks the oracles; one file answers each group.
 * Each fails through oracle_fail() and otherwise brings the model up to date,
 * so that a play goes on in the same way when the oracle is switched off.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fuzz/model.h"
#include "sim/sim.h"

struct vbd;

/* A response as it stands on the ring. */
struct response {
	uint64_t id;
	uint8_t operation;
	int16_t status;
	bool padded_with_zeroes;
};

/* responses.c */
void response_read(struct model *model, unsigned int queue, uint32_t index,
		   struct response *response);
/** response_match() - the request it answers; NULL: none, and that was said. */
struct expected *response_match(struct model *model, unsigned int queue,
				const struct response *response);

/* memory.c: an answered read, and all of guest memory at rest */
void memory_check(struct model *model, const struct expected *e, int status);
void memory_check_all(const struct model *model);

/* storage.c: an answered write or flush; what the disk was asked; at rest */
void storage_check(struct model *model, const struct expected *e, int status);
void storage_events(struct model *model);
void storage_check_all(const struct model *model);

/* order.c: what was sent when a barrier was taken, and is still when a turn
 * begins; what the disk is asked, and for which request, if that is known;
 * barriers that are not answered */
void order_taken(const struct model *model, struct expected *e);
void order_look(struct model *model);
void order_event(struct model *model, const struct disk_event *event,
		 const struct expected *owner);
unsigned int order_barriers(const struct model *model);

/* ring_page.c: nothing but rsp_prod, req_event and responses has changed */
void ring_page_check(struct model *model, unsigned int queue, uint32_t old,
		     uint32_t now);

/* events.c: the guest was notified if rsp_event asked for it */
void events_check(const struct model *model, unsigned int queue, uint32_t old,
		  uint32_t now);

/* ledger.c: what the backend's domain holds */
struct ledger_baseline {
	struct sim_ledger ledger;
	bool unmap_failed; /* a failed unmap was planned: a page may stay */
};
void ledger_check_baseline(const struct ledger_baseline *baseline);
/** ledger_check_quiet() - nothing in flight: only rings and cache are mapped.
 */
void ledger_check_quiet(const struct model *model,
			const struct ledger_baseline *baseline,
			uint32_t persistent_cap);
/* heap.c */
uint64_t heap_now(void);
/** heap_check() - bytes that were left by two plays of the same script. */
void heap_check(uint64_t first, uint64_t second);

/* untouched.c: a turn in which every request was refused for its bytes */
void untouched_check(unsigned int queue, const struct sim_ledger *before,
		     const struct sim_ledger *after);

/* wakes.c: a turn that notified: responses before and after it, and rsp_event
 * before it */
struct wakes {
	uint32_t old, now, asked;
};
void wakes_check(unsigned int queue, const struct wakes *turn);

/* transfers.c: what the file engine asks of the kernel for one operation */
struct transfer {
	enum image_operation operation;
	bool registered; /* of the file that was registered */
	uint64_t offset;
	const struct iovec *iov;
	unsigned int count;
	uint64_t length; /* of a discard, in bytes */
};
/** transfers_check() - @rest must be @whole without what was moved of it. */
void transfers_check(const struct transfer *whole, uint64_t moved,
		     const struct transfer *rest);

/* log_lines.c: of one play */
struct log_lines {
	unsigned int queues, attaches;
	uint64_t elapsed_ns;
};
void log_lines_check(uint64_t lines, const struct log_lines *play);

/* progress.c: everybody sleeps */
void progress_check(struct model *model, struct vbd *vbd);
