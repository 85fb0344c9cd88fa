/*
 * xenblk-lab-probe: what Xen's grants and event channels cost and allow here,
 * found out by trying, in dom0 with a peer in a guest (sim/contract/peer.h).
 *
 * A probe reports what is and never judges: what fails is a finding as well.
 * Each file owns one kind; probe_main.c runs them and prints.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim/contract/contract.h"

#define PROBE_ROUNDS 501u  /* the most of one measurement */
#define PROBE_REFS   1024u /* as many pages as gntalloc gives by default */

struct probe {
	struct contract contract;
	const char *directory;	/* for files of io.c */
	unsigned int budget_ms; /* how long one measurement may go on */
	unsigned int most;	/* where the search for a limit ends */
	bool text;		/* print findings as they come */
	json_t *findings;
	uint32_t ref[PROBE_REFS];
	unsigned int refs; /* granted to us by the peer, writable */
};

/** probe_number() - a finding that is measured. */
void probe_number(struct probe *probe, const char *id, double value,
		  const char *unit);

/** probe_word() - a finding in words. */
void probe_word(struct probe *probe, const char *id, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** probe_share() - lets the peer grant pages; their number grows to count. */
int probe_share(struct probe *probe, unsigned int count);

/** probe_now() - monotonic, in nanoseconds. */
double probe_now(void);

/** probe_middle() - the median; sorts them. */
double probe_middle(double *values, unsigned int count);

/**
 * probe_median() - the median duration of step(), in nanoseconds.
 *
 * It is repeated until the budget is over, at least 5 and at most PROBE_ROUNDS times;
 * negative when a step failed (its errno is kept).
 */
double probe_median(struct probe *probe, int (*step)(void *context),
		    void *context);

/* The kinds. */
void probe_costs(struct probe *probe);
void probe_threads(struct probe *probe);
void probe_limits(struct probe *probe);
void probe_events(struct probe *probe);
void probe_io(struct probe *probe);
